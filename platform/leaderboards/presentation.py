"""Numbers as a leaderboard prints them: percent where the scale is 0 to 1, rounded as the track says."""

from dataclasses import dataclass
from typing import Any

from leaderboards.selectors import Board

# The whisker's drawing area, in SVG units.
WIDTH = 100.0


@dataclass(frozen=True)
class Cell:
    """One score as text, with where its interval lies on the suite's scale (0 to 100)."""

    text: str
    interval: str = ""
    counts: str = ""
    partial: bool = False
    point: float | None = None
    low: float | None = None
    high: float | None = None
    chance: float | None = None


@dataclass(frozen=True)
class Line:
    """One row of the table."""

    row: dict[str, Any]
    rank: str
    aggregate: str
    cells: list[Cell]

    @property
    def reference(self) -> bool:
        """Whether it is a baseline, shown for comparison."""
        return bool(self.row["status"] == "baseline")


def percent_scale(column: dict[str, Any]) -> bool:
    """Whether the metric's range is 0 to 1 (or −1 to 1), which is printed as percent."""
    return bool(column["range"][1] == 1)


def number(value: float | None, *, digits: int, percent: bool) -> str:
    """`65.35` from 0.65349 with two digits; an en dash where there is no number."""
    if value is None:
        return "–"
    return f"{value * (100 if percent else 1):.{digits}f}"


def table(board: Board) -> list[Line]:
    """The board's rows as text."""
    digits = board.phase.track.round_digits
    percent = all(percent_scale(column) for column in board.columns)
    return [
        Line(
            row=row,
            rank=str(row["rank"]) if row["rank"] else "–",
            aggregate=number(row["aggregate"], digits=_shown(row, digits, percent), percent=percent),
            cells=[_cell(row["scores"].get(column["key"]), column, digits) for column in board.columns],
        )
        for row in board.rows
    ]


def _shown(told: dict[str, Any], digits: int, percent: bool) -> int:
    """The digits to print: the track's, or fewer where the number was rounded to its error."""
    if "digits" not in told:
        return digits
    return max(0, int(told["digits"]) - (2 if percent else 0))


def _cell(score: dict[str, Any] | None, column: dict[str, Any], digits: int) -> Cell:
    if score is None or score["value"] is None:
        return Cell(text="–", counts="no score")
    percent = percent_scale(column)
    digits = _shown(score, digits, percent)
    lowest, highest = column["range"]

    def place(value: float | None) -> float | None:
        """Drawn no finer than it is printed: a track rounds so that scores tell no more than they should."""
        if value is None:
            return None
        printed = round(value, digits + 2 if percent else digits)
        return float(round((printed - lowest) / (highest - lowest) * WIDTH, 2))

    interval = ""
    if score["low"] is not None and score["high"] is not None:
        ends = (number(score[end], digits=digits, percent=percent) for end in ("low", "high"))
        interval = "–".join(ends)
    return Cell(
        text=number(score["value"], digits=digits, percent=percent),
        interval=interval,
        counts=f"{score['answered']:,} of {score['asked']:,}",
        partial=score["answered"] < score["asked"],
        point=place(score["value"]),
        low=place(score["low"]),
        high=place(score["high"]),
        chance=place(column["chance"]),
    )
