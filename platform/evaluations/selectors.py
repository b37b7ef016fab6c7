"""What is known about runs and scores, for pages, leaderboards and exports."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from statistics import fmean, stdev
from uuid import UUID

from django.conf import settings
from django.db.models import Exists, OuterRef, Prefetch, Q, QuerySet, Subquery

from challenges.models import Phase
from evaluations import clock
from evaluations.batch_models import Batch
from evaluations.batches import drafts
from evaluations.checkpoints import ALL, MAIN
from evaluations.models import Attempt, Evaluation, ResponseSet, Run, RunResponseSet, Score
from submissions.models import QuotaCharge, Submission
from suites.models import PhaseSuite


@dataclass(frozen=True)
class SuiteScore:
    """A suite's own score in a run, with its counts and the digests that it depends on."""

    metric: str
    value: float | None
    low: float | None
    high: float | None
    n: int
    asked: int
    answered: int
    suite_digest: str
    responses_digest: str
    evaluator: str
    items_name: str = ""
    provenance: str = Evaluation.Provenance.RUN_HERE
    # Of a mean over replicates of the training: their standard deviation, and how many they are.
    sd: float | None = None
    trainings: int = 1
    # The evaluations that it comes from: the finished model's, and those of its replicates.
    evaluations: tuple[int, ...] = ()

    @property
    def coverage(self) -> float:
        """Items answered over items asked."""
        return self.answered / self.asked if self.asked else 0.0


@dataclass(frozen=True)
class ScoredEntry:
    """An entry whose run in a phase is done; `scores` by suite key, `complete` where every suite is covered whole."""

    run_id: UUID
    entry_id: int
    status: str
    picked: bool
    submission_id: UUID
    submission_name: str
    submission_digest: str
    kind: str
    provenance: str
    team_id: int
    team_name: str
    image_id: str
    handed_in_at: datetime
    finished_at: datetime
    scores: dict[str, SuiteScore]
    complete: bool
    reason: str = ""


def provenance_of(kind: str, scores: Iterable[SuiteScore] = ()) -> str:
    """How far an entry's scores can be trusted, by the least of them; without any, how far they could be."""
    order = list(Evaluation.Provenance.values)
    default = Evaluation.Provenance.PREDICTIONS if kind == "predictions" else Evaluation.Provenance.RUN_HERE
    return str(min((score.provenance for score in scores), key=order.index, default=default))


def mean_over_trainings(scores: Sequence[SuiteScore]) -> SuiteScore:
    """One score for all replicates of a training, the finished model's first: their mean, and standard deviation.

    The ends of the interval are the means of theirs: every replicate answered the same items, so it is no narrower than
    theirs are. Where a replicate has no score there is no mean.
    """
    first = scores[0]
    if len(scores) == 1:
        return first
    values = [score.value for score in scores if score.value is not None]
    lows = [score.low for score in scores if score.low is not None]
    highs = [score.high for score in scores if score.high is not None]
    whole = len(values) == len(scores)
    lacking = next((score for score in scores if score.answered < score.asked), first)
    return replace(
        first,
        value=fmean(values) if whole else None,
        low=fmean(lows) if whole and len(lows) == len(scores) else None,
        high=fmean(highs) if whole and len(highs) == len(scores) else None,
        asked=lacking.asked,
        answered=lacking.answered,
        sd=stdev(values) if whole else None,
        trainings=len(scores),
        evaluations=tuple(pk for score in scores for pk in score.evaluations),
    )


def suite_columns(asked: Sequence[PhaseSuite]) -> dict[tuple[int, str], str]:
    """The key of each suite that a phase asks, by version and selection; with its version where it stands twice."""
    keys = [one.suite_version.suite.key for one in asked]
    return {
        (one.suite_version_id, one.selection): key if keys.count(key) == 1 else str(one.suite_version)
        for key, one in zip(keys, asked, strict=True)
    }


