"""Leaderboards that missed a score, because the message that told of it was lost."""

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db.models import F, Max, Q
from django.utils import timezone

from challenges.models import Phase
from config.queue import enqueue
from evaluations.batch_models import Batch
from evaluations.models import Run

MOST = 100  # leaderboards a sweep asks for


def behind() -> list[int]:
    """The phases whose leaderboard was last computed before a run ended or a batch was applied, some seconds ago."""
    ended = Q(track__entries__runs__purpose=Run.Purpose.PHASE, track__entries__runs__state=Run.State.DONE)
    ended &= Q(track__entries__runs__phase=F("pk"))
    applied = Q(batch_phases__batch__state=Batch.State.APPLIED)
    current = Q(snapshots__current=True)
    phases = Phase.objects.annotate(
        last=Max("track__entries__runs__finished_at", filter=ended),
        applied=Max("batch_phases__batch__finished_at", filter=applied),
        computed=Max("snapshots__computed_at", filter=current),
    )
    settled = timezone.now() - timedelta(seconds=settings.STALE_SECONDS)
    unseen = Q(computed__isnull=True) | Q(computed__lt=F("last")) | Q(computed__lt=F("applied"), applied__lt=settled)
    late = phases.filter(unseen, last__lt=settled)
    return list(late.order_by("pk").values_list("pk", flat=True)[:MOST])


def refresh_behind(**_: Any) -> None:
    """Ask for each of them anew."""
    for phase in behind():
        enqueue("leaderboards.refresh", phase)
