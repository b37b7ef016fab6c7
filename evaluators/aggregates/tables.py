"""A table of scores and the settings that a method of aggregation takes. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

Rows = Mapping[str, Mapping[str, float | None]]
Scores = dict[str, dict[str, float | None]]


@dataclass(frozen=True)
class Table:
    """Scores of submissions; `weights` of metrics (1 where not named), and those in which `lower` is better.

    `chance` is what guessing gets on a metric, `floor` the least value that a geometric mean multiplies; `worst`: a
    missing value counts as the worst score instead of leaving its submission without one.
    """

    rows: Rows
    weights: Mapping[str, float] = field(default_factory=dict)
    lower: frozenset[str] = frozenset()
    worst: bool = False
    chance: Mapping[str, float] = field(default_factory=dict)
    floor: float | None = None

    @cached_property
    def metrics(self) -> tuple[str, ...]:
        """Every metric that a row names, in the order in which they first appear."""
        return tuple(dict.fromkeys(metric for row in self.rows.values() for metric in row))

    @cached_property
    def weighted_metrics(self) -> tuple[tuple[str, float], ...]:
        """The metrics that count, with their weights: what weighs 0 may be missing."""
        weights = [(metric, self.weights.get(metric, 1.0)) for metric in self.metrics]
        return tuple((metric, weight) for metric, weight in weights if weight > 0)

    def column(self, metric: str) -> dict[str, float | None]:
        """Each submission's value, None where it has none."""
        return {name: row.get(metric) for name, row in self.rows.items()}
