"""The one table of a batch's moves, and the one function that makes them: compare and set, with who, when and why."""

from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.utils import timezone

from accounts.models import User
from challenges.models import Challenge
from challenges.selectors import is_organizer
from evaluations.batch_models import Batch, BatchMove
from evaluators.protocol.problems import Problem, ProblemsFound

State = Batch.State
# A batch that is ready goes on where entries were scored meanwhile.
MOVES: Mapping[str, frozenset[str]] = {
    State.DRAFT: frozenset({State.RUNNING, State.DISCARDED}),
    State.RUNNING: frozenset({State.READY, State.DISCARDED}),
    State.READY: frozenset({State.RUNNING, State.APPLIED, State.DISCARDED}),
    State.APPLIED: frozenset(),
    State.DISCARDED: frozenset(),
}
OPEN = (State.DRAFT, State.RUNNING, State.READY)
REASON_LENGTH = 500


def refused(message: str, remedy: str = "") -> ProblemsFound:
    """Why a batch is not to be had, as a sentence for its organizers."""
    return ProblemsFound([Problem("E-BATCH", message, remedy=remedy)])


def require_organizer(user: User, challenge: Challenge) -> None:
    """Raises ProblemsFound for whoever does not look after the challenge."""
    if not is_organizer(user, challenge):
        raise refused(f"only organizers of {challenge} may change its scores")


def reason_of(text: str) -> str:
    """The reason as it is kept; raises ProblemsFound where there is none."""
    reason = " ".join(text.split())
    if not reason:
        raise refused("a reason is missing", "Say in a sentence why scores are to change.")
    return reason[:REASON_LENGTH]


def move(batch: Batch, new: str, *, by: User | None = None, reason: str = "", digest: str = "") -> None:
    """Move the batch from the state in hand to `new` and note it; raises ProblemsFound where somebody was first."""
    old = batch.state
    if new not in MOVES[old]:
        raise refused(f"a batch that is {old} does not become {new}")
    changes: dict[str, Any] = {"state": new}
    if new not in OPEN:
        changes["finished_at"] = timezone.now()
    with transaction.atomic():
        if not Batch.objects.filter(pk=batch.pk, state=old).update(**changes):
            raise refused(f"batch {batch.pk} is not {old} any more", "Look at it again.")
        if new not in OPEN:
            batch.batch_phases.update(open=False)
        BatchMove.objects.create(batch=batch, old=old, new=new, by=by, reason=reason, digest=digest)
    for name, value in changes.items():
        setattr(batch, name, value)
