"""`manage.py verify-export FILE`: whether an exported file is what it was, and whether its data still is."""

# ruff: noqa: N999 - the module's name is the command's
import json
import sys
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError

from leaderboards.exports.query import ExportRefused
from leaderboards.exports.reading import NotAnExport
from leaderboards.exports.verifying import Outcome, Verdict, verify

NOT_CHECKED = 3


class Command(BaseCommand):
    """Exit codes: 0 nothing has changed, 1 the file was changed, 2 the data has changed since, 3 not to be checked."""

    help = "Check an exported file: its checksum, and whether its query still gives the same."

    def add_arguments(self, parser: CommandParser) -> None:
        """A file, and how much of it is checked."""
        parser.add_argument("file", type=Path)
        parser.add_argument("--offline", action="store_true", help="check the checksum alone")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *, file: Path, offline: bool, **options: Any) -> None:
        """Say what was found, and end with its exit code."""
        try:
            verdict = verify(file, offline=offline)
        except OSError as error:
            raise CommandError(f"{file}: {error.strerror}", returncode=NOT_CHECKED) from error
        except DatabaseError as error:
            raise CommandError(
                f"The database does not answer ({error}): try --offline.", returncode=NOT_CHECKED
            ) from error
        except (NotAnExport, ExportRefused) as error:
            raise CommandError(f"{file}: {error}", returncode=NOT_CHECKED) from error
        self.stdout.write(_as_json(verdict) if options["json"] else _in_words(verdict))
        if verdict.outcome is not Outcome.IDENTICAL:
            sys.exit(int(verdict.outcome))


def _as_json(verdict: Verdict) -> str:
    found = {
        "outcome": verdict.outcome.name.lower().replace("_", "-"),
        "says": verdict.says,
        "query": verdict.query,
        "checksum": verdict.checksum,
        "differences": [one._asdict() for one in verdict.differences],
        "found": verdict.found,
    }
    return json.dumps(found, ensure_ascii=False, indent=2)


def _in_words(verdict: Verdict) -> str:
    lines = [verdict.says, *(f"  {one.place}: {one.says}" for one in verdict.differences)]
    if verdict.found > len(verdict.differences):
        lines.append(f"  … {verdict.found:,} differences in all")
    return "\n".join(lines)
