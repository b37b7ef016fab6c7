"""What goes with a score, over entries of several tracks and teams: means, differences and slopes with intervals.

A team's entries are no independent observations, so whole teams are drawn (Cameron & Miller 2015); scores of different
tracks are compared within each track alone. All of it is observation: nothing here says that one thing causes another.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

LEVEL = 0.95
# An interval drawn from fewer teams says more about them than about anything else.
LEAST_TEAMS = 5


class Estimate(NamedTuple):
    """A value with its interval; None where there are too few teams to draw from, or none to compare with."""

    value: float
    low: float | None
    high: float | None


def mean_of(values: Sequence[float], teams: Sequence[str], *, seed: int, draws: int) -> Estimate:
    """The mean with a percentile interval, whole teams drawn."""
    y = np.asarray(values, dtype=float)
    weights = _weights(teams, seed=seed, draws=draws)
    with np.errstate(invalid="ignore", divide="ignore"):
        drawn = None if weights is None else (weights @ y) / weights.sum(axis=1)
    return _estimate(float(y.mean()), drawn)


def slope_within(
    x: Sequence[float], y: Sequence[float], tracks: Sequence[str], teams: Sequence[str], *, seed: int, draws: int
) -> Estimate | None:
    """How much y rises when x rises by 1, tracks compared within themselves: OLS with a constant for each track.

    Σ (x − x̄ₜ)(y − ȳₜ) / Σ (x − x̄ₜ)². Of an x that is 0 or 1 it is the difference between those with and those without.
    None where x does not vary within any track.
    """
    xs, ys = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    groups = [np.flatnonzero(np.asarray(tracks) == name) for name in sorted(set(tracks))]
    value = _slope(np.ones((1, len(xs))), xs, ys, groups)[0]
    if not np.isfinite(value):
        return None
    weights = _weights(teams, seed=seed, draws=draws) if _enough_on_each_side(xs, teams) else None
    return _estimate(float(value), None if weights is None else _slope(weights, xs, ys, groups))


def _enough_on_each_side(x: NDArray[np.float64], teams: Sequence[str]) -> bool:
    """Whether an x that is 0 or 1 has enough teams with each of both; any other x has no sides."""
    if not bool(np.isin(x, (0.0, 1.0)).all()):
        return True
    sides = [{team for team, own in zip(teams, x, strict=True) if own == side} for side in (0.0, 1.0)]
    return min(len(side) for side in sides) >= LEAST_TEAMS


def _slope(
    weights: NDArray[np.float64], x: NDArray[np.float64], y: NDArray[np.float64], groups: Sequence[NDArray[np.intp]]
) -> NDArray[np.float64]:
    """The slope for each row of weights; nan where x does not vary."""
    above, below = np.zeros(len(weights)), np.zeros(len(weights))
    for group in groups:
        w, xs, ys = weights[:, group], x[group], y[group]
        total = np.maximum(w.sum(axis=1), 1e-300)
        from_x = xs - (w @ xs / total)[:, None]
        above += (w * from_x * (ys - (w @ ys / total)[:, None])).sum(axis=1)
        below += (w * from_x**2).sum(axis=1)
    flat = below <= 1e-12
    return np.where(flat, np.nan, above / np.where(flat, 1.0, below))


def _weights(teams: Sequence[str], *, seed: int, draws: int) -> NDArray[np.float64] | None:
    """How often each value counts in each draw: its team's number of draws."""
    names, member = np.unique(np.asarray(teams, dtype=object).astype(str), return_inverse=True)
    if len(names) < LEAST_TEAMS:
        return None
    random = np.random.default_rng(seed)
    drawn = random.multinomial(len(names), np.full(len(names), 1 / len(names)), size=draws)
    return drawn[:, member].astype(float)


def _estimate(value: float, drawn: NDArray[np.float64] | None) -> Estimate:
    if drawn is None:
        return Estimate(value, None, None)
    there = drawn[np.isfinite(drawn)]
    if len(there) < 0.95 * len(drawn):
        return Estimate(value, None, None)
    low, high = np.quantile(there, [0.5 - LEVEL / 2, 0.5 + LEVEL / 2])
    return Estimate(value, float(low), float(high))


class Rho(NamedTuple):
    """Spearman's correlation with its two-sided p."""

    rho: float
    p: float
    n: int


def spearman(x: Sequence[float], y: Sequence[float]) -> Rho | None:
    """Spearman's rank correlation; None below four pairs, or where one side does not vary."""
    from scipy.stats import spearmanr

    if len(x) < 4 or len(set(x)) < 2 or len(set(y)) < 2:
        return None
    found = spearmanr(x, y, alternative="two-sided")
    return Rho(float(found.statistic), float(found.pvalue), len(x))
