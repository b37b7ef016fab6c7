"""Forty submissions under random faults, from a fixed seed: nothing is lost and nothing is doubled."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.faults.chaos import ENVIRONMENT, Chaos
from tests.faults.conftest import remove_volumes
from tests.faults.contest import Contest
from tests.faults.running import RunningPlatform

pytestmark = [pytest.mark.docker, pytest.mark.django_db(transaction=True)]
SUBMISSIONS, SEED = 40, 20_240


@pytest.fixture(scope="module")
def platform(django_db_setup: None, django_db_blocker: Any, _base_image: None) -> Iterator[RunningPlatform]:
    with django_db_blocker.unblock():
        running = RunningPlatform(environment=ENVIRONMENT)
    with running:
        yield running
    remove_volumes()


def test_under_random_faults_nothing_is_lost_and_nothing_is_doubled(platform: RunningPlatform, tmp_path: Path) -> None:
    contests = [Contest(tmp_path, teams=4), Contest(tmp_path, teams=2, hidden=True, suites=2)]
    report = Chaos(platform, contests, SEED).run(SUBMISSIONS)
    print(report.faults, f"{report.seconds:.0f} s")
    assert report.lost == [], "\n".join(report.lost)
    assert report.doubled == 0
    assert report.broken == [], "\n".join(report.broken)
    assert report.faults.total() >= SUBMISSIONS // 2, "too few faults to speak of"
