"""Metrics over classes are scikit-learn's, on any weights, and stay in range."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluators.metrics.classes import Classes, f1, macro_f1, matthews

GOLDEN = json.loads((Path(__file__).parents[2] / "golden" / "classes.json").read_text())
names = st.sampled_from(["a", "b", "c", ""])
pairs = st.lists(st.tuples(st.sampled_from(["a", "b", "c"]), names, st.integers(0, 3)), min_size=1, max_size=30)


@pytest.mark.parametrize("case", GOLDEN["cases"], ids=lambda case: case["name"])
def test_metrics_equal_scikit_learns(case: dict[str, object]) -> None:
    classes = Classes(case["gold"], case["answered"])  # type: ignore[arg-type]
    ones = np.ones(len(case["gold"]))  # type: ignore[arg-type]
    assert classes.statistic(macro_f1)(ones) == pytest.approx(case["macro-f1"], abs=1e-12)
    assert classes.statistic(matthews)(ones) == pytest.approx(case["mcc"], abs=1e-12)
    if case["f1"] is not None:
        place = classes.names.index("1")
        assert classes.statistic(lambda confusion: f1(confusion, place))(ones) == pytest.approx(case["f1"], abs=1e-12)


@given(pairs)
@settings(max_examples=60, deadline=None)
def test_an_item_of_weight_k_counts_as_k_items(items: list[tuple[str, str, int]]) -> None:
    gold, answered, weights = zip(*items, strict=True)
    repeated = Classes(np.repeat(gold, weights).tolist(), np.repeat(answered, weights).tolist())
    weighted = Classes(gold, answered)
    for metric in (macro_f1, matthews):
        value = weighted.statistic(metric)(np.array(weights, dtype=float))
        assert value == pytest.approx(repeated.statistic(metric)(np.ones(sum(weights))), abs=1e-12)
        assert value is None or -1 <= value <= 1


@given(pairs, st.floats(0.001, 1000))
@settings(max_examples=40, deadline=None)
def test_order_and_the_scale_of_weights_change_nothing(items: list[tuple[str, str, int]], scale: float) -> None:
    def value(ones: list[tuple[str, str, int]], factor: float) -> float | None:
        gold, answered, weights = zip(*ones, strict=True)
        return Classes(gold, answered).statistic(matthews)(np.array(weights, dtype=float) * factor)

    assert value(items, 1.0) == pytest.approx(value(items[::-1], scale), abs=1e-9)


def test_no_answer_is_no_class_and_always_wrong() -> None:
    classes = Classes(["a", "b", "a"], ["a", "b", ""])
    assert classes.statistic(macro_f1)(np.ones(3)) == pytest.approx((2 / 3 + 1) / 2)
    assert classes.statistic(matthews)(np.ones(3)) < 1  # type: ignore[operator]
