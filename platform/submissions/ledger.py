"""A team's ledger as it is read: per phase what was used, what is left, what was granted, and why."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from challenges.models import Phase
from submissions import quota
from submissions.models import QuotaChange, QuotaCharge, QuotaGrant, Registration

TONES = {QuotaCharge.State.RESERVED: "info", QuotaCharge.State.SETTLED: "good"}
# A change that leaves the state alone says what happened beside it.
WORDS = {"": "Noted", QuotaCharge.State.RESERVED: "Reserved", QuotaCharge.State.SETTLED: "Settled",
         QuotaCharge.State.RELEASED: "Released"}  # fmt: skip


@dataclass(frozen=True)
class Step:
    """Something that happened to a charge, and why."""

    at: datetime
    what: str
    reason: str


@dataclass(frozen=True)
class Line:
    """A charge with its history, the oldest step first."""

    submission_id: UUID
    number: int
    name: str
    made_at: datetime
    state: str
    tone: str
    under_way: bool
    reason: str
    steps: tuple[Step, ...]


@dataclass(frozen=True)
class PhaseLedger:
    """A phase's part of a team's ledger, the newest charge first."""

    phase: Phase
    standing: quota.Standing
    lines: tuple[Line, ...]
    grants: tuple[QuotaGrant, ...]

    @property
    def figures(self) -> list[tuple[str, str]]:
        """What is used and left, in words: today, in all, at the same time."""
        used, allowed = self.standing.used, self.standing.allowed
        under_way = f"{used.concurrent} under way"
        if allowed.concurrent is not None:
            under_way = f"{used.concurrent} of {allowed.concurrent} under way"
        return [
            ("Today (UTC)", _used(used.day, allowed.day, self.phase.quota_day, allowed.granted_today)),
            ("In all", _used(used.total, allowed.total, self.phase.quota_total, allowed.granted)),
            ("At the same time", under_way),
        ]


def _used(used: int, allowed: int | None, own: int | None, granted: int) -> str:
    if allowed is None:
        return f"{used} used, not limited"
    more = f" ({own} and {granted} granted)" if granted else ""
    return f"{used} of {allowed} used{more}, {max(0, allowed - used)} left"


def ledger_of(registration: Registration) -> list[PhaseLedger]:
    """The team's ledger, for each phase of its challenge. Six queries, however many phases and charges."""
    phases = list(
        Phase.objects.filter(track__challenge=registration.challenge_id)
        .select_related("track")
        .order_by("track__position", "track__key", "position", "opens", "key")
    )
    standings = quota.standings(registration, phases)
    # A hand-in's list of files may be long, and nothing of it is shown here.
    unseen = [f"entry__submission__{name}" for name in ("files", "manifest", "problems", "conversion")]
    charges = registration.charges.select_related("entry__submission").defer(*unseen).prefetch_related("changes")
    lines: dict[int, list[Line]] = {}
    for charge in charges.order_by("-created_at", "-pk"):
        lines.setdefault(charge.phase_id, []).append(_line(charge))
    grants: dict[int, list[QuotaGrant]] = {}
    for grant in registration.grants.select_related("granted_by"):
        grants.setdefault(grant.phase_id, []).append(grant)
    return [
        PhaseLedger(phase, standings[phase.pk], tuple(lines.get(phase.pk, ())), tuple(grants.get(phase.pk, ())))
        for phase in phases
    ]


def _line(charge: QuotaCharge) -> Line:
    submission = charge.entry.submission
    return Line(
        submission_id=submission.pk,
        number=submission.number,
        name=submission.name,
        made_at=charge.created_at,
        state=charge.get_state_display(),
        tone=TONES.get(QuotaCharge.State(charge.state), ""),
        under_way=charge.active and charge.state in quota.COUNTED,
        reason=charge.reason,
        steps=tuple(_step(change) for change in charge.changes.all()),
    )


def _step(change: QuotaChange) -> Step:
    return Step(change.at, WORDS["" if change.old == change.new else change.new], change.reason)
