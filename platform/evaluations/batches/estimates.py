"""What a batch is expected to cost, from what the same submissions took before."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from evaluations.batch_models import Batch, BatchItem
from evaluations.batches import drafts, listing
from evaluations.checkpoints import places
from evaluations.models import Event, Run
from evaluators.protocol.submission import SubmissionManifest
from suites.models import PhaseSuite
from suites.selectors import split_counts


@dataclass(frozen=True)
class Estimate:
    """`answers`: to be scored or asked, an item at each model once; `seconds` of one worker, None where nothing says.

    `measured` of the `work` pieces were timed before; the others are taken to be like them.
    """

    work: int
    unable: int
    answers: int
    seconds: float | None
    measured: int


@dataclass(frozen=True)
class _Piece:
    answers: int
    seconds: float | None


def estimate_of(batch: Batch) -> Estimate:
    """What the batch's items are expected to cost, by the items listed so far."""
    unable = batch.items.filter(state=BatchItem.State.UNABLE).count()
    pieces = _of_rescore(batch) if batch.kind == Batch.Kind.RESCORE else _of_suite(batch)
    timed = [(piece.answers, piece.seconds) for piece in pieces if piece.seconds is not None]
    known, seconds = sum(answers for answers, _ in timed), sum(seconds for _, seconds in timed)
    answers = sum(piece.answers for piece in pieces)
    total = seconds * answers / known if known else None
    return Estimate(len(pieces), unable, answers, None if total is None else round(total, 1), len(timed))


def in_words(estimate: Estimate) -> str:
    """`12 sets of answers, 24,000 answers, about 3 min of one worker (by 12 earlier timings)`."""
    unable = f"; {estimate.unable:,} can't answer" if estimate.unable else ""
    head = f"{estimate.work:,} to do, {estimate.answers:,} answers{unable}"
    if estimate.seconds is None:
        return f"{head}; nothing like it was timed before, so how long it takes is not known"
    return f"{head}; {_duration(estimate.seconds)} of one worker, by {estimate.measured:,} earlier timings"


def _duration(seconds: float) -> str:
    for most, size, unit in ((90, 1, "s"), (5400, 60, "min"), (float("inf"), 3600, "h")):
        if seconds < most:
            return f"about {seconds / size:,.0f} {unit}" if seconds >= size else f"less than 1 {unit}"
    return ""


def _of_rescore(batch: Batch) -> list[_Piece]:
    """A piece for each set; scoring is timed by run, and a set takes its share of that."""
    items = batch.items.exclude(state=BatchItem.State.UNABLE).values_list("response_set_id", "response_set__asked")
    listed = dict(items)
    rows = listing.finished_runs(listing.phases_of(batch)).values_list("pk", "response_sets", "response_sets__asked")
    runs: dict[UUID, dict[int, int]] = {}
    for run, one, asked in rows:
        runs.setdefault(run, {})[one] = asked
    times = _scoring_seconds(runs)
    share: dict[int, float] = {}
    for run, sets in runs.items():
        total = sum(sets.values())
        if run in times and total:
            share |= {one: times[run] * asked / total for one, asked in sets.items()}
    return [_Piece(asked, share.get(one)) for one, asked in listed.items()]


def _scoring_seconds(runs: Iterable[UUID]) -> dict[UUID, float]:
    """How long each run was being scored, by its events."""
    events = Event.objects.filter(run__in=list(runs), kind="run", new__in=(Run.State.SCORING, Run.State.DONE))
    began: dict[UUID, datetime] = {}
    times: dict[UUID, float] = {}
    for run, new, at in events.order_by("pk").values_list("run_id", "new", "at"):
        if run is not None and new == Run.State.SCORING:
            began[run] = at
        elif run is not None and run in began:
            times[run] = (at - began[run]).total_seconds()
    return times


def _of_suite(batch: Batch) -> list[_Piece]:
    """A piece for each entry that is to be asked; an answer takes as long as its run's answers took on average."""
    items = batch.items.filter(state=BatchItem.State.WAITING).select_related(
        "run__entry__submission", "run__phase__track"
    )
    asked = {phase.pk: drafts.phase_suite_of(batch, phase) for phase in listing.phases_of(batch)}
    pieces = []
    for item in items.prefetch_related("run__response_sets", "run__attempts"):
        run, phase_suite = item.run, asked[item.run.phase_id] if item.run is not None else None
        if run is None or phase_suite is None:
            continue
        manifest = SubmissionManifest.from_value(run.entry.submission.manifest, file="submission.yaml")
        models = sum(max(1, len(place.steps)) for place in places(phase_suite, manifest, run.phase.track))
        answers, before = models * _items(phase_suite), _answered(run)
        seconds = _wall(run)
        timed = None if seconds is None or not before else seconds * answers / before
        pieces.append(_Piece(answers, timed))
    return pieces


def _answered(run: Run) -> int:
    """Items that the run asked, each at every model once."""
    return sum(one.asked * max(1, len(one.steps)) for one in run.response_sets.all())


def _items(phase_suite: PhaseSuite) -> int:
    counts = split_counts(phase_suite.suite_version)
    there = sum(counts.get(split, 0) for split in phase_suite.splits)
    return there if phase_suite.sample is None else min(there, phase_suite.sample)


def _wall(run: Run) -> float | None:
    """Seconds of all the run's containers; None where none was timed, as of a prediction file."""
    walls = [(attempt.resources.get("wall") or {}).get("total") for attempt in run.attempts.all()]
    known = [float(wall) for wall in walls if wall is not None]
    return sum(known) if known else None
