"""Metrics over matrices of similarity: a model's against people's."""

import math
from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from evaluators.statistics.resampling import Statistic

Matrix = NDArray[np.float64]
# The bounds of the softmax's factor and the least probability are DevBench's (Tan et al. 2024, stats helper).
LEAST_BETA, MOST_BETA = 0.025, 40.0
LEAST_PROBABILITY = 1e-10
STEPS, NEAR = 60, 1e-9
# What lies so far below a row's best has no share at any factor: e^(-LEAST_BETA · FAR) is 0 in double precision.
FAR = 1e5
# Where values differ by no more than rounding, their correlation would be that of the rounding.
ROUNDING = 1e-12


def defined_cells(human: Matrix, *, symmetric: bool) -> NDArray[np.bool_]:
    """Where people gave a number; below the diagonal alone where rows and columns are the same things."""
    there = ~np.isnan(human)
    return np.tril(there, k=-1) if symmetric else there


def rsa(model: Sequence[Matrix], human: Sequence[Matrix]) -> Statistic:
    """Representational similarity: Spearman's rho over the cells of all items (Kriegeskorte et al. 2008).

    `model` and `human` hold each item's cells as a vector. Ranks are those among all cells, so that an item drawn twice
    counts twice without a new ranking; with every item once it is Spearman's rho itself. Undefined where either side
    is constant.
    """
    lengths = [len(cells) for cells in human]
    x, y = np.concatenate([*model, []]), np.concatenate([*human, []])
    if len(x) < 2 or _constant(x) or _constant(y):
        return lambda _weights: None
    # Centred, so that the sums below lose no digits.
    from scipy.stats import rankdata  # a second to import, and seldom needed

    ranks = np.column_stack([rankdata(x), rankdata(y)]) - (len(x) + 1) / 2
    products = np.column_stack([np.ones(len(x)), ranks, ranks**2, ranks[:, 0] * ranks[:, 1]])
    ends = np.cumsum([0, *lengths])
    sums = np.array([products[start:end].sum(axis=0) for start, end in pairwise(ends)])

    def value(weights: NDArray[np.float64]) -> float | None:
        n, sx, sy, sxx, syy, sxy = weights @ sums
        if n <= 0:
            return None
        spreads = sxx - sx * sx / n, syy - sy * sy / n
        if min(spreads) <= ROUNDING * n:
            return None
        return float(min(1.0, max(-1.0, (sxy - sx * sy / n) / math.sqrt(spreads[0] * spreads[1]))))

    return value


def _constant(values: NDArray[np.float64]) -> bool:
    low, high = float(values.min()), float(values.max())
    return high - low <= ROUNDING * max(abs(low), abs(high))


def response_similarity(model: Sequence[Matrix], human: Sequence[Matrix]) -> Statistic:
    """exp(−KL), KL the mean over rows of the divergence of the model's choices from people's, between 0 and 1.

    People's choices are `human`'s rows as shares (NaN: 0). The model's are softmax(β · row), one β for all rows, the
    one that makes KL least between 0.025 and 40 (DevBench, Tan et al. 2024). Items may have several rows.
    """
    owner = np.repeat(np.arange(len(human)), [len(rows) for rows in human])
    width = max((rows.shape[1] for rows in human), default=0)
    shares = np.vstack([_padded(np.nan_to_num(rows), width, 0.0) for rows in human])
    shares = shares / shares.sum(axis=1, keepdims=True)
    there = np.vstack([_padded(np.ones(rows.shape), width, 0.0) for rows in human]) > 0
    # Halved, so that no difference leaves the numbers there are: one that did would not count as an answer.
    halves = np.vstack([_padded(rows / 2, width, -np.inf) for rows in model])
    below = np.maximum(halves - halves.max(axis=1, keepdims=True), -FAR / 2) * 2
    shown = np.where(there, below, 0.0)
    expected = (shares * shown).sum(axis=1)

    def slope(beta: float, rows: NDArray[np.float64]) -> tuple[float, float]:
        """The first two derivatives of KL by β: the mean of what is chosen less people's, and its variance."""
        chosen = _softmax(shown, there, beta)
        mean = (chosen * shown).sum(axis=1)
        return float(rows @ (mean - expected)), float(rows @ ((chosen * shown**2).sum(axis=1) - mean**2))

    def value(weights: NDArray[np.float64]) -> float | None:
        rows = weights[owner]
        if not rows.any():
            return None
        beta = _least(lambda factor: slope(factor, rows))
        chosen = np.maximum(_softmax(shown, there, beta), LEAST_PROBABILITY)
        given = np.maximum(shares, LEAST_PROBABILITY)
        divergence = np.where(there, given * np.log(given / chosen), 0.0).sum(axis=1)
        return float(min(1.0, math.exp(-float(rows @ divergence) / float(rows.sum()))))

    return value


def _padded(rows: Matrix, width: int, filling: float) -> Matrix:
    return np.pad(rows, ((0, 0), (0, width - rows.shape[1])), constant_values=filling)


def _softmax(shown: Matrix, there: NDArray[np.bool_], beta: float) -> Matrix:
    powers: Matrix = np.where(there, np.exp(beta * shown), 0.0)
    shares: Matrix = powers / powers.sum(axis=1, keepdims=True)
    return shares


def _least(slope: Callable[[float], tuple[float, float]]) -> float:
    """Where a convex function of β is least, from its first two derivatives: Newton's steps, halved where they leave.

    KL is convex in β, so its slope only rises, and the least lies between two slopes of unlike sign or at a bound.
    """
    low, high = LEAST_BETA, MOST_BETA
    if slope(low)[0] >= 0:
        return low
    if slope(high)[0] <= 0:
        return high
    beta = 1.0
    for _ in range(STEPS):
        first, second = slope(beta)
        low, high = (beta, high) if first < 0 else (low, beta)
        following = beta - first / second if second > 0 else low
        if not low < following < high:
            following = (low + high) / 2
        if abs(following - beta) < NEAR:
            return following
        beta = following
    return beta
