"""Whatever was left undone is found in the database and set going again."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.utils import timezone

from challenges.models import Phase, Track
from evaluations import leases
from evaluations.models import Attempt, Run
from evaluations.sweeping import WAKE_UPS, sweep
from submissions.models import QuotaCharge, Submission

pytestmark = pytest.mark.django_db
IMAGE = f"base@sha256:{'0' * 64}"
OLD = timedelta(minutes=1)


@pytest.fixture
def phase(make_phase: Callable[..., Phase], make_track: Callable[..., Track]) -> Phase:
    return make_phase(make_track(image=IMAGE))


def test_a_sweep_over_nothing_does_nothing() -> None:
    assert not sweep()


def test_runs_that_wait_too_long_are_woken_but_not_all_at_once(phase: Phase, make_run: Callable[..., Run]) -> None:
    for _ in range(WAKE_UPS + 1):
        make_run(phase)
    assert sweep().woken == 0
    Run.objects.update(not_before=timezone.now() - OLD)
    assert sweep().woken == WAKE_UPS
    Run.objects.update(not_before=timezone.now() + OLD)
    assert sweep().woken == 0


def test_an_expired_lease_is_swept(phase: Phase, make_run: Callable[..., Run]) -> None:
    make_run(phase)
    leases.claim(worker="one", queue="cpu")
    Attempt.objects.update(lease_until=timezone.now() - OLD)
    assert sweep().lost == 1
    assert sweep().lost == 0


def test_checks_and_plans_that_were_lost_are_sent_again(phase: Phase, make_accepted: Callable[..., Submission]) -> None:
    make_accepted(phase)
    QuotaCharge.objects.update(changed_at=timezone.now() - OLD)
    assert (sweep().plans, sweep().checks) == (1, 0)
    Submission.objects.update(state=Submission.State.RECEIVED, created_at=timezone.now() - OLD)
    assert (sweep().plans, sweep().checks) == (0, 1)


def test_the_command_looks_once_and_says_what_it_did(capsys: Any) -> None:
    call_command("sweep", "--once")
    assert "Swept(lost=0" in capsys.readouterr().out
