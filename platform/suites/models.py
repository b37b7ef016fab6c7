"""Suites, their sealed versions, and which phases use them."""

from django.conf import settings
from django.db import models
from django.utils import timezone

from challenges.models import KEY, Phase


class Suite(models.Model):
    """A set of items with one task family, known by its key through all its versions."""

    key = models.CharField(max_length=80, unique=True, validators=[KEY])
    title = models.CharField(max_length=200)
    task = models.CharField(max_length=20)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["key"]

    def __str__(self) -> str:
        return self.key


class SuiteVersion(models.Model):
    """One version of a suite: its manifest, its digest, and its content in the sealed storage."""

    class State(models.TextChoices):
        """A version is used by phases only once it is frozen; then it never changes."""

        UPLOADED = "uploaded", "Uploaded"
        INVALID = "invalid", "Not valid"
        CHECKED = "checked", "Checked"
        FROZEN = "frozen", "Frozen"

    suite = models.ForeignKey(Suite, on_delete=models.PROTECT, related_name="versions")
    version = models.CharField(max_length=40)
    state = models.CharField(max_length=10, choices=State, default=State.UPLOADED)
    digest = models.CharField(max_length=64, blank=True, help_text="sha256 over the canonical form.")
    manifest = models.JSONField(default=dict)
    # A tar of the suite folder in the storage `sealed`; only suites.services opens it.
    sealed_name = models.CharField(max_length=200, blank=True)
    items = models.PositiveIntegerField(default=0)
    groups = models.PositiveIntegerField(default=0)
    hidden = models.BooleanField(default=True, help_text="Items or gold are hidden.")
    check_report = models.JSONField(default=dict, blank=True)
    selftest_report = models.JSONField(default=dict, blank=True)
    uploaded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField(default=timezone.now)
    frozen_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["suite__key", "-created_at"]
        constraints = [models.UniqueConstraint(fields=["suite", "version"], name="suite_version_once")]

    def __str__(self) -> str:
        return f"{self.suite}@{self.version}"

    @property
    def gated(self) -> bool:
        """Whether its items lie encrypted and are shown to nobody, its organizers included."""
        return bool(self.manifest.get("gated"))


class PhaseSuite(models.Model):
    """A suite version that a phase asks, with the splits and the sample that it asks."""

    phase = models.ForeignKey(Phase, on_delete=models.CASCADE, related_name="phase_suites")
    suite_version = models.ForeignKey(SuiteVersion, on_delete=models.PROTECT, related_name="phase_suites")

    class Checkpoints(models.TextChoices):
        """Which models of a submission are asked."""

        MAIN = "main", "The finished model"
        ALL = "all", "Every checkpoint, the finished model too"

    splits = models.JSONField(default=list)
    checkpoints = models.CharField(max_length=4, choices=Checkpoints, default=Checkpoints.MAIN)
    sample = models.PositiveIntegerField(null=True, blank=True, help_text="Ask only a fixed stratified sample.")
    position = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["position", "pk"]
        constraints = [models.UniqueConstraint(fields=["phase", "suite_version"], name="phase_suite_once")]

    def __str__(self) -> str:
        return f"{self.suite_version} in {self.phase}"

    @property
    def selection(self) -> str:
        """The canonical text of what is asked: `dev+private`, `private#200`."""
        splits = "+".join(sorted(self.splits))
        return f"{splits}#{self.sample}" if self.sample is not None else splits


class Unsealing(models.Model):
    """Who opened gold, and why; rows are only ever added."""

    suite_version = models.ForeignKey(SuiteVersion, on_delete=models.PROTECT, related_name="unsealings")
    reason = models.CharField(max_length=200)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-at"]

    def __str__(self) -> str:
        return f"{self.suite_version}: {self.reason}"
