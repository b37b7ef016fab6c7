"""Versions of a challenge's findings report, as they were asked for and built."""

from django.conf import settings
from django.db import models
from django.utils.timezone import now

from challenges.models import Challenge


class ReportVersion(models.Model):
    """One build of the report: asked for by an organizer, built by a worker, kept as a zip archive in `artifacts`.

    `finished_at` is empty until it is built. `version` is that of the report: two builds of the same material
    are of one version.
    """

    challenge = models.ForeignKey(Challenge, on_delete=models.CASCADE, related_name="report_versions")
    number = models.PositiveIntegerField()
    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(default=now)
    finished_at = models.DateTimeField(null=True, blank=True)
    version = models.CharField(max_length=12, blank=True)
    digest = models.CharField(max_length=64, blank=True, help_text="sha256 of the archive.")
    size = models.PositiveBigIntegerField(default=0, help_text="Bytes of the archive.")
    storage_name = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ["-number"]
        constraints = [models.UniqueConstraint(fields=["challenge", "number"], name="report_number_once")]

    def __str__(self) -> str:
        return f"Findings {self.number} of {self.challenge}"
