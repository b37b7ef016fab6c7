"""Containers killed from outside at each stage, and a program that makes its end look like that."""

import random
from typing import Any

import pytest

from evaluations.models import Run
from submissions.models import Submission
from tests.faults import rules
from tests.faults.conftest import assert_settled
from tests.faults.contest import MIB, Contest, slow
from tests.faults.running import RunningPlatform, wait_for

pytestmark = [pytest.mark.docker, pytest.mark.django_db(transaction=True)]
FORGED = "import os\nos._exit(137)\n"


def running(*labels: str) -> dict[str, Any]:
    """The container with these labels, as soon as it runs."""

    def found() -> dict[str, Any] | None:
        return next((one for one in rules.containers(*labels) if one["State"] == "running"), None)

    container: dict[str, Any] = wait_for(found, what=f"a container of {labels}", poll=0.01)
    return container


def predicting(submission: Submission) -> Run:
    """The submission's run, as soon as the participant's code runs."""
    run: Run = wait_for(rules.runs_of(submission).first, what="the plan")
    running(f"proctor.run={run.pk}", "proctor.stage=predict")
    return run


def kill(container: dict[str, Any]) -> None:
    """Kill it as anybody at the host's shell might."""
    client = rules.client_of()
    try:
        client.kill(container["Id"], signal="SIGKILL")
    finally:
        client.close()


@pytest.fixture(scope="module", autouse=True)
def _worker(platform: RunningPlatform) -> None:
    """Its workers are never at fault here, so that all tests share one."""
    platform.worker(keep=True)


def test_a_submission_whose_container_was_killed_from_outside_runs_again(contest: Contest) -> None:
    submission = contest.submit(slow(4))
    run = predicting(submission)
    kill(running(f"proctor.run={run.pk}", "proctor.stage=predict"))
    assert_settled(submission)
    assert run.attempts.count() == 2


def test_a_submission_whose_keeper_was_killed_runs_again(contest: Contest) -> None:
    submission = contest.submit(slow(4))
    run = predicting(submission)
    kill(running(f"proctor.run={run.pk}", "proctor.stage=keeper"))
    assert_settled(submission)
    assert run.attempts.count() == 2


def test_a_submission_whose_check_was_killed_is_checked_again(contest: Contest) -> None:
    submission = contest.submit(more={"weights.bin": random.Random(2).randbytes(40 * MIB)})
    kill(running(f"proctor.submission={submission.pk}", "proctor.stage=intake"))
    assert_settled(submission)


def test_a_program_that_ends_as_if_it_was_killed_is_tried_again_at_most_once_and_charged(contest: Contest) -> None:
    submission = contest.submit(FORGED)
    assert_settled(submission, ends=frozenset({Run.State.FAILED}))
    run = rules.runs_of(submission).get()
    assert run.code == "E-RUN-EXIT"
    assert run.attempts.count() <= 2
