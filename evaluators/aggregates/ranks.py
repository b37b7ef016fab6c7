"""Aggregates that only look at who beats whom in each column. Pure; a column is {submission: value or None}."""

from collections.abc import Mapping

Column = Mapping[str, float | None]


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
