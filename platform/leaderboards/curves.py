"""Learning curves of a board's entries: each suite's score at every checkpoint, several entries in one drawing."""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from evaluations.checkpoints import ALL, MAIN
from evaluations.models import Run, Score
from evaluations.selectors import suite_columns
from leaderboards.presentation import between, metric_in_words, number, percent_scale
from leaderboards.selectors import Board

# The drawing's size in SVG units, and the room around what is drawn.
WIDTH, HEIGHT, ROOM = 320.0, 140.0, 8.0
SIDES = ("one", "other")


class Step(NamedTuple):
    """A score after so many words of training."""

    checkpoint: str
    words: int
    value: float
    low: float | None
    high: float | None
    n: int


class Mark(NamedTuple):
    """Where a step is drawn: the point, and the ends of its interval."""

    x: float
    y: float
    low: float
    high: float


class Told(NamedTuple):
    """A step as a line of the table below the drawing."""

    checkpoint: str
    words: str
    score: str
    interval: str
    n: str


@dataclass(frozen=True)
class Series:
    """One entry's curve; `side` is the class that it is drawn with."""

    name: str
    side: str
    marks: Sequence[Mark]
    steps: Sequence[Told]

    @property
    def path(self) -> str:
        """The points of an SVG polyline."""
        return " ".join(f"{mark.x:.1f},{mark.y:.1f}" for mark in self.marks)


@dataclass(frozen=True)
class Overlay:
    """The curves of one suite in one drawing; the texts say what its ends stand for."""

    title: str
    metric: str
    series: Sequence[Series]
    lowest: str
    highest: str
    first: str
    last: str


def curves_of(board: Board, entries: Mapping[int, str]) -> list[Overlay]:
    """The curves of these entries, at most two, by suite; `entries` are their names by id. Two queries.

    Whoever calls this has asked `sees_groups`: each checkpoint tells of hidden data what a group does.
    """
    found = _steps(board, list(entries))
    overlays = []
    for column in board.columns:
        by_entry = {entry: found.get((entry, column["key"]), []) for entry in entries}
        if any(len(steps) > 1 for steps in by_entry.values()):
            overlays.append(_drawn(board, column, {entries[entry]: steps for entry, steps in by_entry.items()}))
    return overlays


def _steps(board: Board, entries: Sequence[int]) -> Mapping[tuple[int, str], list[Step]]:
    """The scores at checkpoints by entry and column, in the order of the training; the newest evaluation counts."""
    suites = list(board.phase.phase_suites.select_related("suite_version__suite").order_by("position", "pk"))
    keys = suite_columns(suites)
    metrics = {column["key"]: column["metric"] for column in board.columns}
    sets = "evaluation__response_set"
    run = f"{sets}__run_response_sets__run"
    rows = Score.objects.filter(
        **{
            f"{run}__phase": board.phase,
            f"{run}__entry__in": entries,
            f"{run}__purpose": Run.Purpose.PHASE,
            f"{run}__state": Run.State.DONE,
            f"{sets}__train_seed": 0,
            "group": "",
            "tag": "",
        }
    ).exclude(**{f"{sets}__checkpoint__in": (MAIN, ALL)})
    if board.snapshot is not None:
        rows = rows.filter(evaluation__created_at__lte=board.snapshot.computed_at)
    names = (f"{run}__entry", f"{sets}__suite_version", f"{sets}__selection", f"{sets}__checkpoint", f"{sets}__steps")
    newest: dict[tuple[int, str], dict[str, Step]] = defaultdict(dict)
    for entry, version, selection, checkpoint, steps, metric, value, low, high, n in rows.order_by(
        "evaluation__pk", "pk"
    ).values_list(*names, "metric", "value", "low", "high", "n"):
        key = keys.get((version, selection), "")
        if metric == metrics.get(key) and value is not None and steps:
            newest[entry, key][checkpoint] = Step(checkpoint, int(steps[0][1]), value, low, high, n)
    return {place: sorted(by_name.values(), key=lambda step: step.words) for place, by_name in newest.items()}


def _drawn(board: Board, column: dict[str, Any], by_name: Mapping[str, Sequence[Step]]) -> Overlay:
    digits, percent = board.phase.track.round_digits, percent_scale(column)
    every = [step for steps in by_name.values() for step in steps]
    values = [value for step in every for value in (step.value, step.low, step.high) if value is not None]
    words = [max(1, step.words) for step in every]
    low, high, first, last = min(values), max(values), min(words), max(words)

    def across(seen: int) -> float:
        width = math.log10(last) - math.log10(first)
        share = (math.log10(max(1, seen)) - math.log10(first)) / width if width > 0 else 0.5
        return ROOM + share * (WIDTH - 2 * ROOM)

    def up(value: float) -> float:
        share = (value - low) / (high - low) if high > low else 0.5
        return HEIGHT - ROOM - share * (HEIGHT - 2 * ROOM)

    def mark(step: Step) -> Mark:
        ends = (step.value if end is None else end for end in (step.low, step.high))
        return Mark(across(step.words), up(step.value), *(up(end) for end in ends))

    def told(step: Step) -> Told:
        score, *ends = (number(one, digits=digits, percent=percent) for one in (step.value, step.low, step.high))
        interval = "" if step.low is None or step.high is None else between(*ends)
        return Told(step.checkpoint, f"{step.words:,}", score, interval, f"{step.n:,}")

    return Overlay(
        title=str(column["title"]),
        metric=metric_in_words(column),
        series=[
            Series(name, side, [mark(step) for step in steps], [told(step) for step in steps])
            for side, (name, steps) in zip(SIDES, by_name.items(), strict=False)
            if steps
        ],
        lowest=number(low, digits=digits, percent=percent),
        highest=number(high, digits=digits, percent=percent),
        first=f"{first:,}",
        last=f"{last:,}",
    )
