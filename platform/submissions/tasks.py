"""Background work on submissions."""

from celery import shared_task

from submissions import checks
from submissions.models import Submission


@shared_task(name="submissions.check")
def check(submission_id: str) -> None:
    """Check what was received."""
    checks.check(submission=Submission.objects.select_related("artifact", "registration").get(pk=submission_id))
