"""What teams hand in, where it is entered, and the quota that it uses up."""

import uuid

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils import timezone

from accounts.models import Team
from challenges.models import Challenge, Phase, Track


class Registration(models.Model):
    """A team taking part in a challenge; a person takes part in one team only. The quota ledger hangs on it."""

    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="registrations")
    challenge = models.ForeignKey(Challenge, on_delete=models.PROTECT, related_name="registrations")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["team", "challenge"], name="registration_once")]

    def __str__(self) -> str:
        return f"{self.team} in {self.challenge}"


class Artifact(models.Model):
    """Bytes that were handed in, stored once under their digest in the storage `artifacts`."""

    digest = models.CharField(max_length=64, unique=True)
    size = models.PositiveBigIntegerField(help_text="In bytes; of a list of files, theirs together.")
    storage_name = models.CharField(max_length=200)
    created_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return self.digest[:12]


class UploadSession(models.Model):
    """A file on its way, in chunks; it can go on after a reload, a lost connection or a restart."""

    class State(models.TextChoices):
        """A session is used up by the submission that takes its artifact."""

        OPEN = "open", "Open"
        COMPLETE = "complete", "Complete"
        USED = "used", "Used"
        ABANDONED = "abandoned", "Abandoned"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="uploads")
    challenge = models.ForeignKey(Challenge, on_delete=models.CASCADE, related_name="+")
    filename = models.CharField(max_length=200)
    size = models.PositiveBigIntegerField()
    received = models.PositiveBigIntegerField(default=0)
    expected_digest = models.CharField(max_length=64, blank=True, help_text="sha256 that the sender computed.")
    state = models.CharField(max_length=10, choices=State, default=State.OPEN)
    artifact = models.ForeignKey(Artifact, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.filename} ({self.received} of {self.size} bytes)"


class Submission(models.Model):
    """An artifact and its manifest; immutable once received, but for its state."""

    class State(models.TextChoices):
        """Received, then checked: accepted or rejected."""

        RECEIVED = "received", "Received"
        ACCEPTED = "accepted", "Accepted"
        REJECTED = "rejected", "Rejected"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    registration = models.ForeignKey(Registration, on_delete=models.PROTECT, related_name="submissions")
    number = models.PositiveIntegerField(help_text="Counts a team's submissions in a challenge from 1.")
    name = models.CharField(max_length=120, help_text="The method's name, as it stands on leaderboards.")
    kind = models.CharField(max_length=12, blank=True, help_text="Empty until the archive's manifest has been read.")
    artifact = models.ForeignKey(Artifact, on_delete=models.PROTECT, related_name="submissions")
    upload = models.OneToOneField(UploadSession, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    # The manifest as the team gave it (form or submission.yaml), validated; completed at the check.
    manifest = models.JSONField(default=dict)
    digest = models.CharField(
        max_length=64, blank=True, help_text="sha256 over artifact and manifest: what a run depends on."
    )
    state = models.CharField(max_length=10, choices=State, default=State.RECEIVED)
    problems = models.JSONField(default=list, blank=True, help_text="Why it was rejected: code, sentence, remedy.")
    files = models.JSONField(default=list, blank=True, help_text="Path, size and sha256 of each file in it.")
    conversion = models.JSONField(
        default=dict, blank=True, help_text="Weights that were converted to safetensors: from what, to what, by what."
    )
    submitted_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)
    checked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at"]
        constraints = [models.UniqueConstraint(fields=["registration", "number"], name="submission_number_once")]

    def __str__(self) -> str:
        return f"{self.name} (#{self.number} of {self.registration.team})"


