"""How sure the ranks of a board are, by the paired draws of its aggregates. Exact: nobody's before a reveal."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from evaluations import draws
from evaluators.statistics.draws import DRAWS, interval_of
from evaluators.statistics.ranking import MOST_PAIRS, Standings, standings
from leaderboards.models import Standing
from leaderboards.ranking import Placed, Rule
from leaderboards.standings import Light

# A relative aggregate is computed anew in each draw over everybody: for so many entries and numbers at most.
MOST_COMPARED = 200
MOST_NUMBERS = 20_000_000
BLOCK = 50  # draws at a time


class Sureness(NamedTuple):
    """What can be said of one rank; None what can't. `low` and `high` are those of the aggregate, where it is
    relative; `cluster` counts from 1."""

    rank_low: int
    rank_high: int
    p_best: float | None = None
    p_top3: float | None = None
    tied: bool | None = None
    cluster: int | None = None
    low: float | None = None
    high: float | None = None

    def facts(self) -> dict[str, Any]:
        """Those that there are."""
        return {name: value for name, value in self._asdict().items() if value is not None}


def sureness_of(
    placed: Sequence[Placed], lights: Mapping[int, Light], rule: Rule, *, alpha: float
) -> dict[int, Sureness]:
    """By entry, how sure each rank is; nothing where no entry has draws. Up to two queries.

    The best 500 are compared in pairs; of the others, two differ where their intervals do not overlap.
    """
    ranked = [(lights[one.contender.entry_id], one.aggregate) for one in placed if one.rank is not None]
    values = np.array([value for _, value in ranked], dtype=np.float64)
    if not ranked:
        return {}
    own = [light for light, _ in ranked]
    if rule.method.relative:
        return _relative(own, values, rule, alpha)
    top = own[:MOST_PAIRS]
    sampled = _own_draws(top)
    if sampled is None:
        return {}
    found = standings(values[: len(top)], sampled, alpha=alpha, higher=rule.more_is_better)
    return {light.facts.entry_id: sure for light, sure in zip(own, _all(found, own, values, rule), strict=True)}


def _own_draws(lights: Sequence[Light]) -> NDArray[np.float32] | None:
    """Draws × entries, nan for an entry without any; None where none has some. One query."""
    kept = Standing.objects.filter(pk__in=[light.pk for light in lights]).exclude(draws=b"")
    by_pk = {pk: np.frombuffer(values, dtype="<f4") for pk, values in kept.values_list("pk", "draws")}
    if not by_pk:
        return None
    found = np.full((len(next(iter(by_pk.values()))), len(lights)), np.nan, dtype=np.float32)
    for column, light in enumerate(lights):
        if light.pk in by_pk:
            found[:, column] = by_pk[light.pk]
    return found


def _all(found: Standings, lights: Sequence[Light], values: NDArray[np.float64], rule: Rule) -> list[Sureness]:
    """The best as they were compared, and everybody else by their intervals."""
    count, top = len(lights), len(found.low)
    sign = 1.0 if rule.more_is_better else -1.0
    lows, highs = _ends(lights, sign)
    ordered_lows, ordered_highs = np.sort(lows), np.sort(highs)
    # Nobody behind the best is better than one of them; those that are surely worse push the end of its ranks up.
    worse_behind = np.searchsorted(np.sort(highs[top:]), lows[:top], side="left")
    sure = [
        _sureness(found, place, rank_high=int(found.high[place]) + (count - top) - int(worse_behind[place]))
        for place in range(top)
    ]
    better = count - np.searchsorted(ordered_lows, highs[top:], side="right")
    worse = np.searchsorted(ordered_highs, lows[top:], side="left")
    return [*sure, *(Sureness(1 + int(up), count - int(down)) for up, down in zip(better, worse, strict=True))]


def _ends(lights: Sequence[Light], sign: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The ends of the intervals, more being better; without one it reaches everywhere."""
    ends = [
        (-np.inf, np.inf) if one.low is None or one.high is None else sorted((sign * one.low, sign * one.high))
        for one in lights
    ]
    both = np.array(ends, dtype=np.float64).reshape(-1, 2)
    return both[:, 0], both[:, 1]


def _sureness(found: Standings, place: int, *, rank_high: int, ends: tuple[float, float] | None = None) -> Sureness:
    low, high = ends or (None, None)
    return Sureness(
        rank_low=int(found.low[place]),
        rank_high=rank_high,
        p_best=_probability(found.p_best[place]),
        p_top3=_probability(found.p_top3[place]),
        tied=bool(found.tied_with_first[place]),
        cluster=int(found.cluster[place]),
        low=low,
        high=high,
    )


def _probability(value: float) -> float | None:
    return None if np.isnan(value) else round(float(value), 4)


def _relative(lights: Sequence[Light], values: NDArray[np.float64], rule: Rule, alpha: float) -> dict[int, Sureness]:
    """The same where the aggregate is computed anew in each draw; nothing where an entry lacks draws of a suite."""
    if len(lights) > MOST_COMPARED or len(lights) * len(rule.columns) * DRAWS > MOST_NUMBERS:
        return {}
    tables = _tables(lights, rule)
    if tables is None:
        return {}
    sampled = np.concatenate([rule.joined(tables[first : first + BLOCK]) for first in range(0, len(tables), BLOCK)])
    found = standings(values, sampled, alpha=alpha, higher=rule.more_is_better)
    sure = {}
    for place, light in enumerate(lights):
        interval = interval_of(sampled[:, place])
        ends = (interval.low, interval.high) if interval else None
        sure[light.facts.entry_id] = _sureness(found, place, rank_high=int(found.high[place]), ends=ends)
    return sure


def _tables(lights: Sequence[Light], rule: Rule) -> NDArray[np.float64] | None:
    """Draws × entries × columns of what the aggregate takes; None where something has no draws. Two queries."""
    kept = dict(Standing.objects.filter(pk__in=[light.pk for light in lights]).values_list("pk", "evaluations"))
    wanted = [pk for columns in kept.values() for pks in columns.values() for pk in pks]
    sampled = draws.stored_draws(wanted)
    tables = np.empty((DRAWS, len(lights), len(rule.columns)))
    for place, light in enumerate(lights):
        for number, key in enumerate(rule.columns):
            pks = kept[light.pk].get(key, [])
            own = [sampled[pk] for pk in pks if pk in sampled and len(sampled[pk]) == DRAWS]
            if pks and len(own) == len(pks):
                mean = np.mean(own, axis=0, dtype=np.float64)
                tables[:, place, number] = rule.mirrored[key] - mean if key in rule.mirrored else mean
            elif not pks and rule.missing == "worst":
                tables[:, place, number] = np.frombuffer(light.row, dtype="<f8")[number]
            else:
                return None
    return None if np.isnan(tables).any() else tables
