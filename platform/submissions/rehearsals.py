"""Which hand-ins rehearse on public items before a phase's hidden data, and how often a team may."""

from collections.abc import Sequence
from datetime import UTC, timedelta

from django.utils import timezone

from challenges.models import Phase, Track
from evaluators.protocol.problems import Problem
from submissions import quota
from submissions.errors import SubmissionRefused
from submissions.models import Entry, QuotaCharge, Registration, Submission
from suites.access import asks_hidden, public_sample
from suites.models import PhaseSuite

WINDOW = timedelta(hours=1)


def sample_for(phase: Phase, kind: str) -> list[PhaseSuite]:
    """What a hand-in of this kind rehearses on before it enters the phase; empty where it enters at once.

    Prediction files run nothing, and a phase that asks public data alone tells everything about its own run.
    """
    if kind == "predictions" or not asks_hidden(phase.phase_suites.select_related("suite_version")):
        return []
    return public_sample(phase)


def check_rate(*, registration: Registration, phase: Phase, kind: str) -> None:
    """Refuse a hand-in whose rehearsal would be one too many within the hour; raises SubmissionRefused.

    `kind` is empty while the manifest lies inside the archive. Hand-ins that the check rejected did not rehearse.
    Must run while the registration is locked.
    """
    track = phase.track
    most = track.rehearsals_hour
    if most is None or not sample_for(phase, kind or _likely_kind(track)):
        return
    phases = [other for other in track.phases.all() if sample_for(other, "code")]
    now = timezone.now()
    times = (
        QuotaCharge.objects.filter(registration=registration, phase__in=phases, created_at__gt=now - WINDOW)
        .exclude(entry__submission__state=Submission.State.REJECTED)
        .exclude(entry__submission__kind="predictions")
        .order_by("created_at")
        .values_list("created_at", flat=True)
    )
    made = list(times)
    if len(made) < most:
        return
    free = made[-most] + WINDOW
    minutes = max(1, -(-int((free - now).total_seconds()) // 60))
    message = f"{track.title} takes {most} rehearsals an hour, and your team has made {len(made)}"
    remedy = (
        f"The next is free at {free.astimezone(UTC):%H:%M} UTC, in {minutes} minute{'' if minutes == 1 else 's'}. "
        "A phase with public data takes hand-ins meanwhile."
    )
    raise SubmissionRefused([Problem("E-QUOTA-REHEARSAL", message, field="phases", remedy=remedy)])


def _likely_kind(track: Track) -> str:
    return "predictions" if track.kinds == ["predictions"] else "code"


def settle_unrehearsed(*, entries: Sequence[Entry], kind: str) -> None:
    """The hand-in was accepted: what it enters without a rehearsal is charged now, the rest when that has passed."""
    charges = QuotaCharge.objects.filter(entry__in=entries, state=QuotaCharge.State.RESERVED)
    for charge in charges.select_related("entry", "phase__track"):
        if not sample_for(charge.phase, kind):
            quota.settle(entries=[charge.entry], phase=charge.phase)
