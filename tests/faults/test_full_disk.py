"""Disks without room: the participant's own volume is the participant's affair, the platform's is ours."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from evaluations.models import Run
from submissions.models import QuotaCharge
from tests.faults import rules
from tests.faults.conftest import assert_settled, remove_volumes
from tests.faults.contest import Contest, slow
from tests.faults.running import RunningPlatform, wait_for

pytestmark = [pytest.mark.docker, pytest.mark.django_db(transaction=True)]
SIZE = "4m"
GREEDY = """
try:
    with open("/eval/responses/junk", "wb") as file:
        while True:
            file.write(bytes(65536))
except OSError:
    pass
"""


@pytest.fixture(scope="module")
def disk() -> Iterator[Path]:
    """A small disk of its own under what the platform seals, and under its temporary files."""
    if os.geteuid() != 0:
        pytest.skip("only root mounts a file system")
    place = Path(settings.VAR) / "sealed"
    place.mkdir(exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "proctor-test", str(place)], check=True)
    try:
        (place / "tmp").mkdir()
        yield place
    finally:
        subprocess.run(["umount", str(place)], check=True)


@pytest.fixture(scope="module")
def platform(django_db_setup: None, django_db_blocker: Any, _base_image: None, disk: Path) -> Iterator[RunningPlatform]:
    """One whose workers give up after the second try."""
    with django_db_blocker.unblock():
        running = RunningPlatform(environment={"TMPDIR": str(disk / "tmp"), "PROCTOR_MAX_ATTEMPTS": "2"})
    with running:
        running.worker(keep=True)
        yield running
    remove_volumes()


class Filler:
    """A file that takes all the room there is."""

    def __init__(self, disk: Path) -> None:
        self._file = disk / "filler"

    def fill(self) -> None:
        """Write until nothing is left."""
        with self._file.open("wb", buffering=0) as file:
            try:
                while True:
                    file.write(bytes(4096))
            except OSError:
                return

    def free(self) -> None:
        """Give the room back."""
        self._file.unlink(missing_ok=True)


@pytest.fixture
def filler(disk: Path) -> Iterator[Filler]:
    made = Filler(disk)
    yield made
    made.free()


def test_a_submission_that_fills_its_own_volume_fails_and_is_charged(
    platform: RunningPlatform, contest: Contest
) -> None:
    submission = contest.submit(GREEDY + slow(0))
    assert_settled(submission, ends=frozenset({Run.State.FAILED}))
    run = rules.runs_of(submission).get()
    assert run.code.startswith("E-RUN-")
    assert run.attempts.count() == 1


def test_a_run_that_found_the_platforms_disk_full_is_tried_again_and_scored(
    platform: RunningPlatform, contest: Contest, filler: Filler
) -> None:
    submission = contest.submit(slow(2))
    run = wait_for(rules.runs_of(submission).filter(state=Run.State.RUNNING).first, what="the run", poll=0.01)
    filler.fill()
    wait_for(run.events.filter(new=Run.State.QUEUED, old__gt="").exists, what="the run's return to the queue")
    filler.free()
    assert_settled(submission)


def test_a_run_that_finds_the_platforms_disk_full_again_and_again_is_not_charged(
    platform: RunningPlatform, contest: Contest, filler: Filler
) -> None:
    submission = contest.submit(slow(2))
    wait_for(rules.runs_of(submission).filter(state=Run.State.RUNNING).exists, what="the run", poll=0.01)
    filler.fill()
    assert_settled(submission, ends=frozenset({Run.State.ERRORED}))
    run = rules.runs_of(submission).get()
    assert run.code == rules.OURS
    assert "No space left on device" in run.detail["reason"]
    assert QuotaCharge.objects.get(entry=run.entry).state == QuotaCharge.State.RELEASED
    filler.free()
    assert_settled(contest.submit())
