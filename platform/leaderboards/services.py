"""Leaderboards are computed when scores arrive, stored, and only read by pages."""

import hashlib
from typing import Any

from django.db import transaction
from django.utils import timezone

from challenges.models import Phase, Track
from evaluations.selectors import ScoredEntry, scored_entries, suite_columns
from evaluators.protocol.documents import canonical_json
from leaderboards import tags as by_tag
from leaderboards.models import Snapshot
from leaderboards.parts import aggregate_of, definition, part_columns, tree_of
from leaderboards.ranking import Placed, Rule, parts, place
from leaderboards.telling import RANKED, contender_of, told
from submissions.models import Entry
from suites.access import asks_hidden
from suites.models import PhaseSuite

SHOWN = RANKED | {Entry.Status.BASELINE}
BEYOND = ("spot-checked", "run here")  # what is worth a sentence: all else is ranked by default


def refresh(*, phase: Phase) -> Snapshot:
    """Compute the phase's leaderboard and make it the current one; the same scores give the same digest and no new row.

    Entries that were withdrawn, disqualified or are not eligible do not stand on it; failed and partial runs neither.
    Where the phase asks hidden data, what everybody may see before the reveal is computed beside it.
    """
    now = timezone.now()
    with transaction.atomic():
        # Refreshes of one phase queue up here, so that the last one to run has seen every score.
        phase = Phase.objects.select_for_update().select_related("track__challenge").get(pk=phase.pk)
        suites = list(phase.phase_suites.select_related("suite_version__suite").order_by("position", "pk"))
        keys = suite_columns(suites)
        columns = [_column(phase.track, suite, keys[suite.suite_version_id, suite.selection]) for suite in suites]
        scored = scored_entries(phase, suites=suites)
        tag_scores = by_tag.tag_scores([entry for entry in scored if entry.status in SHOWN], keys, columns)
        fields = _computed(phase.track, columns, scored, tag_scores, hidden=asks_hidden(suites))
        current = phase.snapshots.filter(current=True).first()
        if current is not None and (current.digest, current.told_digest) == (
            fields["digest"],
            fields.get("told_digest", ""),
        ):
            current.computed_at = now
            current.save(update_fields=["computed_at"])
            return current
        # A leaderboard that nobody froze is a cache, not a record: it is replaced.
        phase.snapshots.filter(current=True, frozen=False).delete()
        phase.snapshots.filter(current=True).update(current=False)
        return Snapshot.objects.create(phase=phase, computed_at=now, **fields)


def _computed(
    track: Track,
    columns: list[dict[str, Any]],
    scored: list[ScoredEntry],
    tag_scores: by_tag.TagScores,
    *,
    hidden: bool,
) -> dict[str, Any]:
    """The fields of the snapshot: the exact table, and of hidden data also what everybody may see of it."""
    entries = {entry.entry_id: entry for entry in scored if entry.status in SHOWN}
    contenders = [contender_of(entry) for entry in entries.values()]
    rule, words = rule_of(track, columns), rule_in_words(track, columns)
    placed = place(contenders, rule)
    rows = [_row(entries[item.contender.entry_id], item, rule) for item in placed]
    parted = part_columns(aggregate_of(track), rule.mean, columns)
    tags = by_tag.tables(track, columns, placed, rule, tag_scores)
    fields: dict[str, Any] = {"rule": words, "columns": columns, "rows": rows, "parts": parted, "tags": tags}
    fields["digest"] = _digest(words, columns, rows, parted, tags)
    if hidden:
        shown = told(track, columns, scored, contenders, rule)
        told_placed = place(shown.contenders, shown.rule)
        told_rows = [_row(entries[item.contender.entry_id], item, shown.rule, shown.digits) for item in told_placed]
        # With a ladder only its answers are told, so nothing about tags.
        told_tags = by_tag.tables(track, columns, told_placed, shown.rule, tag_scores, guarded=True)
        told_tags = told_tags if track.ladder == "off" else []
        told_words = f"{words} {shown.words}"
        fields |= {"told_rule": told_words, "told_rows": told_rows, "told_tags": told_tags}
        fields["told_digest"] = _digest(told_words, columns, told_rows, parted, told_tags)
    return fields


def _digest(words: str, columns: list[dict[str, Any]], rows: list[dict[str, Any]], *more: list[dict[str, Any]]) -> str:
    return hashlib.sha256(canonical_json([words, columns, rows, *(one for one in more if one)])).hexdigest()


