"""What the end of a run means for its entry: the quota, the leaderboard, and what comes next.

Each function is called inside the transaction that moved the run, so that no end is without its consequences.
"""

from config.queue import enqueue
from evaluations import planning
from evaluations.models import Run
from submissions import quota


def done(run: Run) -> None:
    """The run has scores: a rehearsal goes on to the phase's data, which is charged from now on."""
    if run.purpose == Run.Purpose.REHEARSAL:
        planning.go_on(run)
        return
    quota.finish(entry=run.entry, phase=run.phase)
    enqueue("leaderboards.refresh", run.phase_id)


def failed(run: Run) -> None:
    """The run failed through the participant's fault; a rehearsal costs nothing, since no hidden data was touched."""
    if run.purpose == Run.Purpose.REHEARSAL:
        quota.release(entry=run.entry, phase=run.phase, reason=f"the rehearsal failed ({run.code})")
    else:
        quota.finish(entry=run.entry, phase=run.phase)


def errored(run: Run) -> None:
    """The run failed through a fault of ours, for good."""
    quota.release(entry=run.entry, phase=run.phase, reason="an error of the platform")
