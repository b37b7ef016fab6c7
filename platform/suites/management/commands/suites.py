"""`manage.py suites rotate-keys`."""

from typing import Any

from django.core.files.storage import storages
from django.core.management.base import BaseCommand, CommandError, CommandParser

from config.encryption import SealingKeyError
from config.storage import SealedStorage


class Command(BaseCommand):
    """What lies encrypted of gated suites."""

    help = "Encrypt what is kept of gated suites anew, under the first of PROCTOR_SEALING_KEYS."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the subcommand."""
        commands = parser.add_subparsers(dest="action", required=True)
        commands.add_parser("rotate-keys", help="encrypt every file anew that another key was used for")

    def handle(self, *, action: str, **options: Any) -> None:
        """Rotate; safe to run again, and while others read."""
        storage = storages["sealed"]
        if not isinstance(storage, SealedStorage):
            raise CommandError(
                "The storage `sealed` is not config.storage.SealedStorage; rotate its keys where it lies."
            )
        try:
            names = storage.gated_names()
            changed = sum(storage.rotate(name) for name in names)
        except SealingKeyError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{changed} of {len(names)} files are encrypted anew; the first key opens all of them.")
