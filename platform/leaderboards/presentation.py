"""Numbers as a leaderboard prints them: percent where the scale is 0 to 1, rounded as the track says."""

from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from leaderboards.parts import aggregate_of, in_percent, tree_of
from leaderboards.selectors import Board

# The whisker's drawing area, in SVG units.
WIDTH = 100.0


@dataclass(frozen=True)
class Cell:
    """One score as text, with where its interval lies on the suite's scale (0 to 100)."""

    text: str
    interval: str = ""
    ends: tuple[str, ...] = ("", "")
    counts: str = ""
    partial: bool = False
    point: float | None = None
    low: float | None = None
    high: float | None = None
    chance: float | None = None


@dataclass(frozen=True)
class Heading:
    """A column: a suite with its metric, or a part of the aggregate, which `link` opens."""

    title: str
    detail: str = ""
    link: str = ""
    whisker: bool = False


@dataclass(frozen=True)
class Line:
    """One row of the table; `cells` stand under the table's headings."""

    row: dict[str, Any]
    rank: str
    aggregate: str
    cells: list[Cell]
    headings: tuple[Heading, ...] = ()

    @property
    def columns(self) -> list[tuple[Heading, Cell]]:
        """Each cell with its heading."""
        return list(zip(self.headings, self.cells, strict=True))

    @property
    def reference(self) -> bool:
        """Whether it is a baseline, shown for comparison."""
        return bool(self.row["status"] == "baseline")


@dataclass(frozen=True)
class View:
    """One way to look at the board, such as a part or a tag; `query` is what its address ends in."""

    title: str
    query: str
    current: bool


@dataclass(frozen=True)
class Table:
    """The board in one view; `aggregate`: the title of the column by which it ranks, "" where the one score does."""

    headings: list[Heading]
    lines: list[Line]
    aggregate: str
    compact: bool = False
    note: str = ""
    parts: tuple[View, ...] = ()
    tags: tuple[View, ...] = ()


def percent_scale(column: dict[str, Any]) -> bool:
    """Whether the metric's range is 0 to 1 (or −1 to 1), which is printed as percent."""
    return bool(column["range"][1] == 1)


def number(value: float | None, *, digits: int, percent: bool) -> str:
    """`65.35` from 0.65349 with two digits; an en dash where there is no number."""
    if value is None:
        return "–"
    return f"{value * (100 if percent else 1):.{digits}f}"


def table(board: Board) -> list[Line]:
    """The board's rows as text, with every suite's score."""
    return _lines(board, [str(column["key"]) for column in board.columns], board.rows)


def columns_of(board: Board) -> tuple[list[str], list[Line]]:
    """The keys of every part and suite of the board, and its rows with a cell for each."""
    keys = [str(one["key"]) for one in (*board.parts, *board.columns)]
    return keys, _lines(board, keys, board.rows)


def page(board: Board, *, part: str = "", tag: str = "") -> Table | None:
    """The board as its page shows it: as a whole, one part's suites, or one tag's items; None for what is not there."""
    parts = {one["key"]: one for one in board.parts}
    if (part and part not in parts) or (tag and all(one["tag"] != tag for one in board.tags)):
        return None
    views = _views(board, part, tag)
    if tag:
        return _tagged(board, next(one for one in board.tags if one["tag"] == tag), views)
    keys = parts[part]["members"] if part else _outermost(board)
    compact = any(key in parts for key in keys)
    headings = [_heading(board, parts, key, compact=compact) for key in keys]
    note = ""
    if part:
        note = f"The suites of {parts[part]['title']}; ranks are those of the whole table."
        keys = [part, *keys]
        headings = [Heading(str(parts[part]["title"]), "this part"), *headings]
    title = "Aggregate" if len(board.columns) > 1 else ""
    return Table(headings, _under(headings, _lines(board, keys, board.rows)), title, compact, note, *views)


def _under(headings: list[Heading], lines: list[Line]) -> list[Line]:
    return [replace(line, headings=tuple(headings)) for line in lines]


