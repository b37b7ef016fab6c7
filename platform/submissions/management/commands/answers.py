"""`manage.py answers status|remind|measure`: what teams have answered about their methods, and what is missing."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from challenges.models import Challenge
from evaluators.protocol.problems import ProblemsFound
from sandbox.errors import SandboxError
from submissions import checks
from submissions.answers import completeness
from submissions.measuring import measure, weight_files
from submissions.models import Submission
from submissions.reminding import letter, order_round, send_round, to_remind, tracks_of


class Command(BaseCommand):
    """Answers to the questions of a challenge's tracks."""

    help = "What teams have answered about their methods, and reminders of what is missing."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the subcommands."""
        commands = parser.add_subparsers(dest="action", required=True)
        status = commands.add_parser("status", help="print what is empty, entry by entry")
        remind = commands.add_parser("remind", help="mail each team what it has not answered yet, and the deadline")
        remind.add_argument("--dry-run", action="store_true", help="print the mails in place of sending them")
        measure_them = commands.add_parser("measure", help="read the size of models that were handed in before")
        for command in (status, remind, measure_them):
            command.add_argument("challenge", help="the challenge's key")

    def handle(self, *, action: str, challenge: str, **options: Any) -> None:
        """Do it for every track of the challenge."""
        found = Challenge.objects.filter(key=challenge).first()
        if found is None:
            raise CommandError(f"There is no challenge {challenge!r}.")
        if action == "status":
            self._status(found)
        elif action == "remind":
            self._remind(found, dry_run=options["dry_run"])
        else:
            self._measure(found)

    def _status(self, challenge: Challenge) -> None:
        for track in tracks_of(challenge):
            table = completeness(track)
            self.stdout.write(f"{track.title}: {table.empty} answers of {len(table.lines)} entries are empty")
            for line in table.lines:
                names = ", ".join(question.label for question in line.empty)
                missing = f"; empty: {names}" if names else ""
                self.stdout.write(f"  {line.submission}: {line.answered} of {len(line.asked)} answered{missing}")

    def _remind(self, challenge: Challenge, *, dry_run: bool) -> None:
        for track in tracks_of(challenge):
            if not dry_run:
                sent = send_round(order_round(track=track))
                self.stdout.write(f"{track.title}: {sent} teams were reminded.")
                continue
            due = to_remind(track)
            self.stdout.write(f"{track.title}: {len(due)} teams would be reminded.")
            for one in due:
                subject, text = letter(track, one)
                self.stdout.write(f"\nTo {one.registration.team}\nSubject: {subject}\n\n{text}")

    def _measure(self, challenge: Challenge) -> None:
        rows = Submission.objects.filter(
            registration__challenge=challenge, state=Submission.State.ACCEPTED, weight_facts=None
        )
        counted = 0
        for submission in rows.select_related("artifact"):
            if not weight_files(submission):
                continue
            try:
                checks.restore(submission)
                counted += measure(submission) is not None
            except (SandboxError, FileNotFoundError, ProblemsFound) as error:
                self.stderr.write(f"{submission}: {error}")
        self.stdout.write(f"The weights of {counted} submissions were counted.")
