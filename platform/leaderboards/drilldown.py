"""An entry's own page: every suite with its interval, groups and tags as heat tables, curves, and what was run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC
from typing import Any

from django.utils.dateparse import parse_datetime
from django.utils.safestring import SafeString

from evaluations.models import Run
from evaluations.selectors import runs_of
from leaderboards.curves import Overlay, curves_of
from leaderboards.drilldown_configuration import Fact, configuration, digests_of
from leaderboards.drilldown_groups import GroupScore, group_scores, sees_groups
from leaderboards.drilldown_rows import is_mine, sees_configuration
from leaderboards.presentation import (
    Cell,
    Line,
    aggregate_in_percent,
    lines_of,
    metric_in_words,
    number,
    percent_scale,
)
from leaderboards.rendering import span_of, whisker
from leaderboards.rendering_heat import HeatRow, Scale, Shaded, Tile, heat, heat_head, heat_rows, tiles
from leaderboards.selectors import Board
from submissions.models import Entry

Column = dict[str, Any]
# Suites stand in one table, a column for each group, where they share their groups: where the table is at most so
# much wider than its fullest row.
SHARED = 1.5


@dataclass(frozen=True)
class SuiteLine:
    """A suite's score on the entry's page."""

    title: str
    metric: str
    version: str
    cell: Cell
    drawing: SafeString | str


@dataclass(frozen=True)
class HeatBlock:
    """The groups or tags of one suite as tiles; `scale` says what their grounds mean."""

    title: str
    what: str
    tiles: SafeString
    scale: str


@dataclass(frozen=True)
class HeatGrid:
    """Suites that share their groups, as one table."""

    head: SafeString
    rows: SafeString
    scale: str


@dataclass(frozen=True)
class Heat:
    """The groups, or the tags, of all suites: as one table where the suites share them, else suite by suite."""

    grid: HeatGrid | None = None
    blocks: Sequence[HeatBlock] = ()


@dataclass(frozen=True)
class EntryPage:
    """What the page of an entry shows this viewer; `groups_told`: whether scores of groups may be seen."""

    line: Line
    scale: tuple[str, str]
    drawing: SafeString | str
    suites: Sequence[SuiteLine]
    parts: Sequence[tuple[str, Cell]]
    groups_told: bool
    groups: Heat = field(default_factory=Heat)
    tags: Heat = field(default_factory=Heat)
    curves: Sequence[Overlay] = ()
    configuration: Sequence[Fact] = ()
    digests: Sequence[Fact] = ()
    facts: Sequence[Fact] = ()

    @property
    def row(self) -> dict[str, Any]:
        """The entry's row of the board."""
        return self.line.row


def entry_page(board: Board, row: dict[str, Any], *, reviewer: bool) -> EntryPage:
    """The page of the entry that this row of the board is about."""
    keys = [str(one["key"]) for one in (*board.parts, *board.columns)]
    (line,) = lines_of(board, keys, [row])
    cells = dict(zip(keys, line.cells, strict=True))
    told = sees_groups(board, reviewer=reviewer)
    entry = int(row["entry"])
    found = group_scores(board, [entry], tags=True).get(entry, {}) if told else {}
    # Of an earlier board the scores are known, and what else was true then is not.
    current = board.snapshot is not None and board.snapshot.current
    run = _run(board, row) if told and current else None
    declared = sees_configuration(board, row, reviewer=reviewer)
    return EntryPage(
        line=line,
        scale=_ends(board, row),
        drawing=span_of(line.span) if line.span else "",
        suites=[_suite_line(column, cells[str(column["key"])]) for column in board.columns],
        parts=[(str(part["title"]), cells[str(part["key"])]) for part in board.parts],
        groups_told=told,
        groups=_heat(board, found, "group"),
        tags=_heat(board, found, "tag"),
        curves=curves_of(board, {entry: str(row["name"])}) if told else (),
        configuration=configuration_of(board, row, reviewer=reviewer) if declared else (),
        digests=digests_of(run) if run is not None and declared else (),
        facts=_facts(line),
    )


def configuration_of(board: Board, row: dict[str, Any], *, reviewer: bool) -> list[Fact]:
    """What the entry's team declares; answers to the track's questions are for the team and the reviewers. Four
    queries."""
    answers = reviewer or is_mine(board, row)
    entry = Entry.objects.select_related("submission", "track").filter(pk=row["entry"]).first()
    return [] if entry is None else configuration(entry.submission, entry.track, answers=answers)


def _run(board: Board, row: Mapping[str, Any]) -> Run | None:
    """The run that the row's scores come from, with all that is shown of it. Seven queries."""
    runs = runs_of(row["submission"]).filter(
        entry=row["entry"], phase=board.phase, purpose=Run.Purpose.PHASE, state=Run.State.DONE
    )
    return runs.select_related("entry__submission", "entry__track__challenge", "phase").first()


