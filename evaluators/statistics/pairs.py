"""Two submissions on the same items: how far apart they are, and whether chance explains it."""

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest

from evaluators.statistics.draws import DRAWS, interval_of, mean_draws

Alternative = Literal["two-sided", "greater", "less"]
FLIPS = 10_000
# Differences that stand so often are flipped all at once: how many of them turn is binomial.
OFTEN = 16
ROUNDING = 1e-9

Numbers = NDArray[np.floating[Any]]
Places = NDArray[np.intp]


class PairTest(NamedTuple):
    """One submission less another: the difference with its interval, p, the items won, lost and tied, and the test."""

    difference: float
    low: float
    high: float
    p: float
    won: int
    lost: int
    tied: int
    method: str


def paired_test(
    one: Numbers,
    other: Numbers,
    *,
    strata: Places | None = None,
    stratum_weights: Numbers | None = None,
    clusters: Places | None = None,
    seed: int,
    draws: int = FLIPS,
    alternative: Alternative = "two-sided",
) -> PairTest:
    """Whether `one` and `other`, their scores item by item, differ by more than chance.

    The difference is Σ_g w_g · mean of the differences in group g, w normalised (equal where not given); its 95 %
    interval is of a paired bootstrap of at most 1,000 draws, the same as the board's. p is exact McNemar's for right
    and wrong items under a plain mean, else of `draws` random sign flips (Fisher 1935): (1 + #{|T*| ≥ |T|}) /
    (draws + 1), whole clusters flipped together. Items that either lacks (nan) are left out, and out of the counts.
    Raises ValueError where that leaves a group that counts without items.
    """
    one, other = np.asarray(one, dtype=float), np.asarray(other, dtype=float)
    both = ~(np.isnan(one) | np.isnan(other))
    groups = (np.zeros(len(one), dtype=np.intp) if strata is None else np.asarray(strata, dtype=np.intp))[both]
    weights = _weights(groups, stratum_weights)
    kept = None if clusters is None else np.asarray(clusters, dtype=np.intp)[both]
    differences = one[both] - other[both]
    sampled = mean_draws(
        differences[:, None], groups, weights, clusters=kept, seed=seed, draws=min(draws, DRAWS)
    )  # fmt: skip
    sizes = np.bincount(groups, minlength=len(weights))
    parts = differences * weights[groups] / weights.sum() / sizes[groups]
    difference = float(parts.sum())
    interval = interval_of(sampled[:, 0])
    if interval is None:
        raise ValueError("no draw has a difference")
    won, lost = int((differences > 0).sum()), int((differences < 0).sum())
    units = parts if kept is None else _sums(parts, groups, kept)
    alone = len(units) == len(parts)
    if alone and _is_plain(sizes, weights) and _is_binary(one[both], other[both]):
        p, method = mcnemar(won, lost, alternative=alternative), "exact McNemar"
    else:
        p, method = _flipped(units, seed, draws, alternative), f"sign flips, {draws:,} draws"
    low, high = min(interval.low, difference), max(interval.high, difference)
    return PairTest(difference, low, high, p, won, lost, len(differences) - won - lost, method)


def _weights(groups: Places, stratum_weights: Numbers | None) -> NDArray[np.float64]:
    if not len(groups):
        raise ValueError("there are no items that both have")
    if stratum_weights is not None:
        return np.asarray(stratum_weights, dtype=float)
    return (np.bincount(groups) > 0).astype(float)


def _is_plain(sizes: Places, weights: NDArray[np.float64]) -> bool:
    """Whether every item counts the same."""
    each = weights[sizes > 0] / sizes[sizes > 0]
    return bool(np.allclose(each, each[0], rtol=ROUNDING, atol=0))


def _is_binary(*scores: Numbers) -> bool:
    return all(bool(np.isin(values, (0.0, 1.0)).all()) for values in scores)


def _sums(parts: NDArray[np.float64], groups: Places, clusters: Places) -> NDArray[np.float64]:
    _, unit = np.unique(np.stack([groups, clusters]), axis=1, return_inverse=True)
    sums: NDArray[np.float64] = np.bincount(unit.reshape(-1), weights=parts).astype(np.float64)
    return sums


def _flipped(parts: NDArray[np.float64], seed: int, draws: int, alternative: Alternative) -> float:
    """The share of sign flips whose sum is as far out as that of the parts as they are."""
    random = np.random.default_rng(seed)
    total = float(parts.sum())
    scale = float(np.abs(parts).max(initial=0.0))
    if scale == 0:
        return 1.0
    sizes, counts = np.unique(np.round(np.abs(parts) / scale, 12), return_counts=True)
    sums = np.zeros(draws)
    for size, count in zip(sizes[counts >= OFTEN], counts[counts >= OFTEN], strict=True):
        if size > 0:
            sums += size * (2.0 * random.binomial(count, 0.5, size=draws) - count)
    rest = np.repeat(sizes[counts < OFTEN], counts[counts < OFTEN])
    if len(rest):
        sums += _signed_sums(rest, random, draws)
    # What differs from the total by rounding alone is as far out as it is.
    near = ROUNDING * float(sizes @ counts)
    observed = total / scale
    beyond = {
        "two-sided": np.abs(sums) >= abs(observed) - near,
        "greater": sums >= observed - near,
        "less": sums <= observed + near,
    }[alternative]
    return float((1 + beyond.sum()) / (draws + 1))


def _signed_sums(sizes: NDArray[np.float64], random: np.random.Generator, draws: int) -> NDArray[np.float64]:
    """Σ ± size for random signs, in blocks of draws."""
    width = -(-len(sizes) // 8)
    block = max(1, (1 << 22) // len(sizes))
    sums = []
    for first in range(0, draws, block):
        here = min(block, draws - first)
        bits = np.frombuffer(random.bytes(here * width), dtype=np.uint8).reshape(here, width)
        signs = np.unpackbits(bits, axis=1, count=len(sizes)).astype(np.float32)
        # Bits are 0 and 1: twice the sum of those that are 1, less all of it.
        sums.append(2.0 * (signs @ sizes.astype(np.float32)).astype(np.float64))
    return np.concatenate(sums) - float(sizes.sum())


def mcnemar(b: int, c: int, *, alternative: Alternative = "two-sided") -> float:
    """Exact McNemar: p that b of the b + c items on which two submissions differ are won by chance; 1 without any.

    `greater`: that b is more than half. Source: McNemar 1947, in its binomial form.
    """
    if b + c == 0:
        return 1.0
    return float(binomtest(b, b + c, 0.5, alternative=alternative).pvalue)


def holm(p: Sequence[float] | Numbers) -> list[float]:
    """p-values corrected for their number by Holm (1979): the chance of one false claim among all stays below alpha."""
    values = np.asarray(p, dtype=float)
    order = np.argsort(values, kind="stable")
    steps = np.maximum.accumulate(values[order] * np.arange(len(values), 0, -1))
    return _in_place(order, steps)


def benjamini_hochberg(p: Sequence[float] | Numbers) -> list[float]:
    """p-values corrected by Benjamini and Hochberg (1995): the share of false claims among all stays below alpha."""
    values = np.asarray(p, dtype=float)
    order = np.argsort(values, kind="stable")
    steps = values[order] * (len(values) / np.arange(1, len(values) + 1))
    return _in_place(order, np.minimum.accumulate(steps[::-1])[::-1])


def _in_place(order: Places, steps: NDArray[np.float64]) -> list[float]:
    corrected = np.empty(len(order))
    corrected[order] = np.minimum(steps, 1.0)
    return [float(value) for value in corrected]
