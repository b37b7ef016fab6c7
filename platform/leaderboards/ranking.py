"""From suite scores to ranks: which entry of a team counts, the aggregate, and what a missing score does. Pure."""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evaluations.selectors import SuiteScore
from evaluators.aggregates import Mean, mean_of, values_of
from evaluators.protocol.ranking import PROVENANCES
from leaderboards.methods import Method, joined

NOT_COUNTED = "another entry of its team counts"
DIGITS = 12  # of an aggregate: what is left of rounding beyond them must not part two entries that are equal


@dataclass(frozen=True)
class Contender:
    """A finished entry, as the ranking sees it."""

    entry_id: int
    team_id: int
    handed_in_at: datetime
    finished_at: datetime
    reference: bool
    picked: bool = False
    scores: Mapping[str, SuiteScore] = field(default_factory=dict)
    provenance: str = "run here"
    # Where they were computed before, what the aggregate takes of each column, nan where it is missing, and the
    # aggregate by itself, before it is rounded.
    row: NDArray[np.float64] | None = None
    value: float | None = None


@dataclass(frozen=True)
class Rule:
    """The track's ranking rule for one phase; `weights` and `worst` are keyed by suite.

    `tree`: the aggregate where it has parts; without it, the weighted mean over the suites. `least_provenance`: what an
    entry's scores must at least be for it to be ranked. `mirrored`: for suites whose direction is not the table's, the
    sum of the ends of their range; the score counts as this sum minus itself. `digits`: the aggregate is rounded to so
    many decimals before it is compared. `method` joins the outermost members; where it is relative, entries are told
    apart by the mean until it is known who counts.
    """

    counts: str
    missing: str
    weights: Mapping[str, float]
    worst: Mapping[str, float]
    higher_is_better: bool = True
    mirrored: Mapping[str, float] = field(default_factory=dict)
    digits: int | None = None
    tree: Mean | None = None
    least_provenance: str = PROVENANCES[0]
    method: Method = field(default_factory=Method)

    @property
    def mean(self) -> Mean:
        """The aggregate as a mean."""
        return self.tree or Mean("", tuple(self.weights), self.weights)

    @property
    def columns(self) -> tuple[str, ...]:
        """The keys of the columns, in the order of rows."""
        return tuple(self.weights)

    @cached_property
    def trusted(self) -> frozenset[str]:
        """What the provenance of a ranked entry can be."""
        return frozenset(PROVENANCES[PROVENANCES.index(self.least_provenance) :])

    @cached_property
    def more_is_better(self) -> bool:
        """Whether the entry with the highest aggregate is the first."""
        return self.method.higher_is_better(rows=self.higher_is_better)

    def joined(self, rows: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
        """The aggregate of each of these rows, as its method joins them."""
        return joined(self.method, self.mean, self.columns, rows, higher=self.higher_is_better)


@dataclass(frozen=True)
class Placed:
    """A contender with its aggregate; `rank` is None for references and for what may not be ranked."""

    contender: Contender
    aggregate: float | None
    rank: int | None
    why_unranked: str = ""


def aggregate(contender: Contender, rule: Rule) -> float | None:
    """The entry's own number; None where a score is missing and the rule does not fill it.

    Of a relative method it is the mean: what tells the entries of one team apart does not depend on other teams.
    """
    value = contender.value if contender.row is not None else _own(contender, rule)
    return value if value is None or rule.digits is None else round(value, rule.digits)


def _own(contender: Contender, rule: Rule) -> float | None:
    if rule.method.is_mean or rule.method.relative:
        return mean_of(rule.mean, _filled(contender, rule))
    return _number(float(rule.joined(row_of(contender, rule)[None])[0]))


def _number(value: float) -> float | None:
    """The value without what is left of rounding in its last digits; None for nan."""
    return None if math.isnan(value) else float(f"{value:.{DIGITS}g}")


def row_of(contender: Contender, rule: Rule) -> NDArray[np.float64]:
    """What the aggregate takes of each column, nan where it is missing."""
    if contender.row is not None:
        return contender.row
    filled = _filled(contender, rule)
    return np.array([np.nan if filled[key] is None else filled[key] for key in rule.columns], dtype=np.float64)


def parts(contender: Contender, rule: Rule) -> dict[str, float | None]:
    """The value of each part of the aggregate, by its key; None where a score inside it is missing."""
    return values_of(rule.mean, _filled(contender, rule))


def _filled(contender: Contender, rule: Rule) -> dict[str, float | None]:
    """Each suite's score as the mean takes it: mirrored where its direction is the other, and where it is missing, None
    or the worst, as the rule says. A partly answered suite is missing."""
    values: dict[str, float | None] = {}
    for suite in rule.weights:
        score = contender.scores.get(suite)
        value = score.value if score is not None and score.answered == score.asked else None
        if value is None and rule.missing == "worst":
            value = rule.worst[suite]
        mirrored = value is not None and suite in rule.mirrored
        values[suite] = rule.mirrored[suite] - value if mirrored and value is not None else value
    return values


def trusted(contender: Contender, rule: Rule) -> bool:
    """Whether the entry's scores are trustworthy enough to be ranked."""
    return contender.provenance in rule.trusted


Valued = tuple[Contender, float | None]


def place(contenders: Sequence[Contender], rule: Rule) -> list[Placed]:
    """Order contenders: the counted entry of each team, ranked; references stand among them without a rank.

    Equal aggregates share a rank, and the next rank counts them all (1, 2, 2, 4). A relative aggregate is over the
    entries that are ranked; what stands beside them has the number that it would have if it alone joined them.
    """
    valued = [(contender, aggregate(contender, rule)) for contender in contenders]
    # What a team has to rank goes before what it has not: an entry that may not be ranked never hides one that may.
    teams = [pair for pair in valued if not pair[0].reference]
    ranked = _counted([pair for pair in teams if trusted(pair[0], rule)], rule)
    ranked_teams = {contender.team_id for contender, _ in ranked}
    others = [pair for pair in teams if not trusted(pair[0], rule) and pair[0].team_id not in ranked_teams]
    beside = [*_counted(others, rule), *(pair for pair in valued if pair[0].reference)]
    if rule.method.relative:
        ranked, beside = _compared(ranked, beside, rule)
    numbers = sorted(value for _, value in ranked if value is not None)
    shown = sorted([*ranked, *beside], key=lambda pair: _order(pair, more_is_better=rule.more_is_better))
    return [_placed(contender, value, numbers, rule) for contender, value in shown]


def _placed(contender: Contender, value: float | None, numbers: Sequence[float], rule: Rule) -> Placed:
    if contender.reference:
        return Placed(contender, value, None, "reference row")
    if value is None:
        return Placed(contender, None, None, "a score is missing")
    if not trusted(contender, rule):
        why = f"its provenance is “{contender.provenance}”; ranked is what is at least “{rule.least_provenance}”"
        return Placed(contender, value, None, why)
    better = len(numbers) - bisect_right(numbers, value) if rule.more_is_better else bisect_left(numbers, value)
    return Placed(contender, value, 1 + better)


def _compared(ranked: list[Valued], beside: list[Valued], rule: Rule) -> tuple[list[Valued], list[Valued]]:
    """Both with the numbers that a relative method gives: over the ranked entries, and for each other joining them."""
    counted = [contender for contender, value in ranked if value is not None]
    rows = [row_of(contender, rule) for contender in counted]
    found = rule.joined(np.array(rows)) if rows else np.empty(0)
    values = {id(one): _number(float(value)) for one, value in zip(counted, found, strict=True)}
    for contender, value in beside:
        if value is not None:
            alone = rule.joined(np.array([*rows, row_of(contender, rule)]))[-1]
            values[id(contender)] = _number(float(alone))

    def valued(pairs: list[Valued]) -> list[Valued]:
        return [(contender, values.get(id(contender))) for contender, _ in pairs]

    return valued(ranked), valued(beside)


def _order(pair: Valued, *, more_is_better: bool) -> tuple[bool, float, datetime, int]:
    contender, value = pair
    number = 0.0 if value is None else (-value if more_is_better else value)
    return (value is None, number, contender.finished_at, contender.entry_id)


def _counted(pairs: list[Valued], rule: Rule) -> list[Valued]:
    """One entry of each team, by the rule: the best, the last handed in, or the one it picked."""
    # A relative number is not known yet: entries of one team are told apart by their means.
    more_is_better = rule.higher_is_better if rule.method.relative else rule.more_is_better
    teams: dict[int, list[Valued]] = {}
    for pair in pairs:
        teams.setdefault(pair[0].team_id, []).append(pair)
    chosen = []
    for pairs_of_team in teams.values():
        own = [pair for pair in pairs_of_team if pair[0].picked or rule.counts != "picked"]
        if not own:
            continue
        if len(own) == 1:
            chosen.append(own[0])
        elif rule.counts == "best":
            chosen.append(min(own, key=lambda pair: _order(pair, more_is_better=more_is_better)))
        else:
            chosen.append(max(own, key=lambda pair: (pair[0].handed_in_at, pair[0].entry_id)))
    return chosen
