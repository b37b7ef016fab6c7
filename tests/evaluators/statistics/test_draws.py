"""Draws of items: the same for everybody, and means that follow from the counts."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluators.statistics.draws import (
    composite_draws,
    count_blocks,
    interval_of,
    mean_draws,
    metric_draws,
    suite_seed,
)
from evaluators.statistics.intervals import stratified_bootstrap

STRATA = np.array([1, 0, 1, 1, 0, 2, 1, 0])
CLUSTERS = np.array([7, 7, 7, 8, 3, 1, 8, 3])


def counts_of(clusters: np.ndarray | None, **options: int) -> np.ndarray:
    return np.concatenate(list(count_blocks(STRATA, clusters, seed=5, draws=40, **options)))


@pytest.mark.parametrize("clusters", [None, CLUSTERS])
def test_the_same_seed_gives_the_same_counts_in_blocks_of_any_size(clusters: np.ndarray | None) -> None:
    assert counts_of(clusters).tolist() == counts_of(clusters, block=7).tolist()
    blocks = [len(block) for block in count_blocks(STRATA, clusters, seed=5, draws=40, block=15)]
    assert blocks == [15, 15, 10]


def test_each_draw_of_a_group_has_as_many_items_as_the_group() -> None:
    counts = counts_of(None)
    for group, size in enumerate([3, 4, 1]):
        assert set(counts[:, group == STRATA].sum(axis=1)) == {size}
    assert len(np.unique(counts, axis=0)) > 20


def test_clusters_are_drawn_whole_and_apart_in_every_group() -> None:
    counts = counts_of(CLUSTERS)
    in_group_1 = counts[:, STRATA == 1]
    assert (in_group_1[:, 0] == in_group_1[:, 1]).all()
    assert (in_group_1[:, 2] == in_group_1[:, 3]).all()
    assert set(in_group_1[:, 0] + in_group_1[:, 2]) == {2}
    # Cluster 7 has an item in group 0 too, which is drawn by itself.
    assert (counts[:, 1] != counts[:, 0]).any()


def test_every_item_is_drawn_once_on_average() -> None:
    counts = np.concatenate(list(count_blocks(np.repeat([0, 1], [40, 10]), None, seed=1, draws=4000)))
    assert counts.mean(axis=0) == pytest.approx(np.ones(50), abs=0.08)
    # A count of n draws with chance 1/n is binomial.
    assert counts[:, :40].var() == pytest.approx(1 - 1 / 40, abs=0.03)


@pytest.mark.parametrize("clusters", [None, CLUSTERS])
@pytest.mark.parametrize("item_weights", [None, np.array([1, 2, 3, 4, 5, 6, 7, 8.0])])
def test_means_are_those_of_the_counted_items(clusters: np.ndarray | None, item_weights: np.ndarray | None) -> None:
    scores = np.random.default_rng(3).random((8, 4))
    weights = np.array([1.0, 2.0, 5.0])
    found = mean_draws(scores, STRATA, weights, clusters=clusters, item_weights=item_weights, seed=5, draws=40)
    own = np.ones(8) if item_weights is None else item_weights
    for counts, means in zip(counts_of(clusters), found, strict=True):
        by_group = [
            np.average(scores[group == STRATA], axis=0, weights=(counts * own)[group == STRATA]) for group in range(3)
        ]
        assert means == pytest.approx(np.average(by_group, axis=0, weights=weights), abs=1e-5)


def test_a_group_that_weighs_nothing_does_not_count_and_may_be_empty() -> None:
    scores = np.random.default_rng(3).random((8, 1))
    found = mean_draws(scores, STRATA, np.array([0.0, 1.0, 0.0, 0.0]), seed=5, draws=20)
    alone = mean_draws(scores[STRATA == 1], np.zeros(4, dtype=np.intp), np.ones(1), seed=5, draws=20)
    assert found.tolist() == alone.tolist()
    with pytest.raises(ValueError, match="no items"):
        mean_draws(scores, STRATA, np.ones(4), seed=5)
    with pytest.raises(ValueError, match="weight"):
        mean_draws(scores, STRATA, np.ones(2), seed=5)


def test_who_lacks_an_item_has_no_draws_and_changes_nobody_elses() -> None:
    scores = np.random.default_rng(3).random((8, 3))
    whole = mean_draws(scores, STRATA, np.ones(3), seed=5)
    scores[2, 1] = np.nan
    found = mean_draws(scores, STRATA, np.ones(3), seed=5)
    assert np.isnan(found[:, 1]).all()
    assert found[:, [0, 2]] == pytest.approx(whole[:, [0, 2]], abs=1e-6)


@settings(deadline=None, max_examples=40)
@given(st.lists(st.integers(0, 4), min_size=1, max_size=9))
def test_copies_have_equal_draws_to_the_last_bit(places: list[int]) -> None:
    scores = np.random.default_rng(3).random((8, 5))[:, [*places, 0, 1]]
    found = mean_draws(scores, STRATA, np.ones(3), seed=5, draws=30)
    for left, one in enumerate(places):
        for right, other in enumerate(places):
            if one == other:
                assert found[:, left].tolist() == found[:, right].tolist()


def test_a_metric_is_computed_anew_in_each_draw() -> None:
    scores = np.random.default_rng(3).random(8)
    strata = np.zeros(8, dtype=np.intp)
    found = metric_draws(lambda counts: float(counts @ scores / counts.sum()), strata, seed=5)
    assert found == pytest.approx(mean_draws(scores[:, None], strata, np.ones(1), seed=5)[:, 0], abs=1e-6)
    undefined = metric_draws(lambda counts: None if counts[0] else 1.0, strata, seed=5)
    assert 0.5 < np.isnan(undefined).mean() < 0.8
    assert interval_of(undefined) is None


def test_a_composite_is_linear_in_its_suites_and_lacks_none() -> None:
    draws = {"a": np.array([1.0, 2.0]), "b": np.array([10.0, 30.0])}
    assert composite_draws(draws, {"a": 0.5, "b": 0.1, "c": 0.0}).tolist() == [1.5, 4.0]
    with pytest.raises(ValueError, match="'c'"):
        composite_draws(draws, {"a": 0.5, "c": 0.1})
    with pytest.raises(ValueError, match="no suite"):
        composite_draws(draws, {"a": 0.0})


def test_an_interval_leaves_out_a_few_undefined_draws_and_not_many() -> None:
    draws = np.append(np.arange(96.0), [np.nan] * 4)
    assert interval_of(draws, level=0.9) == pytest.approx(tuple(np.quantile(np.arange(96.0), [0.05, 0.95])))
    assert interval_of(np.append(draws, [np.nan] * 2)) is None
    assert interval_of(np.array([])) is None


def test_a_suite_has_its_own_seed() -> None:
    seeds = {suite_seed(digest) for digest in ("a" * 64, "b" * 64, "")}
    assert len(seeds) == 3
    assert suite_seed("a" * 64) in seeds


def test_draws_agree_with_the_bootstrap_of_scores() -> None:
    random = np.random.default_rng(1)
    groups = {"a": random.random(200) < 0.7, "b": random.random(50) < 0.4}
    strata = np.repeat([0, 1], [200, 50])
    found = interval_of(
        mean_draws(np.concatenate(list(groups.values()))[:, None], strata, np.array([1.0, 3.0]), seed=1, draws=4000)[
            :, 0
        ]
    )
    reference = stratified_bootstrap(groups, {"a": 1.0, "b": 3.0}, seed=2, draws=4000)  # type: ignore[arg-type]
    assert found == pytest.approx(reference, abs=0.006)
