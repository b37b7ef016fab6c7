"""Rows of boards are kept as compressed JSON."""

import json
import zlib
from typing import Any

from django.db import migrations, models


def pack(apps: Any, schema_editor: Any) -> None:
    """Compress what is there."""
    SnapshotChunk = apps.get_model("leaderboards", "SnapshotChunk")
    for chunk in SnapshotChunk.objects.iterator(chunk_size=100):
        chunk.packed = zlib.compress(json.dumps(chunk.rows).encode())
        chunk.save(update_fields=["packed"])


class Migration(migrations.Migration):
    dependencies = [("leaderboards", "0009_split_scores")]

    operations = [
        migrations.AddField("snapshotchunk", "packed", models.BinaryField(default=b""), preserve_default=False),
        migrations.RunPython(pack, migrations.RunPython.noop),
    ]
