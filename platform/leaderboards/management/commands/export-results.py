"""`manage.py export-results CHALLENGE --out FILE`: results as a table, for reviewers."""

# ruff: noqa: N999 - the module's name is the command's
import os
import tempfile
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.models import User
from leaderboards.exports import making
from leaderboards.exports.people import note_people
from leaderboards.exports.query import FORMATS, LAYOUTS, STATUSES, ExportQuery, ExportRefused, as_format


class Command(BaseCommand):
    """The same query over the same data writes the same bytes."""

    help = "Export a challenge's results as CSV, JSON, Parquet, XLSX, LaTeX or Markdown."

    def add_arguments(self, parser: CommandParser) -> None:
        """What is exported, and where to."""
        parser.add_argument("challenge", nargs="?", default="", help="the challenge's key")
        parser.add_argument("--out", type=Path, metavar="FILE", help="the file to write, also over one that is there")
        parser.add_argument("--format", choices=FORMATS, help="else by the file's name")
        parser.add_argument(
            "--layout", choices=LAYOUTS, default="wide", help="wide: a row an entry; long: a row a score"
        )
        parser.add_argument("--track", action="append", default=[], metavar="KEY", help="may be repeated; else all")
        parser.add_argument("--phase", action="append", default=[], metavar="TRACK/PHASE", help="may be repeated")
        parser.add_argument("--status", action="append", default=[], choices=STATUSES, help="may be repeated; else all")
        parser.add_argument(
            "--column", action="append", default=[], metavar="NAME", help="may be repeated; else the usual"
        )
        parser.add_argument("--columns", action="store_true", help="print the names of columns, and write nothing")
        parser.add_argument("--precision", type=int, metavar="N", help="decimals; else as many as read back exactly")
        parser.add_argument("--anonymised", action="store_true", help="with pseudonyms, and without what identifies")
        parser.add_argument("--superseded", action="store_true", help="long: also scores that newer ones have replaced")
        parser.add_argument("--with-people", action="store_true", help="with names and e-mail addresses; needs --as")
        parser.add_argument("--as", dest="user", metavar="EMAIL", help="the organizer who asks for people")
        parser.add_argument("--query", metavar="TEXT", help="a query as a file carries it, instead of all of these")

    def handle(self, **options: Any) -> None:
        """Write the file, or print the names of columns."""
        try:
            query = _query(options)
            if options["columns"]:
                self.stdout.write("\n".join(making.column_words(query)))
                return
            self._write(query, options["out"], options["user"])
        except ExportRefused as error:
            raise CommandError(str(error)) from error

    def _write(self, query: ExportQuery, out: Path | None, email: str | None) -> None:
        if out is None:
            raise CommandError("Name the file to write with --out.")
        challenge = making.challenge_of(query)
        if query.people:
            user = User.objects.filter(email=(email or "").lower(), is_active=True).first()
            if user is None:
                raise CommandError("People's names and e-mail addresses need --as EMAIL of one of its organizers.")
            note_people(challenge=challenge, query=query, user=user)
        try:
            _write_whole(query, out)
        except OSError as error:
            raise CommandError(f"{out}: {error.strerror}") from error
        self.stdout.write(f"{out} is written: {query.text}")


def _query(options: dict[str, Any]) -> ExportQuery:
    if options["query"]:
        return ExportQuery.from_text(options["query"])
    if not options["challenge"]:
        raise CommandError("Name a challenge, or a query with --query.")
    out: Path | None = options["out"]
    return ExportQuery(
        challenge=options["challenge"],
        layout=options["layout"],
        tracks=tuple(options["track"]),
        phases=tuple(options["phase"]),
        statuses=tuple(options["status"]),
        columns=tuple(options["column"]),
        precision=options["precision"],
        anonymised=options["anonymised"],
        superseded=options["superseded"],
        people=options["with_people"],
        format=as_format(options["format"] or (out.suffix.removeprefix(".") if out else "csv")),
    )


def _write_whole(query: ExportQuery, out: Path) -> None:
    """Write the file under another name first, so that nobody finds half of one."""
    descriptor, name = tempfile.mkstemp(dir=out.parent, prefix=f".{out.name}.")
    place = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            making.write(query, file)
        place.replace(out)
    finally:
        place.unlink(missing_ok=True)
