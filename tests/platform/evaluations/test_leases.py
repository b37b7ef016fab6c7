"""A run belongs to one worker at a time; what a dead or stopping worker held is queued again."""

import threading
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.conf import LazySettings
from django.db import OperationalError, connection
from django.utils import timezone

from challenges.models import Phase, Track
from evaluations import hearts, leases, services
from evaluations.hearts import Heart
from evaluations.models import Attempt, Run
from evaluations.states import LeaseLost
from sandbox.interface import Progress
from submissions.models import Entry, QuotaCharge

pytestmark = pytest.mark.django_db(transaction=True)
IMAGE = f"base@sha256:{'0' * 64}"


@pytest.fixture
def phase(make_phase: Callable[..., Phase], make_track: Callable[..., Track]) -> Phase:
    return make_phase(make_track(image=IMAGE))


@pytest.fixture
def short_leases(settings: LazySettings) -> None:
    settings.LEASE_SECONDS, settings.HEARTBEAT_SECONDS = 3, 0.05


def claimed(worker: str = "one") -> Attempt:
    attempt = leases.claim(worker=worker, queue="cpu")
    assert attempt is not None
    return attempt


def expire(attempt: Attempt) -> None:
    Attempt.objects.filter(pk=attempt.pk).update(lease_until=timezone.now() - timedelta(seconds=1))


def test_runs_are_claimed_in_the_order_in_which_they_were_queued(phase: Phase, make_run: Callable[..., Run]) -> None:
    first, second = make_run(phase), make_run(phase)
    assert [claimed().run, claimed().run] == [first, second]
    assert leases.claim(worker="one", queue="cpu") is None


def test_a_run_in_another_queue_or_in_back_off_is_not_claimed(phase: Phase, make_run: Callable[..., Run]) -> None:
    run = make_run(phase)
    assert leases.claim(worker="one", queue="gpu") is None
    Run.objects.filter(pk=run.pk).update(not_before=timezone.now() + timedelta(minutes=1))
    assert leases.claim(worker="one", queue="cpu") is None


def test_a_worker_holds_no_more_runs_than_its_slots(phase: Phase, make_run: Callable[..., Run]) -> None:
    make_run(phase)
    make_run(phase)
    assert leases.claim(worker="one", queue="cpu", slots=1) is not None
    assert leases.claim(worker="one", queue="cpu", slots=1) is None
    assert leases.claim(worker="two", queue="cpu", slots=1) is not None


