"""Challenges, their tracks and phases, and who looks after them."""

from datetime import datetime
from typing import Self

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.utils.timezone import now

LADDER = r"^(off|standard-error|\d{1,4}(\.\d{1,6})?)\Z"
KEY = RegexValidator(r"^[a-z0-9]+(-[a-z0-9]+)*\Z", "Use lower-case letters, digits and single hyphens.")


class ChallengeQuerySet(models.QuerySet["Challenge"]):
    """Challenges, narrowed to what a person may see."""

    def visible_to(self, user: AbstractBaseUser | AnonymousUser) -> Self:
        """Published ones, and those in which the user has a role; everything for a superuser."""
        if getattr(user, "is_superuser", False) and user.is_active:
            return self
        if user.is_authenticated and user.is_active:
            return self.filter(models.Q(published=True) | models.Q(pk__in=Role.objects.of(user).values("challenge")))
        return self.filter(published=True)

    def organized_by(self, user: AbstractBaseUser | AnonymousUser) -> Self:
        """Those that the user looks after."""
        if getattr(user, "is_superuser", False) and user.is_active:
            return self
        if not (user.is_authenticated and user.is_active):
            return self.none()
        return self.filter(pk__in=Role.objects.of(user).filter(kind=Role.Kind.ORGANIZER).values("challenge"))


class Challenge(models.Model):
    """One edition of a shared task."""

    key = models.CharField(max_length=60, unique=True, validators=[KEY])
    title = models.CharField(max_length=200)
    summary = models.CharField(max_length=300, blank=True, help_text="One sentence for lists.")
    description = models.TextField(blank=True, help_text="Markdown.")
    timezone = models.CharField(max_length=60, default="AoE", help_text="AoE (UTC−12), UTC or a zone's name.")
    published = models.BooleanField(default=False, help_text="Shown to everyone; before, only to its organizers.")
    # Documents name baselines by where they come from; the demo and organizers' commands submit them.
    baselines = models.JSONField(default=list, blank=True)
    suite_sources = models.JSONField(default=list, blank=True, help_text="Where a document said its suites come from.")
    created_at = models.DateTimeField(default=now)

    objects = ChallengeQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return self.title


class RoleQuerySet(models.QuerySet["Role"]):
    """Roles, narrowed to a person's."""

    def of(self, user: AbstractBaseUser | AnonymousUser) -> Self:
        """The user's roles, in any challenge."""
        return self.filter(user_id=user.pk)


class Role(models.Model):
    """What a person may do in one challenge; who has no role is a participant or a reader."""

    class Kind(models.TextChoices):
        """The closed list of roles."""

        ORGANIZER = "organizer", "Organizer"
        REVIEWER = "reviewer", "Reviewer"

    challenge = models.ForeignKey(Challenge, on_delete=models.CASCADE, related_name="roles")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="challenge_roles")
    kind = models.CharField(max_length=12, choices=Kind)
    created_at = models.DateTimeField(default=now)

    objects = RoleQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["challenge", "user", "kind"], name="role_once")]

    def __str__(self) -> str:
        return f"{self.user}: {self.kind} of {self.challenge}"


