"""Two submissions: exact tests against their references, and what a comparison must never do."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest, permutation_test
from statsmodels.stats.multitest import multipletests

from evaluators.statistics.pairs import benjamini_hochberg, holm, mcnemar, paired_test


def pair(b: int, c: int, tied: int) -> tuple[np.ndarray, np.ndarray]:
    one = np.repeat([1.0, 0.0, 1.0], [b, c, tied])
    other = np.repeat([0.0, 1.0, 1.0], [b, c, tied])
    return one, other


def test_mcnemar_has_the_published_value() -> None:
    assert mcnemar(25, 40) == pytest.approx(0.0817, abs=5e-5)
    assert mcnemar(40, 25) == mcnemar(25, 40)
    assert mcnemar(40, 25, alternative="greater") == binomtest(40, 65, alternative="greater").pvalue
    assert mcnemar(0, 0) == 1


@pytest.mark.parametrize("count", [1, 2, 7, 40])
def test_corrections_equal_those_of_statsmodels(count: int) -> None:
    p = np.round(np.random.default_rng(count).random(count) ** 3, 2)
    assert holm(p) == pytest.approx(multipletests(p, method="holm")[1].tolist())
    assert benjamini_hochberg(p) == pytest.approx(multipletests(p, method="fdr_bh")[1].tolist())


@settings(deadline=None, max_examples=40)
@given(st.lists(st.floats(0, 1), max_size=30))
def test_corrections_keep_the_order_and_make_no_p_smaller(p: list[float]) -> None:
    for corrected in (holm(p), benjamini_hochberg(p)):
        assert all(own <= one <= 1 for own, one in zip(p, corrected, strict=True))
        ordered = [one for _, one in sorted(zip(p, corrected, strict=True))]
        assert ordered == sorted(ordered)


def test_right_and_wrong_items_are_tested_by_mcnemar() -> None:
    one, other = pair(40, 25, 135)
    found = paired_test(one, other, seed=1)
    assert (found.won, found.lost, found.tied, found.method) == (40, 25, 135, "exact McNemar")
    assert found.difference == pytest.approx(15 / 200)
    assert found.p == mcnemar(40, 25)
    # A cluster for each item is none.
    apart = paired_test(one, other, clusters=np.arange(200), seed=1)
    assert apart.method == found.method
    assert apart[:4] == pytest.approx(found[:4], abs=1e-6)
    assert found.low < 0 < found.difference < found.high


def test_groups_of_unequal_weight_are_tested_by_sign_flips() -> None:
    one, other = pair(40, 25, 135)
    strata = np.arange(200) % 4 == 0
    found = paired_test(one, other, strata=strata.astype(np.intp), stratum_weights=np.array([1.0, 1.0]), seed=1)
    assert found.method == "sign flips, 10,000 draws"
    means = [(one - other)[strata == group].mean() for group in (False, True)]
    assert found.difference == pytest.approx(sum(means) / 2)
    same_weight = paired_test(
        one, other, strata=strata.astype(np.intp), stratum_weights=np.array([150.0, 50.0]), seed=1
    )
    assert same_weight.method == "exact McNemar"
    assert same_weight.difference == pytest.approx(15 / 200)


@pytest.mark.parametrize("alternative", ["two-sided", "greater", "less"])
@pytest.mark.parametrize("digits", [1, 6])
def test_sign_flips_agree_with_scipy(alternative: str, digits: int) -> None:
    random = np.random.default_rng(7)
    one, other = np.round(random.random((2, 60)), digits)
    one = np.round(one + 0.08, digits)
    found = paired_test(one, other, seed=1, alternative=alternative)  # type: ignore[arg-type]
    reference = permutation_test(
        (one, other), lambda x, y: np.mean(x - y), permutation_type="samples", alternative=alternative,
        n_resamples=20_000, rng=np.random.default_rng(3),
    )  # fmt: skip
    assert found.p == pytest.approx(reference.pvalue, abs=0.015)


def test_clusters_are_flipped_together() -> None:
    # Ten passages of which each tells the same thing 20 times: ten observations and not 200.
    differences = np.repeat([1, 1, 1, 1, 1, 1, 1, -1, -1, 1.0], 20)
    clusters = np.repeat(np.arange(10), 20)
    alone = paired_test(differences, np.zeros(200), seed=1)
    together = paired_test(differences, np.zeros(200), clusters=clusters, seed=1)
    assert alone.p < 0.001
    assert together.p == pytest.approx(binomtest(8, 10, alternative="two-sided").pvalue, abs=0.02)
    assert together.low < alone.low


def test_the_smallest_p_is_that_of_the_draws() -> None:
    found = paired_test(np.linspace(1, 2, 200), np.zeros(200), seed=1, draws=999)
    assert found.p == 1 / 1000


def test_equal_submissions_do_not_differ() -> None:
    scores = np.random.default_rng(1).random(50)
    found = paired_test(scores, scores, seed=1)
    assert found[:4] == (0, 0, 0, 1)
    assert (found.won, found.lost, found.tied) == (0, 0, 50)


def test_items_that_one_lacks_are_left_out_and_out_of_the_counts() -> None:
    one, other = pair(4, 2, 6)
    one[-1] = other[0] = np.nan
    found = paired_test(one, other, seed=1)
    assert (found.won, found.lost, found.tied) == (3, 2, 5)
    with pytest.raises(ValueError, match="no items"):
        paired_test(one, np.full(12, np.nan), seed=1)


@settings(deadline=None, max_examples=40)
@given(st.permutations(range(12)))
def test_swapping_the_two_turns_the_sign(order: list[int]) -> None:
    one = np.arange(12.0) / 12
    other = one[order]
    found, turned = paired_test(one, other, seed=2, draws=500), paired_test(other, one, seed=2, draws=500)
    assert found.difference == pytest.approx(-turned.difference)
    assert (found.won, found.lost, found.p) == (turned.lost, turned.won, turned.p)
    assert (found.low, found.high) == pytest.approx((-turned.high, -turned.low), abs=1e-6)


def test_nothing_is_told_apart_more_often_than_alpha_when_nothing_differs() -> None:
    random = np.random.default_rng(11)
    found = [paired_test(*random.random((2, 40)), seed=seed, draws=400).p < 0.1 for seed in range(300)]
    # Three standard errors of a share of 300.
    assert np.mean(found) == pytest.approx(0.1, abs=3 * (0.09 / 300) ** 0.5)
