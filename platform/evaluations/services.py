"""What people do to runs: plan, withdraw, cancel, queue again."""

from django.db import transaction

from accounts.models import User
from challenges.models import Phase
from config.queue import enqueue
from evaluations import clock, spotchecks, states
from evaluations.batch_models import BatchItem
from evaluations.batches import endings
from evaluations.models import Attempt, Event, Run
from evaluations.planning import image_of, plan
from submissions import quota
from submissions.models import Entry, QuotaCharge, Submission
from submissions.services import set_status

__all__ = ["cancel", "image_of", "phases_to_enter", "plan", "requeue", "withdraw"]


def cancel(run: Run) -> bool:
    """Stop the run; its worker notices within a second or so and kills the container. False where it has ended already.

    A rehearsal, and a run that no worker had begun, gives its quota back; one that has seen the data stays charged.
    """
    with transaction.atomic():
        run = Run.objects.select_for_update().select_related("entry__submission", "phase").get(pk=run.pk)
        if run.state not in states.HELD | {Run.State.QUEUED}:
            return False
        states.move(run, Run.State.CANCELLED)
        Attempt.objects.filter(run=run, state=Attempt.State.LIVE).update(
            state=Attempt.State.ENDED, ended_at=clock.now()
        )
        if run.purpose == Run.Purpose.SPOT_CHECK:
            spotchecks.given_up(run)
        elif run.purpose == Run.Purpose.BATCH:
            endings.ended(run, BatchItem.State.DROPPED, note="cancelled")
        elif run.purpose == Run.Purpose.REHEARSAL:
            quota.release(entry=run.entry, phase=run.phase, reason="withdrawn while it rehearsed")
        elif run.attempts.exists():
            quota.finish(entry=run.entry, phase=run.phase)
        else:
            quota.release(entry=run.entry, phase=run.phase, reason="withdrawn before it ran")
    return True


def withdraw(*, submission: Submission, user: User) -> None:
    """Take the submission out of every track: its entries are withdrawn and what still runs is stopped."""
    with transaction.atomic():
        # Nothing is planned for the team meanwhile.
        quota.lock(submission.registration)
        for entry in submission.entries.select_related("track"):
            if entry.status not in (Entry.Status.WITHDRAWN, Entry.Status.DISQUALIFIED):
                set_status(entry=entry, status=Entry.Status.WITHDRAWN, reason="withdrawn by the team", user=user)
        under_way = Run.objects.filter(entry__submission=submission).exclude(state__in=states.FINISHED)
        # A rehearsal that passes while it is being cancelled leaves a new run behind: look again until none is left.
        while runs := list(under_way.all()):
            for run in runs:
                cancel(run)
        planned = Run.objects.filter(entry__submission=submission)
        charges = QuotaCharge.objects.filter(entry__submission=submission, active=True)
        for charge in charges.select_related("entry", "phase"):
            if not planned.filter(entry=charge.entry, phase=charge.phase).exists():
                quota.release(entry=charge.entry, phase=charge.phase, reason="withdrawn before it ran")
        Event.objects.create(submission=submission, kind="withdrawn", detail={"by": user.pk})


def requeue(run: Run) -> None:
    """Queue a run again that ended through a fault of ours, and charge it again; raises MoveRefused for any other."""
    with transaction.atomic():
        run = Run.objects.select_related("entry__submission__registration", "phase").get(pk=run.pk)
        quota.lock(run.entry.submission.registration)
        states.move(run, Run.State.QUEUED)
        run.detail = {"attempts_before": run.attempts.count()}
        run.save(update_fields=["detail"])
        if run.purpose == Run.Purpose.SPOT_CHECK:
            spotchecks.go_on(run)
        elif run.purpose == Run.Purpose.BATCH:
            endings.asked_again(run)
        else:
            quota.charge_again(entry=run.entry, phase=run.phase, reason="queued again by an organizer")
        enqueue("evaluations.run", str(run.pk), queue=run.queue)


def phases_to_enter(submission: Submission) -> list[tuple[Entry, Phase]]:
    """The phases, open now, that an entry of the submission could go on to."""
    if submission.state != Submission.State.ACCEPTED:
        return []
    entries = submission.entries.exclude(status__in=[Entry.Status.WITHDRAWN, Entry.Status.DISQUALIFIED])
    charged = set(QuotaCharge.objects.filter(entry__submission=submission).values_list("entry_id", "phase_id"))
    now = clock.now()
    return [
        (entry, phase)
        for entry in entries.select_related("track").prefetch_related("track__phases")
        for phase in entry.track.phases.all()
        if phase.opens <= now < phase.closes and (entry.pk, phase.pk) not in charged
    ]
