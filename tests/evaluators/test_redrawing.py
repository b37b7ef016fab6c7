"""Items that share a cluster are drawn together, so that what is right or wrong together counts once."""

import pytest

from evaluators.redrawing import bootstrap_items, clustered
from evaluators.statistics.intervals import stratified_bootstrap, wilson
from evaluators.tasks.interface import ItemScore


def items(scores: list[float], *, per_cluster: int = 1, weight: float = 1.0, group: str = "a") -> list[ItemScore]:
    return [
        ItemScore(f"{group}/{number}", group, f"{group}/{number // per_cluster}", weight, "", score)
        for number, score in enumerate(scores)
    ]


def width(groups: dict[str, list[ItemScore]]) -> float:
    interval = bootstrap_items(groups, dict.fromkeys(groups, 1.0), seed=1)
    assert interval is not None
    return interval.high - interval.low


def test_items_drawn_one_by_one_have_the_interval_of_the_stratified_bootstrap() -> None:
    scores = [1.0, 0.0, 1.0, 1.0] * 25
    assert not clustered(items(scores))
    assert bootstrap_items({"a": items(scores)}, {"a": 1.0}, seed=3) == stratified_bootstrap(
        {"a": scores}, {"a": 1.0}, seed=3
    )


def test_the_interval_of_clusters_that_agree_is_that_of_so_many_items() -> None:
    # Ten items of a cluster are all right or all wrong: they tell as much as one.
    scores = [float(number // 10 % 2) for number in range(400)]
    together, apart = width({"a": items(scores, per_cluster=10)}), width({"a": items(scores)})
    assert together == pytest.approx(apart * 10**0.5, rel=0.1)


def test_clusters_that_differ_within_and_are_alike_have_a_narrow_interval() -> None:
    scores = [float(number % 3 == 0) for number in range(400)]
    assert width({"a": items(scores, per_cluster=10)}) < 0.5 * width({"a": items(scores)})


def test_a_perfect_score_of_clusters_has_the_interval_of_as_many_items_as_there_are_clusters() -> None:
    interval = bootstrap_items({"a": items([1.0] * 100, per_cluster=5)}, {"a": 1.0}, seed=1)
    assert interval == pytest.approx(wilson(20, 20))


def test_a_heavy_item_widens_the_interval() -> None:
    scores = [1.0, 0.0] * 50
    heavy = items(scores)
    heavy[0] = heavy[0]._replace(weight=50.0)
    assert clustered(heavy)
    assert width({"a": heavy}) > 2 * width({"a": items(scores)})


def test_groups_count_by_their_weights() -> None:
    groups = {"a": items([1.0, 0.0] * 50, per_cluster=2), "b": items([1.0] * 99 + [0.0], per_cluster=2, group="b")}
    only_b = bootstrap_items(groups, {"a": 0.0, "b": 1.0}, seed=1)
    assert only_b is not None
    assert only_b.low > 0.9
