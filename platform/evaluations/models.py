"""Runs and their attempts, response sets, evaluations and scores, and the events that tell their story."""

import uuid
from typing import Self

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils import timezone

from challenges.models import Phase, Track
from evaluations.batch_models import Batch
from evaluations.flag_models import Flag as Flag
from evaluations.flag_models import FlagDecision as FlagDecision
from submissions.models import Entry, Submission
from suites.models import SuiteVersion


class ResponseSet(models.Model):
    """A submission's answers to one suite selection, at one checkpoint (`all`: over them), with one training seed."""

    # sha256 over registration, submission digest, suite digest, selection, checkpoint, train seed, image id, backend,
    # and the steps where there are any.
    key = models.CharField(max_length=64, unique=True)
    submission = models.ForeignKey(Submission, on_delete=models.PROTECT, related_name="response_sets")
    suite_version = models.ForeignKey(SuiteVersion, on_delete=models.PROTECT, related_name="response_sets")
    selection = models.CharField(max_length=60)
    splits = models.JSONField(default=list)
    sample = models.PositiveIntegerField(null=True, blank=True)
    # Of a spot-check, the items that it looks at, sealed as JSON: nobody is told which they are.
    chosen_name = models.CharField(max_length=200, blank=True)
    checkpoint = models.CharField(max_length=60, default="main")
    train_seed = models.PositiveIntegerField(default=0, help_text="0: the manifest names no training seed.")
    steps = models.JSONField(default=list, blank=True, help_text="The checkpoints asked, [name, words] in order.")
    # Of a set that goes over checkpoints and is not complete yet, what is answered: sealed name by checkpoint.
    parts = models.JSONField(default=dict, blank=True)
    image_id = models.CharField(max_length=80, blank=True)
    # Order, opaque ids and candidate order follow from this secret, drawn once; it never leaves the server.
    draw_key = models.BinaryField(max_length=32)
    complete = models.BooleanField(default=False)
    sealed_name = models.CharField(max_length=200, blank=True, help_text="Canonical responses in the storage `sealed`.")
    digest = models.CharField(max_length=64, blank=True)
    asked = models.PositiveIntegerField(default=0)
    answered = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(default=timezone.now)
    completed_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.submission} on {self.suite_version} ({self.selection}, {self.checkpoint})"


class Run(models.Model):
    """An entry's evaluation in a phase; state changes only through evaluations.states.move."""

    class Purpose(models.TextChoices):
        """Why it runs."""

        PHASE = "phase", "Phase"
        REHEARSAL = "rehearsal", "Rehearsal"
        DRY_RUN = "dry-run", "Dry run"
        SPOT_CHECK = "spot-check", "Spot check"
        RERUN = "rerun", "Rerun"
        BATCH = "batch", "Batch"

    class State(models.TextChoices):
        """FAILED is the participant's fault, ERRORED ours."""

        QUEUED = "queued", "Queued"
        PREPARING = "preparing", "Preparing"
        RUNNING = "running", "Running"
        SCORING = "scoring", "Scoring"
        DONE = "done", "Done"
        FAILED = "failed", "Failed"
        ERRORED = "errored", "Error of the platform"
        CANCELLED = "cancelled", "Cancelled"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    entry = models.ForeignKey(Entry, on_delete=models.PROTECT, related_name="runs")
    phase = models.ForeignKey(Phase, on_delete=models.PROTECT, related_name="runs")
    purpose = models.CharField(max_length=12, choices=Purpose, default=Purpose.PHASE)
    state = models.CharField(max_length=10, choices=State, default=State.QUEUED)
    queue = models.CharField(max_length=40, default="cpu")
    image_id = models.CharField(max_length=80, blank=True)
    code = models.CharField(max_length=40, blank=True, help_text="The error code of a failed run.")
    stage = models.CharField(max_length=20, blank=True, help_text="Where it failed.")
    detail = models.JSONField(default=dict, blank=True, help_text="What organizers, and on public data the team, see.")
    not_before = models.DateTimeField(default=timezone.now, help_text="Back-off after an error of ours.")
    response_sets = models.ManyToManyField(ResponseSet, through="RunResponseSet", related_name="runs")
    created_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["created_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["entry", "phase"], condition=models.Q(purpose="phase"), name="run_once_per_phase"
            ),
            models.UniqueConstraint(
                fields=["entry", "phase"], condition=models.Q(purpose="rehearsal"), name="rehearsal_once_per_phase"
            ),
        ]
        indexes = [models.Index(fields=["state", "queue", "not_before", "created_at"], name="run_queue")]

    def __str__(self) -> str:
        return f"{self.entry} in {self.phase.key}: {self.state}"