def _views(board: Board, part: str, tag: str) -> tuple[tuple[View, ...], tuple[View, ...]]:
    """The views of the parts that suites stand behind, and those of the tags; neither where there is none."""
    whole = View("Overall", "?", not part and not tag)
    parts = [View(str(one["title"]), f"?{urlencode({'part': one['key']})}", one["key"] == part) for one in board.parts]
    tags = [View(str(one["tag"]), f"?{urlencode({'tag': one['tag']})}", one["tag"] == tag) for one in board.tags]
    return (whole, *parts) if parts or tags else (), tuple(tags)


def _outermost(board: Board) -> list[str]:
    """The columns of the whole: the parts that stand in none, and the suites that stand in none, in order."""
    parents = {member: one["key"] for one in board.parts for member in one["members"]}
    keys = []
    for column in board.columns:
        key = column["key"]
        while key in parents:
            key = parents[key]
        keys.append(key)
    return list(dict.fromkeys(keys))


def _heading(board: Board, parts: dict[str, dict[str, Any]], key: str, *, compact: bool) -> Heading:
    if key in parts:
        one = parts[key]
        suites = len(one["suites"])
        detail = f"{suites} suite{'' if suites == 1 else 's'}{', %' if one['percent'] else ''}"
        return Heading(str(one["title"]), detail, f"?{urlencode({'part': key})}")
    column = next(column for column in board.columns if column["key"] == key)
    detail = f"{column['metric']}{', %' if percent_scale(column) else ''}"
    return Heading(str(column["title"]), detail, whisker=not compact)


def _tagged(board: Board, one: dict[str, Any], views: tuple[tuple[View, ...], tuple[View, ...]]) -> Table:
    """The board's entries ranked by their scores on the items of one tag."""
    rows = {row["entry"]: row for row in board.rows}
    found = [{**rows[row["entry"]], **row, "parts": {}} for row in one["rows"] if row["entry"] in rows]
    keys = list(one["columns"])
    title = "Aggregate" if len(keys) > 1 else ""
    note = f"Only items with the tag “{one['tag']}” count here, and ranks are by them."
    headings = [_heading(board, {}, key, compact=False) for key in keys]
    lines = _under(headings, _lines(board, keys, found, percent=one["percent"]))
    return Table(headings, lines, title, False, note, *views)


def _lines(board: Board, keys: list[str], rows: list[dict[str, Any]], *, percent: bool | None = None) -> list[Line]:
    digits = board.phase.track.round_digits
    percent = _in_percent(board) if percent is None else percent
    parts = {one["key"]: one for one in board.parts}
    columns = {column["key"]: column for column in board.columns}
    return [
        Line(
            row=row,
            rank=str(row["rank"]) if row["rank"] else "–",
            aggregate=number(row["aggregate"], digits=_shown(row, digits, percent), percent=percent),
            cells=[
                _part_cell(row.get("parts", {}).get(key), parts[key], digits)
                if key in parts
                else _cell(row["scores"].get(key), columns[key], digits)
                for key in keys
            ],
        )
        for row in rows
    ]


def _in_percent(board: Board) -> bool:
    """Whether the aggregate is printed as percent."""
    aggregate = aggregate_of(board.phase.track)
    known = all("suite" in column for column in board.columns)
    return in_percent(tree_of(aggregate, board.columns), board.columns) if known else _all_percent(board)


def _all_percent(board: Board) -> bool:
    return all(percent_scale(column) for column in board.columns)


def _part_cell(value: dict[str, Any] | None, part: dict[str, Any], digits: int) -> Cell:
    if value is None or value["value"] is None:
        return Cell(text="–", counts="incomplete")
    percent = bool(part["percent"])
    return Cell(text=number(value["value"], digits=_shown(value, digits, percent), percent=percent))


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
    ends: tuple[str, ...] = ("", "")
    if score["low"] is not None and score["high"] is not None:
        ends = tuple(number(score[end], digits=digits, percent=percent) for end in ("low", "high"))
        interval = (" to " if any(end.startswith("-") for end in ends) else "–").join(ends)
    return Cell(
        text=number(score["value"], digits=digits, percent=percent),
        interval=interval,
        ends=ends,
        counts=f"{score['answered']:,} of {score['asked']:,}",
        partial=score["answered"] < score["asked"],
        point=place(score["value"]),
        low=place(score["low"]),
        high=place(score["high"]),
        chance=place(column["chance"]),
    )
