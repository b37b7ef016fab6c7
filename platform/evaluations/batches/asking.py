"""Asking stored submissions an added suite or a new version of one: a run each that nobody is charged for."""

from django.db import transaction

from config.queue import enqueue
from evaluations import answers, planning
from evaluations.batch_models import Batch, BatchItem
from evaluations.batches import drafts
from evaluations.batches.listing import GONE
from evaluations.checkpoints import steps_asked
from evaluations.models import Event, ResponseSet, Run, RunResponseSet
from evaluators.tasks import TASKS
from suites import services as suites
from suites.models import PhaseSuite, SuiteVersion

State = BatchItem.State
# Runs that one step plans; drawing the requests of large suites takes its time.
MOST = 20
NOT_ASKED = "the suite is asked of checkpoints that the submission does not have, or has no part in its file"


def plan_some(batch: Batch) -> bool:
    """Plan the runs of the next items; says whether more are waiting. Safe to run twice, and after it was cut off."""
    waiting = batch.items.filter(state=State.WAITING).select_related(
        "run__phase__track", "run__entry__submission__registration"
    )
    for item in waiting.order_by("run__created_at", "pk")[:MOST]:
        _plan(batch, item)
    return batch.items.filter(state=State.WAITING).exists()


def _plan(batch: Batch, item: BatchItem) -> None:
    run = item.run
    phase_suite = drafts.phase_suite_of(batch, run.phase) if run is not None else None
    if run is None or phase_suite is None:
        return
    reusable = batch.replaces is not None and _asks_alike(batch.replaces, phase_suite.suite_version)
    # In the image that the entry's other answers were made in.
    sets = planning.response_sets(run.entry.submission, run.phase, [phase_suite], image_id=run.image_id)
    if reusable:
        for one in sets:
            _take_over(run, one, batch.replaces)
    with transaction.atomic():
        # Whoever discards the batch changes this row: a run is planned before that, and cancelled by it, or not at all.
        still = Batch.objects.select_for_update().get(pk=batch.pk).state == Batch.State.RUNNING
        waiting = BatchItem.objects.select_for_update().filter(pk=item.pk, state=State.WAITING)
        if not still or not waiting.exists():
            return
        run.entry.refresh_from_db()
        if run.entry.status in GONE or not sets:
            state, note = (State.DROPPED, "out of its track") if sets else (State.UNABLE, NOT_ASKED)
            waiting.update(state=state, note=note)
            return
        waiting.update(state=State.ASKED, own_run=_create(run, sets))


def _create(run: Run, sets: list[ResponseSet]) -> Run:
    own = Run.objects.create(
        entry=run.entry, phase=run.phase, purpose=Run.Purpose.BATCH, queue=run.phase.track.hardware,
        image_id=run.image_id,
    )  # fmt: skip
    RunResponseSet.objects.bulk_create(
        RunResponseSet(run=own, response_set=one, position=position) for position, one in enumerate(sets)
    )
    Event.objects.create(submission=run.entry.submission, run=own, kind="run", new=own.state)
    enqueue("evaluations.run", str(own.pk), queue=own.queue)
    return own


def _asks_alike(before: SuiteVersion, after: SuiteVersion) -> bool:
    """Whether answers to one version could be answers to the other: what a model is trained on is not compared."""
    task = TASKS.get(str(after.manifest.get("task", "")))
    return task is not None and not task.trains and before.manifest.get("task") == after.manifest.get("task")


def _take_over(run: Run, new: ResponseSet, before: SuiteVersion | None) -> None:
    """Keep the run's answers to the version before as those to the new one, where both ask exactly the same.

    So a version that mends gold alone asks no model again. The draw is taken over too, since ids follow from it.
    """
    old = run.response_sets.filter(
        suite_version=before, selection=new.selection, checkpoint=new.checkpoint, train_seed=new.train_seed,
        steps=new.steps, complete=True,
    ).exclude(sealed_name="").first()  # fmt: skip
    if old is None or new.complete or new.parts or new.runs.exists():
        return
    key, steps = bytes(old.draw_key), steps_asked(new)
    selection = answers.selection_of(new)
    asked_before = suites.requests_for(version=old.suite_version, selection=selection, draw_key=key, steps=steps)
    asked_now = suites.requests_for(version=new.suite_version, selection=selection, draw_key=key, steps=steps)
    if asked_before.requests != asked_now.requests or asked_before.checkpoints != asked_now.checkpoints:
        return
    with transaction.atomic():
        # An attempt that answers the set elsewhere keeps its own draw: it is first, or it finds the set complete.
        if ResponseSet.objects.filter(pk=new.pk, complete=False).update(draw_key=key):
            answers.keep(new, answers.read(old))


def phase_suite_rows(batch: Batch) -> list[PhaseSuite]:
    """What the batch's phases are to ask of its suite, as rows that are not saved."""
    found = (drafts.phase_suite_of(batch, one.phase) for one in batch.batch_phases.select_related("phase"))
    return [one for one in found if one is not None]
