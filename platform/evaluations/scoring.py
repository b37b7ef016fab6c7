"""Scoring what a run answered, and prediction files, in the scorer's own process."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings

from challenges.models import Track
from evaluations import answers, scorer
from evaluations.collection import most_bytes
from evaluations.faults import LastingFault, ParticipantFault
from evaluations.models import Evaluation, ResponseSet, Run
from evaluations.scorer import TooCostly
from evaluations.work import Work
from evaluators.predictions import unpacked_size
from evaluators.protocol.problems import ProblemsFound
from evaluators.protocol.submission import SubmissionManifest
from evaluators.scoring import Scored
from evaluators.tasks import TASKS
from sandbox.interface import Sandbox
from sandbox.limits import KiB
from submissions import checkpoint_rules, checks
from submissions.models import Submission
from suites import services as suites

# Answers that hold more than this for each item, on average, are themselves the reason why scoring them is costly.
HONEST_BYTES = KiB
# Types of requests whose answers are as long as what they are asked about.
LISTS_OF_NUMBERS = frozenset({"surprisal", "similarity"})


def score_sets(work: Work, sets: list[ResponseSet]) -> None:
    """Score the complete sets that have no score yet, and finish the run; raises ParticipantFault, LastingFault."""
    work.move(Run.State.SCORING)
    for response_set in sets:
        if answers.current_evaluation(response_set) is not None:
            continue
        try:
            answers.score(
                response_set,
                stored(response_set),
                reason=f"scoring run {work.run.pk}",
                within=lambda compute: scorer.bounded(compute, check=work.heart.check),
            )
        except ProblemsFound as found:
            if found.problems[0].code.startswith("E-OUT-"):
                raise ParticipantFault.of_problems(found) from found
            # The responses were checked: what the scorer refuses now is for the organizers to look at.
            raise LastingFault(f"The scorer refused valid responses: {found}") from found
        except TooCostly as costly:
            raise _cost(response_set, answers.size_of(response_set), "E-OUT-SIZE", costly) from costly
    work.finish()


def stored(response_set: ResponseSet) -> Iterator[Mapping[str, Any]]:
    """The sealed responses, opened by whoever goes through them: the scorer's process, under its bounds."""
    yield from answers.read(response_set)


def _cost(response_set: ResponseSet, size: int, code: str, costly: TooCostly) -> Exception:
    """Whose fault it is that scoring took too much: theirs where the answers are larger than any honest ones."""
    if size > _honest_bytes(response_set):
        return ParticipantFault(code, "The answers hold too much to be scored.")
    return LastingFault(f"Scoring {response_set} took too much: {costly}.")


def _honest_bytes(response_set: ResponseSet) -> int:
    """The most that honest answers take, those that are lists of numbers by how long they have to be."""
    version = response_set.suite_version
    least = HONEST_BYTES * max(1, version.items)
    task = TASKS.get(version.manifest.get("task", ""))
    if task is None or task.over_checkpoints or task.request_type not in LISTS_OF_NUMBERS:
        return least
    selection, key = answers.selection_of(response_set), bytes(response_set.draw_key)
    draw = suites.requests_for(version=version, selection=selection, draw_key=key)
    return max(least, sum(map(most_bytes, draw.requests)))


@dataclass(frozen=True)
class Handed:
    """A prediction file as it was handed in."""

    data: bytes
    format: str
    file: str

    def scored(self, response_set: ResponseSet, track: Track, *, reason: str, check: Callable[[], None]) -> Scored:
        """Score what it says of one suite, in the scorer's own process; raises ProblemsFound, TooCostly."""
        return suites.score_prediction_file(
            version=response_set.suite_version,
            selection=answers.selection_of(response_set),
            data=self.data,
            format=self.format,
            file=self.file,
            reason=reason,
            checkpoints=checkpoint_rules.expected(track),
            within=lambda compute: scorer.bounded(compute, check=check),
        )


def read_predictions(
    submission: Submission, *, sandbox: Sandbox, labels: Mapping[str, str], check: Callable[[], None] = lambda: None
) -> Handed:
    """Read the file out of the accepted hand-in; raises ParticipantFault, LastingFault, SandboxError."""
    part = SubmissionManifest.from_value(submission.manifest, file="submission.yaml").predictions
    if part is None:
        raise LastingFault("An accepted submission of kind predictions names no file.")
    volume = checks.restore(submission, check=check)
    most = settings.PREDICTIONS_MAX_BYTES
    try:
        data = sandbox.read_file(volume, part.file, max_bytes=most, labels=labels)
    except ValueError as error:
        raise ParticipantFault("E-PRED-SIZE", f"The prediction file is larger than {most:,} bytes.") from error
    return Handed(data, part.format, part.file)


def score_predictions(work: Work) -> None:
    """Score a prediction file directly: no container ever sees it but the intake's."""
    handed = read_predictions(work.submission, sandbox=work.sandbox, labels=work.labels, check=work.heart.check)
    work.move(Run.State.SCORING)
    for response_set in work.sets():
        if answers.current_evaluation(response_set) is not None:
            continue
        try:
            scored = handed.scored(
                response_set, work.run.entry.track, reason=f"scoring run {work.run.pk}", check=work.heart.check
            )
        except ProblemsFound as found:
            raise ParticipantFault.of_problems(found) from found
        except TooCostly as costly:
            raise _cost(response_set, unpacked_size(handed.data, file=handed.file), "E-PRED-SIZE", costly) from costly
        work.heart.check()
        answers.keep_predictions(response_set)
        answers.record(response_set, scored, provenance=Evaluation.Provenance.PREDICTIONS)
    work.finish()
