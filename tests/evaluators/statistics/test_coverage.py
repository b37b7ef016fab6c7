"""Intervals of 95 % hold what they are to hold in 95 of 100 simulated cases, give or take two.

Each simulated case is a column of one table of scores, so that thousands of them cost one matrix product.
"""

import numpy as np
import pytest

from evaluators.statistics.draws import interval_of, mean_draws
from evaluators.statistics.intervals import stratified_bootstrap, wilson
from evaluators.statistics.pairs import paired_test
from evaluators.statistics.seeds import training_draws
from evaluators.statistics.weighting import weighted_mean

# The standard error of a coverage of .95 over so many cases is .0034.
CASES = 4000
NEAR = pytest.approx(0.95, abs=0.02)


def coverage(draws: np.ndarray, truth: float) -> float:
    low, high = np.quantile(draws, [0.025, 0.975], axis=0)
    return float(((low <= truth) & (truth <= high)).mean())


@pytest.mark.parametrize(("n", "p"), [(40, 0.5), (60, 0.9), (200, 0.7), (1000, 0.98)])
def test_wilson_holds_the_share(n: int, p: float) -> None:
    successes = np.random.default_rng(1).binomial(n, p, size=CASES)
    intervals = {int(k): wilson(int(k), n) for k in set(successes)}
    assert np.mean([intervals[int(k)].low <= p <= intervals[int(k)].high for k in successes]) == NEAR


def test_a_stratified_bootstrap_holds_a_macro_mean() -> None:
    random = np.random.default_rng(2)
    sizes, shares, weights = [60, 150, 90, 200], [0.55, 0.9, 0.7, 0.8], np.array([1.0, 1.0, 2.0, 1.0])
    strata = np.repeat(np.arange(4), sizes)
    scores = (random.random((500, CASES)) < np.repeat(shares, sizes)[:, None]).astype(np.float32)
    draws = mean_draws(scores, strata, weights, seed=3)
    assert coverage(draws, float(np.average(shares, weights=weights))) == NEAR


def test_the_bootstrap_of_one_suite_holds_its_macro_mean() -> None:
    random = np.random.default_rng(2)
    truth = (0.6 + 0.85) / 2
    held = 0
    for case in range(2000):
        groups = {"a": random.random(80) < 0.6, "b": random.random(120) < 0.85}
        low, high = stratified_bootstrap(groups, {"a": 1.0, "b": 1.0}, seed=case, draws=400)  # type: ignore[arg-type]
        held += low <= truth <= high
    assert held / 2000 == NEAR


def test_paired_draws_hold_the_difference_and_are_narrower_than_unpaired_ones() -> None:
    random = np.random.default_rng(4)
    hard = random.random((400, CASES))
    one = (hard + 0.3 * random.random((400, CASES)) < 0.95).astype(np.float32)
    other = (hard + 0.3 * random.random((400, CASES)) < 0.90).astype(np.float32)
    # E[(h + .3u < t)] for h and u even from 0 to 1 is t - .15 as long as t lies from .3 to 1.
    truth = 0.05
    strata = np.zeros(400, dtype=np.intp)
    first, second = (mean_draws(scores, strata, np.ones(1), seed=5) for scores in (one, other))
    assert coverage(first - second, truth) == NEAR
    apart = mean_draws(other, strata, np.ones(1), seed=6)
    assert (first - second).std() < 0.7 * (first - apart).std()
    found = paired_test(one[:, 0], other[:, 0], seed=5)
    assert (found.low, found.high) == pytest.approx(interval_of((first - second)[:, 0]), abs=1e-6)


def test_clusters_hold_the_mean_where_items_alone_do_not() -> None:
    random = np.random.default_rng(7)
    passages = np.repeat(np.arange(120), 5)
    # Passages of which all five items are easy, and others.
    share = random.beta(2, 1, size=(120, CASES))[passages]
    scores = (random.random((600, CASES)) < share).astype(np.float32)
    strata = np.zeros(600, dtype=np.intp)
    assert coverage(mean_draws(scores, strata, np.ones(1), clusters=passages, seed=8), 2 / 3) == NEAR
    assert coverage(mean_draws(scores, strata, np.ones(1), seed=8), 2 / 3) < 0.9


def test_weighted_items_hold_the_mean_of_the_population_they_were_sampled_from() -> None:
    random = np.random.default_rng(9)
    # Kind 1 makes up a tenth of the population and half of the sample.
    kind = np.repeat([0, 1], 200)
    weights = np.where(kind == 1, 0.1 / 0.5, 0.9 / 0.5)
    scores = (random.random((400, CASES)) < np.where(kind == 1, 0.3, 0.8)[:, None]).astype(np.float32)
    truth = 0.1 * 0.3 + 0.9 * 0.8
    draws = mean_draws(scores, np.zeros(400, dtype=np.intp), np.ones(1), item_weights=weights, seed=10)
    assert coverage(draws, truth) == NEAR
    single = [weighted_mean(scores[:, case], weights, seed=11) for case in range(1000)]
    held = [one.interval is not None and one.interval.low <= truth <= one.interval.high for one in single]
    assert np.mean(held) == NEAR


def test_draws_of_trainings_hold_the_score_of_the_method_where_those_of_items_alone_do_not() -> None:
    random = np.random.default_rng(12)
    held: list[tuple[bool, bool]] = []
    strata = np.zeros(200, dtype=np.intp)
    for case in range(600):
        luck = random.normal(0.7, 0.06, size=12)
        scores = (random.random((200, 12)) < luck).astype(np.float32)
        both = training_draws(scores, strata, np.ones(1), seed=case, trainings_seed=case + 10_000, draws=300)
        alone = mean_draws(scores, strata, np.ones(1), seed=case, draws=300).mean(axis=1)
        held.append((coverage(both[:, None], 0.7) == 1, coverage(alone[:, None], 0.7) == 1))
    with_trainings, items_alone = np.mean(held, axis=0)
    assert with_trainings > 0.93
    assert items_alone < 0.7
