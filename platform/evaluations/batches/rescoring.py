"""Scoring stored answers anew in the trusted scorer, one set at a time, beside the scores that count."""

import logging
from collections.abc import Sequence
from datetime import timedelta

from django.conf import settings
from django.db.models import Q, QuerySet

from evaluations import answers, clock, scorer, scoring
from evaluations.batch_models import Batch, BatchItem
from evaluations.faults import OURS, ParticipantFault
from evaluations.models import Evaluation, ResponseSet, Run
from evaluations.score_lines import newest
from evaluations.scorer import TooCostly
from evaluators import __version__
from evaluators.protocol.problems import ProblemsFound
from evaluators.scoring import Scored
from evaluators.tasks.interface import ItemScore
from submissions import engine

logger = logging.getLogger(__name__)
State = BatchItem.State
# An item stays with the worker that took it so much longer than the scorer may take: sealing takes time too.
SPARE_SECONDS = 120
FAULTS: tuple[type[Exception], ...] = (ProblemsFound, TooCostly, ParticipantFault, *OURS)


def score_next(batch: Batch) -> bool:
    """Score the next set that nobody works on; says whether more wait. A worker that dies leaves it to the next.

    A worker that has another version of the evaluators than the batch was started with leaves it to others.
    """
    if batch.evaluator != __version__:
        logger.warning("Batch %s is by evaluator %s; here is %s.", batch.pk, batch.evaluator, __version__)
        return False
    item = _claim(batch)
    if item is not None:
        _score(batch, item)
    return _free(batch).exists()


def _free(batch: Batch) -> QuerySet[BatchItem]:
    unclaimed = Q(claimed_until__isnull=True) | Q(claimed_until__lte=clock.now())
    return batch.items.filter(unclaimed, state=State.WAITING).order_by("pk")


def _claim(batch: Batch) -> BatchItem | None:
    """Take an item by compare and set."""
    until = clock.now() + timedelta(seconds=settings.SCORING_SECONDS + SPARE_SECONDS)
    while item := _free(batch).first():
        mine = BatchItem.objects.filter(pk=item.pk, state=State.WAITING, claimed_until=item.claimed_until)
        if mine.update(claimed_until=until):
            return BatchItem.objects.select_related(
                "response_set__submission", "response_set__suite_version__suite"
            ).get(pk=item.pk)
    return None


def _score(batch: Batch, item: BatchItem) -> None:
    response_set = item.response_set
    before = newest(response_set) if response_set is not None else None
    if response_set is None or before is None:
        _end(item, State.ERRORED, "it has no score that counts")
        return
    try:
        scored = _scored(batch, response_set)
    except FAULTS as error:
        # What was scored before can be scored: whatever this is, organizers look before anything is applied.
        logger.warning("Batch %s could not score %s.", batch.pk, response_set, exc_info=True)
        _end(item, State.ERRORED, str(error))
        return
    same = answers.current_evaluation(response_set)
    if same is not None and _identical(same, scored):
        _end(item, State.IDENTICAL)
        return
    draft = answers.record_draft(response_set, scored, batch=batch, provenance=before.provenance)
    if same is None:
        _end(item, State.DONE, evaluation=draft)
    else:
        _end(item, State.DIFFERS, _difference(same, draft), evaluation=draft)


def _scored(batch: Batch, response_set: ResponseSet) -> Scored:
    reason = f"re-scoring in batch {batch.pk}"
    if response_set.sealed_name:
        return answers.scored(response_set, scoring.stored(response_set), reason=reason, within=scorer.bounded)
    submission = response_set.submission
    handed = scoring.read_predictions(
        submission, sandbox=engine.sandbox(), labels=engine.labels(submission=str(submission.pk))
    )
    run = response_set.runs.filter(purpose=Run.Purpose.PHASE).select_related("entry__track").earliest("created_at")
    return handed.scored(response_set, run.entry.track, reason=reason, check=lambda: None)


def _identical(before: Evaluation, now: Scored) -> bool:
    """Whether the same version of the evaluators gave the same scores again, each item's included."""
    if before.document != answers.told_as(now.document):
        return False
    return not before.items_name or _numbers(answers.item_rows(before)) == _numbers(now.items)


def _numbers(items: Sequence[ItemScore]) -> list[tuple[str, str]]:
    """Each item's score as text: what is no number equals itself so."""
    return [(item.item_id, repr(float(item.score))) for item in items]


def _difference(before: Evaluation, now: Evaluation) -> str:
    metric = now.response_set.suite_version.manifest["metric"]
    was, is_now = (one.document.get("metrics", {}).get(metric, {}).get("value") for one in (before, now))
    return f"evaluator {now.evaluator} gave {was} and now gives {is_now}: a version must change when scores do"


def _end(item: BatchItem, state: str, note: str = "", *, evaluation: Evaluation | None = None) -> None:
    BatchItem.objects.filter(pk=item.pk, state=State.WAITING).update(
        state=state, note=note[:300], evaluation=evaluation, claimed_until=None
    )
