"""How far two orders of the same submissions agree."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

Numbers = NDArray[np.floating[Any]]
Floats = NDArray[np.float64]
# Scores that differ by less than this share of themselves are equal: the rest is rounding.
EQUAL = 1e-12
# So many pairs of submissions are compared at a time.
AT_ONCE = 1 << 22


def order_signs(values: Numbers) -> NDArray[np.int8]:
    """For every two submissions i < j whether j is higher (1), lower (-1) or the same (0): (…, M) → (…, pairs)."""
    one, other = np.triu_indices(values.shape[-1], 1)
    left, right = values[..., one], values[..., other]
    differences = right - left
    near = np.abs(differences) <= EQUAL * np.maximum(np.abs(left), np.abs(right))
    signs: NDArray[np.int8] = np.where(near | np.isnan(differences), 0, np.sign(differences)).astype(np.int8)
    return signs


def kendall(x: Numbers, y: Numbers) -> float | None:
    """Kendall's τ-b (1945); None where one of the two ties all submissions, or there is only one."""
    value = kendall_of_draws(np.asarray(x, dtype=float), np.asarray(y, dtype=float)[None, :])[0]
    return None if np.isnan(value) else float(value)


def kendall_of_draws(values: Numbers, draws: Numbers) -> Floats:
    """τ-b of scores (M,) and each of many draws (draws × M): (draws,), nan where one ties all submissions."""
    published = order_signs(np.asarray(values, dtype=float))
    untied = int(np.abs(published).sum())
    taus = np.full(len(draws), np.nan)
    block = max(1, AT_ONCE // max(1, len(published)))
    for first in range(0, len(draws), block):
        signs = order_signs(np.asarray(draws[first : first + block], dtype=float))
        most = np.sqrt(untied * np.abs(signs).sum(axis=1, dtype=float))
        agreeing = (signs * published).sum(axis=1, dtype=float)
        np.divide(agreeing, most, out=taus[first : first + block], where=most > 0)
    return taus


def rank_numbers(values: Numbers) -> NDArray[np.intp]:
    """Ranks of scores of which higher is better, 1 for the best; the tied share the best of their ranks."""
    order = np.argsort(-values, kind="stable")
    ordered = np.asarray(values, dtype=float)[order]
    near = np.abs(np.diff(ordered)) <= EQUAL * np.maximum(np.abs(ordered[1:]), np.abs(ordered[:-1]))
    starts = np.append(True, ~near)[: len(ordered)]
    places = np.maximum.accumulate(np.where(starts, np.arange(len(ordered)), 0))
    ranks: NDArray[np.intp] = np.empty(len(ordered), dtype=np.intp)
    ranks[order] = places + 1
    return ranks


def win_shares(draws: Numbers) -> Floats:
    """The share of the others that each submission is above, ties counting half: (…, M) → (…, M)."""
    others = draws.shape[-1] - 1
    if others < 1:
        return np.ones(draws.shape)
    shares: Floats = (rankdata(draws, method="average", axis=-1) - 1) / others
    return shares
