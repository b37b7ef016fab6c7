"""A track's aggregate computed again from the scores on its columns, as it is and as it might have been."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from evaluators.aggregates import METHODS, Table, aggregate
from evaluators.aggregates.methods import RANKED_METHODS, RELATIVE_METHODS, TAKE_LOWER, TAKE_WEIGHTS
from evaluators.aggregates.rules import Rule, efficiency_2023_with_helms_wins
from evaluators.aggregates.tables import Rows
from findings.subjects import Subject
from leaderboards.results import Column, Result

Scores = Mapping[str, float | None]
# How a track's document calls what the methods call otherwise.
CALLED = {"rescaled": "above-chance"}
MEANS = ("macro", "weighted")
# What else the scores might have been joined by, in the words of the report.
WHAT_IF = {
    "macro": "macro mean",
    "mean-win-rate": "mean win rate (HELM)",
    "geometric-mean": "geometric mean",
    "z-mean": "mean of z-scores",
    "mean-rank": "mean rank",
    "above-chance": "rescaled above chance",
}
# Conventions that know no weights, whatever the track's are.
UNWEIGHTED = frozenset({"mean-win-rate", "mean-rank"})
HELM_WINS = "its own formula over HELM's win rates"
# Two aggregates are the same where they differ by no more than three printed decimals hide.
NEAR = 1.1e-3


@dataclass(frozen=True)
class Recomputed:
    """The rule of a track over its ranked entries, and how well it gives their aggregates again."""

    subject: Subject

    @property
    def method(self) -> str:
        """The method as `evaluators.aggregates` calls it."""
        name: str = self.subject.track.ranking.aggregate.method
        return CALLED.get(name, name)

    @property
    def is_mean(self) -> bool:
        """Whether it is a weighted mean, in which nobody's score depends on who else entered."""
        return self.method in MEANS

    @property
    def relative(self) -> bool:
        """Whether a score depends on who else entered."""
        return self.method in RELATIVE_METHODS

    @cached_property
    def weights(self) -> dict[str, float]:
        """Each column's weight."""
        return {column.key: column.weight for column in self.subject.track.columns}

    @cached_property
    def rows(self) -> dict[str, dict[str, float | None]]:
        """The scores of ranked entries by their key, lower turned to higher where the method needs it."""
        return {one.key: self._row(one, turn=self._turns(self.method)) for one in self.subject.ranked}

    @cached_property
    def higher(self) -> bool:
        """Whether more of the aggregate is better."""
        return self.subject.higher

    @property
    def rule(self) -> Rule:
        """The track's own rule."""
        if self.is_mean:
            return self.with_weights(self.weights)
        return self._by(self.method)

    @property
    def agrees(self) -> bool:
        """Whether the rule gives the aggregates of the ranked entries from their columns."""
        if not self.rows or self.method not in METHODS:
            return False
        found = self.rule(self.rows)
        return all(self._near(found.get(one.key), one.aggregate) for one in self.subject.ranked)

    @staticmethod
    def _near(one: float | None, other: float | None) -> bool:
        return one is not None and other is not None and abs(one - other) <= NEAR * max(1.0, abs(other))

    def with_weights(self, weights: Mapping[str, float]) -> Rule:
        """The weighted mean by these weights; of columns that a table lacks, the others keep their shares."""

        def rule(rows: Rows) -> Scores:
            return {name: _mean(row, weights) for name, row in rows.items()}

        return rule

    def with_floor(self, floor: float) -> Rule:
        """The track's rule with another floor of its geometric mean."""
        return self._by(self.method, floor=floor)

    def _by(
        self, method: str, *, floor: float | None = None, lower: frozenset[str] = frozenset(), weighted: bool = True
    ) -> Rule:
        worst = self.subject.track.ranking.missing == "worst" and method in RANKED_METHODS
        own = floor if floor is not None else self.subject.track.ranking.aggregate.floor

        def rule(rows: Rows) -> Scores:
            there = {column for row in rows.values() for column in row}
            takes = weighted and method in TAKE_WEIGHTS
            weights = {key: weight for key, weight in self.weights.items() if key in there and takes}
            chance = {
                column.key: column.chance
                for column in self.subject.track.columns
                if method == "above-chance" and column.chance is not None and column.key in there
            }
            table = Table(rows, weights, frozenset(lower & there), worst, chance, own)
            return {name: next(iter(scores.values())) for name, scores in aggregate(method, table).items()}

        return rule

    @property
    def groups(self) -> dict[str, dict[str, dict[str, float | None]]] | None:
        """The scores of groups by entry and column that counts; None where a column is not the mean of its groups."""
        found: dict[str, dict[str, dict[str, float | None]]] = {}
        counted = [column for column in self.subject.track.columns if self.weights[column.key] > 0]
        for one in self.subject.ranked:
            found[one.key] = {}
            for column in counted:
                score = one.scores.get(column.key)
                groups = dict(score.groups) if score is not None else {}
                known = [value for value in groups.values() if value is not None]
                if score is None or score.value is None or len(known) < 2 or len(known) < len(groups):
                    return None
                if not column.higher_is_better or not self._near(sum(known) / len(known), score.value):
                    return None
                found[one.key][column.key] = groups
        return found

    def what_ifs(self) -> dict[str, tuple[Rule, Rows, bool]]:
        """Other rules that the columns allow, by name: the rule, its table, and whether more is better."""
        found: dict[str, tuple[Rule, Rows, bool]] = {}
        columns = self.subject.track.columns
        low = frozenset(column.key for column in columns if not column.higher_is_better)
        for method, name in WHAT_IF.items():
            weighted = self.is_mean and len(set(self.weights.values())) > 1
            if method == self.method and not weighted:
                continue
            takes_lower = method in TAKE_LOWER
            rows = {one.key: self._row(one, turn=not takes_lower) for one in self.subject.ranked}
            values = [value for row in rows.values() for value in row.values() if value is not None]
            if method == "geometric-mean" and any(value <= 0 for value in values):
                continue
            if method == "above-chance" and any(
                column.chance is None or not 0 <= column.chance < 1 for column in columns
            ):
                continue
            found[name] = (
                self._by(method, lower=low if takes_lower else frozenset(), weighted=method not in UNWEIGHTED),
                rows,
                method != "mean-rank",
            )
        if self.method == "efficiency-2023":
            found[HELM_WINS] = (efficiency_2023_with_helms_wins, self.rows, True)
        return found

    def _turns(self, method: str) -> bool:
        """Whether columns in which less is better are turned before the method sees them."""
        return method not in TAKE_LOWER and method != "efficiency-2023"

    def _row(self, one: Result, *, turn: bool) -> dict[str, float | None]:
        return {column.key: self._value(one, column, turn=turn) for column in self.subject.track.columns}

    def _value(self, one: Result, column: Column, *, turn: bool) -> float | None:
        value = self.subject.value(one, column)
        worst = self.subject.track.ranking.missing == "worst" and self.is_mean
        if value is None and worst:
            value = column.bounds[0] if column.higher_is_better else column.bounds[1]
        if value is None or column.higher_is_better or not turn:
            return value
        return sum(column.bounds) - value


def _mean(row: Mapping[str, float | None], weights: Mapping[str, float]) -> float | None:
    total = value = 0.0
    for key, score in row.items():
        weight = weights.get(key, 0.0)
        if weight <= 0:
            continue
        if score is None:
            return None
        total += weight
        value += weight * score
    return float(f"{value / total:.12g}") if total else None