class RunnerImage(models.Model):
    """A runner image kept as a `docker save` archive in the storage `images`: every worker runs the same bytes."""

    image_id = models.CharField(max_length=80, unique=True, help_text="sha256:… of its configuration.")
    name = models.CharField(max_length=60, help_text="What it was built as: base, model.")
    storage_name = models.CharField(max_length=200)
    size = models.PositiveBigIntegerField(help_text="Of the archive, in bytes.")
    digest = models.CharField(max_length=64, help_text="sha256 of the archive.")
    created_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"{self.name} {self.image_id[:19]}"


class Canary(models.Model):
    """What the canary baseline scored in an image on a class of hardware; it must be the same to the bit, always."""

    image_id = models.CharField(max_length=80)
    hardware = models.CharField(max_length=40)
    evaluator = models.CharField(max_length=40)
    expected = models.CharField(max_length=64, help_text="sha256 of the scores of the first time.")
    found = models.CharField(max_length=64, blank=True, help_text="sha256 of the scores of the last time.")
    worker = models.CharField(max_length=120, blank=True)
    fault = models.CharField(max_length=300, blank=True, help_text="Why it did not come to an end the last time.")
    checked_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name_plural = "canaries"
        constraints = [
            models.UniqueConstraint(fields=["image_id", "hardware", "evaluator"], name="canary_once"),
        ]

    def __str__(self) -> str:
        return f"{self.image_id[:19]} on {self.hardware}"

    @property
    def sings(self) -> bool:
        """Whether the last check came to its end with the expected scores."""
        return not self.fault and self.found == self.expected


class RunResponseSet(models.Model):
    """A response set that a run needs, in the order in which suites are answered."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="run_response_sets")
    response_set = models.ForeignKey(ResponseSet, on_delete=models.PROTECT, related_name="run_response_sets")
    position = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["position"]
        constraints = [models.UniqueConstraint(fields=["run", "response_set"], name="run_response_set_once")]

    def __str__(self) -> str:
        return f"{self.run}: {self.response_set}"


class Attempt(models.Model):
    """One try at a run by one worker, which holds it by a lease."""

    class State(models.TextChoices):
        """LOST: the lease ran out."""

        LIVE = "live", "Live"
        ENDED = "ended", "Ended"
        LOST = "lost", "Lost"

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="attempts")
    number = models.PositiveIntegerField()
    state = models.CharField(max_length=6, choices=State, default=State.LIVE)
    worker = models.CharField(max_length=120)
    lease = models.UUIDField(default=uuid.uuid4, unique=True)
    lease_until = models.DateTimeField()
    started_at = models.DateTimeField(default=timezone.now)
    ended_at = models.DateTimeField(null=True, blank=True)
    # Suite i of m, done of total, items/s: written with each heartbeat.
    progress = models.JSONField(default=dict, blank=True)
    resources = models.JSONField(default=dict, blank=True)
    outcome = models.JSONField(default=dict, blank=True)
    log_tail = models.TextField(blank=True)

    class Meta:
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(fields=["run", "number"], name="attempt_number_once"),
            models.UniqueConstraint(fields=["run"], condition=models.Q(state="live"), name="attempt_one_live"),
        ]

    def __str__(self) -> str:
        return f"attempt {self.number} of {self.run_id}"


class EvaluationQuerySet(models.QuerySet["Evaluation"]):
    """Evaluations, narrowed to those that count."""

    def counting(self) -> Self:
        """All but the drafts of batches that are not applied; of a draft there are no Score rows either."""
        return self.filter(counts=True)


class Evaluation(models.Model):
    """A response set scored by one evaluator version.

    A batch's own evaluations count from when it is applied; of what does not count there are no Score rows.
    """

    class Provenance(models.TextChoices):
        """How far its scores can be trusted, least first; the words of challenge/1."""

        SELF_REPORTED = "self-reported", "Self-reported"
        PREDICTIONS = "predictions", "Predictions"
        SPOT_CHECKED = "spot-checked", "Spot-checked"
        RUN_HERE = "run here", "Run here"

    response_set = models.ForeignKey(ResponseSet, on_delete=models.PROTECT, related_name="evaluations")
    evaluator = models.CharField(max_length=40, help_text="Version of the evaluators package.")
    suite_digest = models.CharField(max_length=64)
    document = models.JSONField(default=dict, help_text="The scores/1 document.")
    items_name = models.CharField(
        max_length=200, blank=True, help_text="Item scores (Parquet) in the storage `sealed`."
    )
    complete = models.BooleanField(default=True, help_text="Every item asked was answered; only then is it ranked.")
    provenance = models.CharField(max_length=16, choices=Provenance, default=Provenance.RUN_HERE)
    batch = models.ForeignKey(Batch, on_delete=models.PROTECT, null=True, blank=True, related_name="evaluations")
    counts = models.BooleanField(default=True, help_text="A batch's own count once it is applied.")
    created_at = models.DateTimeField(default=timezone.now)

    objects = EvaluationQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["response_set", "evaluator"], condition=models.Q(counts=True), name="evaluation_counts_once"
            ),
            models.UniqueConstraint(fields=["response_set", "batch"], name="evaluation_once_a_batch"),
        ]

    def __str__(self) -> str:
        return f"{self.response_set} by {self.evaluator}"


class Score(models.Model):
    """A number for an evaluation, a metric and a group or tag; the suite's own has neither."""

    evaluation = models.ForeignKey(Evaluation, on_delete=models.CASCADE, related_name="scores")
    metric = models.CharField(max_length=40)
    group = models.CharField(max_length=120, blank=True)
    tag = models.CharField(max_length=120, blank=True)
    value = models.FloatField(null=True)
    low = models.FloatField(null=True)
    high = models.FloatField(null=True)
    n = models.PositiveIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["evaluation", "metric", "group", "tag"], name="score_once"),
        ]

    def __str__(self) -> str:
        return f"{self.metric} {self.group or 'all'}: {self.value}"


