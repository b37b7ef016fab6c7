"""Who works on a run: claiming it, keeping the lease alive while working, and giving it back."""

import logging
import threading
from collections.abc import Callable
from dataclasses import asdict
from datetime import timedelta
from time import monotonic
from types import TracebackType
from typing import Any, Self

from django.conf import settings
from django.db import DatabaseError, connection, transaction

from config.queue import enqueue
from evaluations import clock, outcomes, states
from evaluations.faults import storable
from evaluations.models import Attempt, Run
from sandbox.interface import Progress

logger = logging.getLogger(__name__)

# How often the heart looks whether its attempt is still wanted, in seconds: a withdrawn run is killed this soon.
LOOK_SECONDS = 1.0
FAILED_RENEWALS = 3
BACK_OFF_SECONDS, MOST_BACK_OFF_SECONDS = 5.0, 300.0


def claim(*, worker: str, queue: str, slots: int | None = None) -> Attempt | None:
    """Take the oldest run that waits in the queue; None where there is none, or where the worker's slots are full.

    Any number of workers may call this at once: each run goes to one of them.
    """
    with transaction.atomic():
        if slots is not None and Attempt.objects.filter(state=Attempt.State.LIVE, worker=worker).count() >= slots:
            return None
        waiting = Run.objects.filter(state=Run.State.QUEUED, queue=queue, not_before__lte=clock.now())
        waiting = waiting.select_related("entry__submission", "entry__track", "phase").order_by("created_at", "pk")
        # SKIP LOCKED where the database has it; elsewhere writers queue up, and the compare-and-set decides.
        run = waiting.select_for_update(skip_locked=True, of=("self",)).first()
        if run is None:
            return None
        states.move(run, Run.State.PREPARING)
        return Attempt.objects.create(
            run=run, number=run.attempts.count() + 1, worker=worker, lease_until=_lease_end(), started_at=clock.now()
        )


def _lease_end() -> Any:
    return clock.now() + timedelta(seconds=settings.LEASE_SECONDS)


def end(attempt: Attempt) -> None:
    """Close the attempt with what was recorded on it; raises LeaseLost where it is not live any more."""
    changed = Attempt.objects.filter(pk=attempt.pk, lease=attempt.lease, state=Attempt.State.LIVE).update(
        state=Attempt.State.ENDED, ended_at=clock.now()
    )
    if not changed:
        raise states.LeaseLost(f"Attempt {attempt.pk} is not live any more.")


def send_back(run: Run, *, reason: str, back_off: bool, attempt: Attempt | None = None) -> None:
    """Queue the run again after a fault of ours; after too many attempts it ends as ERRORED and its charge is released.

    With `attempt`, its lease must still be held, and the attempt ends; raises LeaseLost.
    """
    with transaction.atomic():
        lease = attempt.lease if attempt is not None else None
        tried = run.attempts.count() - int(run.detail.get("attempts_before", 0))
        if tried >= settings.MAX_ATTEMPTS:
            detail = {"reason": reason[:500]}
            states.move(run, Run.State.ERRORED, lease=lease, code="E-PLATFORM", stage=run.state, detail=detail)
            outcomes.errored(run)
        else:
            wait = min(BACK_OFF_SECONDS * 2 ** (tried - 1), MOST_BACK_OFF_SECONDS) if back_off else 0.0
            states.move(run, Run.State.QUEUED, lease=lease, not_before=clock.now() + timedelta(seconds=wait))
            if not wait:
                enqueue("evaluations.run", str(run.pk), queue=run.queue)
        if attempt is not None:
            end(attempt)


