"""Django in this process over a fresh folder and database, for benches that start a platform of real processes."""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@contextmanager
def fresh() -> Iterator[Path]:
    """The folder; models can be imported inside the block."""
    with tempfile.TemporaryDirectory(prefix="proctor-bench-") as place:
        sys.path[:0] = [str(ROOT), str(ROOT / "platform")]
        os.environ |= {
            "PROCTOR_VAR": place, "PROCTOR_LOG_LEVEL": "WARNING", "DJANGO_SETTINGS_MODULE": "config.settings",
        }  # fmt: skip
        os.environ.pop("PROCTOR_DATABASE_URL", None)
        import django
        from django.core.management import call_command
        from django.db import connections

        django.setup()
        call_command("migrate", verbosity=0)
        try:
            yield Path(place)
        finally:
            connections.close_all()