def scored_entries(
    phase: Phase, *, suites: Sequence[PhaseSuite] | None = None, batch: Batch | None = None,
    runs: Collection[UUID] | None = None,
) -> list[ScoredEntry]:  # fmt: skip
    """Every entry whose run in the phase is done, with its suites' scores. Three queries, however many entries.

    The finished model counts, or the mean over the replicates of its training; its checkpoints stand on curves alone.
    `suites` are what the phase asks; one query more where they are not given. With `batch`, as if it were applied; two
    queries more. `runs`: of these alone.
    """
    if suites is None:
        suites = list(phase.phase_suites.select_related("suite_version__suite"))
    charged = QuotaCharge.objects.filter(entry=OuterRef("entry"), phase=OuterRef("phase"))
    done = (
        Run.objects.filter(phase=phase, purpose=Run.Purpose.PHASE, state=Run.State.DONE, finished_at__isnull=False)
        .annotate(handed_in_at=Subquery(charged.values("created_at")[:1]))
        .select_related("entry__submission__registration__team")
        .order_by("created_at", "pk")
    )
    if runs is not None:
        done = done.filter(pk__in=runs)
    asked = list(
        RunResponseSet.objects.filter(run__in=done, response_set__checkpoint__in=(MAIN, ALL))
        .order_by("response_set__train_seed", "pk")
        .values_list("run_id", "response_set_id", "response_set__suite_version_id", "response_set__selection")
    )
    if batch is not None:
        asked += drafts.asked_in(batch, phase)
    found = _suite_scores({set_id for _, set_id, _, _ in asked}, batch)
    columns = suite_columns(suites)
    scores: dict[UUID, dict[str, list[SuiteScore]]] = defaultdict(lambda: defaultdict(list))
    lacking: set[UUID] = set()
    for run_id, set_id, version_id, selection in asked:
        suite = columns.get((version_id, selection))
        if suite is None:
            # What the phase asked once and asks no more, another version or sample, is not comparable to what it asks.
            continue
        score = found.get(set_id)
        if score is not None:
            scores[run_id][suite].append(score)
        if score is None or score.answered < score.asked:
            lacking.add(run_id)
    return [
        _scored_entry(
            run,
            run.handed_in_at or run.entry.created_at,
            {suite: mean_over_trainings(found) for suite, found in scores[run.pk].items()},
            run.pk not in lacking,
        )
        for run in done
    ]


def _scored_entry(run: Run, handed_in_at: datetime, scores: dict[str, SuiteScore], complete: bool) -> ScoredEntry:
    submission = run.entry.submission
    return ScoredEntry(
        run_id=run.pk,
        entry_id=run.entry_id,
        status=run.entry.status,
        picked=run.entry.picked,
        submission_id=submission.pk,
        submission_name=submission.name,
        submission_digest=submission.digest,
        kind=submission.kind,
        provenance=provenance_of(submission.kind, scores.values()),
        team_id=submission.registration.team_id,
        team_name=submission.registration.team.name,
        image_id=run.image_id,
        handed_in_at=handed_in_at,
        finished_at=run.finished_at or run.created_at,
        scores=scores,
        complete=complete,
        reason=run.entry.reason,
    )


def _suite_scores(set_ids: set[int], batch: Batch | None = None) -> dict[int, SuiteScore]:
    """The suite-level score of each response set, by its newest evaluation that counts and the suite's own metric.

    With `batch`, its drafts count as they would once it is applied.
    """
    rows = (
        Score.objects.filter(evaluation__response_set__in=set_ids, group="", tag="")
        .select_related("evaluation__response_set__suite_version")
        .order_by("evaluation__pk", "pk")
    )
    scores: dict[int, SuiteScore] = {}
    newest: dict[int, Evaluation] = {}
    for row in rows:
        answers = row.evaluation.response_set
        if row.metric != answers.suite_version.manifest.get("metric", row.metric):
            continue
        newest[answers.pk] = row.evaluation
        scores[answers.pk] = SuiteScore(
            metric=row.metric,
            value=row.value,
            low=row.low,
            high=row.high,
            n=row.n,
            asked=answers.asked,
            answered=answers.answered,
            suite_digest=row.evaluation.suite_digest,
            responses_digest=answers.digest,
            evaluator=row.evaluation.evaluator,
            items_name=row.evaluation.items_name,
            provenance=row.evaluation.provenance,
            evaluations=(row.evaluation_id,),
        )
    if batch is not None:
        for draft in drafts.evaluations_of(batch, set_ids, newest):
            # Its provenance will be that of what it follows.
            scores[draft.response_set_id] = replace(scores[draft.response_set_id], **drafts.score_of(draft))
    return scores


@dataclass(frozen=True)
class CurvePoint:
    """A suite's score at a checkpoint, after so many words of training."""

    checkpoint: str
    words: int
    value: float | None
    low: float | None
    high: float | None
    n: int


