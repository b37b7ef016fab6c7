"""The rows of frozen leaderboards go into chunks; all others are caches, which the next sweep computes anew."""

from typing import Any

from django.db import migrations

CHUNK = 100


def move(apps: Any, schema_editor: Any) -> None:
    """Whole rows, as they were frozen; what is not current any more is an earlier state of its board."""
    Snapshot = apps.get_model("leaderboards", "Snapshot")
    SnapshotChunk = apps.get_model("leaderboards", "SnapshotChunk")
    Snapshot.objects.filter(frozen=False).delete()
    for snapshot in Snapshot.objects.order_by("pk"):
        for audience, rows in (("exact", snapshot.rows), ("told", snapshot.told_rows or [])):
            for number, start in enumerate(range(0, len(rows), CHUNK), start=1):
                SnapshotChunk.objects.create(
                    snapshot=snapshot,
                    audience=audience,
                    section="table",
                    number=number,
                    rows=rows[start : start + CHUNK],
                )
        snapshot.told = snapshot.told_rows is not None
        snapshot.frozen = snapshot.current
        snapshot.tags, snapshot.told_tags = [], []
        counts: dict[str, dict[str, int]] = {"table": {}}
        for row in snapshot.rows:
            counts["table"][row["status"]] = counts["table"].get(row["status"], 0) + 1
        snapshot.counts = counts
        snapshot.told_counts = counts if snapshot.told else {}
        snapshot.save()


class Migration(migrations.Migration):
    dependencies = [("leaderboards", "0006_standings")]

    operations = [migrations.RunPython(move, migrations.RunPython.noop)]
