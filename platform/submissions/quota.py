"""The quota ledger: a row for each use of a phase, reserved under a lock before anything else happens."""

from dataclasses import dataclass
from datetime import UTC

from django.db.models import Count, Q
from django.utils import timezone

from challenges.models import Phase
from evaluators.protocol.problems import Problem
from submissions.errors import SubmissionRefused
from submissions.models import Entry, QuotaCharge, Registration

COUNTED = (QuotaCharge.State.RESERVED, QuotaCharge.State.SETTLED)


@dataclass(frozen=True)
class Usage:
    """What a team has used of a phase's quota; failed hand-ins count, released ones don't."""

    day: int
    total: int
    concurrent: int


def usage(registration: Registration, phase: Phase) -> Usage:
    """Counted from the ledger; a day begins at 00:00 UTC."""
    midnight = timezone.now().astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    counts = registration.charges.filter(phase=phase, state__in=COUNTED).aggregate(
        day=Count("pk", filter=Q(created_at__gte=midnight)),
        total=Count("pk"),
        concurrent=Count("pk", filter=Q(active=True)),
    )
    return Usage(**counts)


def left(registration: Registration, phase: Phase) -> str:
    """What is left, in words: `3 of 5 left today, 12 of 50 left in all`; empty where nothing is limited."""
    used = usage(registration, phase)
    parts = []
    if phase.quota_day is not None:
        parts.append(f"{max(0, phase.quota_day - used.day)} of {phase.quota_day} left today")
    if phase.quota_total is not None:
        parts.append(f"{max(0, phase.quota_total - used.total)} of {phase.quota_total} left in all")
    if phase.quota_concurrent is not None and used.concurrent >= phase.quota_concurrent:
        parts.append(f"none before one of {used.concurrent} under way has finished")
    return ", ".join(parts)


def reserve(*, registration: Registration, phase: Phase, entry: Entry) -> QuotaCharge:
    """Write the ledger's row; raises SubmissionRefused where the quota is used up.

    Must run inside a transaction: the registration's row is the lock that makes counting and writing one step.
    """
    Registration.objects.select_for_update().get(pk=registration.pk)
    used = usage(registration, phase)
    under_way = f"{used.concurrent} of your team are under way in {phase}, as many as it takes at a time"
    limits = [
        (phase.quota_day, used.day, "E-QUOTA-DAY", f"{phase} takes {phase.quota_day} a day, and your team made them",
         "A new day begins at 00:00 UTC."),
        (phase.quota_total, used.total, "E-QUOTA-TOTAL", f"{phase} takes {phase.quota_total}, and your team made them",
         "Hand-ins that failed count too; those that were rejected at the check don't."),
        (phase.quota_concurrent, used.concurrent, "E-QUOTA-CONCURRENT", under_way, "Wait until one has finished."),
    ]  # fmt: skip
    for most, now, code, message, remedy in limits:
        if most is not None and now >= most:
            raise SubmissionRefused([Problem(code, message, field="phases", remedy=remedy)])
    return QuotaCharge.objects.create(registration=registration, phase=phase, entry=entry)


def settle(*, entries: list[Entry]) -> None:
    """The hand-in was accepted: its reservations are used."""
    QuotaCharge.objects.filter(entry__in=entries, state=QuotaCharge.State.RESERVED).update(
        state=QuotaCharge.State.SETTLED
    )


def release(*, entry: Entry, phase: Phase | None = None, reason: str) -> None:
    """Give the quota back: the hand-in was rejected at the check, or the fault was ours."""
    charges = QuotaCharge.objects.filter(entry=entry)
    if phase is not None:
        charges = charges.filter(phase=phase)
    charges.exclude(state=QuotaCharge.State.RELEASED).update(
        state=QuotaCharge.State.RELEASED, active=False, reason=reason[:200]
    )


def finish(*, entry: Entry, phase: Phase) -> None:
    """The run has ended: it no longer counts as one of those at the same time."""
    QuotaCharge.objects.filter(entry=entry, phase=phase).update(active=False)
