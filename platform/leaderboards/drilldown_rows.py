"""Which rows of a board a viewer may look into, and what of them."""

from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser

from accounts.models import User
from leaderboards.computing import UNFINISHED
from leaderboards.selectors import Board
from submissions.selectors import visible_submissions


def row_of(board: Board, entry: int) -> dict[str, Any] | None:
    """The entry's row as the board shows it to its viewer; None where it stands neither in the table nor beside it.

    None as well where its name is made up: who knows the entry's number from another board would learn whose it is.
    """
    rows = (row for row in board.rows if row.get("section") != UNFINISHED and not row.get("blind"))
    return next((row for row in rows if row.get("entry") == entry), None)


def opens_submission(user: AbstractBaseUser | AnonymousUser, row: dict[str, Any]) -> bool:
    """Whether the user may open the page of the row's submission: its team and the challenge's people may."""
    return isinstance(user, User) and visible_submissions(user).filter(pk=row["submission"]).exists()


def is_mine(board: Board, row: dict[str, Any]) -> bool:
    """Whether the row is of a team of the viewer's."""
    return any(one["entry"] == row["entry"] for one in board.own)


def sees_configuration(board: Board, row: dict[str, Any], *, reviewer: bool) -> bool:
    """Whether the viewer may read what the entry's team declares: its team and the reviewers may, and everybody once
    the scores are revealed."""
    if reviewer or is_mine(board, row):
        return True
    return board.phase.is_revealed and board.visible and not board.guarded
