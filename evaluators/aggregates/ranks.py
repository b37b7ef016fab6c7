"""Scores that depend on the others in a column, {submission: value or None}: who beats whom, by how much. Pure."""

import math
from collections.abc import Mapping

Column = Mapping[str, float | None]
ROUNDING = 1e-12


def beaten_and_tied(column: Column, *, higher: bool = True) -> dict[str, tuple[int, int]]:
    """For each submission how many others it beats and how many it ties with; missing values tie below every other."""
    ordered = {name: _key(value, higher) for name, value in column.items()}
    return {
        name: (
            sum(other < own for other in ordered.values()),
            sum(other == own for other in ordered.values()) - 1,
        )
        for name, own in ordered.items()
    }


def _key(value: float | None, higher: bool) -> tuple[bool, float]:
    return (value is not None, 0.0 if value is None else (value if higher else -value))


def win_rates(column: Column, *, higher: bool = True) -> dict[str, float | None]:
    """HELM: (#beaten + ties/2) / (n − 1), ties without oneself; None for one submission alone.

    Source: Liang et al. 2023, Holistic Evaluation of Language Models: the chance to beat another one drawn at random.
    """
    n = len(column)
    return {
        name: (beaten + tied / 2) / (n - 1) if n > 1 else None
        for name, (beaten, tied) in beaten_and_tied(column, higher=higher).items()
    }


def shared_wins(column: Column, *, higher: bool = True) -> dict[str, float]:
    """The 2023 efficiency challenge: (#beaten + Σ over ties with others 1/(c(c−1))) / n, c the size of the tie group.

    So the members of a tie group share one win, and the best of n wins (n − 1)/n.
    """
    n = len(column)
    return {
        name: (beaten + (1 / (tied + 1) if tied else 0.0)) / n
        for name, (beaten, tied) in beaten_and_tied(column, higher=higher).items()
    }


def points(column: Column, *, higher: bool = True) -> dict[str, float]:
    """Borda: a point for each submission beaten, half of one for each tie."""
    return {name: beaten + tied / 2 for name, (beaten, tied) in beaten_and_tied(column, higher=higher).items()}


def ranks(column: Column, *, higher: bool = True) -> dict[str, float]:
    """The rank, 1 for the best; tied submissions share the mean of their ranks."""
    found = beaten_and_tied(column, higher=higher)
    return {name: len(column) - beaten - tied / 2 for name, (beaten, tied) in found.items()}


def z_scores(column: Column, *, higher: bool = True) -> dict[str, float | None]:
    """(x - mean) / sd over the submissions that have a value, 0 where they do not differ; positive is better."""
    values = [value for value in column.values() if value is not None]
    if not values:
        return dict.fromkeys(column)
    mean = math.fsum(values) / len(values)
    sd = (math.fsum((value - mean) ** 2 for value in values) / len(values)) ** 0.5
    sign = 1.0 if higher else -1.0
    # What rounding leaves of equal values is no spread.
    spread = sd > ROUNDING * max(map(abs, values))
    return {
        name: None if value is None else (sign * (value - mean) / sd if spread else 0.0)
        for name, value in column.items()
    }
