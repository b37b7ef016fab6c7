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
    parts = models.JSONField(default=list, help_text="The parts of the aggregate, as columns that stand before suites.")
    tags = models.JSONField(default=list, help_text="A table for each tag of the suites' items.")
    digest = models.CharField(max_length=64, help_text="sha256 over rule, columns, rows, parts and tags.")
    # Of hidden data: what everybody may see before the reveal. Nothing in it depends on more than it shows.
    told_rule = models.TextField(blank=True)
    told_rows = models.JSONField(null=True, blank=True)
    told_tags = models.JSONField(default=list)
    told_digest = models.CharField(max_length=64, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    computed_at = models.DateTimeField(default=timezone.now, help_text="Scores up to then stand on it.")

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(fields=["phase"], condition=models.Q(current=True), name="snapshot_one_current")
        ]

    def __str__(self) -> str:
        return f"{self.phase} at {self.created_at:%Y-%m-%d %H:%M}"