class Track(models.Model):
    """A division of a challenge with its own rules; the JSON fields hold parts of the track's document."""

    class Counts(models.TextChoices):
        """Which of a team's entries stands on the leaderboard."""

        BEST = "best", "The best"
        LAST = "last", "The last"
        PICKED = "picked", "The one the team picked"

    class Missing(models.TextChoices):
        """What happens to an entry that lacks a score."""

        UNRANKED = "unranked", "It is not ranked"
        WORST = "worst", "The missing score counts as the worst possible"

    class Ties(models.TextChoices):
        """Who shares a rank."""

        SHARED = "shared", "Entries of equal score"
        CLUSTERS = "clusters", "Entries that scores can't part"

    class LeastProvenance(models.TextChoices):
        """How far a score must be trustworthy to be ranked, least first."""

        SELF_REPORTED = "self-reported", "Told by the team"
        PREDICTIONS = "predictions", "Computed from predictions"
        SPOT_CHECKED = "spot-checked", "Predictions that were spot-checked"
        RUN_HERE = "run here", "Run here"

    challenge = models.ForeignKey(Challenge, on_delete=models.CASCADE, related_name="tracks")
    key = models.CharField(max_length=60, validators=[KEY])
    title = models.CharField(max_length=200)
    description = models.TextField(blank=True, help_text="Markdown.")
    position = models.PositiveIntegerField(default=0)
    kinds = models.JSONField(default=list, help_text='Kinds of submission taken, e.g. ["model", "code"].')
    backends = models.JSONField(default=list, blank=True, help_text='Model backends taken, e.g. ["causal"].')
    budget = models.JSONField(default=dict, blank=True, help_text="Words, epochs and the like.")
    checkpoints = models.JSONField(
        default=dict, blank=True, help_text='E.g. {"schedule": "babylm-strict", "required": true}. Empty: none taken.'
    )
    questions = models.JSONField(default=list, blank=True, help_text="The track's own typed questions.")
    metadata_until = models.DateTimeField(
        null=True, blank=True, verbose_name="answers until",
        help_text="Until when teams answer the questions and mend their answers, in UTC. Empty: until the last phase "
        "closes.",
    )  # fmt: skip
    image = models.CharField(max_length=120, default="model", help_text="Runner image, `name` or `name@sha256:…`.")
    # Set when the first phase opens or the first run is planned, whichever is earlier; from then on it is the image.
    image_id = models.CharField(max_length=80, blank=True, editable=False, help_text="What `image` was frozen to.")
    image_versions = models.JSONField(default=dict, blank=True, editable=False, help_text="What it holds, by package.")
    cpus = models.FloatField(default=2, validators=[MinValueValidator(0.1)])
    memory = models.PositiveBigIntegerField(default=4 * 1024**3, validators=[MinValueValidator(64 * 1024**2)])
    pids = models.PositiveIntegerField(default=256, validators=[MinValueValidator(8), MaxValueValidator(4096)])
    gpus = models.PositiveIntegerField(default=0, validators=[MaxValueValidator(16)])
    wall = models.PositiveIntegerField(default=3600, help_text="Seconds a run may take.")
    disk = models.PositiveBigIntegerField(default=256 * 1024**2, help_text="Bytes a run may write.")
    hardware = models.CharField(max_length=40, default="cpu", help_text="The queue of workers that run it.")
    max_bytes = models.PositiveBigIntegerField(default=2 * 1024**3, help_text="The largest hand-in, in bytes.")
    counts = models.CharField(max_length=10, choices=Counts, default=Counts.BEST)
    aggregate = models.JSONField(default=dict, blank=True, help_text='E.g. {"method": "macro", "weights": {…}}.')
    least_provenance = models.CharField(
        max_length=16, choices=LeastProvenance, default=LeastProvenance.PREDICTIONS,
        help_text="What has less is shown and not ranked.",
    )  # fmt: skip
    missing = models.CharField(max_length=10, choices=Missing, default=Missing.UNRANKED)
    ties = models.CharField(max_length=10, choices=Ties, default=Ties.SHARED)
    alpha = models.FloatField(default=0.05, validators=[MinValueValidator(0.0001), MaxValueValidator(0.5)])
    round_digits = models.PositiveIntegerField(default=2, validators=[MaxValueValidator(6)])
    ladder = models.CharField(
        max_length=20,
        default="off",
        validators=[RegexValidator(LADDER, "Write off, standard-error, or a step such as 0.5.")],
        help_text="On public boards a shown score changes only when it beats the team's best: off, by the "
        "standard-error of the paired difference, or by a step in the units of the score.",
    )
    convert_weights = models.BooleanField(
        default=False, help_text="Take .bin and older weights, converted to safetensors in a container without network."
    )
    remote_code = models.BooleanField(
        default=False, help_text="Take models whose config.json names code of their own (auto_map)."
    )
    rehearsals_hour = models.PositiveIntegerField(
        null=True, blank=True, default=10, help_text="Free rehearsals on public items a team may make in an hour."
    )
    rehearsal_items = models.PositiveIntegerField(
        default=20, validators=[MinValueValidator(1), MaxValueValidator(10_000)], help_text="Items of each suite."
    )
    # Set by the platform when something lasting is wrong here: nothing is claimed until an organizer lifts it.
    paused_at = models.DateTimeField(null=True, blank=True)
    paused_reason = models.CharField(max_length=300, blank=True)
    resumed_at = models.DateTimeField(null=True, blank=True, help_text="When a pause was last lifted.")

    class Meta:
        ordering = ["position", "key"]
        constraints = [models.UniqueConstraint(fields=["challenge", "key"], name="track_key_once")]

    def __str__(self) -> str:
        return self.title


class Phase(models.Model):
    """A time window of a track with its own quota and visibility."""

    class Visibility(models.TextChoices):
        """When scores of the phase may be seen by all."""

        PUBLIC = "public", "At once"
        AFTER_CLOSE = "after_close", "After the phase has closed"
        HIDDEN = "hidden", "Only to organizers and reviewers"

    track = models.ForeignKey(Track, on_delete=models.CASCADE, related_name="phases")
    key = models.CharField(max_length=60, validators=[KEY])
    title = models.CharField(max_length=200)
    position = models.PositiveIntegerField(default=0)
    opens = models.DateTimeField()
    closes = models.DateTimeField()
    quota_day = models.PositiveIntegerField(null=True, blank=True, help_text="Hand-ins a team may make in a day (UTC).")
    quota_total = models.PositiveIntegerField(null=True, blank=True)
    quota_concurrent = models.PositiveIntegerField(null=True, blank=True)
    visibility = models.CharField(max_length=12, choices=Visibility, default=Visibility.AFTER_CLOSE)
    reveal_at = models.DateTimeField(
        null=True, blank=True, verbose_name="revealed",
        help_text="When scores become public and exact, in UTC, not before it closes. Empty: when it closes.",
    )  # fmt: skip
    blind = models.BooleanField(
        default=False, help_text="Until then teams and methods have made-up names, also before reviewers."
    )

    class Meta:
        ordering = ["position", "opens", "key"]
        constraints = [
            models.UniqueConstraint(fields=["track", "key"], name="phase_key_once"),
            models.CheckConstraint(condition=models.Q(closes__gt=models.F("opens")), name="phase_closes_after_opens"),
            models.CheckConstraint(
                condition=models.Q(reveal_at__isnull=True) | models.Q(reveal_at__gte=models.F("closes")),
                name="phase_revealed_after_it_closes",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.track}: {self.title}"

    @property
    def is_open(self) -> bool:
        """Whether the phase takes submissions now."""
        return self.opens <= now() < self.closes

    @property
    def is_closed(self) -> bool:
        """Whether the phase's window has passed."""
        return now() >= self.closes

    @property
    def revealed_from(self) -> datetime:
        """When its scores become public and exact, unless it keeps them hidden."""
        return self.reveal_at or self.closes

    @property
    def is_revealed(self) -> bool:
        """Whether that time has come."""
        return self.is_closed and now() >= self.revealed_from
