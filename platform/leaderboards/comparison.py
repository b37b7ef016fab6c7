"""Two entries of a board side by side: how far apart they are, where, and what was done differently."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from django.utils.safestring import SafeString

from evaluators.statistics.pairs import PairTest
from leaderboards.comparison_tests import Tests, tests_of
from leaderboards.curves import Overlay, curves_of
from leaderboards.drilldown_configuration import Fact
from leaderboards.drilldown_groups import GroupScore, group_scores
from leaderboards.presentation import (
    Line,
    aggregate_in_percent,
    lines_of,
    metric_in_words,
    number,
    percent_scale,
)
from leaderboards.rendering import difference_of
from leaderboards.rendering_heat import Tile, leaning, tiles
from leaderboards.selectors import Board

Column = dict[str, Any]
NO_ITEMS = "no item scores of both"


@dataclass(frozen=True)
class Difference:
    """One line of the comparison: both scores, their difference with its interval and p, and the items behind it.

    `favours`: "one", "other" or "" where the interval holds zero; `note` says why there is no test.
    """

    title: str
    detail: str
    one: str
    other: str
    difference: str
    interval: str = ""
    drawing: SafeString | str = ""
    p: str = ""
    won: int | None = None
    lost: int | None = None
    tied: int | None = None
    favours: str = ""
    note: str = ""


@dataclass(frozen=True)
class GroupDifferences:
    """The differences in the groups of one suite, as tiles."""

    title: str
    tiles: SafeString
    reach: str


@dataclass(frozen=True)
class Declared:
    """One declared field of both; `same` where they say the same."""

    name: str
    one: str
    other: str

    @property
    def same(self) -> bool:
        """Whether both declare the same."""
        return self.one == self.other


@dataclass(frozen=True)
class Comparison:
    """Everything that the page of two entries shows."""

    one: Line
    other: Line
    overall: Difference
    suites: Sequence[Difference]
    groups: Sequence[GroupDifferences]
    curves: Sequence[Overlay]
    declared: Sequence[Declared]
    methods: Sequence[str]
    corrected: str

    @property
    def changed(self) -> list[Declared]:
        """The declared fields that differ."""
        return [one for one in self.declared if not one.same]

    @property
    def unchanged(self) -> list[Declared]:
        """Those in which both say the same."""
        return [one for one in self.declared if one.same]


def compare(
    board: Board,
    one: dict[str, Any],
    other: dict[str, Any],
    *,
    configurations: tuple[Sequence[Fact], Sequence[Fact]] = ((), ()),
) -> Comparison:
    """The comparison of two rows of the board, from exact item scores: for those who may see them alone."""
    keys = [str(column["key"]) for column in board.columns]
    first, second = lines_of(board, keys, [one, other])
    tests = tests_of(board, int(one["entry"]), int(other["entry"]))
    suites = [_of_suite(board, column, first, second, tests) for column in board.columns]
    found = group_scores(board, [one["entry"], other["entry"]])
    both = (found.get(one["entry"], {}), found.get(other["entry"], {}))
    done = [*tests.suites.values(), *([tests.overall] if tests.overall else [])]
    return Comparison(
        one=first,
        other=second,
        overall=_of_aggregate(board, first, second, tests),
        suites=suites,
        groups=[block for column in board.columns if (block := _groups(board, column, *both)) is not None],
        curves=curves_of(board, _names(one, other)),
        declared=declared_differences(*configurations),
        methods=sorted({test.method for test in done}),
        # Bonferroni's bound: the chance of one false claim among all of them stays below 0.05.
        corrected=f"{0.05 / max(1, len(tests.suites)):.2g}",
    )


def _names(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[int, str]:
    """Both names by entry, told apart where they are the same."""
    names = [str(row["name"]) for row in (one, other)]
    if names[0] == names[1]:
        names = [f"{name} ({row['team']})" for name, row in zip(names, (one, other), strict=True)]
    if names[0] == names[1]:
        names = [f"A: {names[0]}", f"B: {names[1]}"]
    return {int(row["entry"]): name for row, name in zip((one, other), names, strict=True)}


def _of_suite(board: Board, column: Column, one: Line, other: Line, tests: Tests) -> Difference:
    key = str(column["key"])
    scores = [line.row["scores"].get(key) or {} for line in (one, other)]
    return _difference(
        _Shown(str(column["title"]), metric_in_words(column), board.phase.track.round_digits, percent_scale(column)),
        (scores[0].get("value"), scores[1].get("value")),
        tests.suites.get(key),
        reach=_reach(board, tests, column),
        higher=column["direction"] == "higher",
        why=NO_ITEMS,
    )


def _of_aggregate(board: Board, one: Line, other: Line, tests: Tests) -> Difference:
    alone = len(board.columns) == 1
    test = next(iter(tests.suites.values()), None) if alone else tests.overall
    percent = aggregate_in_percent(board)
    return _difference(
        _Shown("Overall", f"aggregate{', %' if percent else ''}", board.phase.track.round_digits, percent),
        (one.row["aggregate"], other.row["aggregate"]),
        test,
        reach=_reach(board, tests) if percent else _ends(test),
        higher=not board.columns or any(column["direction"] == "higher" for column in board.columns),
        why=tests.why_no_overall or NO_ITEMS,
    )


def _ends(test: PairTest | None) -> float:
    return 0.0 if test is None else max(abs(test.low), abs(test.high))


def _reach(board: Board, tests: Tests, column: Column | None = None) -> float:
    """How far drawings reach to both sides of zero: all that are in percent alike, so that they can be compared."""
    if column is not None and not percent_scale(column):
        return _ends(tests.suites.get(column["key"]))
    alike = [tests.suites.get(one["key"]) for one in board.columns if percent_scale(one)]
    alike += [tests.overall] if aggregate_in_percent(board) else []
    return max(map(_ends, alike), default=0.0)


class _Shown(NamedTuple):
    """How the numbers of a line are printed."""

    title: str
    detail: str
    digits: int
    percent: bool


def _difference(
    shown: _Shown, values: tuple[float | None, float | None], test: PairTest | None, *, reach: float, higher: bool,
    why: str,
) -> Difference:  # fmt: skip
    one, other = (number(value, digits=shown.digits, percent=shown.percent) for value in values)
    first, second = values
    known = None if first is None or second is None else first - second
    if test is None:
        difference = signed(known, digits=shown.digits, percent=shown.percent)
        return Difference(shown.title, shown.detail, one, other, difference, note=why)
    better = test.low > 0 if higher else test.high < 0
    worse = test.high < 0 if higher else test.low > 0
    difference, low, high = (
        signed(value, digits=shown.digits, percent=shown.percent) for value in (test.difference, test.low, test.high)
    )
    return Difference(
        title=shown.title,
        detail=shown.detail,
        one=one,
        other=other,
        difference=difference,
        interval=f"{low} to {high}",
        drawing=difference_of(test.difference, test.low, test.high, reach=reach * 1.04),
        p=p_in_words(test.p),
        won=test.won,
        lost=test.lost,
        tied=test.tied,
        favours="one" if better else "other" if worse else "",
    )


def signed(value: float | None, *, digits: int, percent: bool) -> str:
    """`+1.25`, `−0.40`, `0.00`; an en dash where there is none."""
    if value is None:
        return "–"
    text = number(abs(value), digits=digits, percent=percent)
    return text if not text.strip("0.") else f"{'+' if value > 0 else '−'}{text}"


def p_in_words(p: float) -> str:
    """`0.082`, with three digits after the point; `< 0.001` below."""
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


Scores = Mapping[str, Mapping[tuple[str, str], GroupScore]]


def _groups(board: Board, column: Column, one: Scores, other: Scores) -> GroupDifferences | None:
    """The differences in the suite's groups; None where both have no group in common."""
    key, digits, percent = column["key"], board.phase.track.round_digits, percent_scale(column)
    sign = 1.0 if column["direction"] == "higher" else -1.0
    found: list[tuple[str, float, GroupScore, GroupScore]] = []
    for (kind, name), score in one.get(key, {}).items():
        mate = other.get(key, {}).get((kind, name))
        if mate is not None and score.value is not None and mate.value is not None:
            found.append((name, score.value - mate.value, score, mate))
    if not found:
        return None
    reach = max(abs(value) for _, value, _, _ in found)
    shown = []
    for name, value, score, mate in sorted(found, key=lambda item: -sign * item[1]):
        both = " : ".join(number(side.value, digits=digits, percent=percent) for side in (score, mate))
        text = signed(value, digits=digits, percent=percent)
        shown.append(Tile(name, leaning(text, sign * value, reach, f"{both}, n\u00a0=\u00a0{score.n:,}")))
    return GroupDifferences(str(column["title"]), tiles(shown), number(reach, digits=digits, percent=percent))


def declared_differences(one: Sequence[Fact], other: Sequence[Fact]) -> list[Declared]:
    """Every field that one of the two declares, in the order of the first and then of the second."""
    first, second = dict(one), dict(other)
    return [Declared(name, first.get(name, ""), second.get(name, "")) for name in dict.fromkeys([*first, *second])]
