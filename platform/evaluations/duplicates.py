"""Duplicates between teams: the same prediction file, answers to a suite, weights, or scores."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from evaluations import answers, selectors
from evaluations.checkpoints import ALL, MAIN
from evaluations.models import Evaluation, Flag, Run
from evaluations.score_lines import newest
from evaluators.tasks.interface import ItemScore
from submissions.models import Submission

# Models that were trained apart differ in more than one answer of two hundred.
SHARE = 0.995
# Agreeing where both are right is no wonder; so many common errors are one.
LEAST_ERRORS = 20
LEAST_NUMBERS = 20
DIGITS = 6
# Scores that agree in so many suites to the last digit.
LEAST_SUITES = 2
# Others' answers that are read for one suite, the newest first.
MOST_COMPARED = 300
WEIGHTS = ".safetensors"


@dataclass(frozen=True)
class Agreement:
    """Two sets of answers to the same items; `errors` are those that both have wrong, in the same way."""

    items: int
    same: int
    errors: int

    @property
    def suspicious(self) -> bool:
        """Whether two models that have nothing to do with each other would hardly agree so."""
        return self.items > 0 and self.same >= SHARE * self.items and self.errors >= LEAST_ERRORS


@dataclass(frozen=True)
class Found:
    """A flag to raise."""

    kind: str
    other: Submission
    numbers: Mapping[str, Any]
    subject: str = ""


def agreement(one: Sequence[ItemScore], other: Sequence[ItemScore]) -> Agreement:
    """How far two sets of answers agree; of numbers, each that is equal to six digits counts as a common error.

    Numbers are never right or wrong, and nobody computes another's by chance.
    """
    theirs = {item.item_id: item for item in other}
    pairs = [(item, theirs[item.item_id]) for item in one if item.item_id in theirs]
    if any(item.values is not None for item, _ in pairs):
        numbers = [two for item, their in pairs for two in zip(item.values or (), their.values or (), strict=False)]
        same = sum(f"{a:.{DIGITS}g}" == f"{b:.{DIGITS}g}" for a, b in numbers)
        return Agreement(len(numbers), same, same if len(numbers) >= LEAST_NUMBERS else 0)
    alike = [item for item, their in pairs if item.response and item.response == their.response]
    return Agreement(len(pairs), len(alike), sum(item.score <= 0 for item in alike))


def duplicates_of(run: Run) -> Iterator[Found]:
    """What the run's submission has in common with submissions of other teams of the challenge."""
    submission = run.entry.submission
    others = list(
        Submission.objects.filter(
            registration__challenge=submission.registration.challenge_id, state=Submission.State.ACCEPTED
        ).exclude(registration__team=submission.registration.team_id)
    )
    yield from _same_files(submission, others)
    yield from _same_answers(run)
    yield from _same_scores(run)


def _same_files(submission: Submission, others: Sequence[Submission]) -> Iterator[Found]:
    weights, predictions = _digests(submission, WEIGHTS), _prediction_digest(submission)
    for other in others:
        common = weights.keys() & _digests(other, WEIGHTS).keys()
        if common:
            size = sum(weights[digest] for digest in common)
            numbers = {"files": len(common), "bytes": size, "of_bytes": sum(weights.values())}
            yield Found(Flag.Kind.SAME_WEIGHTS, other, numbers)
        if predictions and predictions == _prediction_digest(other):
            yield Found(Flag.Kind.SAME_PREDICTIONS, other, {"sha256": predictions})


def _digests(submission: Submission, end: str) -> dict[str, int]:
    """The sizes of the submission's files with this ending, by their digests."""
    return {file["sha256"]: int(file["size"]) for file in submission.files if str(file["path"]).endswith(end)}


def _prediction_digest(submission: Submission) -> str:
    name = (submission.manifest.get("predictions") or {}).get("file")
    return next((str(file["sha256"]) for file in submission.files if file["path"] == name), "")


def _same_answers(run: Run) -> Iterator[Found]:
    sets = run.response_sets.filter(complete=True, checkpoint__in=(MAIN, ALL), train_seed=0)
    for mine in sets.select_related("suite_version__suite", "submission__registration"):
        evaluation = newest(mine)
        if evaluation is None or not evaluation.items_name:
            continue
        rows = answers.item_rows(evaluation)
        theirs = (
            Evaluation.objects.counting()
            .filter(
                response_set__suite_version=mine.suite_version_id, response_set__selection=mine.selection,
                response_set__checkpoint=mine.checkpoint, response_set__train_seed=0, evaluator=evaluation.evaluator,
                response_set__submission__registration__challenge=mine.submission.registration.challenge_id,
            )
            .exclude(response_set__submission__registration__team=mine.submission.registration.team_id)
            .exclude(items_name="")
            .select_related("response_set__submission")
            .order_by("-pk")
        )  # fmt: skip
        for other in theirs[:MOST_COMPARED]:
            found = agreement(rows, answers.item_rows(other))
            if found.suspicious:
                name = str(mine.suite_version)
                yield Found(Flag.Kind.SAME_ANSWERS, other.response_set.submission, asdict(found), subject=name)


def _same_scores(run: Run) -> Iterator[Found]:
    rows = selectors.scored_entries(run.phase)
    mine = next((row for row in rows if row.run_id == run.pk), None)
    if mine is None:
        return
    for row in rows:
        common = mine.scores.keys() & row.scores.keys()
        pairs = [(mine.scores[suite].value, row.scores[suite].value) for suite in common]
        told = [(a, b) for a, b in pairs if a is not None and b is not None]
        if row.team_id != mine.team_id and len(told) >= LEAST_SUITES and all(a == b for a, b in told):
            numbers = {"suites": len(told), "phase": run.phase.key}
            yield Found(Flag.Kind.SAME_SCORES, Submission.objects.get(pk=row.submission_id), numbers)
