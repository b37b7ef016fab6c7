"""Numbers as a leaderboard prints them: percent where the scale is 0 to 1, rounded as the track says."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from leaderboards.parts import aggregate_of, in_percent, tree_of
from leaderboards.selectors import Board

# The whisker's drawing area, in SVG units.
WIDTH = 100.0
# Aggregates that are shares where the scores are; the others are numbers of their own.
SHARES = frozenset({"macro", "weighted", "geometric-mean", "above-chance", "babylm-2023"})


class Cell(NamedTuple):
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
    spread: str = ""
    splits: str = ""


class Span(NamedTuple):
    """Where an aggregate and its interval are drawn, in a drawing from the lowest to the highest end shown."""

    point: float
    low: float
    high: float


@dataclass(frozen=True)
class Heading:
    """A column: a suite with its metric, or a part of the aggregate, which `link` opens."""

    title: str
    detail: str = ""
    link: str = ""
    whisker: bool = False


@dataclass(frozen=True)
class Line:
    """One row of the table; `cells` stand under the table's headings, or in a plain table `texts`, numbers alone.

    `interval` and `span` are those of the aggregate, "" and None where they may not be told. `cut`: this is the first
    of a cluster that is worse than every one before it. `tied`: it can't be told apart from the first.
    """

    row: dict[str, Any]
    rank: str
    aggregate: str
    cells: list[Cell]
    headings: tuple[Heading, ...] = ()
    interval: str = ""
    span: Span | None = None
    p_best: str = ""
    cut: bool = False
    tied: bool = False
    texts: Sequence[str] = ()

    @property
    def columns(self) -> list[tuple[Heading, Cell]]:
        """Each cell with its heading."""
        return list(zip(self.headings, self.cells, strict=True))

    @property
    def reference(self) -> bool:
        """Whether it is a baseline or skyline, shown for comparison."""
        return self.row["status"] in ("baseline", "skyline")


def percent_scale(column: dict[str, Any]) -> bool:
    """Whether the metric's range is 0 to 1 (or −1 to 1), which is printed as percent."""
    return bool(column["range"][1] == 1)


def number(value: float | None, *, digits: int, percent: bool) -> str:
    """`65.35` from 0.65349 with two digits; an en dash where there is no number."""
    if value is None:
        return "–"
    return f"{value * (100 if percent else 1):.{digits}f}"


def between(low: str, high: str) -> str:
    """Both ends of an interval; a dash beside a minus would be read as one."""
    return (" to " if low.startswith("-") or high.startswith("-") else "–").join((low, high))


def chance_of(value: float | None) -> str:
    """A probability as it is printed: `0.62`, and no more than is known near its ends."""
    if value is None:
        return ""
    if value < 0.01:
        return "< 0.01"
    return "> 0.99" if value > 0.99 else f"{value:.2f}"


def table(board: Board) -> list[Line]:
    """The board's rows as text, with every suite's score."""
    return lines_of(board, [str(column["key"]) for column in board.columns], board.rows)


def columns_of(board: Board) -> tuple[list[str], list[Line]]:
    """The keys of every part and suite of the board, and its rows with a cell for each."""
    keys = [str(one["key"]) for one in (*board.parts, *board.columns)]
    return keys, lines_of(board, keys, board.rows)


def metric_in_words(column: dict[str, Any]) -> str:
    """`accuracy, %`."""
    return f"{column['metric']}{', %' if percent_scale(column) else ''}"


def lines_of(
    board: Board, keys: Sequence[str], rows: list[dict[str, Any]], *, percent: bool | None = None, plain: bool = False
) -> list[Line]:
    """The rows as text, with a cell for each of the parts and suites in `keys`, or `plain` with the numbers alone."""
    digits = board.phase.track.round_digits
    percent = aggregate_in_percent(board) if percent is None else percent
    parts = {one["key"]: one for one in board.parts}
    columns = {column["key"]: column for column in board.columns}
    ends = ends_of(rows)
    told = [] if plain else keys
    numbers = [(key, key in parts, _factor(key, parts, columns)) for key in keys] if plain else []
    lines, cluster = [], None
    for row in rows:
        cells = [
            _part_cell(row.get("parts", {}).get(key), parts[key], digits)
            if key in parts
            else cell_of(row["scores"].get(key), columns[key], digits)
            for key in told
        ]
        own = row.get("cluster") if row["rank"] else None
        cut = own is not None and cluster is not None and own != cluster
        cluster = own if own is not None else cluster
        shown = _shown(row, digits, percent)
        lines.append(
            Line(
                row=row,
                rank=_rank(row),
                aggregate=number(row["aggregate"], digits=shown, percent=percent),
                cells=cells,
                texts=_texts(row, numbers, digits) if plain else (),
                interval=_interval(row, shown, percent),
                span=_span(row, ends, shown + (2 if percent else 0)),
                p_best=chance_of(row.get("p_best")),
                cut=cut,
                tied=bool(row.get("tied") and row["rank"] and row["rank"] > 1),
            )
        )
    return lines