class HubFetch(models.Model):
    """How far the files of a hand-in from a hub have come, and which worker is at it."""

    submission = models.OneToOneField(Submission, on_delete=models.CASCADE, related_name="hub")
    commits = models.JSONField(
        default=dict, blank=True, help_text="What the revision and the checkpoints' branches are frozen to, by name."
    )
    listing = models.JSONField(default=list, blank=True, help_text="The files to be had, from the frozen commits.")
    complete = models.BooleanField(default=False)
    # One worker at a time: the claim is its lease until then, and where there is none nobody comes before then.
    claim = models.UUIDField(null=True, blank=True)
    not_before = models.DateTimeField(default=timezone.now)
    failures = models.PositiveIntegerField(default=0)
    told = models.CharField(max_length=300, blank=True, help_text="What the team reads while it waits.")
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name_plural = "hub fetches"

    def __str__(self) -> str:
        return f"the files of {self.submission}"


class SubmissionFile(models.Model):
    """One file of a hand-in from a hub; its bytes are stored once, whoever has the same."""

    submission = models.ForeignKey(Submission, on_delete=models.CASCADE, related_name="stored_files")
    path = models.CharField(max_length=200)
    artifact = models.ForeignKey(Artifact, on_delete=models.PROTECT, related_name="+")
    oid = models.CharField(max_length=80, blank=True, help_text="What the hub calls these bytes.")

    class Meta:
        ordering = ["path"]
        constraints = [models.UniqueConstraint(fields=["submission", "path"], name="submission_file_once")]

    def __str__(self) -> str:
        return self.path


