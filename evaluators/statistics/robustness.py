"""How robust a ranking is: what would have come out of other suites, other entrants and other rules.

A rule takes a table {submission: {suite: value or None}} and returns {submission: score or None}; the published ranking
is what it makes of the table as it is. Only submissions with a score before and after a change are compared.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from evaluators.statistics.agreement import kendall, rank_numbers

Rows = Mapping[str, Mapping[str, float | None]]
Rule = Callable[[Rows], Mapping[str, float | None]]
CLONE = " (clone)"
# Of the Dirichlet distribution: with ten equal suites the standard deviation of a weight is three tenths of it.
CONCENTRATION = 10.0
FLOORS = (1e-6, 1e-3, 0.01, 0.05, 0.1)


class Change(NamedTuple):
    """One change and what it did to the ranking of the submissions compared.

    `tau`: Kendall's τ-b to the published ranking, None where one of the two has no order; `winners`: who is first now;
    `largest_shift` in ranks, by `moved`; `reordered`: whether two submissions changed places.
    """

    what: str
    tau: float | None
    winners: tuple[str, ...]
    winner_changed: bool
    largest_shift: int
    moved: str
    reordered: bool


class Robustness(NamedTuple):
    """All changes of a kind; `p_winner` is the share of them that each submission wins, those tied sharing it."""

    kind: str
    changes: tuple[Change, ...]
    p_winner: Mapping[str, float]

    @property
    def mean_tau(self) -> float | None:
        """The mean of Kendall's τ over the changes that have one."""
        taus = [change.tau for change in self.changes if change.tau is not None]
        return float(np.mean(taus)) if taus else None

    @property
    def least_tau(self) -> float | None:
        """The smallest τ."""
        return min((change.tau for change in self.changes if change.tau is not None), default=None)

    @property
    def winner_changes(self) -> int:
        """In how many of the changes somebody else is first."""
        return sum(change.winner_changed for change in self.changes)

    @property
    def reorderings(self) -> int:
        """In how many of the changes two submissions changed places."""
        return sum(change.reordered for change in self.changes)

    @property
    def largest_shift(self) -> int:
        """The most ranks that a submission moved."""
        return max((change.largest_shift for change in self.changes), default=0)


def columns_of(table: Rows) -> tuple[str, ...]:
    """The suites of a table, in the order in which they first appear."""
    return tuple(dict.fromkeys(column for row in table.values() for column in row))


def leave_one_suite_out(table: Rows, rule: Rule, *, higher: bool = True) -> Robustness:
    """The ranking without each of the suites."""
    published, changes = rule(table), []
    columns = columns_of(table)
    for left in columns if len(columns) > 1 else ():
        rows = {name: {suite: value for suite, value in row.items() if suite != left} for name, row in table.items()}
        changes.append(compare(left, published, rule(rows), higher=higher))
    return _robustness("leave one suite out", changes)


def leave_one_submission_out(table: Rows, rule: Rule, *, higher: bool = True) -> Robustness:
    """The ranking of the others without each of the submissions."""
    published, changes = rule(table), []
    for left in table if len(table) > 1 else ():
        others = {name: row for name, row in table.items() if name != left}
        changes.append(compare(left, published, rule(others), higher=higher))
    return _robustness("leave one submission out", changes)


def clone_one_submission(table: Rows, rule: Rule, *, higher: bool = True) -> Robustness:
    """The ranking where each of the submissions has entered twice, the second left out of the comparison."""
    published, changes = rule(table), []
    for name, row in table.items():
        clone = name + CLONE
        while clone in table:
            clone += CLONE
        scores = {other: score for other, score in rule({**table, clone: row}).items() if other != clone}
        changes.append(compare(name, published, scores, higher=higher))
    return _robustness("clone one submission", changes)


def other_rules(table: Rows, rule: Rule, others: Mapping[str, Rule], *, higher: bool = True) -> Robustness:
    """The ranking by other rules: another floor, another convention for ties, another mean."""
    published = rule(table)
    changes = [compare(what, published, other(table), higher=higher) for what, other in others.items()]
    return _robustness("other rules", changes)


def other_floors(
    table: Rows, rule: Rule, with_floor: Callable[[float], Rule], floors: Sequence[float] = FLOORS
) -> Robustness:
    """The ranking by a geometric mean in which what is less counts as the floor, for each of the floors."""
    found = other_rules(table, rule, {f"floor {floor:g}": with_floor(floor) for floor in floors})
    return found._replace(kind="other floors")


def draw_weights(
    table: Rows,
    rule: Rule,
    with_weights: Callable[[Mapping[str, float]], Rule],
    weights: Mapping[str, float],
    *,
    seed: int,
    draws: int = 1000,
    concentration: float = CONCENTRATION,
    higher: bool = True,
) -> Robustness:
    """The ranking by weights from a Dirichlet distribution around the configured ones; what weighs 0 stays at 0.

    Its parameters are concentration · K · w of the K suites that count, w summing to 1.
    """
    suites = [suite for suite in columns_of(table) if weights.get(suite, 1.0) > 0]
    if not suites:
        raise ValueError("no suite counts")
    configured = np.array([weights.get(suite, 1.0) for suite in suites])
    random = np.random.default_rng(seed)
    drawn = random.dirichlet(concentration * len(suites) * configured / configured.sum(), size=draws)
    unweighted = {suite: 0.0 for suite in columns_of(table) if suite not in suites}
    published, changes = rule(table), []
    for number, row in enumerate(drawn, start=1):
        each = {**unweighted, **{suite: float(weight) for suite, weight in zip(suites, row, strict=True)}}
        changes.append(compare(f"draw {number}", published, with_weights(each)(table), higher=higher))
    return _robustness("draw the weights", changes)


def compare(
    what: str, published: Mapping[str, float | None], changed: Mapping[str, float | None], *, higher: bool = True
) -> Change:
    """What became of a ranking, over the submissions that have a score in both."""
    both = [name for name, score in published.items() if score is not None and changed.get(name) is not None]
    sign = 1.0 if higher else -1.0
    before, after = (
        sign * np.array([scores[name] for name in both], dtype=float) for scores in (published, changed)
    )  # fmt: skip
    ranks_before, ranks_after = rank_numbers(before), rank_numbers(after)
    shifts = np.abs(ranks_after - ranks_before)
    winners = tuple(name for name, rank in zip(both, ranks_after, strict=True) if rank == 1)
    first = tuple(name for name, rank in zip(both, ranks_before, strict=True) if rank == 1)
    swapped = (ranks_before[:, None] < ranks_before[None, :]) & (ranks_after[:, None] > ranks_after[None, :])
    return Change(
        what=what,
        tau=kendall(before, after),
        winners=winners,
        winner_changed=set(winners) != set(first),
        largest_shift=int(shifts.max(initial=0)),
        moved=both[int(shifts.argmax())] if shifts.any() else "",
        reordered=bool(swapped.any()),
    )


def _robustness(kind: str, changes: Sequence[Change]) -> Robustness:
    won: defaultdict[str, float] = defaultdict(float)
    for change in changes:
        for winner in change.winners:
            won[winner] += 1 / len(change.winners)
    shares = {name: count / len(changes) for name, count in sorted(won.items(), key=lambda pair: (-pair[1], pair[0]))}
    return Robustness(kind, tuple(changes), shares)