def lose(attempt: Attempt, *, reason: str) -> bool:
    """Declare a live attempt lost and queue its run again, in one step; False where somebody else was first."""
    try:
        with transaction.atomic():
            changed = Attempt.objects.filter(pk=attempt.pk, lease=attempt.lease, state=Attempt.State.LIVE).filter(
                lease_until=attempt.lease_until
            )
            if not changed.update(state=Attempt.State.LOST, ended_at=clock.now()):
                return False
            run = Run.objects.select_related("entry__submission", "phase").get(pk=attempt.run_id)
            if run.state in states.HELD:
                send_back(run, reason=reason, back_off=False)
    except states.MoveRefused:
        return False
    logger.warning("Attempt %s of run %s is lost: %s", attempt.number, attempt.run_id, reason)
    return True


def lose_expired() -> int:
    """Declare every attempt lost whose lease has run out; returns how many."""
    expired = Attempt.objects.filter(state=Attempt.State.LIVE, lease_until__lt=clock.now())
    return sum(lose(attempt, reason="its worker was not heard of any more") for attempt in expired)


def give_back(*, worker: str) -> int:
    """Give back whatever this worker held: it has just started, or it is about to stop; returns how many."""
    given = 0
    for attempt in Attempt.objects.filter(state=Attempt.State.LIVE, worker=worker):
        # Between reading and losing, a heartbeat may have moved the lease's end: then read again.
        while attempt.state == Attempt.State.LIVE and not lose(attempt, reason="its worker stopped"):
            attempt.refresh_from_db()
        given += attempt.state == Attempt.State.LIVE
    return given


class Heart:
    """Renews an attempt's lease and writes its progress, from a thread with its own database connection.

    When the lease is lost, was withdrawn or can't be renewed, `kill` is called once and `check` raises.
    """

    def __init__(self, attempt: Attempt) -> None:
        self._attempt = attempt
        self._lost = threading.Event()
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._kill: Callable[[], None] | None = None
        self._progress: dict[str, Any] | None = None
        self._pace: tuple[int, float, int] | None = None
        self._thread = threading.Thread(target=self._beat, name="heart", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()

    def kills(self, kill: Callable[[], None]) -> None:
        """Say what is to be called when the lease is lost; called at once where it is lost already."""
        with self._lock:
            self._kill = kill
        if self._lost.is_set():
            kill()

    def progress(self, progress: Progress) -> None:
        """Note how far the run is and how fast, by this side's clock; the next beat writes it."""
        now = monotonic()
        if self._pace is None or self._pace[0] != progress.position:
            self._pace = (progress.position, now, progress.done)
        _, began, first = self._pace
        rate = (progress.done - first) / (now - began) if now > began else 0.0
        self._progress = storable({**asdict(progress), "rate": round(max(0.0, rate), 1)})

    def check(self) -> None:
        """Raises LeaseLost where the lease is gone."""
        if self._lost.is_set():
            raise states.LeaseLost(f"The lease of attempt {self._attempt.pk} is lost.")

    def _beat(self) -> None:
        try:
            self._beat_until_stopped()
        finally:
            connection.close()

    def _beat_until_stopped(self) -> None:
        beat = settings.HEARTBEAT_SECONDS
        due, failures = monotonic() + beat, 0
        while not self._stop.wait(min(LOOK_SECONDS, beat)):
            try:
                if monotonic() >= due or self._progress is not None:
                    due = monotonic() + beat
                    wanted = self._renew()
                    failures = 0
                else:
                    wanted = self._mine().exists()
            except DatabaseError:
                logger.warning("The lease of attempt %s could not be renewed.", self._attempt.pk, exc_info=True)
                connection.close()
                failures += 1
                wanted = failures < FAILED_RENEWALS
                self._stop.wait(beat)
            if not wanted:
                self._lose()
                return

    def _mine(self) -> Any:
        return Attempt.objects.filter(pk=self._attempt.pk, lease=self._attempt.lease, state=Attempt.State.LIVE)

    def _renew(self) -> bool:
        changes: dict[str, Any] = {"lease_until": _lease_end()}
        progress, self._progress = self._progress, None
        if progress is not None:
            changes["progress"] = progress
        return bool(self._mine().update(**changes))

    def _lose(self) -> None:
        self._lost.set()
        with self._lock:
            kill = self._kill
        if kill is not None:
            kill()
