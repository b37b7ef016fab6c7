"""Background work on submissions."""

import logging

from celery import shared_task

from sandbox.errors import SandboxError
from submissions import checks, reminding
from submissions.models import ReminderRound, Submission

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


@shared_task(name="submissions.remind")
def remind(round_id: int) -> None:
    """Mail the teams of a round of reminders that were not mailed yet."""
    reminding.send_round(ReminderRound.objects.select_related("track__challenge").get(pk=round_id))
