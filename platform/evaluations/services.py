"""Planning runs, and what people do to them: withdraw, cancel, queue again."""

import secrets

from django.db import IntegrityError, transaction

from accounts.models import User
from challenges.models import Phase
from config.queue import enqueue
from evaluations import clock, states
from evaluations.answers import key_of
from evaluations.models import Attempt, Event, ResponseSet, Run, RunResponseSet
from submissions import quota
from submissions.engine import sandbox
from submissions.models import Entry, QuotaCharge, Submission
from submissions.services import set_status
from suites.models import PhaseSuite


def plan(submission: Submission) -> list[Run]:
    """Create the runs that the submission's charges ask for and queue them; what is planned already stays as it is.

    Raises ImageMissing, SandboxUnavailable where the track's image is not on this host; then nothing has changed.
    """
    if submission.state != Submission.State.ACCEPTED:
        return []
    charges = (
        QuotaCharge.objects.filter(entry__submission=submission, state=QuotaCharge.State.SETTLED, active=True)
        .exclude(entry__status__in=[Entry.Status.WITHDRAWN, Entry.Status.DISQUALIFIED])
        .select_related("entry__track", "phase__track", "registration")
        .order_by("created_at", "pk")
    )
    runs = []
    for charge in charges:
        if Run.objects.filter(entry=charge.entry, phase=charge.phase, purpose=Run.Purpose.PHASE).exists():
            continue
        try:
            runs.append(_plan_run(submission, charge))
        except IntegrityError:
            # Two plans of one submission ran at once; the constraint let one of them write the run.
            continue
    return runs


def _plan_run(submission: Submission, charge: QuotaCharge) -> Run:
    track = charge.phase.track
    image_id = "" if submission.kind == "predictions" else image_of(track.image)
    with transaction.atomic():
        run = Run.objects.create(
            entry=charge.entry, phase=charge.phase, purpose=Run.Purpose.PHASE, queue=track.hardware, image_id=image_id
        )
        phase_suites = charge.phase.phase_suites.select_related("suite_version__suite").order_by("position", "pk")
        for position, phase_suite in enumerate(phase_suites):
            RunResponseSet.objects.create(
                run=run, response_set=_response_set(submission, phase_suite, image_id), position=position
            )
        Event.objects.create(submission=submission, run=run, kind="run", new=run.state)
        enqueue("evaluations.run", str(run.pk), queue=run.queue)
    return run


def image_of(image: str) -> str:
    """The id of a track's image, `name` or `name@sha256:…`; raises ImageMissing."""
    name, _, digest = image.partition("@")
    return digest or sandbox().image_id(name)


def _response_set(submission: Submission, phase_suite: PhaseSuite, image_id: str) -> ResponseSet:
    """The set of answers to this suite: the one that is there, or a new one with a draw of its own."""
    key = key_of(
        registration_id=submission.registration_id,
        digest=submission.digest,
        phase_suite=phase_suite,
        image_id=image_id,
        backend=(submission.manifest.get("model") or {}).get("backend", submission.kind),
    )
    response_set, _ = ResponseSet.objects.get_or_create(
        key=key,
        defaults={
            "submission": submission,
            "suite_version": phase_suite.suite_version,
            "selection": phase_suite.selection,
            "splits": phase_suite.splits,
            "sample": phase_suite.sample,
            "image_id": image_id,
            "draw_key": secrets.token_bytes(32),
        },
    )
    return response_set


def cancel(run: Run) -> bool:
    """Stop the run; its worker notices within a second or so and kills the container. False where it has ended already.

    A run that no worker had begun gives its quota back; one that has seen the data stays charged.
    """
    with transaction.atomic():
        run = Run.objects.select_for_update().select_related("entry__submission", "phase").get(pk=run.pk)
        if run.state not in states.HELD | {Run.State.QUEUED}:
            return False
        states.move(run, Run.State.CANCELLED)
        Attempt.objects.filter(run=run, state=Attempt.State.LIVE).update(
            state=Attempt.State.ENDED, ended_at=clock.now()
        )
        if run.attempts.exists():
            quota.finish(entry=run.entry, phase=run.phase)
        else:
            quota.release(entry=run.entry, phase=run.phase, reason="withdrawn before it ran")
    return True


def withdraw(*, submission: Submission, user: User) -> None:
    """Take the submission out of every track: its entries are withdrawn and what still runs is stopped."""
    with transaction.atomic():
        for entry in submission.entries.select_related("track"):
            if entry.status not in (Entry.Status.WITHDRAWN, Entry.Status.DISQUALIFIED):
                set_status(entry=entry, status=Entry.Status.WITHDRAWN, reason="withdrawn by the team", user=user)
        for run in Run.objects.filter(entry__submission=submission).exclude(state__in=states.FINISHED):
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
        run = Run.objects.select_related("entry__submission", "phase").get(pk=run.pk)
        states.move(run, Run.State.QUEUED)
        run.detail = {"attempts_before": run.attempts.count()}
        run.save(update_fields=["detail"])
        QuotaCharge.objects.filter(entry=run.entry, phase=run.phase).update(
            state=QuotaCharge.State.SETTLED, active=True, reason=""
        )
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
