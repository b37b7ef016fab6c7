"""Intervals for metrics that are no mean of items: the items drawn anew, the metric computed anew."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from evaluators.statistics.intervals import Interval

# A metric's value where item i counts weights[i] times; None where it is undefined.
Statistic = Callable[[NDArray[np.float64]], float | None]

DRAWS = 1000
# Where the metric is undefined in more than this share of the draws, an interval of the others would mislead.
MOST_UNDEFINED = 0.05


class Part(NamedTuple):
    """A group's metric, and for each of its items the cluster it is drawn with and its own weight.

    `counts`: the items stand for so many that the metric can't tell apart; each of these is then drawn by itself.
    """

    statistic: Statistic
    clusters: Sequence[str]
    own: NDArray[np.float64]
    counts: NDArray[np.float64] | None = None

    @property
    def value(self) -> float | None:
        """The metric over the group as it is."""
        return self.statistic(self.own if self.counts is None else self.own * self.counts)

    def draws(self, random: np.random.Generator, draws: int) -> NDArray[np.float64]:
        """How much weight each item has in each draw: draws × items."""
        if self.counts is None:
            return cluster_draws(self.clusters, random, draws) * self.own
        total = int(self.counts.sum())
        return random.multinomial(total, self.counts / total, size=draws) * self.own

    @property
    def drawable(self) -> int:
        """How many things there are to draw from: of one alone nothing can be said about another."""
        return len(set(self.clusters)) if self.counts is None else int(self.counts.sum())


def cluster_draws(clusters: Sequence[str], random: np.random.Generator, draws: int) -> NDArray[np.float64]:
    """How often each item counts in each draw of whole clusters with replacement: draws × items."""
    _, member = np.unique(np.asarray(clusters, dtype=object).astype(str), return_inverse=True)
    count = int(member.max()) + 1
    drawn = random.multinomial(count, np.full(count, 1 / count), size=draws)
    return drawn[:, member].astype(float)


def bootstrap_metric(
    groups: Mapping[str, Part],
    weights: Mapping[str, float],
    *,
    seed: int,
    draws: int = DRAWS,
    level: float = 0.95,
) -> Interval | None:
    """Percentile interval of a weighted mean of the groups' metrics, clusters drawn anew within groups.

    (Efron & Tibshirani 1993.) None where the metric is undefined in too many draws, and where a group is of one
    cluster, which tells nothing about any other.
    """
    if any(part.drawable < 2 for name, part in groups.items() if weights[name]):
        return None
    random = np.random.default_rng(seed)
    total = sum(weights.values())
    values = np.zeros(draws)
    for name, part in sorted(groups.items()):
        share = weights[name] / total
        for number, counts in enumerate(part.draws(random, draws)):
            value = part.statistic(counts)
            values[number] += np.nan if value is None else share * value
    defined = values[~np.isnan(values)]
    if len(defined) < (1 - MOST_UNDEFINED) * draws:
        return None
    low, high = np.quantile(defined, [0.5 - level / 2, 0.5 + level / 2])
    return Interval(float(low), float(high))
