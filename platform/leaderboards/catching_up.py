"""Leaderboards that missed a score, because the message that told of it was lost."""

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db.models import F, Max, Q
from django.utils import timezone

from challenges.models import Phase
from config.queue import enqueue
from evaluations.models import Run

MOST = 100  # leaderboards a sweep asks for


def behind() -> list[int]:
    """The phases with a run that ended after their leaderboard was last computed, and some seconds ago."""
    ended = Q(track__entries__runs__purpose=Run.Purpose.PHASE, track__entries__runs__state=Run.State.DONE)
    ended &= Q(track__entries__runs__phase=F("pk"))
    current = Q(snapshots__current=True)
    phases = Phase.objects.annotate(
        last=Max("track__entries__runs__finished_at", filter=ended),
        computed=Max("snapshots__computed_at", filter=current),
    )
    settled = timezone.now() - timedelta(seconds=settings.STALE_SECONDS)
    late = phases.filter(Q(computed__isnull=True) | Q(computed__lt=F("last")), last__lt=settled)
    return list(late.order_by("pk").values_list("pk", flat=True)[:MOST])


def refresh_behind(**_: Any) -> None:
    """Ask for each of them anew."""
    for phase in behind():
        enqueue("leaderboards.refresh", phase)
