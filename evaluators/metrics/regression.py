"""Partial R² of a predictor beyond a baseline, for rows that count as often as their cluster is drawn."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]
# Below this share of the whole a direction or a remaining sum of squares is rounding; cross products square it.
RANK, REMAINDER = 1e-10, 1e-12
CROSS_RANK, CROSS_REMAINDER = 1e-8, 1e-10
ROUNDING = 1e-12


def with_products(columns: Sequence[Numbers], *, rows: int, products: bool = True) -> Numbers:
    """The design of a linear model: a constant, the columns, and the product of each two (rows × columns).

    Columns are centred and scaled first. With the constant and the columns in the model that spans the same space as
    the raw products, and keeps it well conditioned.
    """
    scaled = [_scaled(np.asarray(column, dtype=float)) for column in columns]
    pairs = [first * second for first, second in combinations(scaled, 2)] if products else []
    return np.column_stack([np.ones(rows), *scaled, *pairs])


def _scaled(column: Numbers) -> Numbers:
    centred = column - column.mean()
    spread = float(np.sqrt(np.mean(centred * centred)))
    scaled: Numbers = centred / spread if spread > 0 else centred
    return scaled


def partial_r2(outcome: Numbers, predictor: Numbers, design: Numbers, weights: Numbers | None = None) -> float | None:
    """(R²m − R²b) / (1 − R²b), weighted least squares with and without `predictor` beside the columns of `design`.

    It is the share of what the baseline leaves unexplained that the predictor explains, in-sample from 0 to 1 (Cohen
    1988, ch. 9). 0 where the predictor lies in the baseline's space; None where the baseline leaves nothing.
    """
    rows = np.ones(len(outcome)) if weights is None else np.asarray(weights, dtype=float)
    return clustered_partial_r2(outcome, predictor, design, np.arange(len(outcome)), len(outcome))(rows)


@dataclass(frozen=True)
class _Products:
    """Cross products summed within each cluster: clusters × columns × columns, of [basis, predictor, outcome]."""

    table: Numbers
    columns: int
    spread: Numbers  # sums of squares about the mean, of predictor and outcome, where every row counts once

    def value(self, weights: Numbers) -> float | None:
        """Partial R² where cluster i counts weights[i] times, from the normal equations."""
        size = self.columns + 2
        gram = (weights @ self.table).reshape(size, size)
        values, vectors = np.linalg.eigh(gram[: self.columns, : self.columns])
        kept = values > CROSS_RANK * max(float(values[-1]), 0.0)
        if not kept.any():
            return None
        sides = vectors[:, kept].T @ gram[: self.columns, self.columns :]
        left = gram[self.columns :, self.columns :] - sides.T @ (sides / values[kept, None])
        scale = float(weights.mean())
        if left[1, 1] <= CROSS_REMAINDER * scale * self.spread[1]:
            return None
        if left[0, 0] <= CROSS_REMAINDER * scale * self.spread[0]:
            return 0.0
        return max(0.0, min(1.0, float(left[0, 1] ** 2 / (left[0, 0] * left[1, 1]))))


def clustered_partial_r2(
    outcome: Numbers, predictor: Numbers, design: Numbers, cluster: NDArray[np.intp], clusters: int
) -> Callable[[Numbers], float | None]:
    """`partial_r2` as a function of how often each cluster counts; `cluster` is each row's, from 0 to clusters − 1.

    The baseline is made orthonormal and taken out of predictor and outcome once, by singular values; so where every row
    counts once the normal equations are as exact as an orthogonal decomposition, and under other weights they stay well
    conditioned. A draw then costs one product of the weights with the clusters' cross products.
    """
    outcome, predictor = np.asarray(outcome, dtype=float), np.asarray(predictor, dtype=float)
    left, singular, _ = np.linalg.svd(design, full_matrices=False)
    basis = left[:, singular > RANK * singular[0]] if len(singular) else left
    # What stays of a column is at least rounding; so the rank tells whether rows are left to explain anything with.
    if len(outcome) < basis.shape[1] + 2:
        return lambda _weights: None
    sides = np.column_stack([predictor, outcome])
    centred = sides - sides.mean(axis=0)
    spread = np.sum(centred * centred, axis=0)
    rest = centred - basis @ (basis.T @ centred)
    rest -= basis @ (basis.T @ rest)
    # What is as good as constant has no spread but that of its own last digits.
    least = len(sides) * (ROUNDING * np.abs(sides).max(axis=0)) ** 2
    rest[:, np.sum(rest * rest, axis=0) <= np.maximum(REMAINDER * spread, least)] = 0.0
    columns = np.column_stack([basis, rest])
    size = columns.shape[1]
    table = np.zeros((clusters, size * size))
    np.add.at(table, cluster, (columns[:, :, None] * columns[:, None, :]).reshape(len(columns), size * size))
    return _Products(table, basis.shape[1], spread).value
