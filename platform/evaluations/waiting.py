"""What waits for too long with nobody working on it: its team is told why, and its organizers are told at all."""

import logging
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef

from evaluations import clock, selectors
from evaluations.alerts import tell_organizers
from evaluations.models import Attempt, Event, Run
from submissions.models import QuotaCharge, Submission
from submissions.selectors import stale_received

logger = logging.getLogger(__name__)

KIND = "waiting"
GRACE = timedelta(minutes=1)
NO_CHECK = "check"
NO_PLAN = "plan"
NO_WORKER = "worker"
FOR_CHECK, FOR_PLAN = "waiting for the check", "waiting to be queued"
TEXTS = {FOR_CHECK: NO_CHECK, FOR_PLAN: NO_PLAN}
REASONS = {
    NO_CHECK: "The check could not be done yet: no worker is there, or its engine is away.",
    NO_PLAN: "The runs could not be planned yet: most often the track's image is on no worker.",
    NO_WORKER: "Nobody works on the queue that the run waits in.",
}


def tell_late() -> int:
    """Tell of everything that has waited for PROCTOR_WAIT_MINUTES; returns how many are told of for the first time."""
    age = timedelta(minutes=settings.WAIT_MINUTES)
    told = sum(tell(submission, NO_CHECK) for submission in stale_received(older_than=age)[:100])
    # Where a worker is there to plan, it knows the reason, and says it first.
    for charge in _unplanned(age + GRACE):
        told += tell(charge.entry.submission, NO_PLAN)
    for run in _idle(age):
        told += tell(run.entry.submission, NO_WORKER, run=run)
    return told


def plan_failed(submission: Submission, error: Exception) -> None:
    """The runs can't be planned now; that is tried again, and told of once it has lasted."""
    logger.warning("The runs of submission %s are not planned yet: %s", submission.pk, error)
    age = timedelta(minutes=settings.WAIT_MINUTES)
    if any(charge.entry.submission == submission for charge in _unplanned(age)):
        tell(submission, NO_PLAN, reason=str(error))


def _unplanned(age: timedelta) -> list[QuotaCharge]:
    charges = selectors.charges_without_run().filter(changed_at__lt=clock.now() - age)
    return list(charges.select_related("entry__submission__registration__challenge")[:100])


def _idle(age: timedelta) -> list[Run]:
    """Runs that wait in a queue where nothing was claimed for so long; those of a paused track wait for its pause."""
    since = clock.now() - age
    busy = Attempt.objects.filter(run__queue=OuterRef("queue"))
    live, lately = busy.filter(state=Attempt.State.LIVE), busy.filter(started_at__gte=since)
    waiting = selectors.waiting_runs(for_seconds=age.total_seconds()).filter(entry__track__paused_at__isnull=True)
    waiting = waiting.filter(~Exists(live), ~Exists(lately))
    return list(waiting.select_related("entry__submission__registration__challenge", "entry__track")[:100])


def told_of(submission: Submission) -> dict[tuple[str, str], str]:
    """What the submission (""), or a run of it by its id, was told to wait for, as fixed sentences. One query."""
    told = Event.objects.filter(submission=submission, kind=KIND, new__in=REASONS).values_list("run_id", "new")
    return {(str(run_id or ""), what): REASONS[what] for run_id, what in told}


def tell(submission: Submission, what: str, *, reason: str = "", run: Run | None = None) -> bool:
    """Tell once that this submission, or one run of it, waits for something that is ours to mend."""
    reason = reason or REASONS[what]
    challenge = submission.registration.challenge
    with transaction.atomic():
        # The row is the lock: of several sweepers one tells.
        Submission.objects.select_for_update().get(pk=submission.pk)
        if Event.objects.filter(submission=submission, run=run, kind=KIND, new=what).exists():
            return False
        Event.objects.create(submission=submission, run=run, kind=KIND, new=what, detail={"reason": reason[:500]})
        subject = f"Proctor: {submission.name or 'a submission'} waits for the platform"
        tell_organizers(challenge, subject, f"Submission {submission.pk}: {reason}")
    return True
