"""Intervals for one score."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from scipy.stats import norm


class Interval(NamedTuple):
    """A two-sided interval."""

    low: float
    high: float


def wilson(successes: float, n: int, *, level: float = 0.95) -> Interval:
    """Wilson's score interval for a proportion (Wilson 1927); `successes` may be fractional where ties share a point.

    For whole successes it equals scipy's binomtest(k, n).proportion_ci(method="wilson").
    """
    if n <= 0:
        raise ValueError("an interval needs at least one item")
    z = float(norm.ppf(0.5 + level / 2))
    share = successes / n
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z * ((share * (1 - share) / n + z * z / (4 * n * n)) ** 0.5) / (1 + z * z / n)
    return Interval(max(0.0, centre - half), min(1.0, centre + half))


def stratified_bootstrap(
    groups: Mapping[str, Sequence[float]], weights: Mapping[str, float], *, seed: int, draws: int = 1000,
    level: float = 0.95,
) -> Interval:  # fmt: skip
    """Percentile interval of a weighted mean of group means, items re-drawn within groups (Efron & Tibshirani 1993).

    A group of equal scores has no spread to re-draw, so a perfect score has an interval of no width here; `wilson`
    has not that fault, and is used where the suite is one group.
    """
    random = np.random.default_rng(seed)
    total = sum(weights.values())
    means = np.zeros(draws)
    for name, scores in sorted(groups.items()):
        values, counts = np.unique(np.asarray(scores, dtype=float), return_counts=True)
        n = int(counts.sum())
        # Drawing how often each distinct score comes up is drawing n items with replacement, at a fraction of the cost.
        drawn = random.multinomial(n, counts / n, size=draws)
        means += weights[name] / total * (drawn @ values) / n
    low, high = np.quantile(means, [0.5 - level / 2, 0.5 + level / 2])
    return Interval(float(low), float(high))
