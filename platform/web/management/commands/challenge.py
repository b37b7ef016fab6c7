"""`manage.py challenge apply FILE`, `… export KEY`, `… new --edition NAME` and `… import-results TABLE`."""

from datetime import datetime
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.models import User
from challenges.edition_documents import editions, opened_anew
from challenges.models import Challenge, Role
from challenges.selectors import is_organizer
from challenges.services import grant_role
from evaluators.protocol.challenge import ChallengeDocument
from evaluators.protocol.problems import ProblemsFound
from evaluators.results import Head, read_results
from leaderboards.published_importing import import_results
from suites import configuration, exporting


class Command(BaseCommand):
    """A whole challenge as one document."""

    help = (
        "Apply a challenge.yaml, export a challenge as one, write one from a published edition, or import its results."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the subcommands."""
        commands = parser.add_subparsers(dest="action", required=True)
        apply = commands.add_parser("apply", help="bring the database to what the document says")
        apply.add_argument("file", type=Path)
        apply.add_argument("--organizer", metavar="EMAIL", help="who is to look after the challenge")
        export = commands.add_parser("export", help="print the challenge's document")
        export.add_argument("key")
        new = commands.add_parser("new", help="write a published edition's document under your own key and dates")
        new.add_argument("--edition", required=True, choices=editions())
        new.add_argument("--key", required=True, help="the challenge's key")
        new.add_argument("--title", help="its title")
        new.add_argument("--opens", required=True, type=datetime.fromisoformat, metavar="TIME",
                         help="when its first phase opens, such as 2027-03-01T00:00; all else follows")  # fmt: skip
        new.add_argument("--suites", metavar="FOLDER", help="what holds the suites' folders, seen from the document")
        new.add_argument("--out", type=Path, metavar="FILE", help="the file to write; else it is printed")
        new.add_argument("--apply", action="store_true", help="apply it, too; suites must be here, or in --suites")
        new.add_argument("--organizer", metavar="EMAIL", help="with --apply: who is to look after the challenge")
        results = commands.add_parser("import-results", help="make an archived edition of a published table")
        results.add_argument("table", type=Path, metavar="TABLE", help="results.json, results.yaml or a CSV file")
        results.add_argument("--replace", action="store_true", help="bring a table in anew that says otherwise now")
        results.add_argument("--organizer", metavar="EMAIL", help="who is to look after the challenge")
        results.add_argument("--key", help="of a CSV file: the challenge's key")
        results.add_argument("--title", help="of a CSV file: the challenge's title")
        results.add_argument("--year", type=int, help="of a CSV file: the year of the edition")
        results.add_argument("--source", help="of a CSV file: where it was published")

    def handle(self, *, action: str, **options: Any) -> None:
        """Run one of them."""
        if action == "apply":
            self._apply(options["file"], options.get("organizer"))
        elif action == "new":
            self._new(options)
        elif action == "import-results":
            self._import_results(options)
        else:
            self._export(options["key"])

    def _new(self, options: dict[str, Any]) -> None:
        out: Path | None = options["out"]
        if options["apply"] and out is None and options["suites"]:
            raise CommandError("With --apply, --suites is seen from the document: name its file with --out.")
        try:
            document = opened_anew(
                options["edition"], key=options["key"], opens=options["opens"], title=options["title"],
                suites=options["suites"],
            )  # fmt: skip
            if out is not None:
                out.write_text(document.to_yaml(), encoding="utf-8")
        except ProblemsFound as error:
            raise CommandError(str(error)) from error
        except OverflowError as error:
            raise CommandError("--opens: the year must lie between 2000 and 2199") from error
        except OSError as error:
            raise CommandError(f"{out}: {error.strerror}") from error
        if out is None and not options["apply"]:
            self.stdout.write(document.to_yaml(), ending="")
        if options["apply"]:
            self._brought_about(document, out.parent if out else Path(), options["organizer"], out or Path("document"))

    def _apply(self, path: Path, email: str | None) -> None:
        try:
            document = ChallengeDocument.from_yaml(path.read_bytes().decode(), file=path.name)
        except UnicodeDecodeError as error:
            raise CommandError(f"{path}: the file is not UTF-8 text") from error
        except OSError as error:
            raise CommandError(f"{path}: {error.strerror}") from error
        except ProblemsFound as error:
            raise CommandError(str(error)) from error
        self._brought_about(document, path.parent, email, path)

    def _brought_about(self, document: ChallengeDocument, base: Path, email: str | None, path: Path) -> None:
        try:
            organizer = User.objects.get(email=email.lower()) if email else None
            applied = configuration.apply(document, base=base)
            if organizer and not is_organizer(organizer, applied.challenge):
                grant_role(challenge=applied.challenge, user=organizer, kind=Role.Kind.ORGANIZER)
                applied.changes.append(f"organizer {organizer.email}: added")
        except User.DoesNotExist as error:
            raise CommandError(f"Nobody has an account with {email}.") from error
        except OSError as error:
            raise CommandError(f"{path}: {error.strerror}") from error
        except ProblemsFound as error:
            raise CommandError(str(error)) from error
        for change in applied.changes or ["nothing to change"]:
            self.stdout.write(change)

    def _import_results(self, options: dict[str, Any]) -> None:
        told = {name: options[name] for name in ("key", "title", "year", "source") if options[name] is not None}
        try:
            head = Head(**told) if len(told) == 4 else None
            document = read_results(options["table"], head=head)
            organizer = User.objects.get(email=options["organizer"].lower()) if options["organizer"] else None
            imported = import_results(document=document, replace=options["replace"])
        except ProblemsFound as error:
            raise CommandError(str(error)) from error
        except User.DoesNotExist as error:
            raise CommandError(f"Nobody has an account with {options['organizer']}.") from error
        if organizer and not is_organizer(organizer, imported.challenge):
            grant_role(challenge=imported.challenge, user=organizer, kind=Role.Kind.ORGANIZER)
        for sentence in imported.sentences:
            self.stdout.write(sentence)

    def _export(self, key: str) -> None:
        try:
            challenge = Challenge.objects.get(key=key)
        except Challenge.DoesNotExist as error:
            raise CommandError(f"There is no challenge {key!r}.") from error
        self.stdout.write(exporting.export(challenge).to_yaml(), ending="")