def test_of_many_claims_at_once_each_run_goes_to_one(phase: Phase, make_run: Callable[..., Run]) -> None:
    runs = {make_run(phase).pk for _ in range(4)}
    start = threading.Barrier(8)
    got: list[Attempt | None] = []

    def claim(number: int) -> None:
        try:
            start.wait()
            got.append(leases.claim(worker=f"worker {number}", queue="cpu"))
        finally:
            connection.close()

    threads = [threading.Thread(target=claim, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) == 8
    assert sorted(str(attempt.run_id) for attempt in got if attempt is not None) == sorted(map(str, runs))
    assert Attempt.objects.filter(state=Attempt.State.LIVE).count() == 4


def test_an_expired_lease_queues_the_run_again(phase: Phase, make_run: Callable[..., Run]) -> None:
    run = make_run(phase)
    attempt = claimed()
    assert leases.lose_expired() == 0
    expire(attempt)
    assert leases.lose_expired() == 1
    run.refresh_from_db()
    attempt.refresh_from_db()
    assert (run.state, attempt.state) == (Run.State.QUEUED, Attempt.State.LOST)
    assert claimed("two").number == 2


def test_after_too_many_attempts_the_run_is_ours_and_its_quota_is_given_back(
    phase: Phase, make_run: Callable[..., Run], settings: LazySettings
) -> None:
    settings.MAX_ATTEMPTS = 2
    run = make_run(phase)
    for _ in range(2):
        expire(claimed())
        leases.lose_expired()
    run.refresh_from_db()
    assert (run.state, run.code) == (Run.State.ERRORED, "E-PLATFORM")
    charge = QuotaCharge.objects.get(entry=run.entry)
    assert (charge.state, charge.active) == (QuotaCharge.State.RELEASED, False)
    services.requeue(run)
    charge.refresh_from_db()
    assert (charge.state, charge.active) == (QuotaCharge.State.SETTLED, True)
    assert claimed().number == 3
    leases.give_back(worker="one")
    run.refresh_from_db()
    assert run.state == Run.State.QUEUED


def test_a_fault_of_ours_backs_off_longer_each_time(phase: Phase, make_run: Callable[..., Run]) -> None:
    make_run(phase)
    waits = []
    for _ in range(3):
        attempt = claimed()
        before = timezone.now()
        leases.send_back(attempt.run, reason="the engine is away", back_off=True, attempt=attempt)
        waits.append(round((attempt.run.not_before - before).total_seconds()))
        Run.objects.update(not_before=before)
    assert waits == [5, 10, 20]


def test_a_worker_that_starts_again_gives_back_what_it_held(phase: Phase, make_run: Callable[..., Run]) -> None:
    make_run(phase)
    make_run(phase)
    mine, other = claimed("one"), claimed("two")
    assert leases.give_back(worker="one") == 1
    assert Run.objects.get(pk=mine.run_id).state == Run.State.QUEUED
    assert Run.objects.get(pk=other.run_id).state == Run.State.PREPARING


def test_a_worker_that_is_asked_to_stop_uses_up_no_attempt(
    phase: Phase, make_run: Callable[..., Run], settings: LazySettings
) -> None:
    settings.MAX_ATTEMPTS = 2
    run = make_run(phase)
    for _ in range(3):
        claimed()
        assert leases.give_back(worker="one", stopping=True) == 1
    run.refresh_from_db()
    assert run.state == Run.State.QUEUED
    for _ in range(2):
        claimed()
        assert leases.give_back(worker="one") == 1, "it died"
    run.refresh_from_db()
    assert run.state == Run.State.ERRORED


def test_where_no_claim_would_be_of_use_none_is_made(phase: Phase, make_run: Callable[..., Run]) -> None:
    asked: list[bool] = []

    def ready() -> bool:
        asked.append(True)
        return False

    assert leases.claim(worker="one", queue="cpu", ready=ready) is None
    assert not asked, "nothing waits"
    run = make_run(phase)
    assert leases.claim(worker="one", queue="cpu", ready=ready) is None
    assert (len(asked), run.attempts.count()) == (1, 0)


@pytest.mark.parametrize("status", [Entry.Status.WITHDRAWN, Entry.Status.DISQUALIFIED])
def test_a_run_whose_entry_was_taken_out_while_it_was_planned_is_cancelled_not_claimed(
    phase: Phase, make_run: Callable[..., Run], status: str
) -> None:
    gone, next_one = make_run(phase), make_run(phase)
    Entry.objects.filter(pk=gone.entry_id).update(status=status)
    assert claimed().run == next_one
    gone.refresh_from_db()
    assert gone.state == Run.State.CANCELLED
    charge = QuotaCharge.objects.get(entry=gone.entry)
    assert (charge.state, charge.active) == (QuotaCharge.State.RELEASED, False)
    assert gone.attempts.count() == 0


def test_a_run_whose_charge_was_given_back_is_cancelled_not_claimed(phase: Phase, make_run: Callable[..., Run]) -> None:
    run = make_run(phase)
    QuotaCharge.objects.update(state=QuotaCharge.State.RELEASED, active=False)
    assert leases.claim(worker="one", queue="cpu") is None
    run.refresh_from_db()
    assert run.state == Run.State.CANCELLED


def test_a_run_claimed_at_the_moment_of_its_withdrawal_is_found_and_stopped(
    phase: Phase, make_run: Callable[..., Run]
) -> None:
    run, other = make_run(phase), make_run(phase)
    attempt = claimed()
    Entry.objects.filter(pk=run.entry_id).update(status=Entry.Status.WITHDRAWN)
    assert leases.cancel_unwanted() == 1
    assert leases.cancel_unwanted() == 0
    attempt.refresh_from_db()
    assert (Run.objects.get(pk=run.pk).state, attempt.state) == (Run.State.CANCELLED, Attempt.State.ENDED)
    assert Run.objects.get(pk=other.pk).state == Run.State.QUEUED


def test_what_went_wrong_is_stored_on_the_attempt(phase: Phase, make_run: Callable[..., Run]) -> None:
    make_run(phase)
    attempt = claimed()
    leases.send_back(attempt.run, reason="the engine is away\x00", back_off=True, attempt=attempt)
    attempt.refresh_from_db()
    assert attempt.outcome["fault"] == {
        "class": "passing", "whose": "platform", "stage": "preparing", "code": "E-PLATFORM",
        "reason": "the engine is away\ufffd",
    }  # fmt: skip


def test_an_end_that_is_not_clear_is_tried_again_once_and_nobody_is_charged(
    phase: Phase, make_run: Callable[..., Run]
) -> None:
    run = make_run(phase)
    for state in (Run.State.QUEUED, Run.State.ERRORED):
        attempt = claimed()
        leases.send_back(
            attempt.run, reason="nobody can say", back_off=False, attempt=attempt, fault=leases.Fault.UNCLEAR
        )
        run.refresh_from_db()
        assert run.state == state
    assert QuotaCharge.objects.get().state == QuotaCharge.State.RELEASED


@pytest.mark.usefixtures("short_leases")
def test_the_heart_renews_the_lease_and_writes_progress(phase: Phase, make_run: Callable[..., Run]) -> None:
    make_run(phase)
    attempt = claimed()
    expire(attempt)
    with Heart(attempt) as heart:
        heart.progress(Progress("suite\x00", 1, 2, 10, 20, 5.0))
        wait_until(lambda: bool(Attempt.objects.get(pk=attempt.pk).progress))
        assert leases.lose_expired() == 0
        heart.check()
    assert Attempt.objects.get(pk=attempt.pk).progress["suite"] == "suite\ufffd"


@pytest.mark.usefixtures("short_leases")
def test_the_heart_kills_what_runs_when_the_run_is_withdrawn(phase: Phase, make_run: Callable[..., Run]) -> None:
    run = make_run(phase)
    attempt = claimed()
    killed = threading.Event()
    with Heart(attempt) as heart:
        heart.kills(killed.set)
        assert services.cancel(run)
        assert killed.wait(5)
        with pytest.raises(LeaseLost):
            heart.check()
    run.refresh_from_db()
    assert run.state == Run.State.CANCELLED


@pytest.mark.usefixtures("short_leases")
def test_a_lease_that_could_not_be_renewed_in_time_is_lost_whatever_the_database_says_later(
    phase: Phase, make_run: Callable[..., Run], settings: LazySettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_run(phase)
    attempt = claimed()
    settings.LEASE_SECONDS = 0.3
    monkeypatch.setattr(Heart, "_renew", _database_locked)
    monkeypatch.setattr(hearts, "FAILED_RENEWALS", 10_000)
    killed = threading.Event()
    with Heart(attempt) as heart:
        heart.kills(killed.set)
        assert killed.wait(5)
        with pytest.raises(LeaseLost):
            heart.check()


def _database_locked(_: Heart) -> bool:
    raise OperationalError("database is locked")


@pytest.mark.usefixtures("short_leases")
def test_what_is_named_after_the_lease_was_lost_is_killed_at_once(phase: Phase, make_run: Callable[..., Run]) -> None:
    make_run(phase)
    attempt = claimed()
    with Heart(attempt) as heart:
        Attempt.objects.filter(pk=attempt.pk).update(state=Attempt.State.LOST)
        wait_until(heart._lost.is_set)
        killed = threading.Event()
        heart.kills(killed.set)
        assert killed.is_set()


def wait_until(ready: Callable[[], bool]) -> None:
    """Look until it is so; a test that waits for ever is ended by its deadline."""
    deadline = timezone.now() + timedelta(seconds=10)
    pause = threading.Event()
    while not ready():
        assert timezone.now() < deadline
        pause.wait(0.02)
