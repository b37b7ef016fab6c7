"""Boards made by hand, as `selectors.board` returns them."""

from datetime import UTC, datetime
from typing import Any

from challenges.models import Challenge, Phase, Track
from leaderboards.models import Snapshot
from leaderboards.selectors import Board


def column(key: str = "pairs", **fields: Any) -> dict[str, Any]:
    """A suite whose scores are shares of right answers, chance being a half."""
    return {
        "key": key, "suite": key, "groups": 2, "title": key.title(), "version": "1", "digest": "0" * 64,
        "metric": "accuracy", "chance": 0.5, "range": [0, 1], "direction": "higher", "worst": 0, "group_weights": {},
        "weight": 1.0, **fields,
    }  # fmt: skip


def score(value: float | None, **fields: Any) -> dict[str, Any]:
    """A score on 100 items with an interval of a tenth to both sides."""
    ends = {"low": None, "high": None} if value is None else {"low": value - 0.1, "high": value + 0.1}
    return {"value": value, **ends, "n": 100, "asked": 100, "answered": 100, **fields}


def row(entry: int = 1, rank: int | None = 1, value: float | None = 0.75, **fields: Any) -> dict[str, Any]:
    """A row of a board of one suite, or of those in `scores`."""
    return {
        "rank": rank, "why_unranked": "", "entry": entry, "submission": f"00000000-0000-0000-0000-{entry:012}",
        "name": f"Method {entry}", "team": f"Team {entry}", "status": "official", "kind": "code",
        "provenance": "run here", "aggregate": value, "finished_at": "2026-03-01T12:00:00+00:00",
        "scores": {"pairs": score(value)}, **fields,
    }  # fmt: skip


def board(rows: list[dict[str, Any]], columns: list[dict[str, Any]] | None = None, **fields: Any) -> Board:
    """A public board of an open phase, with these rows; nothing of it is saved."""
    track = Track(
        key="small", title="Small", challenge=Challenge(key="pairs", title="Pairs"), **fields.pop("track", {})
    )
    phase = Phase(
        track=track, key="dev", title="Development", opens=datetime(2026, 1, 1, tzinfo=UTC),
        closes=datetime(2100, 1, 1, tzinfo=UTC), visibility=Phase.Visibility.PUBLIC,
    )  # fmt: skip
    given = {"snapshot": Snapshot(phase=phase), "visible": True, "early": False, **fields}
    return Board(phase=phase, rows=rows, columns=columns or [column()], **given)
