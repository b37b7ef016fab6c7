"""A board's entries against the groups of one suite, as a heat table."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.safestring import SafeString

from leaderboards.drilldown import scale_in_words
from leaderboards.drilldown_groups import GroupScores, group_scores
from leaderboards.presentation import number, percent_scale
from leaderboards.presentation_links import Address, EntryLinks, View
from leaderboards.rendering_heat import HeatRow, Scale, heat, heat_head, heat_rows
from leaderboards.selectors import Board

FEW_GROUPS = 9


@dataclass(frozen=True)
class Matrix:
    """The heat table of one suite."""

    title: str
    head: SafeString
    rows: SafeString
    note: str
    groups: int

    @property
    def empty(self) -> bool:
        """Whether no entry has a score of any group."""
        return not self.groups

    @property
    def many(self) -> bool:
        """Whether it takes more room than the page's text."""
        return self.groups > FEW_GROUPS


def suite_views(board: Board, address: Address) -> tuple[View, ...]:
    """The suites whose groups can be looked at."""
    return tuple(
        View(str(column["title"]), address.link(suite=column["key"], part="", tag=""), column["key"] == address.suite)
        for column in board.columns
        if column["groups"] > 1
    )


def matrix(board: Board, address: Address, *, links: EntryLinks) -> Matrix | None:
    """The rows of the board's page against the groups of `address.suite`; None for a suite that is not there.

    All numbers stand on one scale, from the lowest to the highest in the table. Whoever calls this has asked
    `sees_groups`.
    """
    column = next((one for one in board.columns if one["key"] == address.suite), None)
    if column is None:
        return None
    entries = [row["entry"] for row in board.rows if row.get("entry")]
    found = group_scores(board, entries, columns=[address.suite])
    groups = [_groups_of(row, address.suite, found) for row in board.rows]
    names = sorted({name for scores in groups for name in scores})
    values = [value for scores in groups for value in scores.values() if value is not None]
    scale = Scale(min(values, default=0.0), max(values, default=1.0), column["direction"] == "higher")
    digits, percent = board.phase.track.round_digits, percent_scale(column)

    def row_of(row: dict[str, Any], scores: Mapping[str, float | None]) -> HeatRow:
        own = row["scores"].get(address.suite) or {}
        cells = [heat(number(own.get("value"), digits=digits, percent=percent), None)]
        for name in names:
            value = scores.get(name)
            cells.append(heat(number(value, digits=digits, percent=percent), scale.shade(value)))
        return HeatRow(row["name"], cells, links.of(row), row["team"], str(row["rank"] or "–"))

    return Matrix(
        title=str(column["title"]),
        head=heat_head("Method", ["Whole suite", *names], ranked=True),
        rows=heat_rows([row_of(row, scores) for row, scores in zip(board.rows, groups, strict=True)]),
        note=scale_in_words(scale, digits=digits, percent=percent) if values else "",
        groups=len(names),
    )


def _groups_of(row: Mapping[str, Any], suite: str, found: GroupScores) -> Mapping[str, float | None]:
    """A row's scores on the suite's groups; a published table has them in its rows, since nothing was scored here."""
    told = (row["scores"].get(suite) or {}).get("groups")
    if told is not None:
        return dict(told)
    return {name: score.value for (_, name), score in found.get(row["entry"], {}).get(suite, {}).items()}
