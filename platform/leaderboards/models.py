"""Materialised leaderboards."""

import json
import zlib
from functools import cached_property
from typing import Any

from django.conf import settings
from django.db import models
from django.utils import timezone

from accounts.models import Team
from challenges.models import Phase
from evaluations.models import Run
from submissions.models import Entry

# How many rows of a board lie in a chunk, and stand on a page.
CHUNK = 100


class StandingQuerySet(models.QuerySet["Standing"]):
    """Standings, narrowed."""

    def current(self) -> "StandingQuerySet":
        """Those that the phase's next snapshot is made of."""
        return self.filter(superseded_at__isnull=True)


class Standing(models.Model):
    """What a board says of one scored entry, whoever else stands there; never changed, but followed by another.

    `scores`: by column [value, low, high, n, asked, answered], and of replicates of a training [… sd, trainings].
    `told` and `told_parts` are what may be told of hidden data before its reveal.
    `row`: what the aggregate takes of each column, float64, nan where it is missing. `basis` is the digest of the
    columns and the rule by which it was computed.
    """

    phase = models.ForeignKey(Phase, on_delete=models.CASCADE, related_name="standings")
    entry = models.ForeignKey(Entry, on_delete=models.CASCADE, related_name="standings")
    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="standings")
    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="standings")
    basis = models.CharField(max_length=64)
    name = models.CharField(max_length=120)
    team_name = models.CharField(max_length=200)
    kind = models.CharField(max_length=12, blank=True)
    status = models.CharField(max_length=14)
    reason = models.CharField(max_length=300, blank=True)
    picked = models.BooleanField(default=False)
    complete = models.BooleanField(default=True)
    provenance = models.CharField(max_length=16)
    handed_in_at = models.DateTimeField()
    finished_at = models.DateTimeField()
    scores = models.JSONField(default=dict)
    told = models.JSONField(default=dict)
    parts = models.JSONField(default=dict)
    told_parts = models.JSONField(default=dict)
    tags = models.JSONField(default=dict, help_text="By tag and column: value, low, high, items.")
    splits = models.JSONField(default=dict, help_text="By column and split, where public items are asked with others.")
    evaluations = models.JSONField(default=dict, help_text="By column, of the finished model and its replicates.")
    row = models.BinaryField()
    told_row = models.BinaryField()
    aggregate = models.FloatField(null=True)
    told_aggregate = models.FloatField(null=True, help_text="Of what is told, before it is rounded itself.")
    # Of the aggregate, where it does not depend on who else stands on the board.
    low = models.FloatField(null=True)
    high = models.FloatField(null=True)
    draws = models.BinaryField(help_text="A thousand paired draws of the aggregate, float32; empty: none.")
    digest = models.CharField(max_length=64)
    told_digest = models.CharField(max_length=64)
    created_at = models.DateTimeField(default=timezone.now)
    superseded_at = models.DateTimeField(null=True, blank=True)

    objects = StandingQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["phase", "entry"], condition=models.Q(superseded_at__isnull=True), name="standing_one_current"
            )
        ]
        indexes = [models.Index(fields=["phase", "superseded_at"], name="standing_of_phase")]

    def __str__(self) -> str:
        return f"{self.name} in {self.phase}"


