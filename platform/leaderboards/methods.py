"""How the members of a track's aggregate are joined to one number, for many rows at a time. Pure.

A row holds what each column counts as, nan where it is missing. Parts are means, whatever joins them.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evaluators.aggregates import LOWER_IS_BETTER, Mean, aggregate_draws, coefficients
from evaluators.protocol.ranking import FIXED, RELATIVE

Rows = NDArray[np.floating[Any]]
Floats = NDArray[np.float64]
MEANS = frozenset({"macro", "weighted"})
# Those of whose number it depends on the rows whether more is better.
AS_THE_ROWS = MEANS | {"geometric-mean"}


@dataclass(frozen=True)
class Method:
    """A method of `evaluators.aggregates`, with its floor, and what guessing gets in each column."""

    name: str = "macro"
    floor: float | None = None
    chance: Mapping[str, float] = field(default_factory=dict)

    @property
    def is_mean(self) -> bool:
        """Whether it is the plain or weighted mean."""
        return self.name in MEANS

    @property
    def relative(self) -> bool:
        """Whether its numbers depend on who else stands in the table."""
        return self.name in RELATIVE

    def higher_is_better(self, *, rows: bool) -> bool:
        """Whether more of its number is better, by whether more of the rows' values is."""
        return rows if self.name in AS_THE_ROWS else self.name not in LOWER_IS_BETTER


def joined(method: Method, tree: Mean, keys: Sequence[str], rows: Rows, *, higher: bool) -> Floats:
    """The number of each row, (rows, columns) → (rows,) or (tables, rows, columns) → (tables, rows); nan for none.

    `keys` are those of the columns. A method of RELATIVE compares the rows of a table with each other; what lacks a
    value takes no part. `higher`: whether more of the rows' values is better.
    """
    tables = np.asarray(rows, dtype=np.float64)
    if method.is_mean:
        return _weighted(tables, _shares(tree, keys))
    if tables.ndim == 2:
        lacks = np.isnan(tables[:, counted(method, tree, keys)]).any(axis=1)
        whole = ~lacks if method.relative else np.ones(len(tables), dtype=bool)
        found = np.full(len(tables), np.nan)
        if whole.any():
            found[whole] = _of_members(method, tree, keys, tables[None, whole], higher=higher)[0]
        return found
    return _of_members(method, tree, keys, tables, higher=higher)


def counted(method: Method, tree: Mean, keys: Sequence[str]) -> NDArray[np.bool_]:
    """Which of the columns the aggregate depends on."""
    if method.name in FIXED:
        return np.ones(len(keys), dtype=bool)
    there: NDArray[np.bool_] = np.asarray(_shares(tree, keys), dtype=np.float64) != 0
    return there


def _of_members(method: Method, tree: Mean, keys: Sequence[str], tables: Floats, *, higher: bool) -> Floats:
    if method.name in FIXED:
        return aggregate_draws(method.name, tables, list(keys), floor=method.floor)
    names, weights, values, chance = [], {}, [], {}
    for member, weight, scale in tree.counted():
        name = member.key if isinstance(member, Mean) else member
        inside = coefficients(member) if isinstance(member, Mean) else {member: 1.0}
        names.append(name)
        weights[name] = weight
        values.append(scale * _weighted(tables, [inside.get(key, 0.0) for key in keys]))
        chance[name] = scale * math.fsum(share * method.chance.get(key, 0.0) for key, share in inside.items())
    if not names:
        return np.full(tables.shape[:2], np.nan)
    members = np.stack(values, axis=-1)
    taken: dict[str, Any] = {"weights": weights}
    if method.name == "geometric-mean":
        members = np.where(members < 0, np.nan, members)
        taken["floor"] = method.floor
    elif method.name == "above-chance":
        taken["chance"] = {name: value if 0 <= value < 1 else 0.0 for name, value in chance.items()}
    elif not higher:
        taken["lower"] = frozenset(names)
    return aggregate_draws(method.name, members, names, **taken)


def _shares(tree: Mean, keys: Sequence[str]) -> list[float]:
    share = coefficients(tree) if any(True for _ in tree.counted()) else {}
    return [share.get(key, 0.0) for key in keys]


def _weighted(rows: Floats, weights: Sequence[float]) -> Floats:
    """Σ w·x over the columns that have a weight; nan where none has one."""
    shares = np.asarray(weights, dtype=np.float64)
    counted = np.flatnonzero(shares)
    if not len(counted):
        return np.full(rows.shape[:-1], np.nan)
    total: Floats = rows[..., counted] @ shares[counted]
    return total
