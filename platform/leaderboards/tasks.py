"""Background work on leaderboards."""

from uuid import UUID

from celery import shared_task

from challenges.models import Phase
from evaluations.batch_models import Batch
from leaderboards import previews, services


@shared_task(name="leaderboards.refresh")
def refresh(phase_id: int) -> None:
    """Compute a phase's leaderboard anew, from all its scores."""
    services.refresh(phase=Phase.objects.get(pk=phase_id))


@shared_task(name="leaderboards.refresh_runs")
def refresh_runs(phase_id: int, *runs: str) -> None:
    """Compute a phase's leaderboard anew where no scores but those of these runs may have changed."""
    services.refresh(phase=Phase.objects.get(pk=phase_id), runs=[UUID(run) for run in runs])


@shared_task(name="leaderboards.preview_batch")
def preview_batch(batch_id: int) -> None:
    """Compute what a batch would change."""
    previews.store(batch=Batch.objects.get(pk=batch_id))