class SuiteDraws(models.Model):
    """What an evaluation would score on items drawn anew, a thousand times; exact, so nobody's before the reveal."""

    evaluation = models.OneToOneField(Evaluation, on_delete=models.CASCADE, related_name="draws")
    values = models.BinaryField(help_text="Little-endian float32; empty where there are none.")
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name_plural = "suite draws"

    def __str__(self) -> str:
        return f"draws of {self.evaluation}"


class SpotCheck(models.Model):
    """A secret sample of a prediction file's answers, compared with those of the model that is said to have made them.

    `disagreements` above the `allowance` make it inconsistent; `smallest` is the least number of changed answers among
    the `frame` that it would have shown with 95 %.
    """

    class Verdict(models.TextChoices):
        """FAILED: the model did not run to its end, so nothing was compared."""

        ORDERED = "ordered", "Ordered"
        CONSISTENT = "consistent", "Consistent"
        INCONSISTENT = "inconsistent", "Inconsistent"
        INCONCLUSIVE = "inconclusive", "Inconclusive"
        FAILED = "failed", "The model failed"
        CANCELLED = "cancelled", "Cancelled"

    run = models.ForeignKey(Run, on_delete=models.PROTECT, related_name="spot_checks")
    evaluation = models.ForeignKey(Evaluation, on_delete=models.PROTECT, related_name="spot_checks")
    response_set = models.OneToOneField(ResponseSet, on_delete=models.PROTECT, related_name="spot_check")
    frame = models.PositiveIntegerField(help_text="The answers that the sample is drawn from.")
    size = models.PositiveIntegerField()
    tolerance = models.JSONField(default=dict, help_text="What an honest file may show.")
    verdict = models.CharField(max_length=12, choices=Verdict, default=Verdict.ORDERED)
    agreements = models.PositiveIntegerField(null=True, blank=True)
    disagreements = models.PositiveIntegerField(null=True, blank=True)
    unclear = models.PositiveIntegerField(null=True, blank=True, help_text="The model is in two minds about these.")
    allowance = models.PositiveIntegerField(null=True, blank=True)
    smallest = models.PositiveIntegerField(null=True, blank=True, help_text="The smallest forgery caught with 95 %.")
    detail = models.JSONField(default=dict, blank=True)
    ordered_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at", "pk"]

    def __str__(self) -> str:
        return f"{self.size:,} of {self.frame:,} answers of {self.evaluation.response_set}: {self.verdict}"


class SpotCheckPlan(models.Model):
    """How a track spot-checks predictions; a track without one is checked as `evaluators.spotcheck` recommends.

    `automatic`: every prediction file that came with its model is checked once it is scored; otherwise organizers
    choose, the top of a leaderboard for one.
    """

    track = models.OneToOneField(Track, on_delete=models.CASCADE, related_name="spot_check_plan")
    flipped = models.FloatField(
        default=0.05, validators=[MinValueValidator(0.001), MaxValueValidator(0.9)],
        help_text="The forgery that is to be caught: the share of the wrong answers that was turned right.",
    )  # fmt: skip
    power = models.FloatField(
        default=0.99, validators=[MinValueValidator(0.5), MaxValueValidator(0.9999)],
        help_text="With what probability it is to be caught.",
    )  # fmt: skip
    automatic = models.BooleanField(
        default=False, help_text="Check every prediction file that came with its model, once it is scored."
    )

    def __str__(self) -> str:
        return f"Spot-checks of {self.track}"


class Event(models.Model):
    """Something that happened to a submission or one of its runs; rows are only ever added."""

    submission = models.ForeignKey(Submission, on_delete=models.CASCADE, related_name="events")
    run = models.ForeignKey(Run, on_delete=models.CASCADE, null=True, blank=True, related_name="events")
    kind = models.CharField(max_length=40)
    old = models.CharField(max_length=20, blank=True)
    new = models.CharField(max_length=20, blank=True)
    detail = models.JSONField(default=dict, blank=True)
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"{self.kind} {self.old} {self.new}".strip()
