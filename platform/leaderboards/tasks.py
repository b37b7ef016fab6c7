"""Background work on leaderboards."""

from celery import shared_task

from challenges.models import Phase
from leaderboards import services


@shared_task(name="leaderboards.refresh")
def refresh(phase_id: int) -> None:
    """Compute a phase's leaderboard anew."""
    services.refresh(phase=Phase.objects.get(pk=phase_id))
