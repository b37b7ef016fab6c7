"""Which answers and entries a batch is about: found when it is opened, and again for what is scored meanwhile."""

from django.db.models import Exists, OuterRef, QuerySet

from challenges.models import Phase
from evaluations.batch_models import Batch, BatchItem
from evaluations.models import ResponseSet, Run
from submissions.models import Entry

GONE = (Entry.Status.WITHDRAWN, Entry.Status.DISQUALIFIED)
PREDICTIONS = "a prediction file answers nothing that it was not made for"
State = BatchItem.State


def phases_of(batch: Batch) -> QuerySet[Phase]:
    """The phases whose scores the batch may change."""
    return Phase.objects.filter(batch_phases__batch=batch).select_related("track__challenge").order_by("pk")


def list_items(batch: Batch) -> int:
    """Add an item for everything that is scored in the batch's phases and has none yet; returns how many.

    A re-score is of every complete set of answers, those of withdrawn entries too, since what is told of hidden data
    follows from them as well. A new suite is asked of every entry that is not out of its track.
    """
    if batch.kind == Batch.Kind.RESCORE:
        found = [BatchItem(batch=batch, response_set=one) for one in _unlisted_sets(batch)]
    else:
        found = [_item(batch, run) for run in _unlisted_runs(batch)]
    # Two workers may list at once; the constraint keeps one of each.
    BatchItem.objects.bulk_create(found, ignore_conflicts=True, batch_size=500)
    return len(found)


def unlisted(batch: Batch) -> int:
    """How much was scored in the batch's phases since its items were listed."""
    return (_unlisted_sets(batch) if batch.kind == Batch.Kind.RESCORE else _unlisted_runs(batch)).count()


def finished_runs(phases: QuerySet[Phase]) -> QuerySet[Run]:
    """The runs whose scores stand on the phases' leaderboards, or could."""
    return Run.objects.filter(phase__in=phases, purpose=Run.Purpose.PHASE, state=Run.State.DONE)


def _unlisted_sets(batch: Batch) -> QuerySet[ResponseSet]:
    listed = BatchItem.objects.filter(batch=batch, response_set=OuterRef("pk"))
    sets = ResponseSet.objects.filter(complete=True, runs__in=finished_runs(phases_of(batch)))
    return sets.filter(~Exists(listed)).distinct().order_by("pk")


def _unlisted_runs(batch: Batch) -> QuerySet[Run]:
    listed = BatchItem.objects.filter(batch=batch, run=OuterRef("pk"))
    runs = finished_runs(phases_of(batch)).filter(~Exists(listed)).exclude(entry__status__in=GONE)
    return runs.select_related("entry__submission").order_by("created_at", "pk")


def _item(batch: Batch, run: Run) -> BatchItem:
    unable = run.entry.submission.kind == "predictions" and batch.kind == Batch.Kind.ADD_SUITE
    return BatchItem(
        batch=batch, run=run, state=State.UNABLE if unable else State.WAITING, note=PREDICTIONS if unable else ""
    )
