"""Many draws at once against one table after the other."""

import math
import time
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluators.aggregates import METHODS, Table, aggregate, aggregate_draws
from evaluators.aggregates.methods import RANKED_METHODS, TAKE_A_FLOOR, TAKE_LOWER, TAKE_WEIGHTS
from evaluators.protocol.problems import ProblemsFound

NAMES = ["MMLU - EM", "sam_sum - Stereotypes (race)", "ethics_a - EM", "ethics_b - EM"]
PARTS = ["blimp", "glue", "msgs"]
cells = st.one_of(st.none(), st.sampled_from([n / 8 for n in range(9)]))


def tables(names: list[str]) -> st.SearchStrategy[list[list[list[float | None]]]]:
    """Two draws of the same few submissions."""
    return st.integers(1, 6).flatmap(
        lambda count: st.lists(
            st.lists(st.lists(cells, min_size=len(names), max_size=len(names)), min_size=count, max_size=count),
            min_size=2, max_size=2,
        )
    )  # fmt: skip


def settings_of(method: str, weights: list[float], *, worst: bool, floor: float | None) -> dict[str, Any]:
    return {
        "weights": dict(zip(NAMES, weights, strict=True)) if method in TAKE_WEIGHTS else {},
        "lower": frozenset(NAMES[2:3]) if method in TAKE_LOWER else frozenset(),
        "worst": worst and method in RANKED_METHODS,
        "chance": dict.fromkeys(NAMES, 0.25) if method == "above-chance" else {},
        "floor": floor if method in TAKE_A_FLOOR else None,
    }


def each(method: str, draws: list[list[list[float | None]]], names: list[str], **settings: Any) -> list[list[float]]:
    found = []
    for draw in draws:
        rows = {str(place): dict(zip(names, row, strict=True)) for place, row in enumerate(draw)}
        scores = aggregate(method, Table(rows, **settings)).values()
        firsts = [next(iter(score.values())) for score in scores]
        found.append([math.nan if value is None else value for value in firsts])
    return found


@pytest.mark.parametrize("method", [name for name in METHODS if name != "babylm-2023"])
@settings(deadline=None, max_examples=40)
@given(
    tables(NAMES), st.lists(st.sampled_from([0.0, 1.0, 2.5]), min_size=4, max_size=4), st.booleans(),
    st.sampled_from([None, 0.0, 0.1]),
)  # fmt: skip
def test_draws_are_aggregated_as_their_tables_are(
    method: str, draws: Any, weights: list[float], worst: bool, floor: float | None
) -> None:
    settings = settings_of(method, weights, worst=worst, floor=floor)
    found = aggregate_draws(method, np.array(draws, dtype=float), NAMES, **settings)
    expected = np.array(each(method, draws, NAMES, **settings))
    assert found == pytest.approx(expected, nan_ok=True, rel=1e-9, abs=1e-11)


@settings(deadline=None, max_examples=40)
@given(tables(PARTS))
def test_draws_of_babylm_2023_are_aggregated_by_part(draws: Any) -> None:
    found = aggregate_draws("babylm-2023", np.array(draws, dtype=float), PARTS)
    assert found == pytest.approx(np.array(each("babylm-2023", draws, PARTS)), nan_ok=True, abs=1e-11)


def test_draws_of_babylm_2023_are_aggregated_by_task() -> None:
    names = [f"blimp/{n}" for n in range(12)] + [f"supplement/{n}" for n in range(5)]
    names += [f"glue/{n}" for n in range(11)] + [f"msgs/{n}" for n in range(11)]
    draws = np.random.default_rng(1).random((3, 2, len(names)))
    draws[0, 0, 3] = np.nan
    found = aggregate_draws("babylm-2023", draws, names)
    rows = [[[None if np.isnan(value) else value for value in row] for row in draw] for draw in draws]
    assert found == pytest.approx(np.array(each("babylm-2023", rows, names)), nan_ok=True)
    assert np.isnan(aggregate_draws("babylm-2023", draws[:, :, 1:], names[1:])).all()


def test_what_a_method_can_not_take_is_refused_for_draws_too() -> None:
    draws = np.full((1, 2, 1), 0.5)
    with pytest.raises(ProblemsFound, match="no method"):
        aggregate_draws("median", draws, ["x"])
    with pytest.raises(ProblemsFound, match="no weights"):
        aggregate_draws("macro", draws, ["x"], weights={"x": 2})
    with pytest.raises(ProblemsFound, match="guessing"):
        aggregate_draws("above-chance", draws, ["x"])
    with pytest.raises(ProblemsFound, match="'ewok'"):
        aggregate_draws("babylm-2023", draws, ["ewok"])
    with pytest.raises(ValueError, match="below 0"):
        aggregate_draws("geometric-mean", -draws, ["x"])
    with pytest.raises(ValueError, match="name"):
        aggregate_draws("macro", draws, ["x", "y"])


def test_a_thousand_draws_of_sixty_submissions_take_seconds() -> None:
    draws = np.random.default_rng(1).random((1000, 60, 30))
    names = [f"MMLU - {n}" for n in range(30)]
    began = time.process_time()
    for method in ("mean-win-rate", "efficiency-2023", "geometric-mean", "z-mean"):
        assert aggregate_draws(method, draws, names).shape == (1000, 60)
    assert time.process_time() - began < 10
