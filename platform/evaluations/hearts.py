"""The heart of an attempt: it keeps the lease alive while a worker works, and kills the work when the lease is lost."""

import logging
import threading
from collections.abc import Callable
from dataclasses import asdict
from time import monotonic
from types import TracebackType
from typing import Any, Self

from django.conf import settings
from django.db import DatabaseError, connection
from django.db.models import QuerySet

from evaluations import clock, states
from evaluations.faults import storable
from evaluations.models import Attempt
from sandbox.interface import Progress

logger = logging.getLogger(__name__)

FAILED_RENEWALS = 3


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
        renewed = monotonic()
        due, failures = renewed + beat, 0
        while not self._stop.wait(min(settings.LOOK_SECONDS, beat)):
            began = monotonic()
            try:
                if began >= due or self._progress is not None:
                    wanted = self._renew()
                    due, renewed, failures = began + beat, began, 0
                else:
                    wanted = self._mine().exists()
            except DatabaseError:
                logger.warning("The lease of attempt %s could not be renewed.", self._attempt.pk, exc_info=True)
                connection.close()
                failures += 1
                wanted = failures < FAILED_RENEWALS
                self._stop.wait(beat)
            # A database that answers too late is no better than one that does not: the lease is another's by now.
            if not wanted or monotonic() - renewed > max(settings.LEASE_SECONDS, beat):
                self._lose()
                return

    def _mine(self) -> QuerySet[Attempt]:
        return Attempt.objects.filter(pk=self._attempt.pk, lease=self._attempt.lease, state=Attempt.State.LIVE)

    def _renew(self) -> bool:
        changes: dict[str, Any] = {"lease_until": clock.lease_end()}
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
