"""The rows of a snapshot as pages and files take them: what a chunk holds, with the standing behind it."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from leaderboards.models import Snapshot, SnapshotChunk, Standing
from leaderboards.splits import public_of

Row = dict[str, Any]
TABLE = "table"
TAG = "tag:"  # before a tag's name: the section of its table
# Of a standing, what rows are made of; its draws and the values that rank it stay where they are.
KNOWN = ("entry__submission", "team", "name", "team_name", "kind", "provenance")
FIELDS = {
    SnapshotChunk.Audience.EXACT: (*KNOWN, "scores", "parts", "splits", "finished_at", "low", "high"),
    SnapshotChunk.Audience.TOLD: (*KNOWN, "told", "told_parts", "splits"),
}


def rows_of(snapshot: Snapshot, chunks: Iterable[SnapshotChunk]) -> list[Row]:
    """The whole rows of these chunks, in their order. One query."""
    facts = [(chunk.section, chunk.audience, row) for chunk in chunks for row in chunk.rows]
    return whole(snapshot, facts)


def whole(snapshot: Snapshot, facts: Sequence[tuple[str, str, Row]]) -> list[Row]:
    """The whole rows behind (section, audience, what a chunk holds). One query for each audience among them."""
    found: dict[tuple[str, int], Mapping[str, Any]] = {}
    for audience, fields in FIELDS.items():
        pks = {row["standing"] for _, of, row in facts if of == audience and "standing" in row}
        for pk, *values in Standing.objects.filter(pk__in=pks).values_list("pk", *fields) if pks else ():
            found[audience, pk] = dict(zip(fields, values, strict=True))
    return [
        _row(snapshot, section, row, found.get((audience, row.get("standing", 0)))) for section, audience, row in facts
    ]


def _row(snapshot: Snapshot, section: str, facts: Row, standing: Mapping[str, Any] | None) -> Row:
    row = {name: value for name, value in facts.items() if name not in ("standing", "bare")}
    row.setdefault("why_unranked", "")
    row["section"] = TABLE if section.startswith(TAG) else section
    if standing is None:
        return row
    row |= {
        "submission": str(standing["entry__submission"]),
        "name": standing["name"],
        "team": standing["team_name"],
        "team_id": standing["team"],
        "kind": standing["kind"],
        "provenance": standing["provenance"],
    }
    told = "told" in standing
    digits = snapshot.digits if told else {}
    if told:
        row["digits"] = digits.get("", 0)
    if facts.get("bare"):
        return {**row, "scores": {}}
    values = standing["told_parts" if told else "parts"]
    if values:
        row["parts"] = {key: _part(value, digits.get(key)) for key, value in values.items()}
    scores = standing["told" if told else "scores"]
    row["scores"] = {key: score_of(numbers, digits.get(key)) for key, numbers in scores.items()}
    for key, splits in standing["splits"].items():
        if key in row["scores"] and splits:
            row["scores"][key]["splits"] = public_of(splits) if told else splits
    if not told:
        row["finished_at"] = standing["finished_at"].isoformat()
    if not told and standing["low"] is not None:
        row.setdefault("low", standing["low"])
        row.setdefault("high", standing["high"])
    return row


def score_of(numbers: Sequence[Any], digits: int | None = None) -> Row:
    """A score as rows hold it: `sd` and `trainings` of a mean over replicates, `digits` of what is told rounded."""
    value, low, high, n, asked, answered, *more = numbers
    score = {"value": value, "low": low, "high": high, "n": n, "asked": asked, "answered": answered}
    if more:
        score["sd"], score["trainings"] = more
    if digits is not None:
        score["digits"] = digits
    return score


def _part(value: float | None, digits: int | None) -> Row:
    if digits is None or value is None:
        return {"value": value}
    return {"value": round(value, digits), "digits": digits}
