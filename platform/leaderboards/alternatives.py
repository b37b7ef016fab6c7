"""What if the track joined its suites otherwise: the first of the ranked entries by other methods."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from leaderboards.methods import Method
from leaderboards.ranking import Placed, Rule, row_of
from leaderboards.standings import Light

FIRST = 50
# Of more entries than that, whoever is not among the best of them by the track's own rule is not looked at.
MOST = 1_000
# Of methods that always give the same order one stands for all.
TITLES = {
    "macro": "Mean",
    "geometric-mean": "Geometric mean",
    "above-chance": "Mean above chance",
    "mean-win-rate": "Mean win rate (the order of mean rank and Borda, too)",
    "z-mean": "Mean of z-scores",
}
SAME = {"weighted": "macro", "mean-rank": "mean-win-rate", "borda": "mean-win-rate"}
DIGITS = 12


def alternatives(
    placed: Sequence[Placed], lights: Mapping[int, Light], rule: Rule, columns: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """For each other method the first 50 of the ranked entries: rank, value, entry, name, team.

    Parts stay means, weights and scales hold. Nothing where a board has one column or one entry. Of a large board the
    best 1,000 by its own rule are compared with each other.
    """
    ranked = [one.contender for one in placed if one.rank is not None][:MOST]
    if len(ranked) < 2 or len(columns) < 2:
        return []
    rows = np.array([row_of(one, rule) for one in ranked])
    own = SAME.get(rule.method.name, rule.method.name)
    known = all(column["chance"] is not None for column in columns)
    found = []
    for name, title in TITLES.items():
        if name == own or (name == "above-chance" and not known):
            continue
        other = replace(rule, method=Method(name, None, rule.method.chance))
        values = other.joined(rows)
        if np.isnan(values).any():
            continue
        sign = -1.0 if other.more_is_better else 1.0
        keys = np.round(sign * values, DIGITS)
        order = [int(place) for place in np.argsort(keys, kind="stable")[:FIRST]]
        lines = [_line(order, place, keys, values, lights[ranked[place].entry_id]) for place in order]
        found.append({"method": name, "title": title, "order": lines})
    return found


def _line(order: Sequence[int], place: int, keys: Any, values: Any, light: Light) -> dict[str, Any]:
    rank = 1 + next(number for number, other in enumerate(order) if keys[other] == keys[place])
    facts = light.facts
    return {
        "rank": rank,
        "value": float(values[place]),
        "entry": facts.entry_id,
        "name": facts.name,
        "team": facts.team_name,
        "team_id": facts.team_id,
        "status": facts.status,
    }