class Snapshot(models.Model):
    """The leaderboard of a phase as it was computed at one time; its rows lie in chunks.

    The current one is shown, unless one is frozen. `told` says whether it also holds what everybody may see of hidden
    data before the reveal; nothing in that depends on more than it shows.
    """

    phase = models.ForeignKey(Phase, on_delete=models.CASCADE, related_name="snapshots")
    current = models.BooleanField(default=True)
    frozen = models.BooleanField(default=False)
    frozen_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    frozen_at = models.DateTimeField(null=True, blank=True)
    rule = models.TextField(help_text="The ranking rule in words, printed under the table.")
    columns = models.JSONField(default=list)
    parts = models.JSONField(default=list, help_text="The parts of the aggregate, as columns that stand before suites.")
    tags = models.JSONField(default=list, help_text="The tags that have a table of their own, with its columns.")
    counts = models.JSONField(default=dict, help_text="Rows by section, and in it by status.")
    what_if = models.JSONField(default=list, help_text="The first rows' ranks by other methods.")
    digest = models.CharField(max_length=64, help_text="sha256 over rule, columns, rows, parts and tags.")
    told = models.BooleanField(default=False)
    told_rule = models.TextField(blank=True)
    told_tags = models.JSONField(default=list)
    told_counts = models.JSONField(default=dict)
    told_what_if = models.JSONField(default=list)
    told_digest = models.CharField(max_length=64, blank=True)
    digits = models.JSONField(
        default=dict, help_text="Decimals that are told, by column and part; of the whole under “”."
    )
    items = models.JSONField(default=dict, help_text="Items by column, as far as any entry has a score.")
    basis = models.CharField(max_length=64, blank=True)
    history = models.JSONField(default=list, help_text="Earlier states that the page links to: when, and digests.")
    created_at = models.DateTimeField(default=timezone.now)
    computed_at = models.DateTimeField(default=timezone.now, help_text="Scores up to then stand on it.")

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(fields=["phase"], condition=models.Q(current=True), name="snapshot_one_current"),
            models.UniqueConstraint(fields=["phase"], condition=models.Q(frozen=True), name="snapshot_one_frozen"),
        ]

    def __str__(self) -> str:
        return f"{self.phase} at {self.created_at:%Y-%m-%d %H:%M}"

    @property
    def rows(self) -> list[dict[str, Any]]:
        """Every row of the table, exact. Two queries."""
        return self.rows_in("table")

    @property
    def told_rows(self) -> list[dict[str, Any]]:
        """Every row of the table as it may be told before the reveal; none where nothing is to be guarded."""
        return self.rows_in("table", audience=SnapshotChunk.Audience.TOLD)

    def rows_in(self, section: str, *, audience: str = "exact") -> list[dict[str, Any]]:
        """Every row of a section. Two queries."""
        from leaderboards.rows import rows_of  # which is made of these models

        return rows_of(self, self.chunks.filter(section=section, audience=audience))


class SnapshotChunk(models.Model):
    """Up to a hundred rows of one section of a snapshot, for one audience, in their order.

    A row holds what depends on who else stands there, and the `standing` that has the rest; a row without one is whole.
    """

    class Audience(models.TextChoices):
        """EXACT is for organizers and reviewers until the reveal, and for everybody after it."""

        EXACT = "exact", "Exact"
        TOLD = "told", "What may be told"

    snapshot = models.ForeignKey(Snapshot, on_delete=models.CASCADE, related_name="chunks")
    audience = models.CharField(max_length=5, choices=Audience)
    section = models.CharField(max_length=140)
    number = models.PositiveIntegerField()
    teams = models.TextField(blank=True, help_text="The teams of its rows: |7|12|.")
    # Compressed JSON: a large board is written at every score, and kept for a month.
    packed = models.BinaryField()

    class Meta:
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(fields=["snapshot", "audience", "section", "number"], name="snapshot_chunk_once")
        ]

    def __str__(self) -> str:
        return f"{self.section} {self.number} of {self.snapshot}"

    @cached_property
    def rows(self) -> list[dict[str, Any]]:
        """The rows, in their order."""
        found: list[dict[str, Any]] = json.loads(zlib.decompress(self.packed))
        return found


class PublishedTable(models.Model):
    """The final table of a phase of an edition that ran elsewhere: what was published, entry by entry.

    `columns`, `rows` and `failures` are parts of a `results/1` document. Nobody's account or team stands behind a row.
    """

    phase = models.OneToOneField(Phase, on_delete=models.CASCADE, related_name="published_table")
    version = models.PositiveIntegerField(default=1, help_text="How often the edition's table has been brought in.")
    digest = models.CharField(max_length=64, help_text="sha256 of the edition's whole table.")
    year = models.PositiveIntegerField()
    source = models.CharField(max_length=1000, help_text="A citation.")
    url = models.URLField(max_length=500, blank=True)
    license = models.CharField(max_length=200, blank=True)
    notes = models.JSONField(default=list, help_text="Sentences that stand under the table.")
    decimals = models.PositiveIntegerField(default=3, help_text="Of the aggregates, as they were published.")
    columns = models.JSONField(default=list)
    rows = models.JSONField(default=list)
    failures = models.JSONField(default=list)
    imported_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"{self.phase}, as published"
