"""The curves of the year-over-year page: where its points lie in a drawing, and its numbers in words."""

from collections.abc import Sequence
from dataclasses import dataclass

from leaderboards.presentation import number, percent_scale
from leaderboards.years import SuiteYears, TrackYears, YearScores

WIDTH, HEIGHT = 320.0, 130.0
LEFT, RIGHT, TOP, BOTTOM = 40.0, 14.0, 10.0, 24.0
LINES = ("best", "median", "baseline")


@dataclass(frozen=True)
class Point:
    """A number in the drawing."""

    x: float
    y: float


@dataclass(frozen=True)
class Curve:
    """One of the lines: its points, and a path for each run of years that asked the same."""

    name: str
    points: tuple[Point, ...]
    paths: tuple[str, ...]


@dataclass(frozen=True)
class Tick:
    """A label at an axis."""

    at: float
    text: str


@dataclass(frozen=True)
class Chart:
    """A drawing of a suite in one track over the years; `cuts`: between which years what was asked changed."""

    curves: tuple[Curve, ...]
    years: tuple[Tick, ...]
    values: tuple[Tick, ...]
    cuts: tuple[float, ...]
    label: str


@dataclass(frozen=True)
class Row:
    """An edition as the table prints it; `changed`: it asked something else than the edition above."""

    scores: YearScores
    best: str
    median: str
    baseline: str
    changed: bool


@dataclass(frozen=True)
class TrackTable:
    """A track over the years as the page shows it; `chart` is None where there is one edition alone."""

    track: TrackYears
    rows: tuple[Row, ...]
    chart: Chart | None


@dataclass(frozen=True)
class SuiteSection:
    """A suite's part of the page."""

    suite: SuiteYears
    unit: str
    tables: tuple[TrackTable, ...]


def sections(suites: Sequence[SuiteYears]) -> list[SuiteSection]:
    """The page: a section a suite, a table and a drawing a track."""
    return [
        SuiteSection(suite, _unit(suite), tuple(_table(suite, track) for track in suite.tracks)) for suite in suites
    ]


def _unit(suite: SuiteYears) -> str:
    percent = percent_scale(dict(suite.tracks[0].years[-1].column))
    lower = "" if suite.higher_is_better else ", lower is better"
    return f"{suite.metric}{', %' if percent else ''}{lower}".strip(", ")


def _table(suite: SuiteYears, track: TrackYears) -> TrackTable:
    rows = []
    for place, one in enumerate(track.years):
        changed = place > 0 and track.years[place - 1].asked != one.asked
        best, middle, baseline = (_text(one, _value(one, name)) for name in LINES)
        rows.append(Row(one, best, middle, baseline, changed))
    drawn = [one for one in track.years if any(_value(one, name) is not None for name in LINES)]
    return TrackTable(track, tuple(rows), _chart(suite, track, drawn) if len(drawn) > 1 else None)


def _value(one: YearScores, name: str) -> float | None:
    if name == "median":
        return one.median
    best = one.best if name == "best" else one.baseline
    return None if best is None else best.value


def _text(one: YearScores, value: float | None) -> str:
    return number(value, digits=one.phase.track.round_digits, percent=percent_scale(dict(one.column)))


def _chart(suite: SuiteYears, track: TrackYears, years: Sequence[YearScores]) -> Chart:
    values = [value for one in years for name in LINES if (value := _value(one, name)) is not None]
    low, high = min(values), max(values)
    margin = (high - low) * 0.1 or 0.05 * (abs(high) or 1.0)
    low, high = low - margin, high + margin
    step = (WIDTH - LEFT - RIGHT) / (len(years) - 1)
    xs = [LEFT + step * place for place in range(len(years))]

    def y(value: float) -> float:
        return round(TOP + (high - value) / (high - low) * (HEIGHT - TOP - BOTTOM), 2)

    runs = _runs(years)
    curves = []
    for name in LINES:
        points = {place: Point(round(xs[place], 2), y(value)) for place, one in enumerate(years)
                  if (value := _value(one, name)) is not None}  # fmt: skip
        paths = [" ".join(f"{points[place].x},{points[place].y}" for place in run if place in points) for run in runs]
        curves.append(Curve(name, tuple(points.values()), tuple(path for path in paths if " " in path)))
    ends = (min(values), max(values))
    return Chart(
        curves=tuple(curves),
        years=tuple(Tick(round(x, 2), str(one.year)) for x, one in zip(xs, years, strict=True)),
        values=tuple(Tick(y(value), _text(years[-1], value)) for value in dict.fromkeys(ends)),
        cuts=tuple(round((xs[run[0]] + xs[run[0] - 1]) / 2, 2) for run in runs[1:]),
        label=_label(suite, track, years),
    )


def _runs(years: Sequence[YearScores]) -> list[list[int]]:
    """The places of the years, parted wherever what was asked changed."""
    runs = [[0]]
    for place in range(1, len(years)):
        if years[place].asked == years[place - 1].asked:
            runs[-1].append(place)
        else:
            runs.append([place])
    return runs


def _label(suite: SuiteYears, track: TrackYears, years: Sequence[YearScores]) -> str:
    told = ", ".join(f"{one.year}: {_text(one, _value(one, 'best'))}" for one in years)
    return f"{suite.title}, {track.title}, best score a year: {told}; the table below has the numbers"
