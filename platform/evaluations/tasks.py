"""Background work on evaluations."""

from celery import shared_task

from evaluations import execution, services, workers
from evaluations.models import Run
from submissions.models import Submission


@shared_task(name="evaluations.plan")
def plan(submission_id: str) -> None:
    """Create and queue an accepted submission's runs."""
    services.plan(Submission.objects.get(pk=submission_id))


@shared_task(name="evaluations.run", bind=True)
def run(task: "workers.BoundTask", run_id: str) -> None:
    """Work through the queue that the run waits in; the message is a hint, the database knows what is to be done."""
    queue = Run.objects.values_list("queue", flat=True).get(pk=run_id)
    name = str(task.request.hostname)
    execution.drain(worker=name, queue=queue, slots=workers.slots(), stopping=workers.STOPPING.is_set)
