"""Correlations against scipy; a weight of k is the pair k times."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from evaluators.metrics.ranks import midranks, pearson, spearman

# Few distinct values, so that ties are the rule.
few = st.integers(0, 6).map(float)
pairs = st.lists(st.tuples(few, few, st.integers(0, 3)), min_size=2, max_size=25)


def columns(rows: list[tuple[float, float, int]]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    x, y, counts = (np.array(column, dtype=float) for column in zip(*rows, strict=True))
    return x, y, counts


@given(pairs)
def test_a_whole_weight_equals_repeating_the_pair(rows: list[tuple[float, float, int]]) -> None:
    x, y, counts = columns(rows)
    many = counts.astype(int)
    far_x, far_y = np.repeat(x, many), np.repeat(y, many)
    for ours, theirs in ((spearman, stats.spearmanr), (pearson, stats.pearsonr)):
        value = ours(x, y)(counts)
        if len(set(far_x)) < 2 or len(set(far_y)) < 2:
            assert value is None
        else:
            assert value == pytest.approx(theirs(far_x, far_y).statistic, abs=1e-9)


@given(pairs, st.floats(0.1, 10))
def test_only_the_proportions_of_the_weights_matter(rows: list[tuple[float, float, int]], factor: float) -> None:
    x, y, counts = columns(rows)
    for correlation in (spearman(x, y), pearson(x, y)):
        assert correlation(counts * factor) == pytest.approx(correlation(counts), abs=1e-9)


@given(pairs)
def test_neither_leaves_its_range_nor_depends_on_the_order(rows: list[tuple[float, float, int]]) -> None:
    x, y, counts = columns(rows)
    for correlation in (spearman, pearson):
        value, turned = correlation(x, y)(counts), correlation(x[::-1], y[::-1])(counts[::-1])
        assert value == pytest.approx(turned, abs=1e-9)
        assert value is None or -1 <= value <= 1


@given(st.lists(few, min_size=1, max_size=25))
def test_ties_share_their_mean_rank(values: list[float]) -> None:
    ranks = midranks(np.array(values), np.ones(len(values))) + 0.5
    assert ranks == pytest.approx(stats.rankdata(values))


@pytest.mark.parametrize("correlation", [spearman, pearson])
def test_what_does_not_vary_correlates_with_nothing(correlation: object) -> None:
    rising, same = np.array([1.0, 2.0, 3.0]), np.full(3, 0.1)
    assert callable(correlation)
    assert correlation(same, rising)(np.ones(3)) is None
    assert correlation(rising, same)(np.ones(3)) is None
    assert correlation(rising, rising)(np.array([1.0, 0.0, 0.0])) is None
    assert correlation(rising, rising)(np.zeros(3)) is None


def test_rounding_is_no_variation_to_pearson() -> None:
    nearly = 0.3 + np.array([0.0, 1e-16, -1e-16, 1e-16])
    assert pearson(nearly, np.arange(4.0))(np.ones(4)) is None
