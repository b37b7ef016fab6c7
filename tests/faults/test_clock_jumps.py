"""The database's clock leaps an hour forwards or backwards, under runs that wait, run, or have lost their worker."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from evaluations.models import Run
from submissions.models import Submission
from tests.faults import clocked, rules
from tests.faults.conftest import assert_settled, remove_volumes
from tests.faults.contest import Contest, slow
from tests.faults.running import RunningPlatform, wait_for

pytestmark = [pytest.mark.docker, pytest.mark.django_db(transaction=True)]
HOUR = 3600.0


class Clock:
    """How wrong the database's clock is."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.leap(0.0)

    def leap(self, seconds: float) -> None:
        """Be wrong by so much from now on; the file is exchanged in one step."""
        draft = self.file.with_suffix(".draft")
        draft.write_text(str(seconds))
        draft.rename(self.file)


@pytest.fixture(scope="module")
def clock(tmp_path_factory: pytest.TempPathFactory) -> Clock:
    return Clock(tmp_path_factory.mktemp("clock") / "seconds")


@pytest.fixture(scope="module")
def platform(
    django_db_setup: None, django_db_blocker: Any, _base_image: None, clock: Clock
) -> Iterator[RunningPlatform]:
    """All its processes read the same clock."""
    with django_db_blocker.unblock():
        running = RunningPlatform(environment={clocked.FILE: str(clock.file)}, program=("-m", "tests.faults.clocked"))
    with running:
        yield running
    remove_volumes()


@pytest.fixture(autouse=True)
def _right_again(clock: Clock) -> Iterator[None]:
    clock.leap(0.0)
    yield
    clock.leap(0.0)


def reach(submission: Submission, state: str) -> None:
    """Wait until the submission's run is in the state."""
    wait_for(rules.runs_of(submission).filter(state=state).exists, what=f"the state {state}", poll=0.01)


@pytest.mark.parametrize("leap", [HOUR, -HOUR], ids=["forwards", "backwards"])
def test_a_run_survives_a_leap_of_the_clock(
    platform: RunningPlatform, contest: Contest, clock: Clock, leap: float
) -> None:
    platform.worker()
    submission = contest.submit(slow(4))
    reach(submission, Run.State.RUNNING)
    clock.leap(leap)
    assert_settled(submission)


@pytest.mark.parametrize("leap", [HOUR, -HOUR], ids=["forwards", "backwards"])
def test_neither_a_waiting_run_nor_one_without_a_worker_waits_for_the_clock(
    platform: RunningPlatform, contest: Contest, clock: Clock, leap: float
) -> None:
    doomed = platform.worker()
    left_alone = contest.submit(slow(4))
    reach(left_alone, Run.State.RUNNING)
    waiting = contest.submit()
    reach(waiting, Run.State.QUEUED)
    platform.worker(queues="default")  # takes the other name, so that no start gives back what the dead one held
    platform.kill(doomed)
    clock.leap(leap)
    platform.worker()
    assert_settled(waiting)
    assert_settled(left_alone)
