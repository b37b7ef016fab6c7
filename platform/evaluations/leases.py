"""Who works on a run: claiming it, and giving it back after a fault of ours."""

import logging
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import timedelta
from enum import StrEnum
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Case, Q, QuerySet, When

from config.queue import enqueue
from evaluations import clock, outcomes, pauses, services, states
from evaluations.faults import storable
from evaluations.models import Attempt, Run
from submissions.models import Entry, QuotaCharge

logger = logging.getLogger(__name__)

# Attempts whose container may end without showing whose fault it was, until the run is given up.
MOST_UNCLEAR = 2


class Fault(StrEnum):
    """Why an attempt ended without a result, stored on it.

    `final` is the participant's; the rest is ours. `stopped`: its worker was asked to stop, which counts as no try.
    """

    FINAL = "final"
    PASSING = "passing"
    UNCLEAR = "unclear"
    LASTING = "lasting"
    STOPPED = "stopped"


def claim(
    *, worker: str, queue: str, slots: int | None = None, ready: Callable[[], bool] = lambda: True
) -> Attempt | None:
    """Take the oldest run that waits in the queue; None where there is none, or where the worker's slots are full.

    Any number of workers may call this at once: each run goes to one of them. Runs of paused tracks wait; a run that
    is not wanted any more, withdrawn while it was being planned, is cancelled instead. `ready` is asked where one
    waits, and None is returned where it says no.
    """
    if not _waiting(queue).exists() or not ready():
        return None
    while True:
        with transaction.atomic():
            live = Attempt.objects.filter(state=Attempt.State.LIVE, worker=worker)
            if slots is not None and live.count() >= slots:
                return None
            # SKIP LOCKED where the database has it; elsewhere writers queue up, and the compare-and-set decides.
            run = _waiting(queue).select_for_update(skip_locked=True, of=("self",)).first()
            if run is None:
                return None
            if not _wanted(run):
                services.cancel(run)
                continue
            states.move(run, Run.State.PREPARING)
            return Attempt.objects.create(
                run=run,
                number=run.attempts.count() + 1,
                worker=worker,
                lease_until=clock.lease_end(),
                started_at=clock.now(),
            )


def _waiting(queue: str) -> QuerySet[Run]:
    due = clock.passed("not_before", most=settings.MOST_BACK_OFF_SECONDS)
    waiting = Run.objects.filter(due, state=Run.State.QUEUED, queue=queue, entry__track__paused_at__isnull=True)
    # What people handed in goes first: a batch asks stored submissions while nobody's own run waits.
    own_first = Case(When(purpose=Run.Purpose.BATCH, then=1), default=0)
    return waiting.select_related("entry__submission", "entry__track__challenge", "phase").order_by(
        own_first, "created_at", "pk"
    )


# A rehearsal's charge is reserved; it is settled when the phase's own run begins.
CHARGED = (Run.Purpose.PHASE, Run.Purpose.REHEARSAL)
GONE = (Entry.Status.WITHDRAWN, Entry.Status.DISQUALIFIED)


def _wanted(run: Run) -> bool:
    if run.entry.status in GONE:
        return False
    if run.purpose not in CHARGED:
        return True
    charges = QuotaCharge.objects.filter(entry=run.entry, phase=run.phase)
    return not charges.filter(state=QuotaCharge.State.RELEASED).exists()


def cancel_unwanted() -> int:
    """Cancel unfinished runs of entries that are withdrawn or disqualified; returns how many.

    Each is cancelled with its entry; this finds those that were planned or claimed at the same moment.
    """
    cancelled = 0
    unfinished = Run.objects.filter(~Q(state__in=states.FINISHED), entry__status__in=GONE)
    for run in unfinished.select_related("entry__submission", "phase"):
        cancelled += services.cancel(run)
    return cancelled


def end(attempt: Attempt) -> None:
    """Close the attempt with what was recorded on it; raises LeaseLost where it is not live any more."""
    changed = Attempt.objects.filter(pk=attempt.pk, lease=attempt.lease, state=Attempt.State.LIVE).update(
        state=Attempt.State.ENDED, ended_at=clock.now()
    )
    if not changed:
        raise states.LeaseLost(f"Attempt {attempt.pk} is not live any more.")


def note_fault(attempt: Attempt, fault: Fault, *, stage: str, code: str, reason: str) -> None:
    """Store on the attempt why it came to nothing: whose fault, where, and what was said; for organizers."""
    attempt.outcome = {
        **attempt.outcome,
        "fault": storable(
            {
                "class": fault.value,
                "whose": "participant" if fault is Fault.FINAL else "platform",
                "stage": stage,
                "code": code,
                "reason": reason[:500],
            }
        ),
    }
    Attempt.objects.filter(pk=attempt.pk, lease=attempt.lease).update(outcome=attempt.outcome)


