"""Background work on evaluations."""

import logging

from celery import shared_task

from evaluations import canaries, execution, images, review, services, spotchecks, tidying, waiting, workers
from evaluations.batches import working
from evaluations.models import Run
from evaluators.protocol.problems import ProblemsFound
from sandbox.errors import SandboxError
from submissions.models import Submission

logger = logging.getLogger(__name__)


@shared_task(name="evaluations.plan")
def plan(submission_id: str) -> None:
    """Create and queue an accepted submission's runs; where its image is missing, the sweeper asks again."""
    submission = Submission.objects.get(pk=submission_id)
    try:
        services.plan(submission)
    except SandboxError as error:
        waiting.plan_failed(submission, error)


@shared_task(name="evaluations.run", bind=True)
def run(task: "workers.BoundTask", run_id: str) -> None:
    """Work through the queue that the run waits in; the message is a hint, the database knows what is to be done."""
    queue = Run.objects.values_list("queue", flat=True).get(pk=run_id)
    name = str(task.request.hostname)
    execution.drain(worker=name, queue=queue, slots=workers.slots(), stopping=workers.STOPPING.is_set)


@shared_task(name="evaluations.review")
def review_run(run_id: str) -> None:
    """Look for what organizers and reviewers should see in a run, and order the spot-check that is planned."""
    found = Run.objects.select_related("entry__submission__registration", "entry__track", "phase__track").get(pk=run_id)
    review.review(found)
    try:
        spotchecks.order_planned(found)
    except (ProblemsFound, SandboxError) as error:
        logger.warning("Run %s could not be spot-checked: %s", run_id, error)


@shared_task(name="evaluations.batch")
def batch(batch_id: int) -> None:
    """Do the next step of a batch."""
    working.carry_on(batch_id)


@shared_task(name="evaluations.tidy")
def tidy() -> None:
    """Remove what was left behind on this worker's host."""
    if tidied := tidying.tidy():
        logger.info("%s", tidied)


@shared_task(name="evaluations.keep_images")
def keep_images() -> None:
    """Save the images in use into the platform's storage, where it lacks them."""
    try:
        images.keep_in_use()
    except SandboxError as error:
        logger.warning("The images in use could not be kept: %s", error)


@shared_task(name="evaluations.canary", bind=True)
def canary(task: "workers.BoundTask", hardware: str) -> None:
    """Run the canary baseline on this worker in every image that open tracks of the hardware use."""
    canaries.check_all(hardware=hardware, worker=str(task.request.hostname))
