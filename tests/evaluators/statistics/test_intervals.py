"""Intervals against a reference, and what they must never do."""

import pytest
from scipy.stats import binomtest, hypergeom

from evaluators.statistics.intervals import sampled_half_width, stratified_bootstrap, wilson


@pytest.mark.parametrize(("k", "n"), [(0, 10), (10, 10), (3, 7), (650, 1000), (1, 100_000)])
def test_wilson_equals_scipy(k: int, n: int) -> None:
    reference = binomtest(k, n).proportion_ci(method="wilson")
    assert wilson(k, n) == pytest.approx((reference.low, reference.high), abs=1e-12)


def test_wilson_does_not_collapse_at_a_perfect_score() -> None:
    low, high = wilson(20, 20)
    assert low < 0.9
    assert high == 1


def test_a_sample_without_the_rest_is_uncertain_and_one_of_all_is_not() -> None:
    # Drawn without replacement, the mean's variance is the hypergeometric's, (N - n)/(N - 1) · p(1 - p)/n.
    exact = hypergeom(1000, 300, 100).std() / 100
    assert sampled_half_width(0.3, 100, of=1000) == pytest.approx(1.96 * exact, rel=1e-3)
    assert sampled_half_width(0.3, 1000, of=1000) == 0
    with pytest.raises(ValueError, match="sample"):
        sampled_half_width(0.3, 1001, of=1000)


def test_the_bootstrap_follows_from_its_seed_and_holds_the_mean() -> None:
    groups = {"a": [0, 1, 1, 0, 1] * 40, "b": [1, 1, 1, 0] * 50}
    weights = {"a": 1.0, "b": 1.0}
    low, high = stratified_bootstrap(groups, weights, seed=1)
    assert (low, high) == stratified_bootstrap(groups, weights, seed=1)
    assert low < (0.6 + 0.75) / 2 < high


def test_the_bootstrap_agrees_with_the_normal_approximation() -> None:
    groups = {"a": [1.0] * 300 + [0.0] * 200, "b": [1.0] * 400 + [0.0] * 100}
    low, high = stratified_bootstrap(groups, {"a": 1.0, "b": 1.0}, seed=2, draws=4000)
    sd = ((0.24 / 500 + 0.16 / 500) ** 0.5) / 2
    assert (high - low) / 2 == pytest.approx(1.96 * sd, rel=0.06)


def test_a_perfect_mean_over_groups_has_an_interval_with_a_width() -> None:
    groups = {"a": [1.0] * 30, "b": [1.0] * 10}
    low, high = stratified_bootstrap(groups, {"a": 1.0, "b": 1.0}, seed=1)
    # 1 / (¼/30 + ¼/10) = 30 items' worth, as Wilson has them: neither 40 nor no width.
    assert (low, high) == pytest.approx(wilson(30, 30))
    assert low < 0.9


def test_groups_of_equal_scores_that_differ_between_groups_have_an_interval_with_a_width() -> None:
    groups = {"a": [1.0] * 20, "b": [0.0] * 20}
    low, high = stratified_bootstrap(groups, {"a": 1.0, "b": 1.0}, seed=1)
    assert low < 0.5 < high
    assert (low, high) == pytest.approx(wilson(20, 40))
