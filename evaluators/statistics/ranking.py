"""Ranks that say how sure they are: intervals of ranks, who is tied with the first, and clusters.

Two submissions are compared by the difference of their scores over the standard deviation of that difference in the
paired draws, taken as normal (Efron & Tibshirani 1993, section 16.4): the share of draws beyond 0 can't be smaller
than one draw, too coarse for a correction over many pairs.
"""

from statistics import NormalDist
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from evaluators.statistics.draws import MOST_UNDEFINED
from evaluators.statistics.pairs import benjamini_hochberg, holm

Numbers = NDArray[np.floating[Any]]
Floats = NDArray[np.float64]
MOST_PAIRS = 500
TOP = 3
# So many that share the first place are compared with everybody; more would say nothing else.
MOST_FIRSTS = 50
# Scores and variances that differ by no more than rounding are equal.
ROUNDING = 1e-9


class Standings(NamedTuple):
    """For each of M submissions: its interval of ranks, P(best), P(top 3), how it stands to the first, its cluster.

    `p_first`: p of its difference to the first, corrected by Holm, 1 for the first; `tied_with_first` where that is
    alpha or more. `cluster` counts from 1. Probabilities are nan for a submission without draws.
    """

    low: NDArray[np.intp]
    high: NDArray[np.intp]
    p_best: Floats
    p_top3: Floats
    p_first: Floats
    tied_with_first: NDArray[np.bool_]
    cluster: NDArray[np.intp]


def standings(
    values: Numbers, draws: Numbers, *, alpha: float = 0.05, higher: bool = True, most_pairs: int = MOST_PAIRS
) -> Standings:
    """Standings from scores (M,) and their paired draws (draws × M); `higher`: whether more is better.

    The ranks of a submission run from 1 + #{significantly better} to M - #{significantly worse}, by Benjamini–Hochberg
    over all pairs. Above `most_pairs` submissions only the best so many are tested in pairs; of every other two, one is
    better where their intervals of 1 - alpha do not overlap, which is stricter and takes M log M steps. What has no
    draws differs from nothing. Raises ValueError for scores that are not finite.
    """
    sign = 1.0 if higher else -1.0
    scores = sign * np.asarray(values, dtype=np.float64)
    if not np.isfinite(scores).all():
        raise ValueError("only submissions with a score have a standing")
    if not len(scores):
        nothing: Any = np.empty(0)
        whole = nothing.astype(np.intp)
        return Standings(whole, whole, nothing, nothing, nothing, nothing.astype(bool), whole)
    sampled, known = _filled(sign * np.asarray(draws), scores)
    order = np.argsort(-scores, kind="stable")
    near = ROUNDING * max(1.0, float(np.abs(scores).max()))
    pairs = order[:most_pairs]
    p = _pair_values(scores[pairs], sampled[:, pairs], known[pairs], near)
    beaten = _significant(p, alpha)
    better, worse = _counts(scores, sampled, known, pairs, beaten, alpha)
    p_best, p_top3 = _chances(sampled, near)
    p_best[~known], p_top3[~known] = np.nan, np.nan
    p_first = _against_first(scores, sampled, known, order, near)
    cluster = np.empty(len(scores), dtype=np.intp)
    cluster[order] = _clusters(scores[order], worse[order], near)
    low = 1 + better
    high = len(scores) - worse
    return Standings(low, high, p_best, p_top3, p_first, p_first >= alpha, cluster)


def _filled(draws: Numbers, scores: Floats) -> tuple[Numbers, NDArray[np.bool_]]:
    """Draws without gaps, and which submissions have any: a few undefined draws become the mean of the others."""
    if draws.ndim != 2 or draws.shape[1] != len(scores) or not len(draws):
        raise ValueError("draws are one row a draw and one column a submission")
    undefined = np.isnan(draws)
    gaps = undefined.any(axis=0)
    known: NDArray[np.bool_] = np.ones(len(scores), dtype=bool)
    if gaps.any():
        draws = draws.copy()
        for place in np.flatnonzero(gaps):
            missing = undefined[:, place]
            known[place] = missing.mean() <= MOST_UNDEFINED
            draws[missing, place] = draws[~missing, place].mean() if known[place] else 0
            if not known[place]:
                draws[:, place] = scores[place]
    return draws, known


def _normal_p(difference: Floats, variance: Floats, near: float) -> Floats:
    """Two-sided p of differences; 1 where there is none, 0 where no draw varies it."""
    far = np.abs(difference) > near
    z = np.divide(np.abs(difference), np.sqrt(variance), out=np.full_like(difference, np.inf), where=variance > 0)
    p: Floats = np.where(far, 2 * ndtr(-z), 1.0)
    return p


def _variance(draws: Numbers) -> Floats:
    variance: Floats = draws.var(axis=0, ddof=min(1, len(draws) - 1), dtype=np.float64)
    return variance


