"""The one table of a run's moves, and the one function that makes them: compare and set, with an event."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef

from evaluations import clock
from evaluations.models import Attempt, Event, Run

State = Run.State

# A run that a worker has given up, or lost, goes back to QUEUED; an organizer may re-queue what went wrong here.
MOVES: Mapping[str, frozenset[str]] = {
    State.QUEUED: frozenset({State.PREPARING, State.ERRORED, State.CANCELLED}),
    State.PREPARING: frozenset(
        {State.RUNNING, State.SCORING, State.FAILED, State.QUEUED, State.ERRORED, State.CANCELLED}
    ),
    State.RUNNING: frozenset({State.SCORING, State.FAILED, State.QUEUED, State.ERRORED, State.CANCELLED}),
    State.SCORING: frozenset({State.DONE, State.FAILED, State.QUEUED, State.ERRORED, State.CANCELLED}),
    State.DONE: frozenset(),
    State.FAILED: frozenset(),
    State.ERRORED: frozenset({State.QUEUED}),
    State.CANCELLED: frozenset(),
}
HELD = frozenset({State.PREPARING, State.RUNNING, State.SCORING})
FINISHED = frozenset({State.DONE, State.FAILED, State.ERRORED, State.CANCELLED})


class MoveRefused(Exception):
    """The run is not in the state that was expected: somebody else moved it first, or the table has no such move."""


class LeaseLost(MoveRefused):
    """The attempt is not the run's live one any more; whatever it still holds is to be thrown away."""


def move(
    run: Run,
    new: str,
    *,
    lease: UUID | None = None,
    code: str = "",
    stage: str = "",
    detail: Mapping[str, Any] | None = None,
    not_before: datetime | None = None,
) -> None:
    """Move the run from the state in hand to `new` and write an event; raises MoveRefused, with a lease LeaseLost.

    With `lease`, it moves only while the live attempt holds it.
    """
    old = run.state
    if new not in MOVES[old]:
        raise MoveRefused(f"A run that is {old} does not become {new}.")
    changes: dict[str, Any] = {"state": new}
    if new in (State.FAILED, State.ERRORED):
        changes |= {"code": code, "stage": stage, "detail": {**run.detail, **(detail or {})}}
    elif new == State.QUEUED:
        changes |= {"code": "", "stage": "", "not_before": not_before or clock.now()}
    changes["finished_at"] = clock.now() if new in FINISHED else None
    rows = Run.objects.filter(pk=run.pk, state=old)
    if lease is not None:
        live = Attempt.objects.filter(run=OuterRef("pk"), lease=lease, state=Attempt.State.LIVE)
        rows = rows.filter(Exists(live))
    with transaction.atomic():
        if not rows.update(**changes):
            if lease is not None:
                raise LeaseLost(f"The lease on run {run.pk} is lost.")
            raise MoveRefused(f"Run {run.pk} is not {old} any more.")
        Event.objects.create(
            submission_id=run.entry.submission_id,
            run=run,
            kind="run",
            old=old,
            new=new,
            detail={name: value for name, value in (("code", code), ("stage", stage)) if value},
        )
    for name, value in changes.items():
        setattr(run, name, value)
