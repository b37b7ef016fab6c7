"""DIoR: how reliable a ranking is under one decision that could have been taken otherwise.

Perlitz et al. 2023, Efficient Benchmarking: draw the suites, the groups or the items anew, with replacement; take a
number from 0 to 1 that says how far the ranking stayed the same; report the lower 95 % bound over the draws.
"""

from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from evaluators.statistics.agreement import kendall_of_draws, order_signs, win_shares

Rows = Mapping[str, Mapping[str, float | None]]
Groups = Mapping[str, Mapping[str, Mapping[str, float | None]]]
Rule = Callable[[Rows], Mapping[str, float | None]]
Numbers = NDArray[np.floating[Any]]
Floats = NDArray[np.float64]

DRAWS = 1000
LEVEL = 0.95
RELIABLE = 0.95
TOP_PAIRS = 5


class Reliability(NamedTuple):
    """The lower 95 % bounds of three numbers that are 1 where a draw gives the published ranking.

    `tau`: Kendall's τ-b, None where the ranking has no order; `top_pairs`: the share of the pairs first and second,
    second and third, … (five, each after dropping the first) that keep their order; `win_rate`: 1 - the mean change in
    the share of others that a submission is above. `top_pair_errors`: for each pair the share of draws that turn it.
    """

    tau: float | None
    top_pairs: float
    win_rate: float
    top_pair_errors: tuple[float, ...]
    draws: int

    @property
    def reliable(self) -> bool:
        """Whether the ranking as a whole stays the same: τ of .95 or more."""
        return self.tau is not None and self.tau >= RELIABLE


def dior(scores: Numbers, redrawn: Numbers, *, higher: bool = True) -> Reliability:
    """DIoR of scores (M,) of two submissions or more from their scores under the decision's draws (draws × M)."""
    if len(scores) < 2 or not len(redrawn):
        raise ValueError("a ranking is of two submissions or more, and needs a draw")
    if not np.isfinite(scores).all():
        raise ValueError("only submissions with a score are ranked")
    sign = 1.0 if higher else -1.0
    published, drawn = sign * np.asarray(scores, dtype=float), sign * np.asarray(redrawn, dtype=float)
    # A submission that a draw leaves without a score stands last in it.
    drawn = np.where(np.isnan(drawn), -np.inf, drawn)
    taus = kendall_of_draws(published, _finite(drawn))
    order = np.argsort(-published, kind="stable")[: TOP_PAIRS + 1]
    turned = np.stack([_turned(published, drawn, one, other) for one, other in pairwise(order)])
    changes = np.abs(win_shares(drawn) - win_shares(published)).mean(axis=1)
    defined = taus[~np.isnan(taus)]
    return Reliability(
        tau=_bound(defined) if len(defined) else None,
        top_pairs=_bound(1 - turned.mean(axis=0)),
        win_rate=_bound(1 - changes),
        top_pair_errors=tuple(float(share) for share in turned.mean(axis=1)),
        draws=len(drawn),
    )


def _bound(values: Floats) -> float:
    return float(np.quantile(values, 1 - LEVEL))


def _finite(drawn: Floats) -> Floats:
    """Minus infinity as a number below all others, of which differences can be taken."""
    finite = drawn[np.isfinite(drawn)]
    lowest = float(finite.min()) if len(finite) else 0.0
    return np.where(np.isfinite(drawn), drawn, lowest - abs(lowest) - 1)


def _turned(published: Floats, drawn: Floats, one: int, other: int) -> Floats:
    """Whether each draw turns a pair; a tie in one of the two is half of it."""
    before = order_signs(published[[one, other]])[0]
    after = order_signs(_finite(drawn[:, [one, other]]))[:, 0]
    turned: Floats = np.abs(after - before) / 2
    return turned


def redraw_suites(
    table: Rows, rule: Rule, copy_name: Callable[[str, int], str], *, seed: int, draws: int = DRAWS
) -> Floats:
    """Scores under suites drawn with replacement: draws × submissions, nan for one without a score.

    A suite drawn a second time stands in the table as `copy_name(suite, 2)`, which the rule must know.
    """
    suites = tuple(dict.fromkeys(column for row in table.values() for column in row))
    random = np.random.default_rng(seed)
    found = []
    for counts in random.multinomial(len(suites), np.full(len(suites), 1 / len(suites)), size=draws):
        drawn = [(suite, number) for suite, count in zip(suites, counts, strict=True) for number in range(1, count + 1)]
        rows = {
            name: {copy_name(suite, number): row.get(suite) for suite, number in drawn} for name, row in table.items()
        }
        found.append(_scores(rule(rows), table))
    return np.array(found)


def redraw_groups(groups: Groups, rule: Rule, *, seed: int, draws: int = DRAWS) -> Floats:
    """Scores under groups drawn with replacement within each suite, a suite's score being the mean of its groups.

    `groups` is {submission: {suite: {group: score or None}}}; draws × submissions, nan for one without a score.
    """
    suites: dict[str, tuple[str, ...]] = {}
    for row in groups.values():
        for suite, members in row.items():
            suites[suite] = tuple(dict.fromkeys((*suites.get(suite, ()), *members)))
    random = np.random.default_rng(seed)
    means: dict[str, Floats] = {}
    for suite, names in suites.items():
        values = np.array([[row.get(suite, {}).get(name) for name in names] for row in groups.values()], dtype=float)
        counts = random.multinomial(len(names), np.full(len(names), 1 / len(names)), size=draws)
        means[suite] = counts @ np.nan_to_num(values.T) / len(names)
        # A mean over other groups would not be comparable: who lacks one has none.
        means[suite][:, np.isnan(values).any(axis=1)] = np.nan
    found = []
    for draw in range(draws):
        rows = {
            name: {suite: _known(values[draw, place]) for suite, values in means.items()}
            for place, name in enumerate(groups)
        }
        found.append(_scores(rule(rows), groups))
    return np.array(found)


def _known(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def _scores(scores: Mapping[str, float | None], names: Mapping[str, Any]) -> list[float]:
    values = [scores[name] for name in names]
    return [np.nan if value is None else value for value in values]
