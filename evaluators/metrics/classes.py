"""Metrics over classes, from how often each gold class met each answered one: F1, macro-F1, Matthews correlation.

The definitions are those of scikit-learn, zero where a quotient has nothing below it (`zero_division=0`).
"""

import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from evaluators.statistics.resampling import Statistic

# Rows are gold classes, columns answered ones; in the order of `Classes.names`.
Confusion = NDArray[np.float64]
# Weights that are no whole numbers leave this much where nothing should be.
ROUNDING = 1e-12


class Classes:
    """Gold and answered classes of some items as positions; an empty answer is no class, and so always wrong."""

    def __init__(self, gold: Sequence[str], answered: Sequence[str]) -> None:
        if len(gold) != len(answered):
            raise ValueError("as many answers as gold classes are required")
        self.names = sorted({*gold, *answered} - {""})
        place = {name: position for position, name in enumerate([*self.names, ""])}
        self.size = len(place)
        pairs = [place[one] * self.size + place[other] for one, other in zip(gold, answered, strict=True)]
        self._cells = np.array(pairs, dtype=np.intp)

    def confusion(self, weights: NDArray[np.float64]) -> Confusion:
        """How much weight each pair of gold and answered class has; the last column is for no class."""
        counts = np.bincount(self._cells, weights=weights, minlength=self.size * self.size)
        return counts.astype(np.float64).reshape(self.size, self.size)

    def statistic(self, value: Callable[[Confusion], float | None]) -> Statistic:
        """The value of a confusion matrix as a function of item weights; None where no item counts."""

        def weighted(weights: NDArray[np.float64]) -> float | None:
            confusion = self.confusion(weights)
            return value(confusion) if confusion.sum() else None

        return weighted


def f1(confusion: Confusion, position: int) -> float:
    """The harmonic mean of precision and recall of the class at this position; 0 where it is neither gold nor answered.

    2·TP / (2·TP + FP + FN) (van Rijsbergen 1979).
    """
    hits = confusion[position, position]
    both = confusion[position].sum() + confusion[:, position].sum()
    return float(2 * hits / both) if both else 0.0


def macro_f1(confusion: Confusion) -> float:
    """The plain mean of the F1 of every class that is gold or answered somewhere."""
    classes = confusion[:-1, :-1]
    hits = classes.diagonal()
    both = confusion.sum(axis=1)[:-1] + confusion.sum(axis=0)[:-1]
    there = both > 0
    return float(np.mean(2 * hits[there] / both[there])) if there.any() else 0.0


def matthews(confusion: Confusion) -> float:
    """Matthews correlation for any number of classes (Gorodkin 2004, eq. 8), between −1 and 1.

    0 where gold or answers are all of one class: whoever always says the same shows no relation.
    """
    gold, answered = confusion.sum(axis=1), confusion.sum(axis=0)
    total = confusion.sum()
    covariance = confusion.trace() * total - gold @ answered
    spreads = total * total - gold @ gold, total * total - answered @ answered
    if min(spreads) <= ROUNDING * total * total:
        return 0.0
    return float(min(1.0, max(-1.0, covariance / math.sqrt(spreads[0] * spreads[1]))))
