"""Intervals of means of items, with whole clusters drawn where items share one. Pure."""

from collections.abc import Mapping, Sequence
from statistics import fmean

import numpy as np

from evaluators.drawing import numbered
from evaluators.statistics.draws import interval_of, mean_draws
from evaluators.statistics.intervals import Interval, stratified_bootstrap
from evaluators.tasks.interface import ItemScore

NO_WIDTH = 1e-6  # what rounding leaves of draws that are all the same


def clustered(items: Sequence[ItemScore]) -> bool:
    """Whether items are not drawn one by one: some share a cluster, or one has a weight of its own."""
    return len({item.cluster for item in items}) < len(items) or any(item.weight != 1 for item in items)


def bootstrap_items(
    groups: Mapping[str, Sequence[ItemScore]], weights: Mapping[str, float], *, seed: int
) -> Interval | None:
    """Percentile interval of the weighted mean of the groups' means; None where too many draws leave a group empty.

    Items that share a template or a passage are drawn together, since they are right or wrong together. Where no draw
    differs from another, each cluster counts as one item.
    """
    if not any(clustered(items) for items in groups.values()):
        scores = {name: [item.score for item in items] for name, items in groups.items()}
        return stratified_bootstrap(scores, weights, seed=seed)
    names = sorted(groups)
    items = [item for name in names for item in groups[name]]
    drawn = mean_draws(
        np.array([[item.score] for item in items]),
        np.repeat(np.arange(len(names)), [len(groups[name]) for name in names]),
        np.array([weights[name] for name in names]),
        clusters=numbered([item.cluster for item in items]),
        item_weights=np.array([item.weight for item in items]),
        seed=seed,
    )
    interval = interval_of(drawn[:, 0])
    if interval is not None and interval.high - interval.low < NO_WIDTH:
        return stratified_bootstrap({name: _of_clusters(groups[name]) for name in names}, weights, seed=seed)
    return interval


def _of_clusters(items: Sequence[ItemScore]) -> list[float]:
    """The mean of each cluster."""
    members: dict[str, list[float]] = {}
    for item in items:
        members.setdefault(item.cluster, []).append(item.score)
    return [fmean(scores) for scores in members.values()]
