"""What is known of a suite's quality, from item scores where they are kept and from scores where they are not."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evaluators.statistics.draws import mean_draws
from evaluators.statistics.health import (
    Agreement,
    Saturation,
    discordance_of,
    saturation,
    smallest_difference,
    suite_agreement,
)
from evaluators.statistics.reliability import SplitHalf, item_health, split_half
from findings.material import SEED, SuiteItems
from findings.subjects import Subject
from leaderboards.results import Column, Result

DRAWS = 1_000
TOP = 5
Places = NDArray[np.intp]


@dataclass(frozen=True)
class Extremes:
    """How many of a suite's items nobody, and how many everybody got right."""

    items: int
    nobody: int
    everybody: int


@dataclass(frozen=True)
class Quality:
    """A suite in a track; None where it can't be said. `over`: what the reliability halves, "items" or "groups"."""

    column: Column
    items: int | None
    reliability: SplitHalf | None
    over: str
    agreement: Agreement | None
    saturation: Saturation | None
    detectable: float | None
    extremes: Extremes | None
    difficulty: tuple[float, ...] = ()

    @property
    def known(self) -> bool:
        """Whether anything is."""
        return any(one is not None for one in (self.reliability, self.agreement, self.saturation, self.detectable))


def qualities(subject: Subject, items: dict[str, SuiteItems]) -> list[Quality]:
    """Every column of a track, over its eligible entries."""
    reliabilities = {}
    over = {}
    for column in subject.track.columns:
        found, what = _reliability(subject, column, items.get(column.key))
        over[column.key] = what
        if found is not None:
            reliabilities[column.key] = found
    agreements = _agreements(subject, {key: one.value for key, one in reliabilities.items()})
    return [
        _quality(
            subject,
            column,
            items.get(column.key),
            reliabilities.get(column.key),
            over[column.key],
            agreements.get(column.key),
        )
        for column in subject.track.columns
    ]


def _quality(
    subject: Subject,
    column: Column,
    items: SuiteItems | None,
    reliability: SplitHalf | None,
    over: str,
    agreement: Agreement | None,
) -> Quality:
    counts = [one.scores[column.key].n for one in subject.counted if column.key in one.scores]
    n = len(items.scores) if items is not None else max(counts, default=0)
    extremes: Extremes | None = None
    difficulty: tuple[float, ...] = ()
    detectable: float | None = None
    if items is not None:
        whole = items.scores[~np.isnan(items.scores).any(axis=1)]
        if len(whole) and whole.shape[1] > 1:
            health = item_health(whole)
            extremes = Extremes(len(whole), int(health.nobody.sum()), int(health.everybody.sum()))
            difficulty = tuple(float(value) for value in health.difficulty)
            detectable = _detectable(whole)
    found = _saturation(subject, column, items, n)
    return Quality(column, n or None, reliability, over, agreement, found, detectable, extremes, difficulty)


def _detectable(scores: NDArray[np.float32]) -> float | None:
    """The smallest difference that its items show, for right and wrong items."""
    discordance = discordance_of(scores)
    if discordance is None or not bool(np.isin(scores, (0.0, 1.0)).all()):
        return None
    return smallest_difference(len(scores), discordance)


def _reliability(subject: Subject, column: Column, items: SuiteItems | None) -> tuple[SplitHalf | None, str]:
    if items is not None:
        whole = ~np.isnan(items.scores).any(axis=1)
        return split_half(items.scores[whole], strata=items.strata[whole], seed=SEED), "items"
    groups = [dict(one.scores[column.key].groups) for one in subject.counted if column.key in one.scores]
    groups = [one for one in groups if one and None not in one.values()]
    names = sorted(set.intersection(*(set(one) for one in groups))) if groups else []
    if len(names) < 4:
        return None, "groups"
    table = np.array([[one[name] for one in groups] for name in names], dtype=float)
    return split_half(table, seed=SEED), "groups"


def _agreements(subject: Subject, reliabilities: dict[str, float]) -> dict[str, Agreement]:
    table = {
        one.key: {column.key: subject.value(one, column) for column in subject.track.columns} for one in subject.counted
    }
    lower = frozenset(column.key for column in subject.track.columns if not column.higher_is_better)
    return suite_agreement(table, seed=SEED, reliabilities=reliabilities, lower=lower)


def _saturation(subject: Subject, column: Column, items: SuiteItems | None, n: int) -> Saturation | None:
    """Of a proportion alone, and with an error of the difference between the first and the fifth."""
    there = [(one, value) for one in subject.ranked if (value := subject.value(one, column)) is not None]
    there.sort(key=lambda pair: -pair[1])
    if len(there) < TOP or not n or not column.higher_is_better or column.bounds != (0.0, 1.0):
        return None
    first, fifth = there[0][0], there[TOP - 1][0]
    error = _paired_error(items, first, fifth) if items is not None else _independent_error(column, first, fifth)
    if error is None:
        return None
    return saturation([value for _, value in there], n, standard_error=error)


def _paired_error(items: SuiteItems, one: Result, other: Result) -> float | None:
    """The standard deviation of the difference in the paired draws."""
    if one.key not in items.entries or other.key not in items.entries:
        return None
    pair = items.scores[:, [items.entries.index(one.key), items.entries.index(other.key)]]
    kept = ~np.isnan(pair).any(axis=1)
    if not kept.any():
        return None
    strata = np.unique(items.strata[kept], return_inverse=True)[1].astype(np.intp)
    clusters = None if items.clusters is None else items.clusters[kept]
    draws = mean_draws(pair[kept], strata, np.ones(int(strata.max()) + 1), clusters=clusters, seed=SEED, draws=DRAWS)
    return float((draws[:, 0] - draws[:, 1]).std(ddof=1))


def _independent_error(column: Column, one: Result, other: Result) -> float | None:
    """From the two intervals, as if the two had been asked different items: not smaller than the paired one."""
    errors = []
    for result in (one, other):
        score = result.scores[column.key]
        if score.low is None or score.high is None:
            return None
        errors.append((score.high - score.low) / (2 * 1.959964))
    return math.hypot(*errors)
