"""From suite scores to ranks: which entry of a team counts, the aggregate, and what a missing score does. Pure."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from evaluations.selectors import SuiteScore


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


@dataclass(frozen=True)
class Rule:
    """The track's ranking rule for one phase; `weights` and `worst` are keyed by suite.

    `mirrored`: for suites whose direction is not the table's, the sum of the ends of their range; the score counts as
    this sum minus itself. `digits`: the aggregate is rounded to so many decimals before it is compared.
    """

    counts: str
    missing: str
    weights: Mapping[str, float]
    worst: Mapping[str, float]
    higher_is_better: bool = True
    mirrored: Mapping[str, float] = field(default_factory=dict)
    digits: int | None = None


@dataclass(frozen=True)
class Placed:
    """A contender with its aggregate; `rank` is None for references and for what may not be ranked."""

    contender: Contender
    aggregate: float | None
    rank: int | None
    why_unranked: str = ""


def aggregate(contender: Contender, rule: Rule) -> float | None:
    """The weighted mean over the phase's suites; None where a score is missing and the rule does not fill it.

    A missing score is never left out of the mean: an average of three of seven tasks is not comparable to one of seven.
    """
    total = sum(rule.weights.values())
    if not total:
        return None
    parts = []
    for suite, weight in rule.weights.items():
        score = contender.scores.get(suite)
        value = score.value if score is not None and score.answered == score.asked else None
        if value is None:
            if rule.missing != "worst":
                return None
            value = rule.worst[suite]
        parts.append(weight * (rule.mirrored[suite] - value if suite in rule.mirrored else value))
    # To twelve digits: what is left of rounding in the last ones must not part two entries that are equal.
    mean = float(f"{math.fsum(parts) / total:.12g}")
    return mean if rule.digits is None else round(mean, rule.digits)


def place(contenders: Sequence[Contender], rule: Rule) -> list[Placed]:
    """Order contenders: the counted entry of each team, ranked; references stand among them without a rank.

    Equal aggregates share a rank, and the next rank counts them all (1, 2, 2, 4).
    """
    valued = [(contender, aggregate(contender, rule)) for contender in contenders]
    counted = _counted([pair for pair in valued if not pair[0].reference], rule)
    references = [pair for pair in valued if pair[0].reference]
    shown = sorted([*counted, *references], key=lambda pair: _order(pair, rule))
    numbers = [value for contender, value in counted if value is not None]
    placed = []
    for contender, value in shown:
        if contender.reference:
            placed.append(Placed(contender, value, None, "reference row"))
        elif value is None:
            placed.append(Placed(contender, None, None, "a score is missing"))
        else:
            better = sum(_better(other, value, rule) for other in numbers)
            placed.append(Placed(contender, value, 1 + better))
    return placed


def _better(one: float, other: float, rule: Rule) -> bool:
    return one > other if rule.higher_is_better else one < other


def _order(pair: tuple[Contender, float | None], rule: Rule) -> tuple[bool, float, datetime, int]:
    contender, value = pair
    number = 0.0 if value is None else (-value if rule.higher_is_better else value)
    return (value is None, number, contender.finished_at, contender.entry_id)


def _counted(pairs: list[tuple[Contender, float | None]], rule: Rule) -> list[tuple[Contender, float | None]]:
    """One entry of each team, by the rule: the best, the last handed in, or the one it picked."""
    teams: dict[int, list[tuple[Contender, float | None]]] = {}
    for pair in pairs:
        teams.setdefault(pair[0].team_id, []).append(pair)
    chosen = []
    for pairs_of_team in teams.values():
        own = [pair for pair in pairs_of_team if pair[0].picked or rule.counts != "picked"]
        if not own:
            continue
        if rule.counts == "best":
            chosen.append(min(own, key=lambda pair: _order(pair, rule)))
        else:
            chosen.append(max(own, key=lambda pair: (pair[0].handed_in_at, pair[0].entry_id)))
    return chosen
