"""`manage.py challenge apply FILE` and `manage.py challenge export KEY`."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.models import User
from challenges.models import Challenge, Role
from challenges.selectors import is_organizer
from challenges.services import grant_role
from evaluators.protocol.challenge import ChallengeDocument
from evaluators.protocol.problems import ProblemsFound
from suites import configuration


class Command(BaseCommand):
    """A whole challenge as one document."""

    help = "Apply a challenge.yaml, or export a challenge as one."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the two subcommands."""
        commands = parser.add_subparsers(dest="action", required=True)
        apply = commands.add_parser("apply", help="bring the database to what the document says")
        apply.add_argument("file", type=Path)
        apply.add_argument("--organizer", metavar="EMAIL", help="who is to look after the challenge")
        export = commands.add_parser("export", help="print the challenge's document")
        export.add_argument("key")

    def handle(self, *, action: str, **options: Any) -> None:
        """Run one of them."""
        if action == "apply":
            self._apply(options["file"], options.get("organizer"))
        else:
            self._export(options["key"])

    def _apply(self, path: Path, email: str | None) -> None:
        try:
            document = ChallengeDocument.from_yaml(path.read_bytes().decode(), file=path.name)
            organizer = User.objects.get(email=email.lower()) if email else None
            applied = configuration.apply(document, base=path.parent)
            if organizer and not is_organizer(organizer, applied.challenge):
                grant_role(challenge=applied.challenge, user=organizer, kind=Role.Kind.ORGANIZER)
                applied.changes.append(f"organizer {organizer.email}: added")
        except User.DoesNotExist as error:
            raise CommandError(f"Nobody has an account with {email}.") from error
        except UnicodeDecodeError as error:
            raise CommandError(f"{path}: the file is not UTF-8 text") from error
        except OSError as error:
            raise CommandError(f"{path}: {error.strerror}") from error
        except ProblemsFound as error:
            raise CommandError(str(error)) from error
        for change in applied.changes or ["nothing to change"]:
            self.stdout.write(change)

    def _export(self, key: str) -> None:
        try:
            challenge = Challenge.objects.get(key=key)
        except Challenge.DoesNotExist as error:
            raise CommandError(f"There is no challenge {key!r}.") from error
        self.stdout.write(configuration.export(challenge).to_yaml(), ending="")
