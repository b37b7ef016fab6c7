"""Flags: what organizers and reviewers should look at, and what they decided."""

from django.conf import settings
from django.db import models
from django.utils import timezone

from submissions.models import Submission


class Flag(models.Model):
    """Something about a submission that organizers and reviewers should look at; it changes no rank by itself."""

    class Kind(models.TextChoices):
        """What was noticed."""

        SPOT_CHECK = "spot-check", "Predictions that the model does not give"
        SAME_PREDICTIONS = "same-predictions", "Another team's prediction file"
        SAME_ANSWERS = "same-answers", "Another team's answers"
        SAME_WEIGHTS = "same-weights", "Another team's weights"
        SAME_SCORES = "same-scores", "Another team's scores, digit by digit"
        CONSTANT = "constant", "The same answer to everything"
        IMPOSSIBLE = "impossible", "A score that nobody should reach"

    class State(models.TextChoices):
        """Open until somebody has looked."""

        OPEN = "open", "Open"
        DISMISSED = "dismissed", "Dismissed"
        CONFIRMED = "confirmed", "Confirmed"

    kind = models.CharField(max_length=20, choices=Kind)
    submission = models.ForeignKey(Submission, on_delete=models.PROTECT, related_name="flags")
    other = models.ForeignKey(Submission, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    subject = models.CharField(max_length=160, blank=True, help_text="The suite, where it is about one.")
    numbers = models.JSONField(default=dict, blank=True)
    state = models.CharField(max_length=10, choices=State, default=State.OPEN)
    reason = models.CharField(max_length=300, blank=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    decided_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-created_at", "-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "submission", "other", "subject"],
                condition=models.Q(other__isnull=False),
                name="flag_once_with_other",
            ),
            models.UniqueConstraint(
                fields=["kind", "submission", "subject"], condition=models.Q(other__isnull=True), name="flag_once_alone"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.submission}"


class FlagDecision(models.Model):
    """What was decided about a flag, by whom and why; rows are only ever added."""

    flag = models.ForeignKey(Flag, on_delete=models.CASCADE, related_name="decisions")
    old = models.CharField(max_length=10)
    new = models.CharField(max_length=10)
    reason = models.CharField(max_length=300)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"{self.old} → {self.new}: {self.reason}"