class Entry(models.Model):
    """A submission in a track."""

    class Status(models.TextChoices):
        """Only official and late entries can be ranked; an organizer's is a baseline or skyline."""

        OFFICIAL = "official", "Official"
        LATE = "late", "Late"
        NOT_ELIGIBLE = "not_eligible", "Not eligible"
        BASELINE = "baseline", "Baseline (organizer's)"
        SKYLINE = "skyline", "Skyline (organizer's)"
        WITHDRAWN = "withdrawn", "Withdrawn"
        DISQUALIFIED = "disqualified", "Disqualified"

    submission = models.ForeignKey(Submission, on_delete=models.PROTECT, related_name="entries")
    track = models.ForeignKey(Track, on_delete=models.PROTECT, related_name="entries")
    status = models.CharField(max_length=14, choices=Status, default=Status.OFFICIAL)
    reason = models.CharField(max_length=300, blank=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    decided_at = models.DateTimeField(null=True, blank=True)
    picked = models.BooleanField(default=False)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["created_at"]
        verbose_name_plural = "entries"
        constraints = [models.UniqueConstraint(fields=["submission", "track"], name="entry_once")]

    def __str__(self) -> str:
        return f"{self.submission} in {self.track}"


class QuotaCharge(models.Model):
    """A line of the ledger: one entry's use of a phase's quota."""

    class State(models.TextChoices):
        """Reserved while it is checked, settled when accepted, released when rejected or the fault is ours."""

        RESERVED = "reserved", "Reserved"
        SETTLED = "settled", "Settled"
        RELEASED = "released", "Released"

    registration = models.ForeignKey(Registration, on_delete=models.PROTECT, related_name="charges")
    phase = models.ForeignKey(Phase, on_delete=models.PROTECT, related_name="charges")
    entry = models.ForeignKey(Entry, on_delete=models.PROTECT, related_name="charges")
    state = models.CharField(max_length=10, choices=State, default=State.RESERVED)
    # True while the hand-in is not finished: what the concurrent quota counts.
    active = models.BooleanField(default=True)
    reason = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["created_at"]
        constraints = [models.UniqueConstraint(fields=["phase", "entry"], name="charge_once")]

    def __str__(self) -> str:
        return f"{self.entry} in {self.phase}: {self.state}"


class QuotaChange(models.Model):
    """Something that happened to a charge, and why; rows are only ever added."""

    charge = models.ForeignKey(QuotaCharge, on_delete=models.CASCADE, related_name="changes")
    old = models.CharField(max_length=10, blank=True)
    new = models.CharField(max_length=10)
    reason = models.CharField(max_length=200)
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"{self.old} → {self.new}: {self.reason}"


class QuotaGrant(models.Model):
    """Hand-ins that organizers gave a team beyond the phase's quota: in all, and on one day (UTC)."""

    registration = models.ForeignKey(Registration, on_delete=models.PROTECT, related_name="grants")
    phase = models.ForeignKey(Phase, on_delete=models.PROTECT, related_name="grants")
    amount = models.PositiveIntegerField(validators=[MinValueValidator(1), MaxValueValidator(1000)])
    day = models.DateField(help_text="The day (UTC) whose quota grows by as many; the total grows in any case.")
    reason = models.CharField(max_length=200)
    granted_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["created_at"]

    def __str__(self) -> str:
        return f"{self.amount} more for {self.registration.team} in {self.phase}"


class MethodAnswer(models.Model):
    """A later answer to a question about the method; rows are only ever added, and the newest of a key holds.

    What the manifest answered comes before the first of them.
    """

    submission = models.ForeignKey(Submission, on_delete=models.CASCADE, related_name="method_answers")
    key = models.CharField(max_length=60)
    value = models.JSONField(null=True, help_text="Null: the answer was taken back.")
    previous = models.JSONField(null=True)
    reason = models.CharField(max_length=300, blank=True, help_text="An organizer's, who changes a team's answer.")
    changed_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    changed_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["pk"]
        indexes = [models.Index(fields=["submission", "key"], name="method_answer_of")]
        constraints = [models.CheckConstraint(condition=~models.Q(key=""), name="method_answer_has_key")]

    def __str__(self) -> str:
        return f"{self.key} of {self.submission}"


class WeightFacts(models.Model):
    """What the platform read itself in the headers of a submission's safetensors files."""

    submission = models.OneToOneField(Submission, on_delete=models.CASCADE, related_name="weight_facts")
    parameters = models.PositiveBigIntegerField(help_text="Floating-point numbers stored, buffers included.")
    embeddings = models.PositiveBigIntegerField(help_text="Those of them in tables of embeddings and output words.")
    tensors = models.PositiveIntegerField()
    dtypes = models.JSONField(default=dict, help_text="Numbers stored, by kind.")
    size = models.PositiveBigIntegerField(help_text="Bytes of the files.")
    files = models.PositiveIntegerField()
    read_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name_plural = "weight facts"

    def __str__(self) -> str:
        return f"{self.parameters:,} parameters of {self.submission}"


class ReminderRound(models.Model):
    """One round of reminders about a track's questions: before its deadline, or because an organizer asked."""

    class Kind(models.TextChoices):
        """What brought it about."""

        WEEK = "week", "7 days before"
        DAY = "day", "24 hours before"
        ASKED = "asked", "Asked for by an organizer"

    track = models.ForeignKey(Track, on_delete=models.CASCADE, related_name="reminder_rounds")
    kind = models.CharField(max_length=6, choices=Kind)
    deadline = models.DateTimeField(null=True, help_text="As it was then: a deadline that moves is reminded of anew.")
    ordered_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    made_at = models.DateTimeField(default=timezone.now)
    tried_at = models.DateTimeField(null=True, blank=True)
    done_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["track", "kind", "deadline"],
                condition=models.Q(kind__in=["week", "day"]),
                name="reminder_round_once",
            )
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.track}"


class Reminder(models.Model):
    """A mail to a team's members that named what is empty."""

    round = models.ForeignKey(ReminderRound, on_delete=models.CASCADE, related_name="reminders")
    registration = models.ForeignKey(Registration, on_delete=models.CASCADE, related_name="reminders")
    named = models.JSONField(help_text="The keys of the empty questions, by the submission's number.")
    sent_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["pk"]
        constraints = [models.UniqueConstraint(fields=["round", "registration"], name="reminder_once")]

    def __str__(self) -> str:
        return f"{self.registration} reminded at {self.sent_at:%Y-%m-%d %H:%M}"
