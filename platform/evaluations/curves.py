"""Learning curves: a suite's score at each checkpoint, as finely as a viewer may see it, and drawn."""

import math
from dataclasses import dataclass

from evaluations.checkpoints import ALL, MAIN
from evaluations.models import Run
from evaluations.score_lines import ScoreLine, own_line
from evaluations.visibility import Sight, curves_from

# The drawing's size in SVG units, and the room around what is drawn.
WIDTH, HEIGHT, ROOM = 320.0, 120.0, 8.0


@dataclass(frozen=True)
class Point:
    """The score after so many words, and where it is drawn; all of it follows from the rounded numbers of `line`."""

    checkpoint: str
    words: int
    line: ScoreLine
    x: float
    y: float
    low_y: float
    high_y: float


@dataclass(frozen=True)
class Curve:
    """A suite's points by words; `lowest` and `highest` are the texts at the drawing's ends."""

    suite: str
    title: str
    metric: str
    percent: bool
    points: list[Point]
    lowest: str
    highest: str

    @property
    def path(self) -> str:
        """The points of an SVG polyline."""
        return " ".join(f"{point.x:.1f},{point.y:.1f}" for point in self.points)


def curves(run: Run, seen: Sight) -> list[Curve]:
    """The curves of the run's suites, those with as many items as it takes to be told at all."""
    least = curves_from(seen)
    if least is None:
        return []
    found: dict[str, list[tuple[int, str, ScoreLine]]] = {}
    for asked in run.run_response_sets.all():
        answers = asked.response_set
        if answers.checkpoint in (MAIN, ALL) or not answers.steps:
            continue
        line = own_line(run, answers, seen)
        if line is not None and line.n >= least:
            found.setdefault(line.suite, []).append((int(answers.steps[0][1]), answers.checkpoint, line))
    return [_drawn(sorted(points, key=lambda point: point[0])) for points in found.values()]


def _drawn(points: list[tuple[int, str, ScoreLine]]) -> Curve:
    lines = [line for _, _, line in points]
    numbers = [number for line in lines for number in (line.value, line.low, line.high) if number is not None]
    low, high = (min(numbers), max(numbers)) if numbers else (0.0, 1.0)
    first, last = math.log10(max(1, points[0][0])), math.log10(max(1, points[-1][0]))

    def across(words: int) -> float:
        share = (math.log10(max(1, words)) - first) / (last - first) if last > first else 0.5
        return ROOM + share * (WIDTH - 2 * ROOM)

    def up(number: float | None) -> float:
        share = ((low if number is None else number) - low) / (high - low) if high > low else 0.5
        return HEIGHT - ROOM - share * (HEIGHT - 2 * ROOM)

    one = lines[0]
    return Curve(
        suite=one.suite,
        title=one.title,
        metric=one.metric,
        percent=one.percent,
        points=[
            Point(
                checkpoint=checkpoint,
                words=words,
                line=line,
                x=across(words),
                y=up(line.value),
                low_y=up(line.low if line.low is not None else line.value),
                high_y=up(line.high if line.high is not None else line.value),
            )
            for words, checkpoint, line in points
            if line.value is not None
        ],
        lowest=one.text_of(low) if numbers else "",
        highest=one.text_of(high) if numbers else "",
    )
