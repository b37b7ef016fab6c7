"""Paired re-draws of items: how often each item counts in each draw, the same for every submission.

Efron & Tibshirani 1993. Whoever compares submissions uses these draws, so that two boards, a comparison and a report
of the same items say the same. Draws are items × block numbers at a time, whatever the number of draws.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from evaluators.statistics.intervals import Interval

DRAWS = 1000
BLOCK = 50
# Where a metric is undefined in more than this share of the draws, an interval of the others would mislead.
MOST_UNDEFINED = 0.05
# So many random numbers at a time stay in the processor's cache, and so many counts (64 MB) are multiplied at once: the
# threads of a matrix product wait for each other, which costs little only where there is much to multiply.
AT_ONCE = 1 << 16
MOST_NUMBERS = 1 << 24

Numbers = NDArray[np.floating[Any]]
Places = NDArray[np.intp]


class _Units(NamedTuple):
    """What is drawn: items or clusters, those of a stratum side by side; `of_item` is each item's unit, None = itself.

    Unit u is drawn from the `size[u]` that begin at `start[u]`.
    """

    start: Places
    size: Places
    of_item: Places | None


def suite_seed(digest: str) -> int:
    """The seed of a suite's draws: the same for every submission, another for every suite."""
    return int.from_bytes(hashlib.sha256(f"draws/1 {digest}".encode()).digest()[:8])


def count_blocks(
    strata: Places, clusters: Places | None, *, seed: int, draws: int = DRAWS, block: int = BLOCK
) -> Iterator[NDArray[np.float32]]:
    """How often each item is drawn in each draw: blocks of at most `block` draws × items.

    As many items as a stratum has are drawn from it with replacement; with `clusters`, as many whole clusters as it
    has, the part of a cluster in another stratum by itself. The draws depend on neither `block` nor the machine.
    """
    strata = np.asarray(strata, dtype=np.intp)
    if not len(strata):
        raise ValueError("there are no items to draw")
    units = _units(strata, clusters)
    random = np.random.default_rng(seed)
    for first in range(0, draws, block):
        counts = _counts(units, random, min(block, draws - first))
        yield counts if units.of_item is None else counts[:, units.of_item]


def _units(strata: Places, clusters: Places | None) -> _Units:
    if clusters is None:
        order = np.argsort(strata, kind="stable")
        of_item: Places = np.empty(len(strata), dtype=np.intp)
        of_item[order] = np.arange(len(strata))
        of_unit = strata[order]
        sorted_already = bool((order == np.arange(len(strata))).all())
    else:
        # The strata are the first key, so that the clusters of a stratum stand side by side.
        pairs = np.stack([strata, np.asarray(clusters, dtype=np.intp)])
        unique, of_item = np.unique(pairs, axis=1, return_inverse=True)
        of_unit, of_item, sorted_already = unique[0], of_item.reshape(-1), False
    _, start, inverse, size = np.unique(of_unit, return_index=True, return_inverse=True, return_counts=True)
    return _Units(start[inverse], size[inverse], None if sorted_already else of_item)


