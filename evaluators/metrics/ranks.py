"""Correlations in which every pair counts `weights` times: whole weights equal repeating the pairs."""

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]
# What takes weights, one for each pair, and gives the coefficient, or None where one side does not vary.
Correlation = Callable[[Numbers], float | None]
# Where the values differ by no more than rounding, the coefficient would be that of the rounding.
ROUNDING = 1e-12


def midranks(values: Numbers, weights: Numbers) -> Numbers:
    """Average ranks, less ½, in the sample in which value i stands weights[i] times; ties share their mean rank."""
    _, place, count = _places(values)
    return _ranks(place, count, weights)


def spearman(x: Numbers, y: Numbers) -> Correlation:
    """Spearman's rho of the weighted pairs: Pearson's r of their average ranks (Spearman 1904)."""
    _, place_x, count_x = _places(x)
    _, place_y, count_y = _places(y)

    def value(weights: Numbers) -> float | None:
        kept = weights > 0
        if _same(place_x[kept]) or _same(place_y[kept]):
            return None
        return _coefficient(_ranks(place_x, count_x, weights), _ranks(place_y, count_y, weights), weights)

    return value


def pearson(x: Numbers, y: Numbers) -> Correlation:
    """Pearson's r of the weighted pairs."""
    x, y = np.asarray(x, dtype=float), np.asarray(y, dtype=float)

    def value(weights: Numbers) -> float | None:
        kept = weights > 0
        if _same(x[kept]) or _same(y[kept]):
            return None
        return _coefficient(x, y, weights)

    return value


def _places(values: Numbers) -> tuple[Numbers, NDArray[np.intp], int]:
    distinct, place = np.unique(np.asarray(values, dtype=float), return_inverse=True)
    return distinct, place, len(distinct)


def _ranks(place: NDArray[np.intp], count: int, weights: Numbers) -> Numbers:
    totals = np.bincount(place, weights, minlength=count)
    ranks: Numbers = (np.cumsum(totals) - totals / 2)[place]
    return ranks


def _same(values: NDArray[np.generic]) -> bool:
    if len(values) < 2:
        return True
    low, high = float(values.min()), float(values.max())
    return high - low <= ROUNDING * max(abs(low), abs(high))


def _coefficient(x: Numbers, y: Numbers, weights: Numbers) -> float | None:
    total = weights.sum()
    x, y = x - (weights @ x) / total, y - (weights @ y) / total
    spread = float(weights @ (x * x)) * float(weights @ (y * y))
    if spread <= 0:
        return None
    together = float(weights @ (x * y))
    return max(-1.0, min(1.0, together / math.sqrt(spread)))
