"""What the end of a batch's own run means for the batch; called inside the transaction that ends the run."""

from config.queue import enqueue
from evaluations.batch_models import Batch, BatchItem
from evaluations.models import Run


def ended(run: Run, state: str, *, note: str = "") -> None:
    """The run asks nothing any more; where it was the last one, the batch is ready."""
    BatchItem.objects.filter(own_run=run).update(state=state, note=note[:300])
    _go_on(run)


def asked_again(run: Run) -> None:
    """An organizer queued the run again that had ended through a fault of ours."""
    BatchItem.objects.filter(own_run=run).update(state=BatchItem.State.ASKED, note="")


def _go_on(run: Run) -> None:
    for pk in Batch.objects.filter(items__own_run=run, state=Batch.State.RUNNING).values_list("pk", flat=True):
        enqueue("evaluations.batch", pk)
