"""The kinds of drawings that a report has: each returns what draws it on an empty figure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from findings.figures.style import ACCENT, INK, LINE, MARKERS, QUIET, SERIES, label

Draw = Callable[[Any], None]


@dataclass(frozen=True)
class Dot:
    """A named value with its interval; `hollow`: a reference."""

    name: str
    value: float
    low: float | None = None
    high: float | None = None
    hollow: bool = False


@dataclass(frozen=True)
class Line:
    """A value that others are held against."""

    name: str
    value: float


@dataclass(frozen=True)
class Series:
    """Points under one name."""

    name: str
    x: tuple[float, ...]
    y: tuple[float, ...]


def dots(rows: Sequence[Dot], axis: str, lines: Sequence[Line] = ()) -> Draw:
    """Names down the side, values with their intervals across, the first on top."""

    def draw(figure: Any) -> None:
        axes = figure.add_subplot()
        for place, row in enumerate(rows):
            colour = QUIET if row.hollow else ACCENT
            if row.low is not None and row.high is not None:
                axes.plot([row.low, row.high], [place, place], color=colour, linewidth=1.6, solid_capstyle="butt")
            face = "none" if row.hollow else colour
            axes.plot([row.value], [place], marker="o", markersize=4.2, color=colour, markerfacecolor=face)
        for number, line in enumerate(lines):
            style = ("--", ":", "-.")[number % 3]
            axes.axvline(line.value, color=QUIET, linewidth=0.9, linestyle=style, label=label(line.name))
        axes.set_yticks(range(len(rows)), [label(row.name) for row in rows])
        axes.set_ylim(len(rows) - 0.4, -0.6)
        axes.grid(visible=False, axis="y")
        axes.set_xlabel(label(axis))
        if lines:
            figure.legend(loc="outside lower center", ncols=2)

    return draw


def dots_height(rows: int) -> float:
    """Inches that so many rows need."""
    return 1.1 + 0.2 * rows


def short(value: float, _: int | None = None) -> str:
    """A tick of a logarithmic axis: 300, 10k, 1.5M, 2B, and 1e17 beyond."""
    for unit, size in (("B", 1e9), ("M", 1e6), ("k", 1e3)):
        if value >= 1e12:
            break
        if value >= size:
            return f"{value / size:g}{unit}"
    return f"{value:g}".replace("e+", "e")


def _logarithmic(axes: Any) -> None:
    """An axis whose marks read as numbers; between decades, marks are named only where there are few decades."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axes.set_xscale("log")
    low, high = axes.get_xlim()
    narrow = high / low < 100
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if narrow else (1,)))
    axes.xaxis.set_major_formatter(FuncFormatter(short))
    axes.xaxis.set_minor_formatter(NullFormatter())


def scatter(series: Sequence[Series], across: str, up: str, *, log: bool = False) -> Draw:
    """Points of several series, told apart by colour and by mark."""

    def draw(figure: Any) -> None:
        axes = figure.add_subplot()
        for number, one in enumerate(series):
            colour, mark = SERIES[number % len(SERIES)], MARKERS[number % len(MARKERS)]
            axes.plot(
                one.x,
                one.y,
                linestyle="none",
                marker=mark,
                markersize=4,
                color=colour,
                alpha=0.75,
                markeredgewidth=0,
                label=label(one.name),
            )
        if log:
            _logarithmic(axes)
        axes.set_xlabel(label(across))
        axes.set_ylabel(label(up))
        if len(series) > 1:
            axes.legend(loc="best")

    return draw


def curves(series: Sequence[Series], across: str, up: str, *, chance: float | None = None) -> Draw:
    """Lines over a logarithmic axis."""

    def draw(figure: Any) -> None:
        axes = figure.add_subplot()
        for number, one in enumerate(series):
            colour, mark = SERIES[number % len(SERIES)], MARKERS[(number // len(SERIES)) % len(MARKERS)]
            axes.plot(one.x, one.y, marker=mark, markersize=3, color=colour, label=label(one.name))
        if chance is not None:
            axes.axhline(chance, color=QUIET, linewidth=0.9, linestyle="--", label="chance")
        _logarithmic(axes)
        axes.set_xlabel(label(across))
        axes.set_ylabel(label(up))
        if len(series) > 1 or chance is not None:
            axes.legend(loc="best")

    return draw


def bars(rows: Sequence[tuple[str, float]], axis: str) -> Draw:
    """Named amounts, the first on top."""

    def draw(figure: Any) -> None:
        axes = figure.add_subplot()
        axes.barh(range(len(rows)), [value for _, value in rows], color=ACCENT, height=0.62)
        axes.set_yticks(range(len(rows)), [label(name) for name, _ in rows])
        axes.set_ylim(len(rows) - 0.4, -0.6)
        axes.grid(visible=False, axis="y")
        axes.axvline(0, color=LINE, linewidth=0.9)
        axes.tick_params(axis="y", labelcolor=INK)
        axes.set_xlabel(label(axis))

    return draw


def histogram(values: Sequence[float], across: str, up: str) -> Draw:
    """How many values lie in each twentieth from 0 to 1."""

    def draw(figure: Any) -> None:
        axes = figure.add_subplot()
        axes.hist(values, bins=20, range=(0.0, 1.0), color=ACCENT, rwidth=0.92)
        axes.grid(visible=False, axis="x")
        axes.set_xlabel(label(across))
        axes.set_ylabel(label(up))

    return draw
