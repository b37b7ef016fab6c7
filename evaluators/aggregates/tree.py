"""Nested weighted means: a track's aggregate over suites and over parts that are means themselves. Pure."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

# To so many digits: what is left of rounding in the last ones must not part two entries that are equal.
DIGITS = 12


@dataclass(frozen=True)
class Mean:
    """A weighted mean over suites, by their keys, and other means.

    `weights` and `scales` are by a member's key: one that is not named weighs 1 and is taken as it is. What weighs 0
    does not count, and may be missing.
    """

    key: str
    members: tuple["Mean | str", ...]
    weights: Mapping[str, float] = field(default_factory=dict)
    scales: Mapping[str, float] = field(default_factory=dict)

    def counted(self) -> Iterator[tuple["Mean | str", float, float]]:
        """Each member that counts, with its weight and scale."""
        for member in self.members:
            key = member.key if isinstance(member, Mean) else member
            weight = self.weights.get(key, 1.0)
            if weight > 0:
                yield member, weight, self.scales.get(key, 1.0)


def mean_of(node: Mean, values: Mapping[str, float | None]) -> float | None:
    """Σ weight · scale · value / Σ weight over the members; None where one that counts is missing, or none counts.

    A missing member is never left out of the mean: an average of three of seven tasks compares to none of all seven.
    """
    parts, total = [], 0.0
    for member, weight, scale in node.counted():
        value = mean_of(member, values) if isinstance(member, Mean) else values.get(member)
        if value is None:
            return None
        parts.append(weight * scale * value)
        total += weight
    return float(f"{math.fsum(parts) / total:.{DIGITS}g}") if total else None


def values_of(node: Mean, values: Mapping[str, float | None]) -> dict[str, float | None]:
    """The value of every mean inside this one, by its key, in the order in which they stand."""
    found: dict[str, float | None] = {}
    for member in node.members:
        if isinstance(member, Mean):
            found[member.key] = mean_of(member, values)
            found |= values_of(member, values)
    return found


def coefficients(node: Mean) -> dict[str, float]:
    """What one unit of each suite's score moves the mean by: nested means are linear in the scores."""
    found: dict[str, float] = {}
    counted = list(node.counted())
    total = math.fsum(weight for _, weight, _ in counted)
    for member, weight, scale in counted:
        inside = coefficients(member) if isinstance(member, Mean) else {member: 1.0}
        for key, coefficient in inside.items():
            found[key] = found.get(key, 0.0) + weight / total * scale * coefficient
    return found
