"""What a leaderboard page may show, and to whom."""

from dataclasses import dataclass, field
from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser

from challenges.models import Phase
from challenges.selectors import is_reviewer
from evaluations.visibility import is_guarded
from leaderboards.models import Snapshot
from suites.access import asks_hidden


@dataclass(frozen=True)
class Board:
    """A leaderboard as one viewer sees it; `rows` is empty where nothing may be seen yet.

    `guarded`: it is of hidden data that is not revealed, so only organizers and reviewers see it exactly.
    """

    phase: Phase
    snapshot: Snapshot | None
    rows: list[dict[str, Any]]
    columns: list[dict[str, Any]]
    visible: bool
    early: bool
    guarded: bool = False
    rule: str = ""
    digest: str = ""
    parts: list[dict[str, Any]] = field(default_factory=list)
    tags: list[dict[str, Any]] = field(default_factory=list)


def is_public(phase: Phase) -> bool:
    """Whether everybody may see the phase's scores now."""
    if phase.visibility == Phase.Visibility.PUBLIC:
        return True
    return phase.visibility == Phase.Visibility.AFTER_CLOSE and phase.is_closed


def board(user: AbstractBaseUser | AnonymousUser, phase: Phase) -> Board:
    """The phase's current leaderboard for this viewer; two queries beside the role's.

    Before hidden data is revealed only organizers and reviewers get the exact rows, by which the final table is made.
    """
    reviewer = is_reviewer(user, phase.track.challenge)
    public = is_public(phase)
    visible = public or reviewer
    snapshot = phase.snapshots.filter(current=True).first() if visible else None
    guarded = visible and _is_guarded(phase)
    coarse = guarded and not reviewer
    rows: list[dict[str, Any]] = []
    if snapshot is not None:
        # A snapshot that was computed before the phase asked hidden data holds nothing that may be told.
        rows = (snapshot.told_rows or []) if coarse else snapshot.rows
    return Board(
        phase=phase,
        snapshot=snapshot,
        rows=rows,
        columns=snapshot.columns if snapshot else [],
        visible=visible,
        early=visible and not public,
        guarded=guarded,
        rule=(snapshot.told_rule if coarse else snapshot.rule) if snapshot else "",
        digest=(snapshot.told_digest if coarse else snapshot.digest) if snapshot else "",
        parts=snapshot.parts if snapshot else [],
        tags=(snapshot.told_tags if coarse else snapshot.tags) if snapshot else [],
    )


def _is_guarded(phase: Phase) -> bool:
    hidden = asks_hidden(phase.phase_suites.select_related("suite_version"))
    return is_guarded(hidden=hidden, visibility=phase.visibility, closed=phase.is_closed)
