"""The table of an edition that ran elsewhere, as results: ranked by its track's rule among its own entries alone."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from challenges.models import Challenge, Phase, Track
from challenges.rankings import ranking_of
from evaluators.protocol.ranking import PUBLISHED
from evaluators.protocol.results import ResultColumn, ResultEntry, ResultFailure, ResultScore
from leaderboards.models import PublishedTable
from leaderboards.published_ranking import Standing, coefficients_of, stand
from leaderboards.results import Column, Failure, Result, ScoreOf, TrackResults
from leaderboards.rules import rule_in_words

# So many of the aggregates that are not what the rule gives are named under a table.
NAMED = 5


def is_published(phase: Phase) -> bool:
    """Whether the phase's table was published elsewhere, so that nothing was run here."""
    return PublishedTable.objects.filter(phase=phase).exists()


def year_of(challenge: Challenge) -> int | None:
    """The year of an edition that ran elsewhere; None of one that runs here."""
    tables = PublishedTable.objects.filter(phase__track__challenge=challenge)
    return tables.values_list("year", flat=True).first()


def published_results(phase: Phase) -> TrackResults | None:
    """The phase's table as it was published, with ranks by the track's rule; None where there is none. Two queries.

    An entry whose published aggregate is not what the rule gives for its scores says so in `declared`, as `reported`.
    """
    table = PublishedTable.objects.filter(phase=phase).first()
    return None if table is None else results_of_table(table, phase.track, phase)


def results_of_table(table: PublishedTable, track: Track, phase: Phase) -> TrackResults:
    """The results that a table makes in a track; no query."""
    columns = [ResultColumn.model_validate(column) for column in table.columns]
    entries = [ResultEntry.model_validate(row) for row in table.rows]
    shown = column_values(track, columns, entries)
    standings = stand(track, shown, entries, closed=phase.closes)
    results = [_result(entries[one.number], one, table, track) for one in standings]
    shares = coefficients_of(track, shown)
    return TrackResults(
        key=track.key,
        title=track.title,
        phase=phase.key,
        ranking=ranking_of(track),
        rule=_rule_in_words(table, track, shown, results),
        columns=tuple(_column(column, shares) for column in columns),
        results=tuple(results),
        failures=tuple(_failure(ResultFailure.model_validate(failure)) for failure in table.failures),
        questions=tuple(track.questions),
        higher_is_better=any(column.direction == "higher" for column in columns),
        phase_id=phase.pk,
        source=table.source,
        source_digest=table.digest,
    )


def _rule_in_words(
    table: PublishedTable, track: Track, columns: Sequence[Mapping[str, Any]], results: Sequence[Result]
) -> str:
    """The rule, where the numbers come from, and which published aggregates are not what the rule gives."""
    licence = f" Licence: {table.license}." if table.license else ""
    origin = f"Published results, not run here: {table.source}.{licence}"
    return " ".join(
        part for part in (rule_in_words(track, columns), origin, _compared(table, results), *table.notes) if part
    )


def _compared(table: PublishedTable, results: Sequence[Result]) -> str:
    """How many published aggregates are what the rule gives, and those that are not; "" where none was published."""
    reported = {row.get("key", row["name"]) for row in table.rows if row.get("aggregate") is not None}
    known = [result for result in results if result.key in reported and result.aggregate is not None]
    others = [result for result in known if "reported" in result.declared]
    if not known:
        return ""
    named = "; ".join(
        f"{one.name} (published {one.declared['reported']:g}, by its scores {one.aggregate:.{table.decimals}f})"
        for one in others[:NAMED]
    )
    more = f" and {len(others) - NAMED} more" if len(others) > NAMED else ""
    words = f"{len(known) - len(others)} of {len(known)} published aggregates are what this rule gives for the scores"
    return f"{words}{f', not those of {named}{more}' if others else ''}."


def column_values(
    track: Track, columns: Sequence[ResultColumn], entries: Sequence[ResultEntry]
) -> list[dict[str, Any]]:
    """The columns in the form in which a board holds a phase's suites; `version` is that of the suite they name."""
    weights = track.aggregate.get("weights", {})
    return [
        {
            "key": column.key,
            "suite": column.key,
            "groups": groups_of(column.key, [entry.scores for entry in entries]),
            "title": column.title or column.key,
            "version": column.suite.partition("@")[2] if column.suite else "",
            "digest": "",
            "metric": column.metric,
            "chance": column.chance,
            "range": list(column.range),
            "direction": column.direction,
            "worst": column.range[0] if column.direction == "higher" else column.range[1],
            "group_weights": {},
            "weight": float(weights.get(column.key, 1)),
        }
        for column in columns
    ]


def groups_of(key: str, scores: Iterable[Mapping[str, ScoreOf | ResultScore]]) -> int:
    """How many groups a column has: as many as its fullest score; one where none has any."""
    return max((len(one[key].groups) for one in scores if key in one), default=0) or 1


def _column(column: ResultColumn, shares: Mapping[str, float]) -> Column:
    return Column(
        key=column.key,
        title=column.title or column.key,
        metric=column.metric,
        bounds=column.range,
        higher_is_better=column.direction == "higher",
        chance=column.chance,
        weight=shares.get(column.key, 0.0),
        version=column.suite.partition("@")[2] if column.suite else "",
    )


def _result(entry: ResultEntry, one: Standing, table: PublishedTable, track: Track) -> Result:
    declared: dict[str, Any] = dict(entry.declared)
    if entry.link:
        declared["link"] = entry.link
    if entry.unread:
        declared["unread"] = dict(entry.unread)
    if differs(entry.aggregate, one.aggregate, decimals=table.decimals):
        declared["reported"] = entry.aggregate
    asked = {question["key"] for question in track.questions}
    labels = {"approaches": list(entry.approaches)} if entry.approaches and "approaches" in asked else {}
    return Result(
        key=entry.place,
        name=entry.name,
        team=entry.team or "",
        status=entry.status,
        provenance=PUBLISHED,
        scores={
            key: ScoreOf(
                value=score.value,
                low=score.low,
                high=score.high,
                n=score.n or 0,
                asked=score.n or 0,
                answered=score.n or 0,
                groups=score.groups,
            )
            for key, score in entry.scores.items()
        },
        aggregate=one.aggregate,
        rank=one.rank,
        why_unranked=one.why_unranked,
        kind=entry.kind or "",
        approaches=entry.approaches,
        backbone=entry.backbone,
        answers={**entry.answers, **labels},
        declared=declared,
    )


def differs(reported: float | None, computed: float | None, *, decimals: int) -> bool:
    """Whether a published aggregate is another than the rule gives: by more than rounding to `decimals` explains.

    Both it and the scores it was made of were rounded, each by up to half a unit.
    """
    if reported is None or computed is None:
        return False
    return bool(abs(reported - computed) > 1.01 * 10.0**-decimals)


def _failure(failure: ResultFailure) -> Failure:
    return Failure(name=failure.name, team=failure.team or "", code=failure.code, stage=failure.stage)
