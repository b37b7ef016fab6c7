"""The table of a board in one view: as a whole, one part's suites, or one tag's items."""

from dataclasses import dataclass, replace
from typing import Any

from leaderboards.presentation import (
    Heading,
    Line,
    aggregate_in_percent,
    ends_of,
    lines_of,
    metric_in_words,
    number,
)
from leaderboards.presentation_links import Address, View
from leaderboards.selectors import Board

# Up to so many suites each score has a whisker of its own, and up to so many its interval stands below it (the whisker
# is the aggregate's then); a wider table has the numbers alone, since each entry's own page has the rest.
MOST_WHISKERS, MOST_INTERVALS = 1, 16
# A table of more columns of numbers takes more room than the page's text.
FEW_COLUMNS = 3


@dataclass(frozen=True)
class Table:
    """The board in one view; `aggregate`: the title of the column by which it ranks, "" where the one score does.

    `scale`: the ends of the drawings of the aggregates' intervals, ("", "") where there is none. `p_best`: whether any
    row has one. `ranked`: whether there is a column of ranks.
    """

    headings: list[Heading]
    lines: list[Line]
    aggregate: str
    compact: bool = False
    note: str = ""
    parts: tuple[View, ...] = ()
    tags: tuple[View, ...] = ()
    scale: tuple[str, str] = ("", "")
    p_best: bool = False
    ranked: bool = True

    @property
    def many(self) -> bool:
        """Whether it has so many columns that it takes more room than the page's text."""
        return len(self.headings) + self.whiskers + self.p_best > FEW_COLUMNS

    @property
    def intervals(self) -> bool:
        """Whether intervals stand below the suites' scores."""
        return self.compact and any(cell.interval for line in self.lines[:1] for cell in line.cells)

    @property
    def whiskers(self) -> bool:
        """Whether aggregates have intervals to draw."""
        return self.scale != ("", "")


def page(board: Board, address: Address | None = None) -> Table | None:
    """The board as its page shows it: as a whole, one part's suites, or one tag's items; None for what is not there."""
    address = address or Address()
    parts = {one["key"]: one for one in board.parts}
    unknown_tag = address.tag and all(one["tag"] != address.tag for one in board.tags)
    if unknown_tag or (address.part and address.part not in parts):
        return None
    views = _views(board, address)
    if address.tag:
        return _tagged(board, next(one for one in board.tags if one["tag"] == address.tag), views)
    keys = parts[address.part]["members"] if address.part else outermost(board)
    compact = len(keys) > MOST_WHISKERS or any(key in parts for key in keys)
    headings = [_heading(board, parts, key, address, compact=compact) for key in keys]
    note = ""
    if address.part:
        note = f"The suites of {parts[address.part]['title']}; ranks are those of the whole table."
        keys = [address.part, *keys]
        headings = [Heading(str(parts[address.part]["title"]), "this part"), *headings]
    title = "Aggregate" if len(board.columns) > 1 else ""
    lines = lines_of(board, keys, board.rows, plain=len(keys) > MOST_INTERVALS)
    return _told(board, Table(headings, _under(headings, lines), title, compact, note, *views))


def _told(board: Board, made: Table) -> Table:
    """The table with what is drawn of the aggregates: their scale follows from the rows that are shown."""
    ends = ends_of(board.rows)
    percent, digits = aggregate_in_percent(board), board.phase.track.round_digits
    p_best = any(line.p_best for line in made.lines)
    # Of one suite the score's own whisker is the aggregate's.
    if not ends or not made.aggregate:
        return replace(made, p_best=p_best)
    low, high = (number(end(ends), digits=digits, percent=percent) for end in (min, max))
    return replace(made, p_best=p_best, scale=(low, high))


def _under(headings: list[Heading], lines: list[Line]) -> list[Line]:
    return [replace(line, headings=tuple(headings)) for line in lines]


def _views(board: Board, address: Address) -> tuple[tuple[View, ...], tuple[View, ...]]:
    """The views of the parts that suites stand behind, and those of the tags; neither where there is none."""

    def view(title: str, **what: str) -> View:
        asked = {"part": "", "tag": "", "page": 1, **what}
        current = (address.part, address.tag) == (asked["part"], asked["tag"])
        return View(title, address.link(**asked), current)

    whole = view("Overall")
    parts = [view(str(one["title"]), part=one["key"]) for one in board.parts]
    tags = [view(str(one["tag"]), tag=one["tag"]) for one in board.tags]
    return (whole, *parts) if parts or tags else (), tuple(tags)


def outermost(board: Board) -> list[str]:
    """The columns of the whole: the parts that stand in none, and the suites that stand in none, in order."""
    parents = {member: one["key"] for one in board.parts for member in one["members"]}
    keys = []
    for column in board.columns:
        key = column["key"]
        while key in parents:
            key = parents[key]
        keys.append(key)
    return list(dict.fromkeys(keys))


def _heading(
    board: Board, parts: dict[str, dict[str, Any]], key: str, address: Address | None = None, *, compact: bool
) -> Heading:
    if key in parts:
        one = parts[key]
        suites = len(one["suites"])
        detail = f"{suites} suite{'' if suites == 1 else 's'}{', %' if one['percent'] else ''}"
        return Heading(str(one["title"]), detail, (address or Address()).link(part=key, page=1))
    column = next(column for column in board.columns if column["key"] == key)
    return Heading(str(column["title"]), metric_in_words(column), whisker=not compact)


def _tagged(board: Board, one: dict[str, Any], views: tuple[tuple[View, ...], tuple[View, ...]]) -> Table:
    """The board's entries ranked by their scores on the items of one tag."""
    rows = {row["entry"]: row for row in board.rows}
    # What the whole table says of an aggregate and of ranks is not true of the tag's.
    whole = ("low", "high", "rank_low", "rank_high", "p_best", "p_top3", "cluster", "tied")
    found = [
        {**{key: value for key, value in rows[row["entry"]].items() if key not in whole}, **row, "parts": {}}
        for row in one["rows"]
        if row["entry"] in rows
    ]
    keys = list(one["columns"])
    title = "Aggregate" if len(keys) > 1 else ""
    note = f"Only items with the tag “{one['tag']}” count here, and ranks are by them."
    compact = len(keys) > MOST_WHISKERS
    headings = [_heading(board, {}, key, compact=compact) for key in keys]
    lines = _under(headings, lines_of(board, keys, found, percent=one["percent"], plain=len(keys) > MOST_INTERVALS))
    return Table(headings, lines, title, compact, note, *views)
