"""Several trainings, and items that do not count alike."""

import numpy as np
import pytest

from evaluators.statistics.draws import interval_of, mean_draws
from evaluators.statistics.intervals import wilson
from evaluators.statistics.seeds import Spread, draw_trainings, spread_of, training_draws
from evaluators.statistics.weighting import effective_size, weighted_mean

STRATA = np.repeat([0, 1], [30, 20])
WEIGHTS = np.array([1.0, 1.0])


def scores_of(trainings: int, spread: float) -> np.ndarray:
    random = np.random.default_rng(1)
    return (random.random((50, trainings)) < 0.7 + spread * np.linspace(-1, 1, trainings)).astype(float)


def test_trainings_have_a_mean_and_a_sample_deviation() -> None:
    assert spread_of([1.0, 2.0, 3.0]) == Spread(2, 1, 3)
    assert spread_of([0.5]) == Spread(0.5, None, 1)
    with pytest.raises(ValueError, match="training"):
        spread_of([])


def test_one_training_has_the_draws_of_its_items() -> None:
    scores = scores_of(1, 0)
    found = training_draws(scores, STRATA, WEIGHTS, seed=1, trainings_seed=2)
    assert found.tolist() == mean_draws(scores, STRATA, WEIGHTS, seed=1)[:, 0].tolist()


def test_the_noise_of_training_adds_to_that_of_items() -> None:
    scores = scores_of(5, 0.25)
    found = training_draws(scores, STRATA, WEIGHTS, seed=1, trainings_seed=2)
    by_training = mean_draws(scores, STRATA, WEIGHTS, seed=1).astype(float)
    alone = by_training.mean(axis=1)
    assert found.mean() == pytest.approx(alone.mean(), abs=0.02)
    means = by_training.mean(axis=0)
    assert found.var() == pytest.approx(alone.var() + means.var() / 5, rel=0.25)
    again = training_draws(scores, STRATA, WEIGHTS, seed=1, trainings_seed=2)
    other = training_draws(scores, STRATA, WEIGHTS, seed=1, trainings_seed=3)
    assert found.tolist() == again.tolist() != other.tolist()


def test_a_training_without_a_value_is_missed_only_where_it_is_drawn() -> None:
    by_training = np.tile([1.0, np.nan], (1000, 1))
    found = draw_trainings(by_training, trainings_seed=1)
    assert np.isnan(found).mean() == pytest.approx(0.75, abs=0.05)
    assert set(found[~np.isnan(found)]) == {1}


def test_items_of_equal_weight_count_alike() -> None:
    scores = scores_of(1, 0)[:, 0]
    found = weighted_mean(scores, np.full(50, 3.0), seed=1)
    assert found.value == pytest.approx(scores.mean())
    assert found.effective == pytest.approx(50)
    assert found.interval == pytest.approx(wilson(scores.sum(), 50))


def test_weights_stand_for_repeated_items() -> None:
    scores, weights = np.array([1.0, 0.0, 1.0, 0.25]), np.array([4.0, 1.0, 2.0, 1.0])
    found = weighted_mean(scores, weights, seed=1)
    assert found.value == pytest.approx(np.repeat(scores, weights.astype(int)).mean())
    assert found.effective == pytest.approx(64 / 22)
    assert effective_size(weights) == pytest.approx(64 / 22)
    drawn = mean_draws(scores[:, None], np.zeros(4, dtype=np.intp), np.ones(1), item_weights=weights, seed=1)
    assert found.interval == interval_of(drawn[:, 0])


def test_weighted_items_in_groups_have_the_mean_over_groups() -> None:
    scores, weights = scores_of(1, 0)[:, 0], np.linspace(1, 2, 50)
    found = weighted_mean(scores, weights, strata=STRATA, stratum_weights=np.array([3.0, 1.0]), seed=1)
    means = [np.average(scores[group == STRATA], weights=weights[group == STRATA]) for group in range(2)]
    assert found.value == pytest.approx((3 * means[0] + means[1]) / 4)
    assert found.interval is not None
    assert found.interval.low < found.value < found.interval.high
    plain = weighted_mean(scores, weights, strata=STRATA, seed=1)
    assert plain.value == pytest.approx(np.mean(means))


def test_all_right_has_an_interval_with_a_width() -> None:
    found = weighted_mean(np.ones(20), np.linspace(1, 3, 20), seed=1)
    assert found.interval is not None
    assert found.interval.low < 0.9
    assert found.interval.high == 1


def test_weights_below_0_and_groups_without_weight_are_refused() -> None:
    with pytest.raises(ValueError, match="0 or more"):
        weighted_mean(np.ones(2), np.array([1.0, -1.0]), seed=1)
    with pytest.raises(ValueError, match="0 or more"):
        effective_size(np.zeros(2))
    with pytest.raises(ValueError, match="no weight"):
        weighted_mean(np.ones(2), np.array([1.0, 0.0]), strata=np.array([0, 1]), seed=1)
