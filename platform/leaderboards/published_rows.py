"""The board of an edition that ran elsewhere, from its published table."""

from collections.abc import Sequence
from typing import Any

from challenges.models import Phase
from leaderboards import snapshots
from leaderboards.computing import BESIDE, TABLE, UNFINISHED, Computed, Row
from leaderboards.parts import aggregate_of, part_columns
from leaderboards.published import groups_of
from leaderboards.ranking import NOT_COUNTED
from leaderboards.results import Column, Failure, Result, TrackResults
from leaderboards.rules import rule_of

TAKEN_OUT = frozenset({"not_eligible", "disqualified"})
REFERENCE = "reference row"  # what the ranking says of one


def published_board(phase: Phase, table: TrackResults) -> tuple[dict[str, Any], Computed]:
    """The fields of the phase's snapshot and its rows, whole ones: there are no standings behind them."""
    track, columns = phase.track, [_column(column, table.results) for column in table.columns]
    beside = [one for one in table.results if _is_beside(one)]
    shown = [one for one in table.results if not _is_beside(one)]
    board = Computed(
        {
            TABLE: [{**_row(one), **_reported(one)} for one in shown],
            BESIDE: [{**_row(one), "reason": one.why_unranked} for one in beside],
            UNFINISHED: [_failure(one) for one in table.failures],
        }
    )
    parts = part_columns(aggregate_of(track), rule_of(track, columns).mean, columns)
    fields: dict[str, Any] = {
        "rule": table.rule,
        "columns": columns,
        "parts": parts,
        "counts": board.counts(),
        "digest": snapshots.digest_of(board, {}, table.rule, columns, parts),
    }
    return fields, board


def _is_beside(one: Result) -> bool:
    """Whether it stands beside the table: what is not eligible, what is not the one of its team that counts, and
    references that were not kept."""
    not_kept = one.reference and one.why_unranked != REFERENCE
    return not_kept or one.status in TAKEN_OUT or one.why_unranked == NOT_COUNTED


def _reported(one: Result) -> dict[str, str]:
    """Under a row whose published aggregate is another than the one that ranks it, what it is."""
    reported = one.declared.get("reported")
    return {} if reported is None else {"reason": f"Published with {reported:g}, which this rule does not give"}


def _column(column: Column, results: Sequence[Result]) -> dict[str, Any]:
    low, high = column.bounds
    return {
        "key": column.key,
        "suite": column.key,
        "groups": groups_of(column.key, [one.scores for one in results]),
        "title": column.title,
        "version": column.version,
        "digest": column.digest,
        "selection": "",
        "metric": column.metric,
        "chance": column.chance,
        "range": [low, high],
        "direction": "higher" if column.higher_is_better else "lower",
        "worst": low if column.higher_is_better else high,
        "group_weights": {},
        "weight": column.weight,
    }


def _row(one: Result) -> Row:
    return {
        "rank": one.rank,
        "why_unranked": one.why_unranked,
        "entry": None,
        "submission": "",
        "name": one.name,
        "team": one.team,
        "status": one.status,
        "kind": one.kind,
        "provenance": one.provenance,
        "aggregate": one.aggregate,
        "scores": {
            key: {
                "value": score.value, "low": score.low, "high": score.high, "n": score.n, "asked": score.asked,
                "answered": score.answered, **({"groups": dict(score.groups)} if score.groups else {}),
            }
            for key, score in one.scores.items()
        },
    }  # fmt: skip


def _failure(one: Failure) -> Row:
    return {
        "rank": None,
        "why_unranked": "its run failed",
        "entry": None,
        "submission": "",
        "name": one.name,
        "team": one.team,
        "status": "official",
        "kind": "",
        "provenance": "",
        "aggregate": None,
        "scores": {},
        "code": one.code,
        "stage": one.stage,
        "end": "partial" if one.partial else "failed",
    }
