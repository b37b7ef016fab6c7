"""The Ladder: a team's shown score changes only when a new entry beats it by more than the error (Blum & Hardt 2015).

A team that hands in often learns about the hidden items from how its score moves. Where it moves only for what is
better by more than could be chance, thousands of hand-ins learn hardly more than a few would.
"""

import math
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence

import numpy as np

# A gain that equals the error is not more than it: one item more, with all others equal, gains exactly the standard
# error 1/n, and must not count because of what is left of rounding in the last digits.
ROUNDING = 1e-9
# Group and score of each item, by its id.
Items = Mapping[str, tuple[str, float]]


def climb(values: Sequence[float], told: Sequence[float], error: Callable[[int, int], float]) -> list[bool]:
    """Which of a team's entries, in the order in which they were scored, changed what is shown of it.

    `values` are exact and `told` as they are shown, both with higher as better. The first entry is shown; a later one
    when it would be shown as better and its value beats what is shown by more than `error(new, best)`, by indices.
    Otherwise the shown value stays. What was answered once never changes when entries are added.
    """
    changed: list[bool] = []
    best: int | None = None
    for number, value in enumerate(values):
        better = best is None or (
            told[number] > told[best] and value - told[best] > error(number, best) * (1 + ROUNDING) + ROUNDING
        )
        changed.append(better)
        if better:
            best = number
    return changed


def paired_error(one: Items, other: Items, weights: Mapping[str, float] | None) -> float:
    """The standard error of the difference of two entries' scores on one suite, from the differences item by item.

    With d the differences of item scores: s(d)/√n for a plain mean (`weights` None), and for a mean over groups, each
    with its weight, √Σ w²s²/n over groups, w summing to 1 (a missing weight counts as 1). A group of one item takes the
    spread of all differences.
    """
    groups: dict[str, list[float]] = defaultdict(list)
    for name, (group, score) in one.items():
        if name in other:
            groups["" if weights is None else group].append(score - other[name][1])
    every = np.asarray([difference for differences in groups.values() for difference in differences])
    if len(every) < 2:
        return math.inf
    overall = float(every.var(ddof=1))
    shares = {name: 1.0 if weights is None else weights.get(name, 1.0) for name in groups}
    total = sum(shares.values()) or 1.0
    variance = 0.0
    for name, differences in groups.items():
        spread = float(np.var(differences, ddof=1)) if len(differences) > 1 else overall
        variance += (shares[name] / total) ** 2 * spread / len(differences)
    return math.sqrt(variance)


def unpaired_error(n: int, span: float) -> float:
    """The most that `paired_error` can be where no item scores are at hand: differences lie within ±span."""
    return span / math.sqrt(n) if n else math.inf


def deviation(errors: Mapping[str, float], coefficients: Mapping[str, float]) -> float:
    """The error of a sum of suites' scores, each times its coefficient, whose errors are independent."""
    return math.sqrt(math.fsum((coefficient * errors[key]) ** 2 for key, coefficient in coefficients.items()))


def combined(errors: Mapping[str, float], weights: Mapping[str, float]) -> float:
    """The error of a weighted mean over suites whose errors are independent."""
    total = sum(weights.values())
    return deviation(errors, {key: weights[key] / total for key in errors})
