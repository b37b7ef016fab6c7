"""Applying a batch, in one transaction, and discarding one."""

from uuid import UUID

from django.db import transaction
from django.db.models import Max

from accounts.models import User
from challenges.models import Phase, Track
from config.queue import enqueue
from evaluations import answers, services, states
from evaluations.batch_models import Batch, BatchItem
from evaluations.batches import listing
from evaluations.batches.asking import phase_suite_rows
from evaluations.batches.states import move, reason_of, refused, require_organizer
from evaluations.batches.working import blocking
from evaluations.models import Event, Run, RunResponseSet, SpotCheck
from evaluations.score_lines import newest
from suites.models import PhaseSuite

Item = BatchItem.State


def apply(*, batch: Batch, user: User, digest: str) -> None:
    """Let the batch's scores count, all at once; raises ProblemsFound, and then nothing has changed.

    `digest` is that of the preview that was looked at; that it still holds is for the caller to see to, inside the same
    transaction.
    """
    require_organizer(user, batch.challenge)
    with transaction.atomic():
        move(batch, Batch.State.APPLIED, by=user, reason=batch.reason, digest=digest)
        # Runs of these phases are planned before, and refused here, or ask what the phase asks from now on.
        phases = list(Phase.objects.select_for_update().filter(batch_phases__batch=batch).order_by("pk"))
        if blocking(batch).exists() or listing.unlisted(batch):
            raise refused("it is not complete", "Wait until all of it is scored.")
        submissions = _apply_scores(batch) if batch.kind == Batch.Kind.RESCORE else _apply_suite(batch)
        Event.objects.bulk_create(
            [
                Event(submission_id=pk, kind="batch", new="applied", detail={"batch": batch.pk, "what": batch.kind})
                for pk in sorted(submissions)
            ],
            batch_size=500,
        )
        for phase in phases:
            enqueue("leaderboards.refresh", phase.pk)


def _apply_scores(batch: Batch) -> set[UUID]:
    items = batch.items.filter(state=Item.DONE).select_related(
        "evaluation__response_set__submission", "evaluation__response_set__suite_version"
    )
    checks = SpotCheck.objects.filter(
        verdict=SpotCheck.Verdict.ORDERED, evaluation__response_set__batch_items__batch=batch
    )
    if checks.exists():
        raise refused("a spot-check of these answers is under way", "Wait until it has ended.")
    submissions: set[UUID] = set()
    for item in items.prefetch_related("evaluation__response_set__evaluations"):
        draft = item.evaluation
        if draft is None:
            continue
        before = newest(draft.response_set)
        # Made by the same evaluator meanwhile, or by a newer one: that is what counts, and this stays as evidence.
        if before is None or before.pk > draft.pk or before.evaluator == draft.evaluator:
            continue
        answers.let_count(draft, provenance=before.provenance)
        submissions.add(draft.response_set.submission_id)
    return submissions


def _apply_suite(batch: Batch) -> set[UUID]:
    under_way = Run.objects.filter(phase__batch_phases__batch=batch, purpose=Run.Purpose.PHASE)
    count = under_way.exclude(state__in=states.FINISHED).count()
    if count:
        raise refused(
            f"{count} runs of the phase ask what it asks now, and are not finished",
            "Wait until they are, or cancel them.",
        )
    _ask(batch)
    submissions: set[UUID] = set()
    items = batch.items.filter(state=Item.DONE).select_related("run__entry", "own_run")
    for item in items.annotate(last=Max("run__run_response_sets__position")):
        run, own = item.run, item.own_run
        if run is None or own is None:
            continue
        sets = own.run_response_sets.order_by("position").values_list("response_set_id", flat=True)
        RunResponseSet.objects.bulk_create(
            [
                RunResponseSet(run=run, response_set_id=pk, position=(item.last or 0) + 1 + number)
                for number, pk in enumerate(sets)
            ],
            ignore_conflicts=True,
        )
        submissions.add(run.entry.submission_id)
        enqueue("evaluations.review", str(run.pk))
    return submissions


def _ask(batch: Batch) -> None:
    """Let the phases ask the suite from now on; raises ProblemsFound where what it was to replace is gone."""
    for row in phase_suite_rows(batch):
        there = row.phase.phase_suites.all()
        if there.filter(suite_version=row.suite_version).exists():
            raise refused(f"{row.phase} asks {row.suite_version} already", "Discard the batch.")
        if batch.replaces_id is None:
            row.position = 1 + (there.aggregate(last=Max("position"))["last"] or 0)
            row.save()
        elif not there.filter(suite_version=batch.replaces_id).update(suite_version=row.suite_version):
            raise refused(f"{row.phase} asks {batch.replaces} no more", "Discard the batch.")
        if batch.weight is not None:
            _weigh(row, batch.weight)


def _weigh(row: PhaseSuite, weight: float) -> None:
    track = Track.objects.select_for_update().get(pk=row.phase.track_id)
    track.aggregate = weighed(track, row.suite_version.suite.key, weight)
    track.save(update_fields=["aggregate"])


def weighed(track: Track, suite: str, weight: float) -> dict[str, object]:
    """The track's aggregate with this weight for the suite."""
    return {**track.aggregate, "weights": {**track.aggregate.get("weights", {}), suite: weight}}


def discard(*, batch: Batch, user: User, reason: str) -> None:
    """Throw the batch away: no score changes, what it has scored stays as evidence, and what it still asks stops."""
    require_organizer(user, batch.challenge)
    text = reason_of(reason)
    with transaction.atomic():
        move(batch, Batch.State.DISCARDED, by=user, reason=text)
        runs = Run.objects.filter(batch_item__batch=batch).exclude(state__in=states.FINISHED)
        for run in runs.select_related("entry__submission", "phase"):
            services.cancel(run)
