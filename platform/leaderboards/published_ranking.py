"""Ranks of a published table by its track's rule."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, NamedTuple

from challenges.models import Track
from evaluations.selectors import SuiteScore
from evaluators.aggregates import coefficients
from evaluators.protocol.ranking import PROVENANCES
from evaluators.protocol.results import ResultEntry, ResultScore
from leaderboards.parts import aggregate_of, tree_of
from leaderboards.ranking import NOT_COUNTED, Contender, Placed, Rule, place
from leaderboards.rules import rule_of

REFERENCES = frozenset({"baseline", "skyline"})
RANKED = frozenset({"official", "late"})


class Standing(NamedTuple):
    """Where the entry of this number stands; `rank` is None where it has none, and `why_unranked` says why."""

    number: int
    aggregate: float | None
    rank: int | None
    why_unranked: str = ""


def rule_of_table(track: Track, columns: Sequence[Mapping[str, Any]]) -> Rule:
    """The track's rule over the columns of its table; nobody picked an entry, so that the best one counts then."""
    counts = "best" if track.counts == "picked" else track.counts
    return replace(rule_of(track, columns), counts=counts, least_provenance=PROVENANCES[0])


def coefficients_of(track: Track, columns: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Each column's share of the aggregate."""
    shares = coefficients(tree_of(aggregate_of(track), columns))
    total = sum(shares.values()) or 1.0
    return {key: share / total for key, share in shares.items()}


def stand(
    track: Track, columns: Sequence[Mapping[str, Any]], entries: Sequence[ResultEntry], *, closed: datetime
) -> list[Standing]:
    """Every entry in the order of the table: what is ranked and references, then what is not the one of its team that
    counts, then what is not eligible. An entry without a team is a team of its own."""
    rule = rule_of_table(track, columns)
    teams = {entry.team: number for number, entry in enumerate(entries) if entry.team}
    everything = [
        _contender(number, entry, columns, team=teams[entry.team] if entry.team else number, closed=closed)
        for number, entry in enumerate(entries)
    ]
    counted = {one.contender.entry_id for one in place(everything, rule)}
    # What does not count is placed like a reference: with the number that it would have beside those that do.
    beside = [replace(one, reference=True) for one in everything if one.entry_id not in counted]
    kept = [one for one in everything if one.entry_id in counted]
    standings = [
        _standing(one, entries[one.contender.entry_id], counts=one.contender.entry_id in counted)
        for one in place([*kept, *beside], rule)
    ]
    return sorted(standings, key=lambda one: _section(entries[one.number], counts=one.number in counted))


def _section(entry: ResultEntry, *, counts: bool) -> int:
    """0 for the table, 1 and 2 for what stands beside it."""
    if entry.status in REFERENCES:
        return 0 if not entry.reason else 2
    return (0 if counts else 1) if entry.status in RANKED else 2


def _contender(
    number: int, entry: ResultEntry, columns: Sequence[Mapping[str, Any]], *, team: int, closed: datetime
) -> Contender:
    scores = {
        str(column["key"]): _score(entry.scores[column["key"]], str(column["metric"]))
        for column in columns
        if column["key"] in entry.scores
    }
    return Contender(number, team, closed, closed, entry.status not in RANKED, scores=scores)


def _score(score: ResultScore, metric: str) -> SuiteScore:
    """A published score counts as whole: how many of the items were answered is not known."""
    n = score.n or 0
    return SuiteScore(
        metric=metric, value=score.value, low=score.low, high=score.high, n=n, asked=n, answered=n, suite_digest="",
        responses_digest="", evaluator="",
    )  # fmt: skip


def _standing(placed: Placed, entry: ResultEntry, *, counts: bool) -> Standing:
    why = entry.reason or placed.why_unranked
    if entry.status in RANKED:
        why = placed.why_unranked if counts else NOT_COUNTED
    return Standing(placed.contender.entry_id, placed.aggregate, placed.rank, why)
