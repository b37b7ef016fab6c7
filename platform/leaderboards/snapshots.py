"""Snapshots of boards: written in chunks, frozen, and forgotten after a while."""

import hashlib
import zlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from django.db.models import Min, Q
from django.utils import timezone

from challenges.models import Phase
from evaluators.protocol.documents import canonical_json
from leaderboards.computing import Computed
from leaderboards.models import CHUNK, Snapshot, SnapshotChunk, Standing
from leaderboards.rows import TAG

EXACT, TOLD = SnapshotChunk.Audience.EXACT, SnapshotChunk.Audience.TOLD
KEPT_DAYS = 30
# Of a board that changes every minute, so many of the newest are kept at most; of what is older, one a day.
MOST_KEPT = 2_000
SHOWN_BEFORE = 20  # earlier states that a page links to


def digest_of(
    computed: Computed, digests: Mapping[int, str], words: str, columns: Sequence[Any], parts: Sequence[Any]
) -> str:
    """sha256 over all that one audience sees; `digests` are those of the standings, for this audience."""
    sections = {name: [_hashed(row, digests) for row in rows] for name, rows in computed.sections.items() if rows}
    tags = [{**table, "rows": [_hashed(row, digests) for row in table["rows"]]} for table in computed.tags]
    return hashlib.sha256(canonical_json([words, columns, parts, sections, tags])).hexdigest()


def _hashed(row: Mapping[str, Any], digests: Mapping[int, str]) -> list[Any]:
    """The names and values of a row, and what its standing says in place of the number under which it lies."""
    values = dict(row)
    standing = values.pop("standing", 0)
    return [digests.get(standing, ""), " ".join(values), *values.values()]


def write_chunks(snapshot: Snapshot, audience: str, computed: Computed) -> None:
    """Keep the rows. One query."""
    sections = {**computed.sections, **{f"{TAG}{table['tag']}": table["rows"] for table in computed.tags}}
    SnapshotChunk.objects.bulk_create(
        [
            SnapshotChunk(
                snapshot=snapshot,
                audience=audience,
                section=section,
                number=number,
                teams=_teams(rows[start : start + CHUNK]),
                packed=zlib.compress(canonical_json(rows[start : start + CHUNK]), level=1),
            )
            for section, rows in sections.items()
            for number, start in enumerate(range(0, len(rows), CHUNK), start=1)
        ]
    )


def _teams(rows: Iterable[Mapping[str, Any]]) -> str:
    return "".join(f"|{team}|" for team in sorted({row["team_id"] for row in rows if row.get("team_id")}))


def tag_heads(computed: Computed) -> list[dict[str, Any]]:
    """The tags that have a table of their own, without its rows."""
    return [{name: value for name, value in table.items() if name != "rows"} for table in computed.tags]


def shown(phase: Phase) -> Snapshot | None:
    """The snapshot that the phase's page shows: the frozen one where there is one, else the current one."""
    return phase.snapshots.filter(Q(current=True) | Q(frozen=True)).order_by("-frozen").first()


def history_with(before: Snapshot | None) -> list[list[str]]:
    """The earlier states that a page links to, newest first: when, and the digests for both audiences."""
    if before is None:
        return []
    own = [before.created_at.isoformat(), before.digest, before.told_digest]
    return [own, *before.history][:SHOWN_BEFORE]


def prune(phase: Phase, *, now: datetime | None = None) -> int:
    """Forget snapshots: all of the last 30 days are kept, up to 2,000, then one a day; frozen ones always.

    Standings that no kept snapshot can hold go with them. Returns how many snapshots went.
    """
    now = now or timezone.now()
    rows = phase.snapshots.filter(current=False, frozen=False).order_by("-created_at", "-pk")
    fresh = now - timedelta(days=KEPT_DAYS)
    days: set[date] = set()
    gone = []
    for number, (pk, created_at) in enumerate(rows.values_list("pk", "created_at")):
        if created_at >= fresh and number < MOST_KEPT:
            continue
        if created_at.date() in days:
            gone.append(pk)
        days.add(created_at.date())
    deleted = Snapshot.objects.filter(pk__in=gone).delete()[1].get("leaderboards.Snapshot", 0) if gone else 0
    oldest = phase.snapshots.aggregate(oldest=Min("created_at"))["oldest"] or now
    Standing.objects.filter(phase=phase, superseded_at__lte=oldest).delete()
    return deleted
