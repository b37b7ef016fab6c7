"""Materialised leaderboards."""

from django.db import models
from django.utils import timezone

from challenges.models import Phase


class Snapshot(models.Model):
    """The leaderboard of a phase as it was computed at one time; the current one is shown, a frozen one is kept."""

    phase = models.ForeignKey(Phase, on_delete=models.CASCADE, related_name="snapshots")
    current = models.BooleanField(default=True)
    frozen = models.BooleanField(default=False)
    rule = models.TextField(help_text="The ranking rule in words, printed under the table.")
    columns = models.JSONField(default=list)
    rows = models.JSONField(default=list)
    digest = models.CharField(max_length=64, help_text="sha256 over rule, columns and rows.")
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(fields=["phase"], condition=models.Q(current=True), name="snapshot_one_current")
        ]

    def __str__(self) -> str:
        return f"{self.phase} at {self.created_at:%Y-%m-%d %H:%M}"
