"""Workers killed without a word in each state on a submission's way; another worker, or the next one, goes on."""

import random

import pytest

from evaluations.models import Attempt, Run
from submissions.models import Submission
from tests.faults import rules
from tests.faults.conftest import assert_settled
from tests.faults.contest import MIB, Contest, slow
from tests.faults.running import RunningPlatform, wait_for

pytestmark = [pytest.mark.docker, pytest.mark.django_db(transaction=True)]


def reach(submission: Submission, state: str) -> Run:
    """The submission's run, as soon as it is in the state."""
    runs = rules.runs_of(submission).filter(state=state)
    found: Run = wait_for(runs.all().first, what=f"the state {state}", poll=0.002)
    return found


def tries(run: Run) -> list[str]:
    """How the run's attempts ended."""
    return list(run.attempts.order_by("number").values_list("state", flat=True))


def checking(submission: Submission) -> bool:
    """Whether a container unpacks the submission now."""
    found = rules.containers(f"proctor.submission={submission.pk}", "proctor.stage=intake")
    return any(container["State"] == "running" for container in found)


def test_a_worker_killed_while_checking_leaves_nothing_and_another_checks(
    platform: RunningPlatform, contest: Contest
) -> None:
    doomed = platform.worker()
    # Bytes that don't shrink: unpacking them takes long enough to be seen.
    submission = contest.submit(more={"weights.bin": random.Random(1).randbytes(40 * MIB)})
    wait_for(lambda: checking(submission), what="a check", poll=0.01)
    platform.kill(doomed)
    submission.refresh_from_db()
    assert submission.state == Submission.State.RECEIVED, "it was killed too late"
    platform.worker()
    assert_settled(submission)


def test_a_submission_is_planned_whose_worker_died_between_acceptance_and_plan(
    platform: RunningPlatform, contest: Contest
) -> None:
    doomed = platform.worker()
    submission = contest.submit()
    wait_for(lambda: checking(submission), what="a check", poll=0.01)
    # Without a broker the wake-up for the plan can't be sent.
    platform.broker.stop()
    accepted = Submission.objects.filter(pk=submission.pk, state=Submission.State.ACCEPTED)
    wait_for(accepted.exists, what="the acceptance")
    platform.kill(doomed)
    assert not rules.runs_of(submission).exists(), "it was killed too late"
    platform.broker.start()
    platform.worker()
    assert_settled(submission)


def test_a_run_goes_on_whose_workers_died_while_it_was_queued_and_while_it_was_prepared(
    platform: RunningPlatform, contest: Contest
) -> None:
    doomed = platform.worker(queues="default")
    submission = contest.submit()
    run = reach(submission, Run.State.QUEUED)
    platform.kill(doomed)
    # A host that lacks the volume unpacks the submission again, which takes long enough to be seen.
    rules.forget_unpacked(submission)
    doomed = platform.worker(queues="cpu")
    reach(submission, Run.State.PREPARING)
    platform.kill(doomed)
    run.refresh_from_db()
    assert run.state == Run.State.PREPARING, "it was killed too late"
    platform.worker()
    assert_settled(submission)
    assert tries(run) == [Attempt.State.LOST, Attempt.State.ENDED]


def test_a_worker_killed_while_running_is_missed_by_the_sweeper_and_another_goes_on(
    platform: RunningPlatform, contest: Contest
) -> None:
    doomed = platform.worker()
    submission = contest.submit(slow(4))
    run = reach(submission, Run.State.RUNNING)
    platform.worker()
    platform.kill(doomed)
    run.refresh_from_db()
    assert run.state == Run.State.RUNNING, "nobody could say that it died"
    assert_settled(submission)
    assert tries(run) == [Attempt.State.LOST, Attempt.State.ENDED]


def test_a_worker_killed_while_scoring_is_restarted_and_scores_the_answers_that_are_there(
    platform: RunningPlatform, large: Contest
) -> None:
    doomed = platform.worker()
    submission = large.submit()
    run = reach(submission, Run.State.SCORING)
    platform.kill(doomed)
    run.refresh_from_db()
    assert run.state == Run.State.SCORING, "it was killed too late"
    platform.worker()
    assert_settled(submission)
    assert tries(run) == [Attempt.State.LOST, Attempt.State.ENDED]
    (lost, ended) = run.attempts.order_by("number")
    assert lost.outcome["verdict"] == "completed"
    assert ended.outcome == {}, "answers that were sealed are not asked for again"


def test_a_worker_killed_on_the_way_through_hidden_data_is_not_charged_twice(
    platform: RunningPlatform, hidden: Contest
) -> None:
    doomed = platform.worker()
    submission = hidden.submit(slow(2))
    reach(submission, Run.State.RUNNING)
    platform.kill(doomed)
    platform.worker()
    assert_settled(submission)
