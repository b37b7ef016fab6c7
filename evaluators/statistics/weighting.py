"""Items that do not count alike: what stands for many counts more, what a sample took too often counts less."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from evaluators.statistics.draws import DRAWS, interval_of, mean_draws
from evaluators.statistics.intervals import Interval, wilson

Numbers = NDArray[np.floating[Any]]
Places = NDArray[np.intp]


class WeightedMean(NamedTuple):
    """A weighted mean, its 95 % interval, and how many items of equal weight would tell as much."""

    value: float
    interval: Interval | None
    effective: float


def effective_size(weights: Numbers) -> float:
    """(Σw)² / Σw²: the number of items of equal weight whose mean varies as much (Kish 1965)."""
    own = _weights(weights)
    return float(own.sum() ** 2 / (own @ own))


def weighted_mean(
    scores: Numbers,
    weights: Numbers,
    *,
    strata: Places | None = None,
    stratum_weights: Numbers | None = None,
    clusters: Places | None = None,
    seed: int,
    draws: int = DRAWS,
) -> WeightedMean:
    """Σ_g w_g · (Σ u·x / Σ u over the items of group g), u the items' weights, with a bootstrap interval.

    Right and wrong items without groups or clusters have Wilson's interval at their effective size, which does not
    collapse at 0 or 1. Raises ValueError for a weight below 0 and for a group that counts without weight.
    """
    values, own = np.asarray(scores, dtype=float), _weights(weights)
    if strata is None:
        groups, shares = np.zeros(len(values), dtype=np.intp), np.ones(1)
    else:
        groups = np.asarray(strata, dtype=np.intp)
        shares = (np.bincount(groups) > 0).astype(float) if stratum_weights is None else np.asarray(stratum_weights)
    shares = shares / shares.sum()
    totals = np.bincount(groups, weights=own, minlength=len(shares))
    if (totals[shares > 0] <= 0).any():
        raise ValueError("a group that counts has no weight")
    means = np.bincount(groups, weights=own * values, minlength=len(shares))[shares > 0] / totals[shares > 0]
    value = float(shares[shares > 0] @ means)
    # What an item's weight is in the whole.
    parts = own * np.divide(shares, totals, out=np.zeros(len(shares)), where=totals > 0)[groups]
    effective = effective_size(parts)
    if clusters is None and strata is None and bool(np.isin(values, (0.0, 1.0)).all()):
        return WeightedMean(value, wilson(value * effective, effective), effective)
    drawn = mean_draws(values[:, None], groups, shares, clusters=clusters, item_weights=own, seed=seed, draws=draws)
    return WeightedMean(value, interval_of(drawn[:, 0]), effective)


def _weights(weights: Numbers) -> NDArray[np.float64]:
    own = np.asarray(weights, dtype=float)
    if not (own >= 0).all() or not own.sum() > 0:
        raise ValueError("weights are 0 or more, and one of them more")
    return own
