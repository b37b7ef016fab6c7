"""A track's aggregate joins its members as `evaluators.aggregates` does, for many rows at a time."""

import numpy as np
import pytest
from numpy.typing import NDArray

from evaluators.aggregates import METHODS, Mean, Table, aggregate
from evaluators.aggregates.methods import BABYLM_2023_PREFIXES, BABYLM_2023_TASKS
from leaderboards.methods import Method, joined

KEYS = ("a", "b", "c", "d")
NAMES = {
    "efficiency-2023": ("MMLU - EM", "GSM8K - EM", "MATH - EM", "MATH (robust) - EM"),
    "babylm-2023": tuple(
        f"{BABYLM_2023_PREFIXES[part][0]}{number}"
        for part, tasks in BABYLM_2023_TASKS.items()
        for number in range(tasks)
    ),
}


def rows_of(count: int, columns: int) -> NDArray[np.float64]:
    """Scores with many ties, in hundredths."""
    return np.random.default_rng(7).integers(1, 9, size=(count, columns)) / 10


@pytest.mark.parametrize("name", [name for name in METHODS if name not in ("weighted", "above-chance")])
@pytest.mark.parametrize("count", [2, 12])
def test_each_method_is_the_one_of_the_tables(name: str, count: int) -> None:
    keys = NAMES.get(name, KEYS)
    rows = rows_of(count, len(keys))
    table = Table({str(number): dict(zip(keys, map(float, row), strict=True)) for number, row in enumerate(rows)})
    score = "full" if name == "efficiency-2023" else "score"
    expected = [one[score] for one in aggregate(name, table).values()]
    found = joined(Method(name), Mean("", keys), keys, rows, higher=True)
    assert found == pytest.approx(expected)


def test_weights_are_those_of_the_members() -> None:
    rows = rows_of(5, 4)
    weights = dict(zip(KEYS, (3.0, 1.0, 0.0, 1.0), strict=True))
    table = Table(
        {str(number): dict(zip(KEYS, map(float, row), strict=True)) for number, row in enumerate(rows)}, weights
    )
    expected = [one["score"] for one in aggregate("weighted", table).values()]
    assert joined(Method("weighted"), Mean("", KEYS, weights), KEYS, rows, higher=True) == pytest.approx(expected)


def test_win_rates_depend_on_who_else_is_there() -> None:
    keys, mean = ("a", "b", "c"), Mean("", ("a", "b", "c"))
    one, other, third = [10.0, 10.0, 10.0], [12.0, 12.0, 8.0], [9.0, 9.0, 9.0]
    method = Method("mean-win-rate")
    assert joined(method, mean, keys, np.array([one, other]), higher=True) == pytest.approx([1 / 3, 2 / 3])
    assert joined(method, mean, keys, np.array([one, other, third]), higher=True)[:2] == pytest.approx([2 / 3, 2 / 3])


def test_a_score_of_chance_is_nothing_and_a_perfect_one_is_one_above_chance() -> None:
    method = Method("above-chance", chance={"a": 0.5, "b": 0.25})
    rows = np.array([[0.5, 0.25], [1.0, 1.0], [0.75, 0.25]])
    assert joined(method, Mean("", ("a", "b")), ("a", "b"), rows, higher=True) == pytest.approx([0.0, 1.0, 0.25])


def test_the_geometric_mean_takes_its_floor_for_what_is_less() -> None:
    rows, keys = np.array([[0.0, 0.64], [0.01, 0.64]]), ("a", "b")
    plain = joined(Method("geometric-mean"), Mean("", keys), keys, rows, higher=True)
    assert plain == pytest.approx([0.0, 0.08])
    floored = joined(Method("geometric-mean", floor=0.04), Mean("", keys), keys, rows, higher=True)
    assert floored == pytest.approx([0.16, 0.16])


def test_z_scores_are_centred_and_a_column_without_spread_says_nothing() -> None:
    rows, keys = np.array([[1.0, 5.0], [3.0, 5.0]]), ("a", "b")
    assert joined(Method("z-mean"), Mean("", keys), keys, rows, higher=True) == pytest.approx([-0.5, 0.5])


def test_parts_are_means_before_the_method_joins_them() -> None:
    part = Mean("part", ("a", "b"))
    rows, keys = np.array([[0.0, 0.5, 0.64]]), ("a", "b", "c")
    assert joined(Method("geometric-mean"), Mean("", (part, "c")), keys, rows, higher=True) == pytest.approx([0.4])


def test_a_row_that_lacks_a_score_takes_no_part() -> None:
    rows, keys = np.array([[0.1, 0.2], [np.nan, 0.9], [0.3, 0.1]]), ("a", "b")
    for name in ("macro", "geometric-mean", "mean-win-rate", "borda", "mean-rank", "z-mean"):
        found = joined(Method(name), Mean("", keys), keys, rows, higher=True)
        assert np.isnan(found).tolist() == [False, True, False]
    assert joined(Method("mean-win-rate"), Mean("", keys), keys, rows, higher=True)[[0, 2]] == pytest.approx([0.5, 0.5])


def test_where_less_is_better_the_least_wins() -> None:
    rows, keys = np.array([[0.1], [0.2]]), ("a",)
    assert joined(Method("mean-win-rate"), Mean("", keys), keys, rows, higher=False) == pytest.approx([1.0, 0.0])
    assert joined(Method("mean-rank"), Mean("", keys), keys, rows, higher=False) == pytest.approx([1.0, 2.0])


@pytest.mark.parametrize("name", ["macro", "geometric-mean", "mean-win-rate", "z-mean", "mean-rank", "borda"])
def test_many_tables_at_a_time_are_each_by_itself(name: str) -> None:
    tables = np.random.default_rng(3).random((4, 5, 3))
    keys, mean = ("a", "b", "c"), Mean("", ("a", "b", "c"))
    found = joined(Method(name), mean, keys, tables, higher=True)
    for table, values in zip(tables, found, strict=True):
        assert values == pytest.approx(joined(Method(name), mean, keys, table, higher=True))