def curve(submission: Submission, suite: str) -> list[CurvePoint]:
    """The suite's score at each checkpoint of the submission, by the words seen until then. Two queries.

    Where phases ask the suite with several selections, the newest one counts at each checkpoint.
    """
    sets = ResponseSet.objects.filter(
        submission=submission, suite_version__suite__key=suite, runs__purpose=Run.Purpose.PHASE
    )
    there = list(sets.exclude(checkpoint__in=(MAIN, ALL)).distinct().order_by("pk"))
    found = _suite_scores({one.pk for one in there})
    newest = {one.checkpoint: one for one in there if one.pk in found and one.steps}
    points = []
    for name, one in newest.items():
        score = found[one.pk]
        points.append(CurvePoint(name, int(one.steps[0][1]), score.value, score.low, score.high, score.n))
    return sorted(points, key=lambda point: point.words)


def queue_position(run: Run) -> int | None:
    """How many runs its queue will start up to and including this one; None where it does not wait. One query."""
    if run.state != Run.State.QUEUED:
        return None
    before = Q(created_at__lt=run.created_at) | Q(created_at=run.created_at, pk__lt=run.pk)
    # What batches ask of stored submissions waits until nobody's own run does.
    own = ~Q(purpose=Run.Purpose.BATCH)
    before = before & own if run.purpose != Run.Purpose.BATCH else before | own
    return Run.objects.filter(before, state=Run.State.QUEUED, queue=run.queue).exclude(pk=run.pk).count() + 1


def runs_of(submission: Submission) -> QuerySet[Run]:
    """The submission's runs with all that its page shows. Six queries, however many runs."""
    # Groups and tags are shown of the finished model alone.
    finished = Q(evaluation__response_set__checkpoint__in=(MAIN, ALL), evaluation__response_set__train_seed=0)
    scores = Score.objects.filter(finished | Q(group="", tag=""))
    evaluations = Evaluation.objects.counting().prefetch_related(Prefetch("scores", queryset=scores)).order_by("pk")
    sets = RunResponseSet.objects.select_related("response_set__suite_version__suite").prefetch_related(
        Prefetch("response_set__evaluations", queryset=evaluations)
    )
    return (
        Run.objects.filter(entry__submission=submission)
        .select_related("entry__track__challenge", "phase")
        .prefetch_related(
            Prefetch("run_response_sets", queryset=sets.order_by("position")),
            Prefetch("attempts", queryset=Attempt.objects.order_by("number")),
            "phase__phase_suites__suite_version",
        )
        .order_by("entry__track__position", "entry__track__key", "phase__position", "created_at")
    )


def charges_without_run() -> QuerySet[QuotaCharge]:
    """Live charges of accepted submissions whose next run is not planned: a rehearsal, or after it the phase's own."""
    own = Run.objects.filter(entry=OuterRef("entry"), phase=OuterRef("phase"))
    rehearsed = own.filter(purpose=Run.Purpose.REHEARSAL)
    due = Q(state=QuotaCharge.State.SETTLED) | ~Exists(rehearsed.exclude(state=Run.State.DONE))
    return QuotaCharge.objects.filter(
        due,
        ~Exists(own.filter(purpose=Run.Purpose.PHASE)),
        state__in=[QuotaCharge.State.RESERVED, QuotaCharge.State.SETTLED],
        active=True,
        entry__submission__state=Submission.State.ACCEPTED,
    ).exclude(entry__status__in=["withdrawn", "disqualified"])


def waiting_runs(*, for_seconds: float) -> QuerySet[Run]:
    """Queued runs that could have been claimed for so long already."""
    due = clock.passed("not_before", seconds=for_seconds, most=settings.MOST_BACK_OFF_SECONDS)
    return Run.objects.filter(due, state=Run.State.QUEUED).order_by("created_at")


def submissions_in_use(ids: set[UUID]) -> set[UUID]:
    """Which of these submissions have a run that waits or is under way, or are still to be planned."""
    unfinished = Run.objects.filter(entry__submission__in=ids).exclude(
        state__in=(Run.State.DONE, Run.State.FAILED, Run.State.ERRORED, Run.State.CANCELLED)
    )
    unplanned = charges_without_run().filter(entry__submission__in=ids)
    return {*unfinished.values_list("entry__submission", flat=True),
            *unplanned.values_list("entry__submission", flat=True)}  # fmt: skip


def live_attempts(ids: set[int]) -> set[int]:
    """Which of these attempts are live."""
    return set(Attempt.objects.filter(pk__in=ids, state=Attempt.State.LIVE).values_list("pk", flat=True))