def rule_of(track: Track, columns: list[dict[str, Any]]) -> Rule:
    """The track's rule over the phase's suites; a suite without a weight of its own weighs 1.

    Where some suites are better high and others low, the low ones are mirrored in their range.
    """
    higher = not columns or any(column["direction"] == "higher" for column in columns)
    return Rule(
        counts=track.counts,
        missing=track.missing,
        weights={column["key"]: column["weight"] for column in columns},
        worst={column["key"]: column["worst"] for column in columns},
        higher_is_better=higher,
        mirrored={column["key"]: sum(column["range"]) for column in _mirrored(columns)},
        tree=tree_of(aggregate_of(track), columns),
        least_provenance=track.least_provenance,
    )


def _mirrored(columns: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The columns that are better low while others are better high."""
    low = [column for column in columns if column["direction"] != "higher"]
    return low if len(low) < len(columns) else []


def rule_in_words(track: Track, columns: list[dict[str, Any]]) -> str:
    """The ranking rule as it is printed under the table."""
    if not columns:
        return "This phase asks no suite yet."
    aggregate = aggregate_of(track)
    tree = tree_of(aggregate, columns)
    alone = len(columns) == 1 and tree.scales.get(columns[0]["key"], 1) == 1
    what = f"the score on {columns[0]['title']}" if alone else definition(tree, aggregate, columns)
    which = {
        "best": "a team's best entry",
        "last": "the entry a team handed in last",
        "picked": "the entry a team picked",
    }
    mirrored = [column["title"] for column in _mirrored(columns)]
    turned = f" Lower is better in {', '.join(mirrored)}: mirrored in its range for the mean." if mirrored else ""
    if not mirrored and columns[0]["direction"] != "higher":
        turned = " Lower is better."
    missing = {
        "unranked": "An entry that lacks a score is not ranked.",
        "worst": "A missing score counts as the worst possible one.",
    }
    least = f" Ranked is what is at least “{track.least_provenance}”." if track.least_provenance in BEYOND else ""
    note = f" {aggregate.note}" if aggregate.note else ""
    counts = f"{which[track.counts]} counts".capitalize() if "." in what else f"{which[track.counts]} counts"
    joined = f"{what} {counts}" if "." in what else f"{what}; {counts}"
    return (
        f"Ranked by {joined}.{turned} "
        f"{missing[track.missing]}{least} Equal scores share a rank. Baselines are shown and not ranked.{note}"
    )


def _column(track: Track, suite: PhaseSuite, key: str) -> dict[str, Any]:
    version = suite.suite_version
    low, high = version.manifest.get("range", [0, 1])
    direction = version.manifest.get("direction", "higher")
    return {
        "key": key,
        "suite": version.suite.key,
        "groups": version.groups,
        "title": version.suite.title,
        "version": version.version,
        "digest": version.digest,
        "metric": version.manifest.get("metric", ""),
        "chance": version.manifest.get("chance"),
        "range": [low, high],
        "direction": direction,
        "worst": low if direction == "higher" else high,
        "group_weights": _group_weights(version.manifest.get("aggregate", "macro")),
        "weight": float(track.aggregate.get("weights", {}).get(version.suite.key, 1)),
    }


def _group_weights(how: Any) -> dict[str, float] | None:
    """How the suite's own score weighs its groups: not at all where it is a plain mean over items."""
    if how == "micro":
        return None
    return dict(how["weights"]) if isinstance(how, dict) else {}


def _row(entry: ScoredEntry, placed: Placed, rule: Rule, digits: dict[str, int] | None = None) -> dict[str, Any]:
    """A row of the table; with `digits` of what may be told, by suite or part and "" for the aggregate, times are left
    out."""
    rounded = {} if digits is None else {"digits": digits[""]}
    values = parts(placed.contender, rule)
    return {
        "rank": placed.rank,
        "why_unranked": placed.why_unranked,
        "entry": entry.entry_id,
        "submission": str(entry.submission_id),
        "name": entry.submission_name,
        "team": entry.team_name,
        "status": entry.status,
        "kind": entry.kind,
        "provenance": entry.provenance,
        "aggregate": placed.aggregate,
        **({"finished_at": entry.finished_at.isoformat()} if digits is None else rounded),
        **({"parts": {key: _part(value, key, digits) for key, value in values.items()}} if values else {}),
        "scores": {
            key: by_tag.score_value(score, None if digits is None else digits[key])
            for key, score in placed.contender.scores.items()
        },
    }


def _part(value: float | None, key: str, digits: dict[str, int] | None) -> dict[str, Any]:
    if digits is None or value is None:
        return {"value": value}
    return {"value": round(value, digits[key]), "digits": digits[key]}
