"""Batches: changes of scores that are prepared beside those that count, looked at, and then applied or discarded."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from challenges.models import Challenge, Phase
from suites.models import PhaseSuite, SuiteVersion


class Batch(models.Model):
    """One change of a challenge's scores; its state changes only through evaluations.batches.states.move."""

    class Kind(models.TextChoices):
        """What changes: how answers are scored, which suites are asked, or which version of one is."""

        RESCORE = "rescore", "Re-score"
        ADD_SUITE = "add-suite", "Added suite"
        NEW_VERSION = "new-version", "New suite version"

    class State(models.TextChoices):
        """Nothing of it counts before it is applied."""

        DRAFT = "draft", "Draft"
        RUNNING = "running", "Running"
        READY = "ready", "Ready"
        APPLIED = "applied", "Applied"
        DISCARDED = "discarded", "Discarded"

    challenge = models.ForeignKey(Challenge, on_delete=models.PROTECT, related_name="batches")
    kind = models.CharField(max_length=12, choices=Kind)
    state = models.CharField(max_length=10, choices=State, default=State.DRAFT)
    reason = models.CharField(max_length=500, help_text="Why scores are to change.")
    suite_version = models.ForeignKey(
        SuiteVersion, on_delete=models.PROTECT, null=True, blank=True, related_name="batches"
    )
    replaces = models.ForeignKey(SuiteVersion, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    weight = models.FloatField(null=True, blank=True, help_text="Of an added suite, in the tracks' aggregates.")
    evaluator = models.CharField(max_length=40, blank=True, help_text="Of a re-score, the version that it is by.")
    estimate = models.JSONField(default=dict, blank=True, help_text="What it was expected to cost.")
    preview_digest = models.CharField(max_length=64, blank=True, help_text="sha256 over the phases' previews.")
    previewed_at = models.DateTimeField(null=True, blank=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)
    touched_at = models.DateTimeField(default=timezone.now, help_text="When a worker last took it up.")
    finished_at = models.DateTimeField(null=True, blank=True, help_text="When it was applied or discarded.")

    class Meta:
        verbose_name_plural = "batches"
        ordering = ["-created_at", "-pk"]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.pk} of {self.challenge}"


class BatchPhase(models.Model):
    """A phase whose scores a batch may change, and what it is to ask of the batch's suite; one open batch a phase."""

    batch = models.ForeignKey(Batch, on_delete=models.CASCADE, related_name="batch_phases")
    phase = models.ForeignKey(Phase, on_delete=models.CASCADE, related_name="batch_phases")
    open = models.BooleanField(default=True)
    splits = models.JSONField(default=list, blank=True)
    sample = models.PositiveIntegerField(null=True, blank=True)
    checkpoints = models.CharField(
        max_length=4, choices=PhaseSuite.Checkpoints, default=PhaseSuite.Checkpoints.MAIN
    )  # fmt: skip
    preview = models.JSONField(default=dict, blank=True, help_text="Scores and ranks before and after.")

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["batch", "phase"], name="batch_phase_once"),
            models.UniqueConstraint(fields=["phase"], condition=Q(open=True), name="batch_one_open_a_phase"),
        ]

    def __str__(self) -> str:
        return f"{self.batch} in {self.phase}"


class BatchItem(models.Model):
    """What one batch does once: score a response set anew, or ask the suite of the submission that a run is of."""

    class State(models.TextChoices):
        """How far it is; DIFFERS and ERRORED keep the batch from being applied."""

        WAITING = "waiting", "Waiting"
        ASKED = "asked", "Being asked"
        DONE = "done", "Done"
        IDENTICAL = "identical", "Identical"
        UNABLE = "unable", "Can't answer"
        FAILED = "failed", "Failed"
        DROPPED = "dropped", "Taken out"
        DIFFERS = "differs", "Differs within one version"
        ERRORED = "errored", "Error of the platform"

    batch = models.ForeignKey(Batch, on_delete=models.CASCADE, related_name="items")
    state = models.CharField(max_length=10, choices=State, default=State.WAITING)
    note = models.CharField(max_length=300, blank=True)
    # Of a re-score.
    response_set = models.ForeignKey(
        "evaluations.ResponseSet", on_delete=models.PROTECT, null=True, blank=True, related_name="batch_items"
    )
    evaluation = models.ForeignKey(
        "evaluations.Evaluation", on_delete=models.PROTECT, null=True, blank=True, related_name="batch_items"
    )
    claimed_until = models.DateTimeField(null=True, blank=True, help_text="A worker scores it until then.")
    # Of an added suite or a new version: the phase's run of the entry, and the run that asks the suite.
    run = models.ForeignKey(
        "evaluations.Run", on_delete=models.PROTECT, null=True, blank=True, related_name="batch_items"
    )
    own_run = models.OneToOneField(
        "evaluations.Run", on_delete=models.PROTECT, null=True, blank=True, related_name="batch_item"
    )

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["batch", "response_set"], condition=Q(response_set__isnull=False), name="batch_set_once"
            ),
            models.UniqueConstraint(fields=["batch", "run"], condition=Q(run__isnull=False), name="batch_run_once"),
            models.CheckConstraint(
                condition=Q(response_set__isnull=False) ^ Q(run__isnull=False), name="batch_item_of_a_set_or_a_run"
            ),
        ]
        indexes = [models.Index(fields=["batch", "state"], name="batch_item_state")]

    def __str__(self) -> str:
        return f"{self.batch}: {self.state}"


class BatchMove(models.Model):
    """A move of a batch: by whom, when and why; rows are only ever added."""

    batch = models.ForeignKey(Batch, on_delete=models.CASCADE, related_name="moves")
    old = models.CharField(max_length=10, blank=True)
    new = models.CharField(max_length=10)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    reason = models.CharField(max_length=500, blank=True)
    digest = models.CharField(max_length=64, blank=True, help_text="Of an applied batch: the preview that was seen.")
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"{self.old or 'new'} → {self.new}"
