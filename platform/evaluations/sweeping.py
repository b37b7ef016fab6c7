"""The sweeper: whatever a dead worker or a lost message left undone is found in the database and set going again."""

import logging
from collections import Counter
from dataclasses import dataclass
from datetime import timedelta

from django.utils import timezone

from config.queue import enqueue
from evaluations import leases, selectors
from evaluations.orphans import remove_orphans
from sandbox.errors import SandboxError
from submissions.selectors import stale_received
from submissions.uploads import abandon_stale

logger = logging.getLogger(__name__)

# Work that has waited this long gets another wake-up, in seconds; a task that finds nothing to do costs nothing.
STALE_SECONDS = 5.0
# At most so many wake-ups a sweep for one queue: each of them works through the whole queue.
WAKE_UPS = 8


@dataclass(frozen=True)
class Swept:
    """What one sweep did."""

    lost: int
    woken: int
    checks: int
    plans: int
    orphans: int
    uploads: int

    def __bool__(self) -> bool:
        return bool(self.lost or self.woken or self.checks or self.plans or self.orphans or self.uploads)


def sweep() -> Swept:
    """Look once; safe to run at any time, and by several sweepers at once."""
    return Swept(
        lost=leases.lose_expired(),
        woken=_wake_queues(),
        checks=_check_received(),
        plans=_plan_accepted(),
        orphans=_orphans(),
        uploads=abandon_stale(),
    )


def _wake_queues() -> int:
    sent: Counter[str] = Counter()
    for pk, queue in selectors.waiting_runs(for_seconds=STALE_SECONDS).values_list("pk", "queue")[:1000]:
        if sent[queue] < WAKE_UPS:
            enqueue("evaluations.run", str(pk), queue=queue)
            sent[queue] += 1
    return sent.total()


def _check_received() -> int:
    stale = stale_received(older_than=timedelta(seconds=STALE_SECONDS)).values_list("pk", flat=True)[:100]
    for pk in stale:
        enqueue("submissions.check", str(pk))
    return len(stale)


def _plan_accepted() -> int:
    old = timezone.now() - timedelta(seconds=STALE_SECONDS)
    charges = selectors.charges_without_run().filter(changed_at__lt=old)
    submissions = set(charges.values_list("entry__submission_id", flat=True)[:100])
    for pk in submissions:
        enqueue("evaluations.plan", str(pk))
    return len(submissions)


def _orphans() -> int:
    """Only a host with an engine has any."""
    try:
        return remove_orphans()
    except SandboxError as error:
        logger.debug("No engine to tidy here: %s", error)
        return 0
