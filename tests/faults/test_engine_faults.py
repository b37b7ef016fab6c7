"""A container engine that is restarted, killed, or out of disk, under a worker that uses it."""

import os
import signal
from collections.abc import Iterator
from typing import Any

import pytest

from evaluations.models import Run
from sandbox.images import recipe
from submissions.models import Submission
from tests.faults import rules
from tests.faults.conftest import assert_settled
from tests.faults.contest import Contest, slow
from tests.faults.engine import PrivateEngine
from tests.faults.running import RunningPlatform, wait_for

pytestmark = [pytest.mark.docker, pytest.mark.django_db(transaction=True)]


@pytest.fixture(scope="module")
def engine(_base_image: None) -> Iterator[PrivateEngine]:
    if os.geteuid() != 0:
        pytest.skip("only root starts an engine")
    with PrivateEngine() as private:
        private.load(recipe.image_tag("base"))
        yield private


@pytest.fixture(scope="module")
def platform(django_db_setup: None, django_db_blocker: Any, engine: PrivateEngine) -> Iterator[RunningPlatform]:
    """One whose workers and sweeper use that engine."""
    with django_db_blocker.unblock():
        running = RunningPlatform(environment={"DOCKER_HOST": engine.host})
    with running:
        running.worker(keep=True)
        yield running


def predicting(submission: Submission, host: str) -> Run:
    """The submission's run, as soon as the participant's code runs."""
    run: Run = wait_for(rules.runs_of(submission).first, what="the plan")

    def there() -> bool:
        found = rules.containers(f"proctor.run={run.pk}", "proctor.stage=predict", host=host)
        return any(container["State"] == "running" for container in found)

    wait_for(there, what="the participant's container", poll=0.01)
    return run


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL], ids=["restarted", "killed"])
def test_an_engine_that_goes_away_and_comes_back_costs_nobody_a_charge(
    platform: RunningPlatform, contest: Contest, engine: PrivateEngine, number: signal.Signals
) -> None:
    under_way, waiting = contest.submit(slow(4)), contest.submit()
    predicting(under_way, engine.host)
    engine.stop(number)
    received = contest.submit()
    engine.start()
    for submission in (under_way, waiting, received):
        assert_settled(submission, host=engine.host)


def test_an_engine_whose_disk_is_full_blames_nobody_and_goes_on_when_there_is_room(
    platform: RunningPlatform, contest: Contest, engine: PrivateEngine
) -> None:
    filler = engine.disk / "filler"
    with filler.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(1 << 20))
        except OSError:
            pass
    submission = contest.submit(more={"data.bin": os.urandom(2 << 20)})
    wait_for(lambda: "is not checked yet" in platform.logs(), what="a check in vain")
    submission.refresh_from_db()
    assert submission.state == Submission.State.RECEIVED, submission.problems
    filler.unlink()
    assert_settled(submission, host=engine.host)
