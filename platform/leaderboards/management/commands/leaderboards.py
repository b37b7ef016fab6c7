"""`manage.py leaderboards`: compute boards from their scores alone, freeze them, let them go on."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from challenges.models import Challenge, Phase
from leaderboards import services


class Command(BaseCommand):
    """Rebuilding and freezing of leaderboards."""

    help = "Compute leaderboards anew from their scores, or freeze and unfreeze what their pages show."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the subcommands."""
        commands = parser.add_subparsers(dest="action", required=True)
        rebuild = commands.add_parser("rebuild", help="forget what was kept of every entry, and look at all scores")
        rebuild.add_argument("challenge", nargs="?", help="its key; every challenge without it")
        for name, what in (("freeze", "keep what the page shows"), ("unfreeze", "show what was computed last")):
            one = commands.add_parser(name, help=what)
            for argument in ("challenge", "track", "phase"):
                one.add_argument(argument, help="its key")

    def handle(self, **options: Any) -> None:
        """Do it, and print the digest of each board."""
        if options["action"] == "rebuild":
            challenge = self._challenge(options["challenge"]) if options["challenge"] else None
            for snapshot in services.rebuild(challenge=challenge):
                self.stdout.write(f"{snapshot.phase}: {snapshot.digest}")
            return
        found = Phase.objects.select_related("track__challenge").filter(
            key=options["phase"], track__key=options["track"], track__challenge=self._challenge(options["challenge"])
        )
        phase = found.first()
        if phase is None:
            raise CommandError(f"There is no phase {options['track']}/{options['phase']} in it.")
        if options["action"] == "freeze":
            self.stdout.write(f"{phase}: frozen at {services.freeze(phase=phase).digest}")
        else:
            services.unfreeze(phase=phase)
            self.stdout.write(f"{phase}: shows what was computed last")

    def _challenge(self, key: str) -> Challenge:
        challenge = Challenge.objects.filter(key=key).first()
        if challenge is None:
            raise CommandError(f"There is no challenge {key!r}.")
        return challenge