def _ends(board: Board, row: Mapping[str, Any]) -> tuple[str, str]:
    if row.get("low") is None or row.get("high") is None:
        return "", ""
    percent, digits = aggregate_in_percent(board), board.phase.track.round_digits
    return number(row["low"], digits=digits, percent=percent), number(row["high"], digits=digits, percent=percent)


def _suite_line(column: Column, cell: Cell) -> SuiteLine:
    return SuiteLine(
        title=str(column["title"]),
        metric=metric_in_words(column),
        version=str(column["version"]),
        cell=cell,
        drawing=whisker(cell) if cell.interval else "",
    )


def _facts(line: Line) -> list[Fact]:
    row = line.row
    words = {
        "Rank": line.rank if row["rank"] else "",
        "Aggregate": line.aggregate,
        "95 % interval": line.interval,
        "P(best)": line.p_best,
        "Status": str(row["status"]).replace("_", " "),
        "Why": str(row.get("reason") or row.get("why_unranked") or ""),
        "Provenance": str(row["provenance"]),
        "Kind": str(row["kind"]),
        "Scored": _day(row.get("finished_at")),
    }
    return [Fact(name, text) for name, text in words.items() if text]


def _day(moment: str | None) -> str:
    found = parse_datetime(moment) if moment else None
    return f"{found.astimezone(UTC):%-d %B %Y, %H:%M} UTC" if found else ""


def scale_of(column: Column, values: Sequence[float]) -> Scale:
    """From chance, or the worst score there is, to the best one; of what is no share, from the lowest to the highest
    that is shown."""
    higher = column["direction"] == "higher"
    low, high = column["range"]
    if not percent_scale(column):
        return Scale(min(values, default=0.0), max(values, default=1.0), higher)
    chance = column["chance"]
    low = chance if chance is not None and low < chance < high else low
    return Scale(float(low), float(high), higher)


def scale_in_words(scale: Scale, *, digits: int, percent: bool, chance: bool = False) -> str:
    """What the strength of a ground means."""
    low, high = (number(end, digits=digits, percent=percent) for end in (scale.low, scale.high))
    weakest, strongest = (low, high) if scale.higher else (high, low)
    return f"The stronger the ground, the better: from {weakest}{' (chance)' if chance else ''} to {strongest}."


def _shaded(score: GroupScore | None, column: Column, scale: Scale, digits: int) -> Shaded:
    if score is None or score.value is None:
        return heat("–", None)
    percent = percent_scale(column)
    text = number(score.value, digits=digits, percent=percent)
    return heat(text, scale.shade(score.value), f"n\u00a0=\u00a0{score.n:,}")


def _heat(board: Board, found: Mapping[str, Mapping[tuple[str, str], GroupScore]], kind: str) -> Heat:
    names = {key: [name for own, name in scores if own == kind] for key, scores in found.items()}
    union = sorted({name for own in names.values() for name in own})
    columns = [column for column in board.columns if names.get(column["key"])]
    alike = len({(tuple(one["range"]), one["direction"], one["chance"]) for one in columns}) == 1
    fullest = max((len(own) for own in names.values()), default=0)
    if len(columns) < 2 or not alike or len(union) > SHARED * fullest:
        return Heat(None, _blocks(board, found, kind))
    digits = board.phase.track.round_digits
    values = [
        score.value
        for scores in found.values()
        for (own, _), score in scores.items()
        if own == kind and score.value is not None
    ]
    scale = scale_of(columns[0], values)
    rows = [
        HeatRow(
            str(column["title"]),
            [_shaded(found[column["key"]].get((kind, name)), column, scale, digits) for name in union],
            mark=metric_in_words(column),
        )
        for column in columns
    ]
    return Heat(HeatGrid(heat_head("Suite", union), heat_rows(rows), _scale_words(columns[0], scale, digits)))


def _scale_words(column: Column, scale: Scale, digits: int) -> str:
    at_chance = column["chance"] is not None and scale.low == column["chance"]
    return scale_in_words(scale, digits=digits, percent=percent_scale(column), chance=at_chance)


def _blocks(board: Board, found: Mapping[str, Mapping[tuple[str, str], GroupScore]], kind: str) -> list[HeatBlock]:
    digits = board.phase.track.round_digits
    blocks = []
    for column in board.columns:
        scores = {name: score for (own, name), score in found.get(column["key"], {}).items() if own == kind}
        if not scores:
            continue
        values = [score.value for score in scores.values() if score.value is not None]
        scale = scale_of(column, values)
        shown = [Tile(name, _shaded(scores[name], column, scale, digits)) for name in sorted(scores)]
        what = f"{len(shown)} {kind}{'' if len(shown) == 1 else 's'}, {metric_in_words(column)}"
        blocks.append(HeatBlock(str(column["title"]), what, tiles(shown), _scale_words(column, scale, digits)))
    return blocks
