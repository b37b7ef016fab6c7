"""What the end of a run means for its entry: the quota, the leaderboard, and what comes next.

Each function is called inside the transaction that moved the run, so that no end is without its consequences.
"""

from collections.abc import Mapping

from config.queue import enqueue
from evaluations import planning, spotchecks
from evaluations.batch_models import BatchItem
from evaluations.batches import endings
from evaluations.models import Run
from evaluators.spotcheck import Comparison
from submissions import quota


def done(run: Run, compared: Mapping[int, Comparison] | None = None) -> None:
    """The run has scores: a rehearsal goes on to the phase's data, which is charged from now on.

    `compared` is what a spot-check found.
    """
    if run.purpose == Run.Purpose.SPOT_CHECK:
        spotchecks.settle(run, compared or {})
        return
    if run.purpose == Run.Purpose.REHEARSAL:
        planning.go_on(run)
        return
    if run.purpose == Run.Purpose.BATCH:
        endings.ended(run, BatchItem.State.DONE)
        return
    quota.finish(entry=run.entry, phase=run.phase)
    enqueue("leaderboards.refresh_runs", run.phase_id, str(run.pk))
    enqueue("evaluations.review", str(run.pk))


def failed(run: Run) -> None:
    """The run failed through the participant's fault; a rehearsal costs nothing, since no hidden data was touched."""
    if run.purpose == Run.Purpose.SPOT_CHECK:
        spotchecks.failed(run)
        return
    if run.purpose == Run.Purpose.BATCH:
        endings.ended(run, BatchItem.State.FAILED, note=run.code)
        return
    if run.purpose == Run.Purpose.REHEARSAL:
        quota.release(entry=run.entry, phase=run.phase, reason=f"the rehearsal failed ({run.code})")
    else:
        quota.finish(entry=run.entry, phase=run.phase)
        enqueue("leaderboards.refresh_runs", run.phase_id)


def errored(run: Run) -> None:
    """The run failed through a fault of ours, for good."""
    if run.purpose == Run.Purpose.SPOT_CHECK:
        spotchecks.given_up(run)
        return
    if run.purpose == Run.Purpose.BATCH:
        endings.ended(run, BatchItem.State.ERRORED, note=str(run.detail.get("reason", "")))
        return
    quota.release(entry=run.entry, phase=run.phase, reason="an error of the platform")
