"""From suite scores to ranks: which entry of a team counts, the aggregate, and what a missing score does. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from evaluations.selectors import SuiteScore
from evaluators.aggregates import Mean, mean_of, values_of
from evaluators.protocol.ranking import PROVENANCES


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


@dataclass(frozen=True)
class Rule:
    """The track's ranking rule for one phase; `weights` and `worst` are keyed by suite.

    `tree`: the aggregate where it has parts; without it, the weighted mean over the suites. `least_provenance`: what an
    entry's scores must at least be for it to be ranked. `mirrored`: for suites whose direction is not the table's, the
    sum of the ends of their range; the score counts as this sum minus itself. `digits`: the aggregate is rounded to so
    many decimals before it is compared.
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

    @property
    def mean(self) -> Mean:
        """The aggregate as a mean."""
        return self.tree or Mean("", tuple(self.weights), self.weights)


@dataclass(frozen=True)
class Placed:
    """A contender with its aggregate; `rank` is None for references and for what may not be ranked."""

    contender: Contender
    aggregate: float | None
    rank: int | None
    why_unranked: str = ""


def aggregate(contender: Contender, rule: Rule) -> float | None:
    """The mean over the phase's suites and parts; None where a score is missing and the rule does not fill it."""
    mean = mean_of(rule.mean, _filled(contender, rule))
    return mean if mean is None or rule.digits is None else round(mean, rule.digits)


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
    if contender.provenance not in PROVENANCES:
        return False
    return PROVENANCES.index(contender.provenance) >= PROVENANCES.index(rule.least_provenance)


def place(contenders: Sequence[Contender], rule: Rule) -> list[Placed]:
    """Order contenders: the counted entry of each team, ranked; references stand among them without a rank.

    Equal aggregates share a rank, and the next rank counts them all (1, 2, 2, 4).
    """
    valued = [(contender, aggregate(contender, rule)) for contender in contenders]
    # What a team has to rank goes before what it has not: an entry that may not be ranked never hides one that may.
    teams = [pair for pair in valued if not pair[0].reference]
    ranked = _counted([pair for pair in teams if trusted(pair[0], rule)], rule)
    ranked_teams = {contender.team_id for contender, _ in ranked}
    others = [pair for pair in teams if not trusted(pair[0], rule) and pair[0].team_id not in ranked_teams]
    counted = [*ranked, *_counted(others, rule)]
    references = [pair for pair in valued if pair[0].reference]
    shown = sorted([*counted, *references], key=lambda pair: _order(pair, rule))
    numbers = [value for contender, value in ranked if value is not None]
    placed = []
    for contender, value in shown:
        if contender.reference:
            placed.append(Placed(contender, value, None, "reference row"))
        elif value is None:
            placed.append(Placed(contender, None, None, "a score is missing"))
        elif not trusted(contender, rule):
            why = f"its provenance is “{contender.provenance}”; ranked is what is at least “{rule.least_provenance}”"
            placed.append(Placed(contender, value, None, why))
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