def _pair_values(scores: Floats, draws: Numbers, known: NDArray[np.bool_], near: float) -> Floats:
    """p of every two, from the covariance of their draws: the variance of a difference is V(s) + V(t) - 2 C(s, t)."""
    centred = draws.astype(np.float64)
    centred -= centred.mean(axis=0)
    covariance = centred.T @ centred / max(1, len(draws) - 1)
    own = np.diag(covariance)
    both = own[:, None] + own[None, :]
    variance = both - 2 * covariance
    variance[variance <= ROUNDING * both] = 0
    p = _normal_p(scores[:, None] - scores[None, :], variance, near)
    p[~known, :], p[:, ~known] = 1, 1
    return p


def _significant(p: Floats, alpha: float) -> NDArray[np.bool_]:
    """Which pairs differ, corrected by Benjamini–Hochberg over all pairs."""
    upper = np.triu_indices(len(p), 1)
    found = np.zeros(p.shape, dtype=bool)
    found[upper] = np.asarray(benjamini_hochberg(p[upper]), dtype=float) < alpha
    return found | found.T


def _counts(
    scores: Floats, draws: Numbers, known: NDArray[np.bool_], pairs: NDArray[np.intp],
    differs: NDArray[np.bool_], alpha: float,
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:  # fmt: skip
    """For each submission how many are significantly better, and how many significantly worse."""
    better, worse = np.zeros(len(scores), dtype=np.intp), np.zeros(len(scores), dtype=np.intp)
    above = scores[pairs][:, None] > scores[pairs][None, :]
    worse[pairs], better[pairs] = (differs & above).sum(axis=1), (differs & above).sum(axis=0)
    others = np.setdiff1d(np.arange(len(scores)), pairs)
    if not len(others):
        return better, worse
    half = NormalDist().inv_cdf(1 - alpha / 2) * np.sqrt(_variance(draws))
    half[~known] = np.inf
    low, high = scores - half, scores + half
    everyone = np.arange(len(scores))
    # Others against everybody, and those in pairs against the others alone.
    for mine, against in ((others, everyone), (pairs, others)):
        better[mine] += len(against) - np.searchsorted(np.sort(low[against]), high[mine], side="right")
        worse[mine] += np.searchsorted(np.sort(high[against]), low[mine], side="left")
    return better, worse


def _chances(draws: Numbers, near: float) -> tuple[Floats, Floats]:
    """P(best) and P(top 3); those that tie for a place share it."""
    count = min(TOP, draws.shape[1])
    p_best, p_top3 = np.zeros(draws.shape[1]), np.zeros(draws.shape[1])
    places = np.partition(draws, draws.shape[1] - count, axis=1)[:, -count:]
    for row, best in zip(draws, np.sort(places, axis=1)[:, ::-1], strict=True):
        candidates = np.flatnonzero(row >= best[-1] - near)
        found = row[candidates]
        first = found >= best[0] - near
        p_best[candidates[first]] += 1 / first.sum()
        surely = found > best[-1] + near
        p_top3[candidates] += np.where(surely, 1.0, (count - surely.sum()) / (~surely).sum())
    return p_best / len(draws), p_top3 / len(draws)


def _against_first(
    scores: Floats, draws: Numbers, known: NDArray[np.bool_], order: NDArray[np.intp], near: float
) -> Floats:
    """p against the first, corrected by Holm; where several share the first place, the largest against any of them."""
    firsts = order[scores[order] >= scores[order[0]] - near]
    rest = order[len(firsts) :]
    largest = np.zeros(len(scores))
    for first in firsts[:MOST_FIRSTS] if len(rest) else firsts[:0]:
        variance = _variance(draws - draws[:, first][:, None])
        p = _normal_p(scores[first] - scores, variance, near)
        p[~known] = 1
        largest = np.maximum(largest, p if known[first] else 1)
    corrected = np.ones(len(scores))
    corrected[rest] = holm(largest[rest])
    return corrected


def _clusters(scores: Floats, worse: NDArray[np.intp], near: float) -> NDArray[np.intp]:
    """Clusters as WMT draws them, of submissions sorted best first: cut below i only where all lower ones are worse.

    So a pair of neighbours that differ does not part two clusters where somebody lower can't be told from the upper.
    Those of one score stay together, and all of them must be better than what is lower.
    """
    count = len(scores)
    starts = np.flatnonzero(np.append(True, scores[1:] < scores[:-1] - near))
    ends = np.append(starts[1:], count)
    fewest = np.minimum.reduceat(worse, starts)
    # A cut stands above the first of those below it.
    cut_below = np.append(0, (fewest >= count - ends)[:-1])
    cluster: NDArray[np.intp] = np.repeat(1 + np.cumsum(cut_below), ends - starts)
    return cluster
