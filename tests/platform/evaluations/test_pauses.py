"""What is lastingly wrong pauses a track: its runs wait, its organizers are told, and an organizer lifts it."""

from collections.abc import Callable

import pytest
from django.conf import LazySettings
from django.core import mail
from django.test import Client

from accounts.models import User
from challenges.models import Challenge, Phase, Track
from evaluations import leases, pauses, states
from evaluations.models import Run
from submissions.models import QuotaCharge

pytestmark = pytest.mark.django_db(transaction=True)
IMAGE = f"base@sha256:{'0' * 64}"


@pytest.fixture
def organizer(make_user: Callable[..., User]) -> User:
    return make_user("ada@example.org")


@pytest.fixture
def phase(
    make_phase: Callable[..., Phase], make_track: Callable[..., Track], make_challenge: Callable[..., Challenge],
    organizer: User,
) -> Phase:  # fmt: skip
    return make_phase(make_track(make_challenge(organizers=(organizer,)), image=IMAGE))


def fault(*, fault: leases.Fault = leases.Fault.PASSING) -> Run:
    """The oldest waiting run meets a fault of ours."""
    attempt = leases.claim(worker="one", queue="cpu")
    assert attempt is not None
    leases.send_back(attempt.run, reason="the disk is broken", back_off=False, attempt=attempt, fault=fault)
    return attempt.run


def paused(phase: Phase) -> bool:
    return Track.objects.get(pk=phase.track_id).paused_at is not None


def test_a_run_that_is_given_up_is_told_of_and_three_in_a_row_pause_the_track(
    phase: Phase, make_run: Callable[..., Run], settings: LazySettings
) -> None:
    settings.MAX_ATTEMPTS = 1
    for number in range(3):
        assert not paused(phase)
        make_run(phase)
        assert fault().state == Run.State.ERRORED
        assert len(mail.outbox) == number + 1
    assert paused(phase)
    assert mail.outbox[-1].to == ["ada@example.org"]
    assert "is paused" in mail.outbox[-1].subject
    assert "the disk is broken" in mail.outbox[-1].body
    assert set(QuotaCharge.objects.values_list("state", flat=True)) == {QuotaCharge.State.RELEASED}


def test_a_run_that_ends_through_its_own_submission_breaks_the_row(
    phase: Phase, make_run: Callable[..., Run], settings: LazySettings
) -> None:
    settings.MAX_ATTEMPTS = 1
    for _ in range(2):
        make_run(phase)
        fault()
    make_run(phase)
    attempt = leases.claim(worker="one", queue="cpu")
    assert attempt is not None
    states.move(attempt.run, Run.State.FAILED, lease=attempt.lease, code="E-RUN-EXIT", stage="running")
    leases.end(attempt)
    for _ in range(2):
        make_run(phase)
        fault()
    assert not paused(phase)


def test_a_lasting_fault_pauses_at_once_and_the_run_waits(phase: Phase, make_run: Callable[..., Run]) -> None:
    run = make_run(phase)
    assert fault(fault=leases.Fault.LASTING).state == Run.State.QUEUED
    assert paused(phase)
    assert leases.claim(worker="one", queue="cpu") is None
    assert QuotaCharge.objects.get(entry=run.entry).state == QuotaCharge.State.SETTLED


def test_a_lasting_fault_that_comes_back_is_given_up_in_the_end(
    phase: Phase, make_run: Callable[..., Run], settings: LazySettings
) -> None:
    make_run(phase)
    for _ in range(settings.MAX_ATTEMPTS):
        Track.objects.update(paused_at=None)
        run = fault(fault=leases.Fault.LASTING)
    assert run.state == Run.State.ERRORED


def test_a_paused_track_is_told_of_once_and_holds_up_no_other(
    phase: Phase, make_run: Callable[..., Run], make_phase: Callable[..., Phase], make_track: Callable[..., Track]
) -> None:
    assert pauses.pause(phase.track, "The canary is silent.")
    assert not pauses.pause(phase.track, "It still is.")
    assert len(mail.outbox) == 1
    make_run(phase)
    other = make_run(make_phase(make_track(image=IMAGE)))
    attempt = leases.claim(worker="one", queue="cpu")
    assert attempt is not None
    assert attempt.run == other
    assert leases.claim(worker="one", queue="cpu") is None


def test_an_organizer_sees_the_reason_and_lifts_the_pause(
    phase: Phase, make_run: Callable[..., Run], organizer: User, client_of: Callable[[User], Client]
) -> None:
    make_run(phase)
    pauses.pause(phase.track, "The canary is silent.")
    client = client_of(organizer)
    page = client.get("/admin/challenges/track/")
    assert "The canary is silent." in page.content.decode()
    chosen = {"action": "lift_pause", "_selected_action": [str(phase.track_id)]}
    assert client.post("/admin/challenges/track/", chosen).status_code == 302
    assert not paused(phase)
    assert leases.claim(worker="one", queue="cpu") is not None