def ends_of(rows: list[dict[str, Any]]) -> list[float]:
    """The ends of all the aggregates' intervals that are told."""
    return [row[end] for row in rows for end in ("low", "high") if row.get(end) is not None]


def _factor(key: str, parts: dict[str, dict[str, Any]], columns: dict[str, dict[str, Any]]) -> int:
    return 100 if (parts[key]["percent"] if key in parts else percent_scale(columns[key])) else 1


def _texts(row: dict[str, Any], numbers: Sequence[tuple[str, bool, int]], digits: int) -> list[str]:
    """The row's numbers as text. A page has thousands of them, so that they are written without a detour."""
    scores, parts, texts = row["scores"], row.get("parts") or {}, []
    for key, is_part, factor in numbers:
        told = (parts if is_part else scores).get(key)
        if told is None or told["value"] is None:
            texts.append("–")
            continue
        shown = _shown(told, digits, factor == 100) if "digits" in told else digits
        text = f"{told['value'] * factor:.{shown}f}"
        texts.append(text if is_part or told["answered"] >= told["asked"] else f"{text} (partial)")
    return texts


def _rank(row: dict[str, Any]) -> str:
    """`3 (2–5)`: the rank with its interval, where that is known and says more."""
    if not row["rank"]:
        return "–"
    low, high = row.get("rank_low"), row.get("rank_high")
    if low is None or high is None or low == high:
        return str(row["rank"])
    return f"{row['rank']} ({low}–{high})"


def _interval(row: dict[str, Any], digits: int, percent: bool) -> str:
    if row.get("low") is None or row.get("high") is None:
        return ""
    low, high = (number(row[end], digits=digits, percent=percent) for end in ("low", "high"))
    return between(low, high)


def _span(row: dict[str, Any], ends: list[float], digits: int) -> Span | None:
    if row["aggregate"] is None or row.get("low") is None or row.get("high") is None:
        return None
    lowest, highest = round(min(ends), digits), round(max(ends), digits)
    width = (highest - lowest) or 1.0
    point, low, high = (
        round(min(1.0, max(0.0, (round(value, digits) - lowest) / width)) * WIDTH, 1)
        for value in (row["aggregate"], row["low"], row["high"])
    )
    return Span(point, low, high)


def aggregate_in_percent(board: Board, *, method: str = "") -> bool:
    """Whether the aggregate, or what another method would make of it, is printed as percent."""
    aggregate = aggregate_of(board.phase.track)
    if (method or aggregate.method) not in SHARES:
        return False
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


def cell_of(score: dict[str, Any] | None, column: dict[str, Any], digits: int) -> Cell:
    """One score of a snapshot as text, with its interval."""
    if score is None or score["value"] is None:
        return Cell(text="–", counts="no score")
    percent = percent_scale(column)
    digits = _shown(score, digits, percent)
    text = number(score["value"], digits=digits, percent=percent)
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
        interval = between(*ends)
    spread = score.get("sd")
    return Cell(
        text=text,
        interval=interval,
        ends=ends,
        counts=f"{score['answered']:,} of {score['asked']:,}",
        partial=score["answered"] < score["asked"],
        point=place(score["value"]),
        low=place(score["low"]),
        high=place(score["high"]),
        chance=place(column["chance"]),
        spread="" if spread is None else f"± {number(spread, digits=digits, percent=percent)} over trainings",
        splits=", ".join(
            f"{name} {number(value, digits=digits, percent=percent)}"
            for name, value in score.get("splits", {}).items()
            if value is not None
        ),
    )