def send_back(
    run: Run, *, reason: str, back_off: bool, attempt: Attempt | None = None, fault: Fault = Fault.PASSING
) -> None:
    """Queue the run again after a fault of ours; after too many attempts it ends as ERRORED and its charge is released.

    With `attempt`, its lease must still be held, and the attempt ends; raises LeaseLost. A lasting fault pauses the
    track as well.
    """
    with transaction.atomic():
        lease = attempt.lease if attempt is not None else None
        stage = run.state
        if attempt is not None:
            note_fault(attempt, fault, stage=stage, code="E-PLATFORM", reason=reason)
        tries = _tries(run)
        if tries.total() - tries[Fault.STOPPED] >= settings.MAX_ATTEMPTS or tries[Fault.UNCLEAR] >= MOST_UNCLEAR:
            detail = {"reason": reason[:500], "fault": fault.value}
            states.move(run, Run.State.ERRORED, lease=lease, code="E-PLATFORM", stage=stage, detail=detail)
            outcomes.errored(run)
            pauses.after_error(run, reason)
        else:
            tried = max(1, tries.total())
            wait = min(settings.BACK_OFF_SECONDS * 2 ** (tried - 1), settings.MOST_BACK_OFF_SECONDS) if back_off else 0
            states.move(run, Run.State.QUEUED, lease=lease, not_before=clock.now() + timedelta(seconds=wait))
            if not wait:
                enqueue("evaluations.run", str(run.pk), queue=run.queue)
        if fault is Fault.LASTING:
            pauses.pause(run.entry.track, reason)
        if attempt is not None:
            end(attempt)


def _tries(run: Run) -> Counter[str]:
    """The run's attempts since an organizer last queued it, by class of fault; passing where none is noted."""
    outcomes = run.attempts.filter(number__gt=attempts_before(run)).values_list("outcome", flat=True)
    return Counter(_class_of(outcome) for outcome in outcomes)


def attempts_before(run: Run) -> int:
    """How many attempts there were when an organizer last queued the run again; they don't count any more."""
    return int(run.detail.get("attempts_before", 0))


def _class_of(outcome: Mapping[str, Any]) -> str:
    return str((outcome.get("fault") or {}).get("class", Fault.PASSING))


def lose(attempt: Attempt, *, reason: str, fault: Fault = Fault.PASSING) -> bool:
    """Declare a live attempt lost and queue its run again, in one step; False where somebody else was first."""
    try:
        with transaction.atomic():
            changed = Attempt.objects.filter(pk=attempt.pk, lease=attempt.lease, state=Attempt.State.LIVE).filter(
                lease_until=attempt.lease_until
            )
            if not changed.update(state=Attempt.State.LOST, ended_at=clock.now()):
                return False
            run = Run.objects.select_related("entry__submission", "entry__track__challenge", "phase").get(
                pk=attempt.run_id
            )
            if run.state in states.HELD:
                note_fault(attempt, fault, stage=run.state, code="E-PLATFORM", reason=reason)
                send_back(run, reason=reason, back_off=False)
    except states.MoveRefused:
        return False
    logger.warning("Attempt %s of run %s is lost: %s", attempt.number, attempt.run_id, reason)
    return True


def lose_expired() -> int:
    """Declare every attempt lost whose lease has run out; returns how many."""
    expired = Attempt.objects.filter(
        clock.passed("lease_until", most=2 * settings.LEASE_SECONDS), state=Attempt.State.LIVE
    )
    return sum(lose(attempt, reason="its worker was not heard of any more") for attempt in expired)


def give_back(*, worker: str, stopping: bool = False) -> int:
    """Give back whatever this worker held: it has just started after it died, or it is about to stop.

    Returns how many. A worker that stops because it was asked to uses up no attempt.
    """
    given = 0
    fault, reason = (Fault.STOPPED, "its worker was stopped") if stopping else (Fault.PASSING, "its worker died")
    for attempt in Attempt.objects.filter(state=Attempt.State.LIVE, worker=worker):
        # Between reading and losing, a heartbeat may have moved the lease's end: then read again.
        while attempt.state == Attempt.State.LIVE and not lose(attempt, reason=reason, fault=fault):
            attempt.refresh_from_db()
        given += attempt.state == Attempt.State.LIVE
    return given
