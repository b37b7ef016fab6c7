"""The quota ledger: a charge for each use of a phase, moved by compare-and-set, each move with its reason."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

from django.db import transaction
from django.db.models import Count, Q, QuerySet, Sum
from django.utils import timezone

from accounts.models import User
from challenges.models import Phase
from challenges.selectors import is_organizer
from evaluators.protocol.problems import Problem
from submissions.errors import SubmissionRefused
from submissions.models import Entry, QuotaChange, QuotaCharge, QuotaGrant, Registration

State = QuotaCharge.State
COUNTED = (State.RESERVED, State.SETTLED)
REASON_LENGTH = 200


@dataclass(frozen=True)
class Usage:
    """What a team has used of a phase's quota; failed hand-ins count, released ones don't."""

    day: int = 0
    total: int = 0
    concurrent: int = 0


@dataclass(frozen=True)
class Allowance:
    """What a team may use of a phase, with what it was granted; None is no limit."""

    day: int | None = None
    total: int | None = None
    concurrent: int | None = None
    granted_today: int = 0
    granted: int = 0


@dataclass(frozen=True)
class Standing:
    """What a team may use of a phase and what it has used."""

    used: Usage = Usage()
    allowed: Allowance = Allowance()

    @property
    def words(self) -> str:
        """`3 of 5 left today, 12 of 50 left in all`; empty where nothing is limited."""
        used, allowed = self.used, self.allowed
        parts = []
        if allowed.day is not None:
            parts.append(f"{max(0, allowed.day - used.day)} of {allowed.day} left today")
        if allowed.total is not None:
            parts.append(f"{max(0, allowed.total - used.total)} of {allowed.total} left in all")
        if allowed.concurrent is not None and used.concurrent >= allowed.concurrent:
            parts.append(f"none before one of {used.concurrent} under way has finished")
        return ", ".join(parts)


def today() -> date:
    """The day that quotas count now; it began at 00:00 UTC."""
    return timezone.now().astimezone(UTC).date()


def standings(registration: Registration, phases: Iterable[Phase]) -> dict[int, Standing]:
    """Where the team stands in each of the phases, by the phase's id. Two queries, however many phases."""
    day = today()
    midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
    used = registration.charges.filter(state__in=COUNTED).order_by().values("phase").annotate(
        day=Count("pk", filter=Q(created_at__gte=midnight)),
        total=Count("pk"),
        concurrent=Count("pk", filter=Q(active=True)),
    )  # fmt: skip
    granted = registration.grants.order_by().values("phase").annotate(
        on_day=Sum("amount", filter=Q(day=day), default=0), in_all=Sum("amount", default=0)
    )  # fmt: skip
    usages = {row["phase"]: Usage(row["day"], row["total"], row["concurrent"]) for row in used}
    grants = {row["phase"]: (row["on_day"], row["in_all"]) for row in granted}
    return {
        phase.pk: Standing(usages.get(phase.pk, Usage()), _allowance(phase, *grants.get(phase.pk, (0, 0))))
        for phase in phases
    }


def _allowance(phase: Phase, granted_today: int, granted: int) -> Allowance:
    return Allowance(
        day=None if phase.quota_day is None else phase.quota_day + granted_today,
        total=None if phase.quota_total is None else phase.quota_total + granted,
        concurrent=phase.quota_concurrent,
        granted_today=granted_today,
        granted=granted,
    )


def standing(registration: Registration, phase: Phase) -> Standing:
    """Where the team stands in the phase."""
    return standings(registration, [phase])[phase.pk]


def usage(registration: Registration, phase: Phase) -> Usage:
    """Counted from the ledger; a day begins at 00:00 UTC."""
    return standing(registration, phase).used


def left(registration: Registration, phase: Phase) -> str:
    """What is left, in words; empty where nothing is limited."""
    return standing(registration, phase).words


def reserve(
    *, registration: Registration, phase: Phase, entry: Entry, reason: str = "handed in"
) -> QuotaCharge:  # fmt: skip
    """Write a charge; raises SubmissionRefused, with the numbers, where the quota is used up.

    Must run inside a transaction: the registration's row is the lock that makes counting and writing one step.
    """
    lock(registration)
    problem = _used_up(phase, standing(registration, phase))
    if problem is not None:
        raise SubmissionRefused([problem])
    charge = QuotaCharge.objects.create(registration=registration, phase=phase, entry=entry, reason=reason)
    QuotaChange.objects.create(charge=charge, new=charge.state, reason=reason)
    return charge


def lock(*registrations: Registration) -> None:
    """Hold the ledgers until the transaction ends: nobody else reserves, grants or charges again meanwhile."""
    pks = [registration.pk for registration in registrations]
    list(Registration.objects.select_for_update().filter(pk__in=pks).order_by("pk"))


