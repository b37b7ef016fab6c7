"""Leaderboards are computed when scores arrive, stored, and only read by pages."""

import hashlib
from typing import Any

from django.db import transaction

from challenges.models import Phase, Track
from evaluations.selectors import ScoredEntry, scored_entries, suite_columns
from evaluators.protocol.documents import canonical_json
from leaderboards.models import Snapshot
from leaderboards.ranking import Contender, Placed, Rule, place
from submissions.models import Entry
from suites.models import PhaseSuite

RANKED = frozenset({Entry.Status.OFFICIAL, Entry.Status.LATE})
SHOWN = RANKED | {Entry.Status.BASELINE}


def refresh(*, phase: Phase) -> Snapshot:
    """Compute the phase's leaderboard and make it the current one; the same scores give the same digest and no new row.

    Entries that were withdrawn, disqualified or are not eligible do not stand on it; failed and partial runs neither.
    """
    with transaction.atomic():
        # Refreshes of one phase queue up here, so that the last one to run has seen every score.
        phase = Phase.objects.select_for_update().select_related("track__challenge").get(pk=phase.pk)
        suites = list(phase.phase_suites.select_related("suite_version__suite").order_by("position", "pk"))
        keys = suite_columns(suites)
        columns = [_column(phase.track, suite, keys[suite.suite_version_id, suite.selection]) for suite in suites]
        entries = {entry.entry_id: entry for entry in scored_entries(phase, suites=suites) if entry.status in SHOWN}
        rule = rule_of(phase.track, columns)
        placed = place([_contender(entry) for entry in entries.values()], rule)
        rows = [_row(entries[item.contender.entry_id], item) for item in placed]
        words = rule_in_words(phase.track, columns)
        digest = hashlib.sha256(canonical_json([words, columns, rows])).hexdigest()
        current = phase.snapshots.filter(current=True).first()
        if current is not None and current.digest == digest:
            return current
        # A leaderboard that nobody froze is a cache, not a record: it is replaced.
        phase.snapshots.filter(current=True, frozen=False).delete()
        phase.snapshots.filter(current=True).update(current=False)
        return Snapshot.objects.create(phase=phase, rule=words, columns=columns, rows=rows, digest=digest)


def rule_of(track: Track, columns: list[dict[str, Any]]) -> Rule:
    """The track's rule over the phase's suites; a suite without a weight of its own weighs 1."""
    return Rule(
        counts=track.counts,
        missing=track.missing,
        weights={column["key"]: column["weight"] for column in columns},
        worst={column["key"]: column["worst"] for column in columns},
        higher_is_better=all(column["direction"] == "higher" for column in columns),
    )


def rule_in_words(track: Track, columns: list[dict[str, Any]]) -> str:
    """The ranking rule as it is printed under the table."""
    if not columns:
        return "This phase asks no suite yet."
    weighted = len({column["weight"] for column in columns}) > 1
    names = ", ".join(
        f"{column['title']} ({column['weight']:g})" if weighted else column["title"] for column in columns
    )
    what = f"the {'weighted ' if weighted else ''}mean of {len(columns)} suites: {names}"
    which = {"best": "a team's best entry", "last": "a team's last entry", "picked": "the entry a team picked"}
    missing = {
        "unranked": "An entry that lacks a score is not ranked.",
        "worst": "A missing score counts as the worst possible one.",
    }
    return (
        f"Ranked by {f'the score on {names}' if len(columns) == 1 else what}; {which[track.counts]} counts. "
        f"{missing[track.missing]} Equal scores share a rank. Baselines are shown and not ranked."
    )


def _column(track: Track, suite: PhaseSuite, key: str) -> dict[str, Any]:
    version = suite.suite_version
    low, high = version.manifest.get("range", [0, 1])
    direction = version.manifest.get("direction", "higher")
    return {
        "key": key,
        "title": version.suite.title,
        "version": version.version,
        "digest": version.digest,
        "metric": version.manifest.get("metric", ""),
        "chance": version.manifest.get("chance"),
        "range": [low, high],
        "direction": direction,
        "worst": low if direction == "higher" else high,
        "weight": float(track.aggregate.get("weights", {}).get(version.suite.key, 1)),
    }


def _contender(entry: ScoredEntry) -> Contender:
    return Contender(
        entry_id=entry.entry_id,
        team_id=entry.team_id,
        finished_at=entry.finished_at,
        reference=entry.status not in RANKED,
        picked=entry.picked,
        scores=entry.scores,
    )


def _row(entry: ScoredEntry, placed: Placed) -> dict[str, Any]:
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
        "finished_at": entry.finished_at.isoformat(),
        "scores": {
            key: {
                "value": score.value,
                "low": score.low,
                "high": score.high,
                "n": score.n,
                "asked": score.asked,
                "answered": score.answered,
            }
            for key, score in entry.scores.items()
        },
    }
