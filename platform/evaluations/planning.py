"""Creating runs: the rehearsal where hidden data is asked, then the phase's own; safe to do twice at any point."""

import secrets
from collections.abc import Iterable, Sequence

from django.db import IntegrityError, transaction

from challenges.models import Phase, Track
from config.queue import enqueue
from evaluations import images, selectors
from evaluations.answers import key_of
from evaluations.checkpoints import Place, order_of, places
from evaluations.models import Event, ResponseSet, Run, RunResponseSet
from evaluators.protocol.submission import SubmissionManifest
from submissions import quota, rehearsals
from submissions.models import Entry, QuotaCharge, Submission
from suites.models import PhaseSuite


def plan(submission: Submission) -> list[Run]:
    """Create the runs that the submission's charges ask for and queue them; what is planned already stays as it is.

    A charge that is only reserved rehearses first; one that is settled goes on to the phase's data. Raises
    ImageMissing, SandboxUnavailable where the track's image is not on this host; then nothing has changed.
    """
    if submission.state != Submission.State.ACCEPTED:
        return []
    charges = selectors.charges_without_run().filter(entry__submission=submission)
    runs = []
    for charge in charges.select_related("entry__submission", "phase__track").order_by("created_at", "pk"):
        try:
            run = _plan_charge(submission, charge)
        except IntegrityError:
            # Two plans of one submission ran at once; the constraint let one of them write the run.
            continue
        if run is not None:
            runs.append(run)
    return runs


def _plan_charge(submission: Submission, charge: QuotaCharge) -> Run | None:
    entry, phase = charge.entry, charge.phase
    rehearsal = entry.runs.filter(phase=phase, purpose=Run.Purpose.REHEARSAL).first()
    sample: list[PhaseSuite] = []
    if rehearsal is None and charge.state == QuotaCharge.State.RESERVED:
        sample = rehearsals.sample_for(phase, submission.kind)
    if rehearsal is not None:
        image_id = rehearsal.image_id
    else:
        image_id = "" if submission.kind == "predictions" else image_of(phase.track)
    with transaction.atomic():
        # Whoever withdraws locks this row too: a run is planned before that, and cancelled by it, or not at all.
        quota.lock(submission.registration)
        if not selectors.charges_without_run().filter(pk=charge.pk).exists():
            return None
        if sample:
            return _create(entry, phase, Run.Purpose.REHEARSAL, image_id, sample)
        return _create_phase_run(entry, phase, image_id, "accepted" if rehearsal is None else "its rehearsal passed")


def go_on(rehearsal: Run) -> Run | None:
    """Charge the entry whose rehearsal has passed and plan its run on the phase's data, in the same image.

    Where the entry was taken out meanwhile it is not charged, and None. Must run inside the transaction that ends the
    rehearsal.
    """
    entry, phase = rehearsal.entry, rehearsal.phase
    if not selectors.charges_without_run().filter(entry=entry, phase=phase).exists():
        if not entry.runs.filter(phase=phase, purpose=Run.Purpose.PHASE).exists():
            quota.release(entry=entry, phase=phase, reason="taken out before it ran on hidden data")
        return None
    return _create_phase_run(entry, phase, rehearsal.image_id, "its rehearsal passed")


def _create_phase_run(entry: Entry, phase: Phase, image_id: str, reason: str) -> Run:
    quota.settle(entries=[entry], phase=phase, reason=reason)
    # A batch that changes what the phase asks was applied before, or waits for this run.
    Phase.objects.select_for_update().get(pk=phase.pk)
    asked = phase.phase_suites.select_related("suite_version__suite").order_by("position", "pk")
    return _create(entry, phase, Run.Purpose.PHASE, image_id, list(asked))


def _create(entry: Entry, phase: Phase, purpose: str, image_id: str, asked: Sequence[PhaseSuite]) -> Run:
    submission = entry.submission
    with transaction.atomic():
        run = Run.objects.create(
            entry=entry, phase=phase, purpose=purpose, queue=phase.track.hardware, image_id=image_id
        )
        sets = response_sets(submission, phase, asked, image_id=image_id, purpose=purpose)
        for position, response_set in enumerate(sets):
            RunResponseSet.objects.create(run=run, response_set=response_set, position=position)
        Event.objects.create(submission=submission, run=run, kind="run", new=run.state)
        enqueue("evaluations.run", str(run.pk), queue=run.queue)
    return run


def response_sets(
    submission: Submission, phase: Phase, asked: Iterable[PhaseSuite], *, image_id: str,
    purpose: str = Run.Purpose.PHASE,
) -> list[ResponseSet]:  # fmt: skip
    """The submission's sets of answers to these suites of the phase, those that are there and new ones, in order."""
    return [
        _response_set(submission, phase_suite, image_id, place)
        for phase_suite, place in _places(submission, phase, asked, purpose)
    ]


def _places(
    submission: Submission, phase: Phase, asked: Iterable[PhaseSuite], purpose: str
) -> list[tuple[PhaseSuite, Place]]:
    """What is asked of which of the submission's models, in an order in which each of these is loaded once."""
    manifest = SubmissionManifest.from_value(submission.manifest, file="submission.yaml")
    rehearsal = purpose == Run.Purpose.REHEARSAL
    found = [
        (phase_suite, place)
        for phase_suite in asked
        for place in places(phase_suite, manifest, phase.track, rehearsal=rehearsal)
    ]
    # Stable: at each checkpoint the suites keep the order of the phase.
    return sorted(found, key=lambda one: order_of(one[1]))


def image_of(track: Track) -> str:
    """The id of the track's image, frozen with its first run at the latest; raises ImageMissing."""
    return images.of_track(track)


def _response_set(submission: Submission, phase_suite: PhaseSuite, image_id: str, place: Place) -> ResponseSet:
    """The set of answers to this suite at this place: the one that is there, or a new one with a draw of its own."""
    key = key_of(
        registration_id=submission.registration_id,
        digest=submission.digest,
        phase_suite=phase_suite,
        image_id=image_id,
        backend=(submission.manifest.get("model") or {}).get("backend", submission.kind),
        place=place,
    )
    response_set, _ = ResponseSet.objects.get_or_create(
        key=key,
        defaults={
            "submission": submission,
            "suite_version": phase_suite.suite_version,
            "selection": phase_suite.selection,
            "splits": phase_suite.splits,
            "sample": phase_suite.sample,
            "checkpoint": place.checkpoint,
            "train_seed": place.train_seed,
            "steps": [list(step) for step in place.steps],
            "image_id": image_id,
            "draw_key": secrets.token_bytes(32),
        },
    )
    return response_set
