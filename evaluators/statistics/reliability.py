"""Whether a suite's items measure one thing, and which of them tell submissions apart."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.floating[Any]]
Places = NDArray[np.intp]
Floats = NDArray[np.float64]

HALVES = 100
# A correlation of fewer submissions says nothing.
LEAST_SUBMISSIONS = 3
ROUNDING = 1e-12


class SplitHalf(NamedTuple):
    """Reliability of a suite over the submissions: the mean over the halvings and the middle 95 % of them."""

    value: float
    low: float
    high: float
    halvings: int
    submissions: int


class ItemHealth(NamedTuple):
    """For each item: the mean score on it, its point-biserial discrimination (nan where it has none), and whether
    nobody or everybody got it right.
    """

    difficulty: Floats
    discrimination: Floats
    nobody: NDArray[np.bool_]
    everybody: NDArray[np.bool_]


def split_half(
    scores: Numbers,
    *,
    strata: Places | None = None,
    item_weights: Numbers | None = None,
    seed: int,
    halvings: int = HALVES,
) -> SplitHalf | None:
    """Split-half reliability of items × submissions, stepped up to the whole length: 2r / (1 + r).

    Spearman 1910, Brown 1910; r is Pearson's, over the submissions, of the weighted means of two random halves, each
    with half of every group. None for fewer than three submissions or two items, and where the means do not vary.
    """
    scores = np.asarray(scores, dtype=float)
    items, submissions = scores.shape
    if submissions < LEAST_SUBMISSIONS or items < 2:
        return None
    groups = np.zeros(items, dtype=np.intp) if strata is None else np.asarray(strata, dtype=np.intp)
    weights = np.ones(items) if item_weights is None else np.asarray(item_weights, dtype=float)
    random = np.random.default_rng(seed)
    found = []
    for _ in range(halvings):
        half = _half(groups, random)
        one, other = (weights[part] @ scores[part] / weights[part].sum() for part in (half, ~half))
        r = correlation(one, other)
        # At r = -1 the halves contradict each other, whatever the length.
        found.append(np.nan if r is None or r <= -1 + ROUNDING else 2 * r / (1 + r))
    values = np.array(found)
    values = values[~np.isnan(values)]
    if len(values) < halvings / 2:
        return None
    low, high = np.quantile(values, [0.025, 0.975])
    return SplitHalf(float(values.mean()), float(low), float(high), len(values), submissions)


def _half(groups: Places, random: np.random.Generator) -> NDArray[np.bool_]:
    """Every second item in a random order of the items of each group, the first of them by chance."""
    order = np.lexsort((random.random(len(groups)), groups))
    half = np.zeros(len(groups), dtype=bool)
    half[order[int(random.integers(2)) :: 2]] = True
    return half


def item_health(scores: Numbers, *, best: float = 1.0) -> ItemHealth:
    """Difficulty and discrimination of items × submissions whose scores run from 0 to `best`.

    Discrimination is the correlation, over the submissions, of an item's score with the sum of all the others
    (point-biserial, corrected for overlap: Henrysson 1963).
    """
    scores = np.asarray(scores, dtype=float)
    total = scores.sum(axis=0)
    centred = scores - scores.mean(axis=1, keepdims=True)
    deviations = total - total.mean()
    own = (centred**2).sum(axis=1)
    shared = centred @ deviations
    rest = np.maximum(float((deviations**2).sum()) - 2 * shared + own, 0)
    scale = np.sqrt(own * rest)
    varies = scale > ROUNDING * max(1.0, float((deviations**2).sum()))
    discrimination = np.divide(shared - own, scale, out=np.full(len(scores), np.nan), where=varies)
    return ItemHealth(
        difficulty=scores.mean(axis=1),
        discrimination=np.clip(discrimination, -1, 1),
        nobody=np.asarray(scores.max(axis=1) <= 0),
        everybody=np.asarray(scores.min(axis=1) >= best),
    )


def correlation(x: Numbers, y: Numbers) -> float | None:
    """Pearson's r; None where one side does not vary."""
    a, b = x - x.mean(), y - y.mean()
    scale = float(np.sqrt((a @ a) * (b @ b)))
    if scale <= ROUNDING * max(1.0, float(np.abs(x).max()) * float(np.abs(y).max())):
        return None
    return float(np.clip((a @ b) / scale, -1, 1))


def composite_reliability(deviations: Floats, reliabilities: Floats, total: float) -> float:
    """The reliability of a sum of parts from the standard deviation and reliability of each, and the sum's variance.

    1 - Σ σ²(1 - ρ) / σ²_total (Mosier 1943).
    """
    return float(1 - (deviations**2 * (1 - reliabilities)).sum() / total)
