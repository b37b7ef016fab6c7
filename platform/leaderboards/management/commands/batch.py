"""`manage.py batch`: change scores that stand, with a reason and a look at what changes first."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.models import User
from challenges.models import Challenge, Phase
from evaluations.batch_models import Batch
from evaluations.batches import applying, opening, working
from evaluations.batches.opening import Ask
from evaluators.protocol.problems import ProblemsFound
from leaderboards import batch_lines, previews
from suites.models import PhaseSuite, SuiteVersion


class Command(BaseCommand):
    """Re-scores, added suites and new suite versions."""

    help = "Re-score stored answers, add a suite that arrives late, ask a new version of one; preview, apply, discard."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the subcommands."""
        commands = parser.add_subparsers(dest="action", required=True)
        self._opening(commands.add_parser("rescore", help="score stored answers by the evaluator that is installed"))
        add = self._opening(commands.add_parser("add-suite", help="ask a further suite of what was handed in"))
        add.add_argument("suite", metavar="SUITE@VERSION")
        add.add_argument("--splits", default="", help="such as dev,private; all that hold items without it")
        add.add_argument("--sample", type=int, help="ask only a fixed stratified sample")
        add.add_argument("--checkpoints", choices=PhaseSuite.Checkpoints.values, default=PhaseSuite.Checkpoints.MAIN)
        add.add_argument("--weight", type=float, help="the suite's weight in the tracks' aggregates")
        new = self._opening(commands.add_parser("new-version", help="ask another version of a suite in its place"))
        new.add_argument("suite", metavar="SUITE@VERSION")
        for name, what in (("start", "begin, or try again what failed through us"), ("preview", "what would change"),
                           ("apply", "let it count"), ("discard", "throw it away")):  # fmt: skip
            one = commands.add_parser(name, help=what)
            one.add_argument("batch", type=int)
            if name != "preview":
                one.add_argument("--user", required=True, metavar="EMAIL", help="an organizer: who answers for it")
            if name == "apply":
                one.add_argument("--digest", default="", help="of the preview that was looked at; else the last one")
            if name == "discard":
                one.add_argument("--reason", required=True)
            one.add_argument("--json", action="store_true", help="print one JSON object")
        shown = commands.add_parser("list", help="the batches there are")
        shown.add_argument("challenge", nargs="?")
        shown.add_argument("--json", action="store_true", help="print one JSON object")

    def _opening(self, parser: CommandParser) -> CommandParser:
        parser.add_argument("challenge", help="its key")
        parser.add_argument("--phase", action="append", default=[], metavar="TRACK/PHASE", help="may stand repeatedly")
        parser.add_argument("--user", required=True, metavar="EMAIL", help="an organizer: who answers for it")
        parser.add_argument("--reason", required=True, help="why scores are to change")
        parser.add_argument("--start", action="store_true", help="begin at once; else look at the cost first")
        parser.add_argument("--json", action="store_true", help="print one JSON object")
        return parser

    def handle(self, *, action: str, **options: Any) -> None:
        """Run one of them; a refusal is one sentence."""
        try:
            if action == "list":
                self._list(options)
            elif action in ("rescore", "add-suite", "new-version"):
                self._open(action, options)
            else:
                self._do(action, options)
        except ProblemsFound as error:
            raise CommandError(str(error)) from error

    def _open(self, action: str, options: dict[str, Any]) -> None:
        try:
            challenge = Challenge.objects.get(key=options["challenge"])
        except Challenge.DoesNotExist as error:
            raise CommandError(f"There is no challenge {options['challenge']!r}.") from error
        phases = [_phase(challenge, name) for name in options["phase"]]
        user, reason = _user(options["user"]), options["reason"]
        if action == "rescore":
            batch = opening.open_rescore(challenge=challenge, phases=phases, user=user, reason=reason)
        elif action == "new-version":
            version = _version(options["suite"])
            batch = opening.new_version(
                challenge=challenge, phases=phases, version=version, user=user, reason=reason
            )  # fmt: skip
        else:
            if not phases:
                raise CommandError("Name the phases that are to ask the suite: --phase TRACK/PHASE.")
            splits = tuple(filter(None, options["splits"].split(",")))
            ask = Ask(splits, options["sample"], options["checkpoints"], options["weight"])
            batch = opening.add_suite(
                phases=phases, version=_version(options["suite"]), user=user, reason=reason, ask=ask
            )
        if options["start"]:
            working.start(batch=batch, user=user)
        self._print(batch, options["json"])
        if not options["start"] and not options["json"]:
            self.stdout.write(f"Nothing runs yet. Begin: manage.py batch start {batch.pk} --user {user.email}")

    def _do(self, action: str, options: dict[str, Any]) -> None:
        batch = _batch(options["batch"])
        if action == "preview":
            previews.store(batch=batch)
        elif action == "start":
            working.start(batch=batch, user=_user(options["user"]))
        elif action == "apply":
            digest = options["digest"] or batch.preview_digest
            previews.apply(batch=batch, user=_user(options["user"]), digest=digest)
        else:
            applying.discard(batch=batch, user=_user(options["user"]), reason=options["reason"])
        batch.refresh_from_db()
        self._print(batch, options["json"])
        if action == "preview" and not options["json"]:
            for one in batch.batch_phases.all():
                self.stdout.write("\n".join(batch_lines.preview_lines(one.preview)))
            self.stdout.write(f"digest {batch.preview_digest}")

    def _list(self, options: dict[str, Any]) -> None:
        batches = Batch.objects.select_related("challenge", "created_by", "suite_version__suite", "replaces__suite")
        if options["challenge"]:
            batches = batches.filter(challenge__key=options["challenge"])
        if options["json"]:
            self.stdout.write(json.dumps({"batches": [batch_lines.document(batch) for batch in batches]}))
            return
        for batch in batches:
            self._print(batch, False)

    def _print(self, batch: Batch, as_json: bool) -> None:
        if as_json:
            self.stdout.write(json.dumps(batch_lines.document(batch)))
        else:
            self.stdout.write("\n".join(batch_lines.lines(batch)))


def _phase(challenge: Challenge, name: str) -> Phase:
    track, _, phase = name.partition("/")
    found = Phase.objects.filter(track__challenge=challenge, track__key=track, key=phase)
    one = found.select_related("track__challenge").first()
    if one is None:
        raise CommandError(f"{challenge.key} has no phase {name!r}; name it as TRACK/PHASE.")
    return one


def _version(name: str) -> SuiteVersion:
    key, _, version = name.partition("@")
    one = SuiteVersion.objects.filter(suite__key=key, version=version).select_related("suite").first()
    if one is None:
        raise CommandError(f"There is no suite {name!r}; name it as SUITE@VERSION.")
    return one


def _user(email: str) -> User:
    try:
        return User.objects.get(email=email.lower())
    except User.DoesNotExist as error:
        raise CommandError(f"Nobody has an account with {email}.") from error


def _batch(pk: int) -> Batch:
    try:
        return Batch.objects.select_related("challenge", "suite_version__suite", "replaces__suite").get(pk=pk)
    except Batch.DoesNotExist as error:
        raise CommandError(f"There is no batch {pk}.") from error
