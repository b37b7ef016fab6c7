"""What a leaderboard page may show, and to whom."""

from dataclasses import dataclass
from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser

from challenges.models import Phase
from challenges.selectors import is_reviewer
from leaderboards.models import Snapshot


@dataclass(frozen=True)
class Board:
    """A leaderboard as one viewer sees it; `rows` is empty where nothing may be seen yet."""

    phase: Phase
    snapshot: Snapshot | None
    rows: list[dict[str, Any]]
    columns: list[dict[str, Any]]
    visible: bool
    early: bool


def may_see(user: AbstractBaseUser | AnonymousUser, phase: Phase) -> bool:
    """Whether the user may see the phase's scores now."""
    return is_public(phase) or is_reviewer(user, phase.track.challenge)


def is_public(phase: Phase) -> bool:
    """Whether everybody may see the phase's scores now."""
    if phase.visibility == Phase.Visibility.PUBLIC:
        return True
    return phase.visibility == Phase.Visibility.AFTER_CLOSE and phase.is_closed


def board(user: AbstractBaseUser | AnonymousUser, phase: Phase) -> Board:
    """The phase's current leaderboard for this viewer; one query beside the role's."""
    visible = may_see(user, phase)
    snapshot = phase.snapshots.filter(current=True).first() if visible else None
    return Board(
        phase=phase,
        snapshot=snapshot,
        rows=snapshot.rows if snapshot else [],
        columns=snapshot.columns if snapshot else [],
        visible=visible,
        early=visible and not is_public(phase),
    )
