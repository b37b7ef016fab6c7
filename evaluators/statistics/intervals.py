"""Intervals for one score."""

import math
from collections.abc import Mapping, Sequence
from statistics import NormalDist
from typing import NamedTuple

import numpy as np


class Interval(NamedTuple):
    """A two-sided interval."""

    low: float
    high: float


def wilson(successes: float, n: float, *, level: float = 0.95) -> Interval:
    """Wilson's score interval for a proportion (Wilson 1927); `successes` may be fractional where ties share a point.

    For whole successes it equals scipy's binomtest(k, n).proportion_ci(method="wilson"); `n` may be an effective size.
    """
    if n <= 0:
        raise ValueError("an interval needs at least one item")
    z = NormalDist().inv_cdf(0.5 + level / 2)
    share = successes / n
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z * ((share * (1 - share) / n + z * z / (4 * n * n)) ** 0.5) / (1 + z * z / n)
    return Interval(max(0.0, centre - half), min(1.0, centre + half))


def sampled_half_width(share: float, n: int, *, of: int, level: float = 0.95) -> float:
    """Half the width of the interval in which the share over all `of` items lies, of which a sample of n was asked.

    z·√(p(1-p)/n · (1 - n/N)), corrected for the finite population (Cochran 1977, section 3.3): 0 where all were asked.
    It is of the items' share alone, and says nothing of other items that might have been written.
    """
    if not 0 < n <= of:
        raise ValueError("a sample has from one item to all of them")
    return NormalDist().inv_cdf(0.5 + level / 2) * math.sqrt(max(0.0, share * (1 - share)) / n * (1 - n / of))


def stratified_bootstrap(
    groups: Mapping[str, Sequence[float]], weights: Mapping[str, float], *, seed: int, draws: int = 1000,
    level: float = 0.95,
) -> Interval:  # fmt: skip
    """Percentile interval of a weighted mean of group means, items re-drawn within groups (Efron & Tibshirani 1993).

    Where the scores of every group are equal there is no spread to re-draw, and a perfect score would have an interval
    of no width. Proportions then take `wilson` at the mean's effective size 1 / Σ w²/n (Kish 1965), w summing to 1.
    """
    random = np.random.default_rng(seed)
    total = sum(weights.values())
    means = np.zeros(draws)
    mean, variance, spread, proportions = 0.0, 0.0, False, True
    for name, scores in sorted(groups.items()):
        values, counts = np.unique(np.asarray(scores, dtype=float), return_counts=True)
        n = int(counts.sum())
        # Drawing how often each distinct score comes up is drawing n items with replacement, at a fraction of the cost.
        drawn = random.multinomial(n, counts / n, size=draws)
        share = weights[name] / total
        means += share * (drawn @ values) / n
        mean += share * float(counts @ values) / n
        variance += share * share / n
        spread |= bool(share) and len(values) > 1
        proportions &= bool(values[0] >= 0 and values[-1] <= 1)
    if not spread and proportions and variance:
        return wilson(min(1.0, mean) / variance, 1 / variance, level=level)
    low, high = np.quantile(means, [0.5 - level / 2, 0.5 + level / 2])
    return Interval(float(low), float(high))
