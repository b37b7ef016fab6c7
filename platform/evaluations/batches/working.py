"""The work on a batch: started by its organizers, taken up step by step by workers, resumed by the sweeper."""

from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet

from accounts.models import User
from config.queue import enqueue
from evaluations import clock
from evaluations.batch_models import Batch, BatchItem
from evaluations.batches import asking, listing, rescoring
from evaluations.batches.states import move, refused, require_organizer
from evaluators import __version__

State = Batch.State
Item = BatchItem.State
# Items that are scored at the same time: a batch leaves workers to what people hand in.
SIDE_BY_SIDE = 2
PREVIEW = "leaderboards.preview_batch"
BLOCKING = (Item.WAITING, Item.ASKED, Item.ERRORED, Item.DIFFERS)


def start(*, batch: Batch, user: User) -> None:
    """Let workers begin; of one that is under way, try again what failed through us. Raises ProblemsFound."""
    require_organizer(user, batch.challenge)
    with transaction.atomic():
        if batch.state == State.DRAFT:
            rescore = batch.kind == Batch.Kind.RESCORE
            Batch.objects.filter(pk=batch.pk).update(evaluator=__version__ if rescore else "")
            move(batch, State.RUNNING, by=user, reason="started")
        elif batch.state == State.RUNNING:
            batch.items.filter(state=Item.ERRORED, own_run__isnull=True).update(
                state=Item.WAITING, note="", claimed_until=None
            )
        else:
            raise refused(f"a batch that is {batch.state} can't be started")
        _wake(batch, times=SIDE_BY_SIDE)


def carry_on(batch_id: int) -> None:
    """Do the next step of a batch that is running; safe to run at any time, and by several workers at once."""
    batch = Batch.objects.select_related("challenge", "suite_version__suite", "replaces").get(pk=batch_id)
    if batch.state != State.RUNNING:
        return
    Batch.objects.filter(pk=batch.pk).update(touched_at=clock.now())
    listing.list_items(batch)
    more = rescoring.score_next(batch) if batch.kind == Batch.Kind.RESCORE else asking.plan_some(batch)
    if more:
        enqueue("evaluations.batch", batch.pk)
    else:
        _ready(batch)


def _ready(batch: Batch) -> None:
    """The batch is ready once each of its items has come to its end."""
    with transaction.atomic():
        current = Batch.objects.select_for_update().get(pk=batch.pk)
        if current.state != State.RUNNING or current.items.filter(state__in=BLOCKING).exists():
            return
        move(current, State.READY)
        # What was previewed before all of it was scored is not what would be applied.
        Batch.objects.filter(pk=batch.pk).update(preview_digest="", previewed_at=None)
        enqueue(PREVIEW, batch.pk)


def go_on(*, batch: Batch) -> bool:
    """Take up again a batch that is ready where entries were scored since; says whether there are any."""
    with transaction.atomic():
        current = Batch.objects.select_for_update().get(pk=batch.pk)
        if current.state != State.READY or not listing.unlisted(current):
            return False
        move(current, State.RUNNING, reason="entries were scored meanwhile")
        _wake(current, times=1)
    return True


def blocking(batch: Batch) -> QuerySet[BatchItem]:
    """What keeps the batch from being applied."""
    return batch.items.filter(state__in=BLOCKING)


def resume() -> int:
    """Wake what a dead worker or a lost message left undone, for the sweeper; returns how many batches."""
    since = clock.now() - timedelta(seconds=max(settings.STALE_SECONDS, settings.SWEEP_SECONDS))
    stale = Batch.objects.filter(touched_at__lt=since)
    unseen = list(stale.filter(state=State.READY, preview_digest="").values_list("pk", flat=True))
    for pk in unseen:
        enqueue(PREVIEW, pk)
    woken = len(unseen)
    for batch in stale.filter(state=State.RUNNING):
        claimed = batch.items.filter(state=Item.WAITING, claimed_until__gt=clock.now()).count()
        # A step that takes long is no step that was lost.
        undone = batch.items.filter(state=Item.WAITING).count() > claimed or not blocking(batch).exists()
        if undone and claimed < SIDE_BY_SIDE:
            _wake(batch, times=1)
            woken += 1
    return woken


def _wake(batch: Batch, *, times: int) -> None:
    for _ in range(times):
        enqueue("evaluations.batch", batch.pk)
