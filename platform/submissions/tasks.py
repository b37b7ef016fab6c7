"""Background work on submissions."""

import logging

from celery import shared_task

from sandbox.errors import SandboxError
from submissions import checks
from submissions.models import Submission

logger = logging.getLogger(__name__)


@shared_task(name="submissions.check")
def check(submission_id: str) -> None:
    """Check what was received; where the sandbox is away it stays received, and the sweeper asks again."""
    try:
        checks.check(submission=Submission.objects.select_related("artifact", "registration").get(pk=submission_id))
    except SandboxError as error:
        logger.warning("Submission %s is not checked yet: %s", submission_id, error)


@shared_task(name="submissions.fetch")
def fetch(submission_id: str) -> None:
    """Fetch what a hand-in from a hub still lacks; its check follows."""
    checks.fetch(submission=Submission.objects.select_related("artifact", "registration").get(pk=submission_id))
