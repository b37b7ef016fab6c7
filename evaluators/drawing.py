"""The paired draws of a suite's score from its item scores, through the suite's own metric and aggregate. Pure."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evaluators.statistics.draws import mean_draws, metric_draws, suite_seed
from evaluators.statistics.resampling import MOST_UNDEFINED
from evaluators.suites.folder import Suite
from evaluators.tasks import TASKS, setting_of, task_of
from evaluators.tasks.interface import ItemScore, Metric, Sample, Step

Draws = NDArray[np.float32]


def ranked_metric(manifest: Mapping[str, Any]) -> Metric | None:
    """The metric that the suite is ranked by; None where the manifest names none that is known."""
    task = TASKS.get(str(manifest.get("task", "")))
    return task.metrics.get(str(manifest.get("metric", ""))) if task else None


def group_weights(how: Any, groups: Sequence[str]) -> dict[str, float] | None:
    """How a suite's score weighs its groups by the `aggregate` of its manifest; None for a plain mean over items."""
    if how == "micro":
        return None
    given = how.get("weights", {}) if isinstance(how, Mapping) else {}
    return {group: float(given.get(group, 1.0)) for group in groups}


def draws_of_mean(
    manifest: Mapping[str, Any],
    digest: str,
    groups: Sequence[str],
    clusters: Sequence[str],
    weights: NDArray[np.float64],
    scores: NDArray[np.float64],
) -> Draws | None:
    """The draws of a score that is a mean of items, or of the groups' means; None where no item counts.

    The four sequences are by item, the same items in the same order for every submission.
    """
    shares, strata = _strata(manifest.get("aggregate", "macro"), groups)
    if not len(scores) or not shares.sum() > 0:
        return None
    drawn = mean_draws(
        scores[:, None],
        strata,
        shares,
        clusters=numbered(clusters),
        item_weights=None if (weights == 1).all() else weights,
        seed=suite_seed(digest),
    )
    return _defined(drawn[:, 0])


def mean_of_items(
    manifest: Mapping[str, Any], groups: Sequence[str], weights: NDArray[np.float64], scores: NDArray[np.float64]
) -> float | None:
    """The suite's score over these items alone, where it is a mean; None where no item counts."""
    shares, strata = _strata(manifest.get("aggregate", "macro"), groups)
    total = float(shares.sum())
    if not len(scores) or not total > 0:
        return None
    means = [np.average(scores[strata == number], weights=weights[strata == number]) for number in range(len(shares))]
    return float(shares @ np.array(means) / total)


def draws_of_metric(suite: Suite, rows: Mapping[str, ItemScore], *, steps: Sequence[Step] = ()) -> Draws | None:
    """The draws of a metric that is no mean: computed anew from the items that each draw takes.

    `rows`: the item scores by id. None where an item has none, and where the metric is undefined in too many draws.
    """
    metric = task_of(suite.manifest).metrics[suite.manifest.metric]
    order = sorted(range(len(suite.items)), key=lambda place: suite.items[place].id)
    items = [suite.items[place] for place in order]
    if any(item.id not in rows for item in items):
        return None
    scores = [rows[item.id] for item in items]
    gold = [suite.gold_in_order[place] for place in order]
    whole = Sample(items, gold, scores, setting_of(suite.manifest, steps=tuple(steps)))
    shares, strata = _strata(suite.manifest.model_dump(mode="json")["aggregate"], [score.group for score in scores])
    total = float(shares.sum())
    places = [np.flatnonzero(strata == number) for number in range(len(shares))]
    parts = [
        (share / total, inside, metric.prepare(whole.take(inside.tolist())))
        for share, inside in zip(shares, places, strict=True)
        if share > 0
    ]

    def value(weights: NDArray[np.float64]) -> float | None:
        found = [(share, statistic(weights[inside])) for share, inside, statistic in parts]
        if any(one is None for _, one in found):
            return None
        return math.fsum(share * one for share, one in found if one is not None)

    own = np.array([score.weight for score in scores], dtype=float)
    drawn = metric_draws(
        value,
        strata,
        clusters=numbered([score.cluster for score in scores]),
        item_weights=None if (own == 1).all() else own,
        seed=suite_seed(suite.digest),
    )
    return _defined(drawn)


def _strata(how: Any, groups: Sequence[str]) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """The weight of each stratum, and the stratum of each item: its group, or one for all where the mean is plain."""
    names = sorted(set(groups))
    weights = group_weights(how, names)
    if weights is None:
        return np.ones(1), np.zeros(len(groups), dtype=np.intp)
    place = {name: number for number, name in enumerate(names)}
    return np.array([weights[name] for name in names]), np.array([place[name] for name in groups], dtype=np.intp)


def numbered(clusters: Sequence[str]) -> NDArray[np.intp] | None:
    """The clusters as numbers; None where every item is one by itself."""
    numbers = {name: number for number, name in enumerate(dict.fromkeys(clusters))}
    if len(numbers) == len(clusters):
        return None
    return np.array([numbers[name] for name in clusters], dtype=np.intp)


def _defined(draws: Draws) -> Draws | None:
    """The draws; None where the metric is undefined in too many of them."""
    return None if np.isnan(draws).mean() > MOST_UNDEFINED else draws
