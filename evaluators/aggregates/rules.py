"""Rules of ranking as functions of a table, which can be asked what another table would have given. Pure.

A rule takes {submission: {column: value or None}} with any of its columns left out, or standing in it more than once
under a name that `copy_name` gives, and returns {submission: score or None}.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace

from evaluators.aggregates.efficiency import efficiency_2023
from evaluators.aggregates.methods import BABYLM_2023, aggregate
from evaluators.aggregates.ranks import win_rates
from evaluators.aggregates.tables import Rows, Table
from evaluators.aggregates.tree import Mean, mean_of

Rule = Callable[[Rows], Mapping[str, float | None]]
COPY = " ×"


def copy_name(column: str, number: int) -> str:
    """The name under which a column stands in a table for the second time, the third, …; itself for the first."""
    return column if number == 1 else f"{column}{COPY}{number}"


def original(column: str) -> str:
    """The column that this one is a copy of; itself where it is none."""
    name, sign, number = column.rpartition(COPY)
    return name if sign and number.isdigit() else column


def rule_of_method(
    method: str,
    *,
    weights: Mapping[str, float] | None = None,
    lower: frozenset[str] = frozenset(),
    worst: bool = False,
    chance: Mapping[str, float] | None = None,
    floor: float | None = None,
) -> Rule:
    """The rule that ranks by a named method; raises, when asked, ProblemsFound where the method can't take a table."""
    if method == "babylm-2023" and not weights:
        # Its parts alone; so one of them can be left out.
        return rule_of_method("weighted", weights=BABYLM_2023)

    def rule(rows: Rows) -> dict[str, float | None]:
        table = Table(rows, lower=frozenset(), worst=worst, floor=floor)
        settings = {
            name: {column: values[original(column)] for column in table.metrics if original(column) in values}
            for name, values in (("weights", weights or {}), ("chance", chance or {}))
        }
        low = frozenset(column for column in table.metrics if original(column) in lower)
        scores = aggregate(method, replace(table, lower=low, weights=settings["weights"], chance=settings["chance"]))
        return {name: next(iter(values.values())) for name, values in scores.items()}

    return rule


def efficiency_2023_with_helms_wins(rows: Rows) -> dict[str, float | None]:
    """The rule of the 2023 efficiency challenge with HELM's win rates: each tie half a win, n - 1 others to beat."""
    scores = efficiency_2023(rows, Table(rows).metrics, wins=win_rates)
    return {name: values["full"] for name, values in scores.items()}


def rule_of_mean(mean: Mean) -> Rule:
    """The rule that ranks by a track's nested mean; a part without any of its columns leaves it too."""

    def rule(rows: Rows) -> dict[str, float | None]:
        columns = dict.fromkeys(column for row in rows.values() for column in row)
        counts = Counter(original(column) for column in columns)
        changed = times(mean, counts)
        return {name: None if changed is None else mean_of(changed, row) for name, row in rows.items()}

    return rule


def times(mean: Mean, counts: Mapping[str, int]) -> Mean | None:
    """The mean in which each column stands as often as `counts` says; None where nothing is left."""
    members: list[Mean | str] = []
    weights = dict(mean.weights)
    for member in mean.members:
        if isinstance(member, Mean):
            inside = times(member, counts)
            if inside is not None:
                members.append(inside)
        elif counts.get(member, 0):
            members.append(member)
            weights[member] = mean.weights.get(member, 1.0) * counts[member]
    return replace(mean, members=tuple(members), weights=weights) if members else None
