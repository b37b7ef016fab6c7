"""The methods over many draws of a table at once, for intervals of rankings that depend on who else entered. Pure.

Tables are draws × submissions × metrics, nan where a value is missing; each draw is aggregated as `aggregate` would.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evaluators.aggregates.efficiency import LEAST, OPEN, OPEN_SHARE, lower_is_better, scenario_of
from evaluators.aggregates.methods import (
    BABYLM_2023,
    BABYLM_2023_PREFIXES,
    BABYLM_2023_TASKS,
    RANKED_METHODS,
    above_chance,
    babylm_2023,
    check,
)
from evaluators.aggregates.ranks import ROUNDING
from evaluators.aggregates.tables import Table

Floats = NDArray[np.float64]


def aggregate_draws(
    method: str,
    draws: NDArray[np.floating[Any]],
    metrics: Sequence[str],
    *,
    weights: Mapping[str, float] | None = None,
    lower: frozenset[str] = frozenset(),
    worst: bool = False,
    chance: Mapping[str, float] | None = None,
    floor: float | None = None,
) -> Floats:
    """Draws × submissions × metrics → draws × submissions: a draw's first score by the method, nan where it has none.

    Raises ProblemsFound where `aggregate` would, and ValueError where there is not one name for each metric.
    """
    values = np.asarray(draws, dtype=np.float64)
    if values.ndim != 3 or values.shape[2] != len(metrics):
        raise ValueError("draws are by draw, submission and metric, with a name for each metric")
    # A table of one row without scores stands for the settings in the checks that all methods share.
    table = Table({"": dict.fromkeys(metrics)}, weights or {}, lower, worst, chance or {}, floor)
    check(method, table)
    if method == "efficiency-2023":
        return _efficiency_2023(values, metrics, LEAST if floor is None else floor)
    if method == "babylm-2023":
        babylm_2023(table)
        return _babylm_2023(values, metrics)
    if method == "above-chance":
        above_chance(table)
    counted = table.weighted_metrics
    places = [metrics.index(metric) for metric, _ in counted]
    signs = np.array([-1.0 if metric in lower else 1.0 for metric, _ in counted])
    kept = values[:, :, places]
    share = np.array([weight for _, weight in counted])
    if method == "above-chance":
        guessed = np.array([table.chance[metric] for metric, _ in counted])
        kept = (kept - guessed) / (1 - guessed)
    if method == "geometric-mean":
        return _geometric(kept, share, floor or 0.0)
    per_column = _COLUMNS[method](kept * signs) if method in _COLUMNS else kept
    missing = np.isnan(kept).any(axis=2) if method in RANKED_METHODS and not worst else False
    total = 1.0 if method == "borda" else share.sum()
    found: Floats = per_column @ share / total if len(share) else np.full(values.shape[:2], np.nan)
    return np.where(missing, np.nan, found)


def beaten_and_tied_draws(values: Floats) -> tuple[Floats, Floats]:
    """How many of the others each submission beats, and ties with; missing values tie below every other.

    Draws × submissions × metrics of which higher is better, sorted once instead of compared in pairs.
    """
    keys = np.where(np.isnan(values), -np.inf, values)
    count = values.shape[1]
    order = np.argsort(keys, axis=1, kind="stable")
    ordered = np.take_along_axis(keys, order, axis=1)
    starts = np.ones(ordered.shape, dtype=bool)
    starts[:, 1:] = ordered[:, 1:] != ordered[:, :-1]
    places = np.arange(count)[None, :, None]
    first = np.maximum.accumulate(np.where(starts, places, 0), axis=1)
    ends = np.ones(ordered.shape, dtype=bool)
    ends[:, :-1] = starts[:, 1:]
    last = np.minimum.accumulate(np.where(ends, places, count)[:, ::-1], axis=1)[:, ::-1]
    beaten, tied = np.empty(values.shape), np.empty(values.shape)
    np.put_along_axis(beaten, order, first.astype(np.float64), axis=1)
    np.put_along_axis(tied, order, (last - first).astype(np.float64), axis=1)
    return beaten, tied


def _win_rates(values: Floats) -> Floats:
    beaten, tied = beaten_and_tied_draws(values)
    others = values.shape[1] - 1
    rates: Floats = (beaten + tied / 2) / others if others else np.full(values.shape, np.nan)
    return rates


def _ranks(values: Floats) -> Floats:
    beaten, tied = beaten_and_tied_draws(values)
    found: Floats = values.shape[1] - beaten - tied / 2
    return found


def _points(values: Floats) -> Floats:
    beaten, tied = beaten_and_tied_draws(values)
    return beaten + tied / 2


def _z_scores(values: Floats) -> Floats:
    there = ~np.isnan(values)
    count = np.maximum(there.sum(axis=1, keepdims=True), 1)
    filled = np.where(there, values, 0.0)
    mean = filled.sum(axis=1, keepdims=True) / count
    sd = np.sqrt((np.where(there, values - mean, 0.0) ** 2).sum(axis=1, keepdims=True) / count)
    spread = sd > ROUNDING * np.abs(filled).max(axis=1, keepdims=True)
    z = np.divide(values - mean, sd, out=np.zeros(values.shape), where=np.broadcast_to(spread, values.shape))
    return np.where(there, z, np.nan)


_COLUMNS: dict[str, Callable[[Floats], Floats]] = {
    "mean-win-rate": _win_rates,
    "mean-rank": _ranks,
    "borda": _points,
    "z-mean": _z_scores,
}


def _geometric(values: Floats, share: Floats, floor: float) -> Floats:
    if not values.shape[2]:
        return np.full(values.shape[:2], np.nan)
    if (values < 0).any():
        raise ValueError("a geometric mean takes no score below 0")
    raised = np.maximum(values, floor)
    logs = np.log(raised, out=np.zeros(raised.shape), where=raised > 0)
    # 0 annuls the mean, and what is missing leaves none, whatever else is 0.
    means = np.where((raised == 0).any(axis=2), 0.0, np.exp(logs @ share / share.sum()))
    return np.where(np.isnan(values).any(axis=2), np.nan, means)


def _efficiency_2023(values: Floats, metrics: Sequence[str], floor: float) -> Floats:
    signs = np.array([-1.0 if lower_is_better(metric) else 1.0 for metric in metrics])
    beaten, tied = beaten_and_tied_draws(values * signs)
    wins = (beaten + np.where(tied > 0, 1 / (tied + 1), 0.0)) / values.shape[1]
    scenarios: dict[str, list[int]] = {}
    for place, metric in enumerate(metrics):
        scenarios.setdefault(scenario_of(metric), []).append(place)
    parts = []
    for is_open in (True, False):
        means = [wins[:, :, places].mean(axis=2) for name, places in scenarios.items() if (name in OPEN) == is_open]
        stacked = np.stack(means, axis=2) if means else np.empty((*values.shape[:2], 0))
        parts.append(_geometric(stacked, np.ones(len(means)), floor))
    return OPEN_SHARE * parts[0] + (1 - OPEN_SHARE) * parts[1]


def _babylm_2023(values: Floats, metrics: Sequence[str]) -> Floats:
    total = np.zeros(values.shape[:2])
    for part, weight in BABYLM_2023.items():
        found = np.full(values.shape[:2], np.nan)
        if part in metrics:
            found = values[:, :, metrics.index(part)]
        tasks = [place for place, metric in enumerate(metrics) if metric.startswith(BABYLM_2023_PREFIXES[part])]
        if len(tasks) == BABYLM_2023_TASKS[part]:
            found = np.where(np.isnan(found), values[:, :, tasks].mean(axis=2), found)
        total = total + weight * found
    return total / sum(BABYLM_2023.values())