def _counts(units: _Units, random: np.random.Generator, draws: int) -> NDArray[np.float32]:
    count = len(units.start)
    counts: NDArray[np.float32] = np.empty((draws, count), dtype=np.float32)
    rows = max(1, AT_ONCE // count)
    for first in range(0, draws, rows):
        here = min(rows, draws - first)
        drawn = (random.random((here, count)) * units.size).astype(np.intp)
        drawn += units.start
        drawn += np.arange(0, here * count, count)[:, None]
        counts[first : first + here] = np.bincount(drawn.ravel(), minlength=here * count).reshape(here, count)
    return counts


def mean_draws(
    scores: Numbers,
    strata: Places,
    stratum_weights: Numbers,
    *,
    clusters: Places | None = None,
    item_weights: Numbers | None = None,
    seed: int,
    draws: int = DRAWS,
) -> NDArray[np.float32]:
    """Each submission's Σ_g w_g · mean of the items drawn in group g, w normalised: draws × submissions.

    `scores` are items × submissions; with `item_weights` a group's mean is weighted by them. A submission that lacks
    an item (nan) of a group that counts has no draws, only nan: a mean over other items would not be comparable.
    Raises ValueError where a group that counts has no items.
    """
    strata = np.asarray(strata, dtype=np.intp)
    shares = _shares(strata, stratum_weights)
    order = np.argsort(strata, kind="stable")
    counted = order[shares[strata[order]] > 0]
    columns, place = _distinct(np.asarray(scores)[counted])
    missing = np.isnan(columns).any(axis=0)
    columns[:, missing] = 0
    own = np.ones(len(counted)) if item_weights is None else np.asarray(item_weights, dtype=float)[counted]
    inside = strata[counted]
    members = np.bincount(inside)
    # With items drawn one by one and of one weight, the weights of every draw of a group have the same sum.
    plain = clusters is None and item_weights is None
    columns *= (own * shares[inside] / (members[inside] if plain else 1))[:, None].astype(np.float32)
    means = []
    kept = None if clusters is None else np.asarray(clusters, dtype=np.intp)[counted]
    block = max(1, MOST_NUMBERS // len(counted))
    for counts in count_blocks(inside, kept, seed=seed, draws=draws, block=block):
        undefined = None if plain else _by_total(counts, own, members[members > 0])
        means.append(counts @ columns)
        if undefined is not None:
            means[-1][undefined] = np.nan
    found: NDArray[np.float32] = np.concatenate(means)
    found[:, missing] = np.nan
    return found[:, place]


def _by_total(counts: NDArray[np.float32], own: NDArray[np.float64], members: Places) -> NDArray[np.bool_]:
    """Divide each draw's counts by the sum of the weights drawn in their group; which draws have a group without any.

    In place, group by group: the counts are as large as the memory allows.
    """
    undefined = np.zeros(len(counts), dtype=bool)
    last = 0
    for size in members:
        first, last = last, last + int(size)
        group = counts[:, first:last]
        totals = np.einsum("di,i->d", group, own[first:last])
        undefined |= totals <= 0
        group *= np.divide(1.0, totals, out=np.zeros_like(totals), where=totals > 0)[:, None].astype(np.float32)
    return undefined


def _shares(strata: Places, stratum_weights: Numbers) -> NDArray[np.float64]:
    weights = np.asarray(stratum_weights, dtype=float)
    sizes = np.bincount(strata, minlength=len(weights))
    if len(sizes) > len(weights) or not (weights >= 0).all() or not weights.sum() > 0:
        raise ValueError("every group needs a weight of 0 or more, and one of them more")
    if (sizes[weights > 0] == 0).any():
        raise ValueError("a group that counts has no items")
    shares: NDArray[np.float64] = weights / weights.sum()
    return shares


def _distinct(scores: Numbers) -> tuple[NDArray[np.float32], Places]:
    """The columns that differ, and which of them each column is: equal submissions have equal draws to the last bit."""
    columns = np.ascontiguousarray(scores.T, dtype=np.float32)
    places: dict[bytes, int] = {}
    place = [places.setdefault(hashlib.sha256(column.data).digest(), len(places)) for column in columns]
    first = [place.index(number) for number in range(len(places))]
    return np.ascontiguousarray(columns[first].T), np.array(place, dtype=np.intp)


def metric_draws(
    statistic: Callable[[NDArray[np.float64]], float | None],
    strata: Places,
    *,
    clusters: Places | None = None,
    item_weights: Numbers | None = None,
    seed: int,
    draws: int = DRAWS,
) -> NDArray[np.float32]:
    """A metric that is no mean of items, computed anew in each draw: (draws,), nan where it is undefined.

    `statistic` takes how much each item counts, times its own weight where items have one.
    """
    own = 1.0 if item_weights is None else np.asarray(item_weights, dtype=float)
    found = [
        statistic(counts.astype(np.float64) * own)
        for block in count_blocks(strata, clusters, seed=seed, draws=draws)
        for counts in block
    ]
    return np.array([np.nan if value is None else value for value in found], dtype=np.float32)


def composite_draws(by_suite: Mapping[str, Numbers], coefficients: Mapping[str, float]) -> NDArray[np.float64]:
    """Σ c · draws over the suites whose coefficient is not 0; raises ValueError where one of them has no draws."""
    counted = {suite: value for suite, value in sorted(coefficients.items()) if value != 0}
    lacking = sorted(counted.keys() - by_suite.keys())
    if lacking or not counted:
        raise ValueError(f"there are no draws of {lacking[0]!r}" if lacking else "no suite counts")
    total: NDArray[np.float64] = np.sum(
        [value * np.asarray(by_suite[suite], dtype=np.float64) for suite, value in counted.items()], axis=0
    )
    return total


def interval_of(draws: Numbers, *, level: float = 0.95) -> Interval | None:
    """The percentile interval of (draws,); None where more than 5 % of the draws are undefined, or none are."""
    draws = np.asarray(draws, dtype=np.float64)
    defined = draws[~np.isnan(draws)]
    if not len(defined) or len(defined) < (1 - MOST_UNDEFINED) * len(draws):
        return None
    low, high = np.quantile(defined, [0.5 - level / 2, 0.5 + level / 2])
    return Interval(float(low), float(high))
