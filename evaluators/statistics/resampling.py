"""Intervals for metrics that are no mean of items: the items drawn anew, the metric computed anew."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from evaluators.statistics.intervals import Interval

# A metric's value where item i counts weights[i] times; None where it is undefined.
Statistic = Callable[[NDArray[np.float64]], float | None]

DRAWS = 1000
# Where the metric is undefined in more than this share of the draws, an interval of the others would mislead.
MOST_UNDEFINED = 0.05


def cluster_draws(clusters: Sequence[str], random: np.random.Generator, draws: int) -> NDArray[np.float64]:
    """How often each item counts in each draw of whole clusters with replacement: draws × items."""
    _, member = np.unique(np.asarray(clusters, dtype=object).astype(str), return_inverse=True)
    count = int(member.max()) + 1
    drawn = random.multinomial(count, np.full(count, 1 / count), size=draws)
    return drawn[:, member].astype(float)


def bootstrap_metric(
    groups: Mapping[str, tuple[Statistic, Sequence[str], NDArray[np.float64]]],
    weights: Mapping[str, float],
    *,
    seed: int,
    draws: int = DRAWS,
    level: float = 0.95,
) -> Interval | None:
    """Percentile interval of a weighted mean of the groups' metrics, clusters drawn anew within groups.

    A group is its statistic, each item's cluster, and each item's own weight (Efron & Tibshirani 1993). None where the
    metric is undefined in too many draws.
    """
    random = np.random.default_rng(seed)
    total = sum(weights.values())
    values = np.zeros(draws)
    for name, (statistic, clusters, own) in sorted(groups.items()):
        share = weights[name] / total
        for number, counts in enumerate(cluster_draws(clusters, random, draws)):
            value = statistic(counts * own)
            values[number] += np.nan if value is None else share * value
    defined = values[~np.isnan(values)]
    if len(defined) < (1 - MOST_UNDEFINED) * draws:
        return None
    low, high = np.quantile(defined, [0.5 - level / 2, 0.5 + level / 2])
    return Interval(float(low), float(high))
