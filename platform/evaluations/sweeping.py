"""The sweeper: whatever a dead worker or a lost message left undone is found in the database and set going again."""

import logging
from collections import Counter
from dataclasses import astuple, dataclass
from datetime import timedelta

from django.conf import settings
from django.utils import timezone

from config.queue import enqueue
from evaluations import leases, selectors
from evaluations.batches.working import resume
from evaluations.signals import swept
from evaluations.tidying import tidy
from evaluations.waiting import tell_late
from submissions.reminding import remind_due
from submissions.selectors import stale_received
from submissions.uploads import abandon_stale

logger = logging.getLogger(__name__)

# At most so many wake-ups a sweep for one queue: each of them works through the whole queue.
WAKE_UPS = 8


@dataclass(frozen=True)
class Swept:
    """What one sweep did."""

    lost: int
    cancelled: int
    woken: int
    batches: int
    checks: int
    plans: int
    told: int
    orphans: int
    late: int
    temporary: int
    uploads: int
    reminders: int

    def __bool__(self) -> bool:
        return any(astuple(self))


def sweep() -> Swept:
    """Look once; safe to run at any time, and by several sweepers at once."""
    lost, cancelled = leases.lose_expired(), leases.cancel_unwanted()
    woken, checks, plans, told = _wake_queues(), _check_received(), _plan_accepted(), tell_late()
    swept.send(sender=None)
    # Only a host with an engine has orphans; each worker tidies its own as well.
    tidied = tidy()
    return Swept(
        lost=lost,
        cancelled=cancelled,
        woken=woken,
        batches=resume(),
        checks=checks,
        plans=plans,
        told=told,
        orphans=tidied.orphans,
        late=tidied.late,
        temporary=tidied.temporary,
        uploads=abandon_stale(),
        reminders=remind_due(),
    )


def _wake_queues() -> int:
    sent: Counter[str] = Counter()
    waiting = selectors.waiting_runs(for_seconds=settings.STALE_SECONDS).filter(entry__track__paused_at__isnull=True)
    for pk, queue in waiting.values_list("pk", "queue")[:1000]:
        if sent[queue] < WAKE_UPS:
            enqueue("evaluations.run", str(pk), queue=queue)
            sent[queue] += 1
    return sent.total()


def _check_received() -> int:
    stale = stale_received(older_than=timedelta(seconds=settings.STALE_SECONDS)).values_list("pk", flat=True)[:100]
    for pk in stale:
        enqueue("submissions.check", str(pk))
    return len(stale)


def _plan_accepted() -> int:
    old = timezone.now() - timedelta(seconds=settings.STALE_SECONDS)
    charges = selectors.charges_without_run().filter(changed_at__lt=old)
    submissions = set(charges.values_list("entry__submission_id", flat=True)[:100])
    for pk in submissions:
        enqueue("evaluations.plan", str(pk))
    return len(submissions)