def _used_up(phase: Phase, now: Standing) -> Problem | None:
    used, allowed = now.used, now.allowed
    if allowed.day is not None and used.day >= allowed.day:
        more = f" and {allowed.granted_today} more were granted for today" if allowed.granted_today else ""
        message = f"{phase} takes {phase.quota_day} a day{more}, and your team has made {used.day} today"
        return Problem("E-QUOTA-DAY", message, field="phases", remedy="A new day begins at 00:00 UTC.")
    if allowed.total is not None and used.total >= allowed.total:
        more = f" and {allowed.granted} more were granted" if allowed.granted else ""
        message = f"{phase} takes {phase.quota_total} in all{more}, and your team has made {used.total}"
        remedy = "Hand-ins that failed count too; those that were rejected at the check don't."
        return Problem("E-QUOTA-TOTAL", message, field="phases", remedy=remedy)
    if allowed.concurrent is not None and used.concurrent >= allowed.concurrent:
        message = f"{phase} takes {allowed.concurrent} at a time, and {used.concurrent} of your team are under way"
        return Problem("E-QUOTA-CONCURRENT", message, field="phases", remedy="Wait until one has finished.")
    return None


def settle(*, entries: Sequence[Entry], phase: Phase | None = None, reason: str = "accepted") -> int:
    """Use up what the entries reserved, in one phase or in all of them; returns how many charges changed."""
    return _move(_of(entries, phase), lambda charge: State.SETTLED if charge.state == State.RESERVED else None, reason)


def release(*, entry: Entry, phase: Phase | None = None, reason: str) -> int:
    """Give the quota back: the hand-in was rejected at the check, or the fault was ours."""
    return _move(_of([entry], phase), lambda charge: State.RELEASED if charge.state in COUNTED else None, reason)


def finish(*, entry: Entry, phase: Phase, reason: str = "its run has ended") -> int:
    """The run has ended: it no longer counts as one of those at the same time."""
    charges = _of([entry], phase).filter(active=True)
    return _move(charges, lambda charge: charge.state if charge.state in COUNTED else None, reason, active=False)


def charge_again(*, entry: Entry, phase: Phase, reason: str) -> int:
    """Charge what was released, in the state it was in before: an organizer queues again what failed through us.

    It is not refused where the quota is used up meanwhile: that the run failed was not the team's doing.
    """
    with transaction.atomic():
        for registration in Registration.objects.filter(charges__in=_of([entry], phase)):
            lock(registration)
        return _move(_of([entry], phase), _state_before, reason, active=True)


def _state_before(charge: QuotaCharge) -> str | None:
    if charge.state != State.RELEASED:
        return None
    last = charge.changes.filter(new=State.RELEASED, old__in=COUNTED).last()
    return last.old if last is not None else State.SETTLED


def _of(entries: Sequence[Entry], phase: Phase | None) -> QuerySet[QuotaCharge]:
    charges = QuotaCharge.objects.filter(entry__in=entries)
    return charges if phase is None else charges.filter(phase=phase)


def _move(
    charges: QuerySet[QuotaCharge], to: Callable[[QuotaCharge], str | None], reason: str, active: bool | None = None
) -> int:
    """Move each charge to the state that `to` names for it (None: leave it) and write down why; returns how many.

    Rows are locked, and the write compares with what was read: of two at once one moves the charge, and the other
    finds it moved. Only `charge_again` asks for `active=True`.
    """
    moved = 0
    with transaction.atomic():
        for charge in charges.select_for_update().order_by("pk"):
            new = to(charge)
            if new is None:
                continue
            goes_on = charge.active and new != State.RELEASED if active is None else active
            found = QuotaCharge.objects.filter(pk=charge.pk, state=charge.state, active=charge.active)
            if found.update(
                state=new, active=goes_on, reason=reason[:REASON_LENGTH], changed_at=timezone.now()
            ):  # fmt: skip
                note(charge, old=charge.state, new=new, reason=reason)
                moved += 1
    return moved


def note(charge: QuotaCharge, *, old: str, new: str, reason: str) -> None:
    """Add a line to the charge's history."""
    QuotaChange.objects.create(charge=charge, old=old, new=new, reason=reason[:REASON_LENGTH])


def grant(
    *, registration: Registration, phase: Phase, amount: int, day: date, reason: str, user: User
) -> QuotaGrant:  # fmt: skip
    """Let the team hand in `amount` more, on the day (UTC) and in all; raises SubmissionRefused.

    Grants are only ever added: too many are set right by a phase's own quota, or stay.
    """
    if phase.track.challenge_id != registration.challenge_id:
        raise SubmissionRefused([Problem("E-SUB-TRACK", f"{phase} belongs to another challenge", field="phase")])
    if not is_organizer(user, registration.challenge):
        problem = Problem("E-QUOTA-GRANT", f"only the organizers of {registration.challenge.title} grant more")
        raise SubmissionRefused([problem])
    if not reason.strip():
        problem = Problem("E-QUOTA-GRANT", "a grant takes a reason", field="reason", remedy="The team reads it.")
        raise SubmissionRefused([problem])
    if not 1 <= amount <= 1000:
        problem = Problem("E-QUOTA-GRANT", "a grant is of 1 to 1,000 hand-ins", field="amount")
        raise SubmissionRefused([problem])
    with transaction.atomic():
        lock(registration)
        return QuotaGrant.objects.create(
            registration=registration, phase=phase, amount=amount, day=day,
            reason=reason.strip()[:REASON_LENGTH], granted_by=user,
        )  # fmt: skip
