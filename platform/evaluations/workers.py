"""What a Celery worker does beside tasks: it warms up, looks after its host, and gives back what it holds."""

import importlib
import logging
import multiprocessing
import os
from collections.abc import Callable
from typing import Any, Protocol

from celery import bootsteps, signals
from django.conf import settings
from django.db import connections

from config.queue import enqueue
from evaluations import leases

logger = logging.getLogger(__name__)

SLOTS = "PROCTOR_WORKER_SLOTS"
# Made before the pool's processes are forked, so they all see it when the worker is asked to stop.
STOPPING = multiprocessing.Event()
DEFAULT_QUEUE = "default"
# How often a worker looks whether an image has come into use that is not kept yet.
KEEP_SECONDS = 600.0


class BoundTask(Protocol):
    """What a bound Celery task knows of itself."""

    request: Any


def slots() -> int | None:
    """How many runs this worker may hold at once; None: as many as it has processes."""
    given = os.environ.get(SLOTS, "")
    return int(given) if given else None


def own_queue(worker: str) -> str:
    """The queue of the work that one worker does for its own host."""
    return f"host.{worker}"


class Housekeeping(bootsteps.StartStopStep):  # type: ignore[misc]
    """Sends a worker the work on its own host: at its start, when its broker comes back, and every so often.

    An engine is reached only by the workers of its host, so no other process could do this for them.
    """

    requires = ("celery.worker.consumer.tasks:Tasks",)

    def start(self, consumer: Any) -> None:
        """Begin the rounds; they end with the consumer, which is made anew when the broker was away."""
        worker = str(consumer.hostname)
        if own_queue(worker) not in consumer.app.amqp.queues.consume_from:
            return
        hardware = [
            name for name in consumer.app.amqp.queues.consume_from if name not in (DEFAULT_QUEUE, own_queue(worker))
        ]

        def tidy() -> None:
            enqueue("evaluations.tidy", queue=own_queue(worker))

        def keep() -> None:
            enqueue("evaluations.keep_images", queue=own_queue(worker))

        def sing() -> None:
            for name in hardware:
                enqueue("evaluations.canary", name, queue=own_queue(worker))

        for seconds, send in ((settings.TIDY_SECONDS, tidy), (settings.CANARY_HOURS * 3600, sing)):
            self._repeat(consumer, seconds, send)
        if settings.KEEP_IMAGES:
            # Packing an image takes a minute: not while the worker is just starting.
            consumer.timer.call_after(settings.TIDY_SECONDS, keep)
            consumer.timer.call_repeatedly(KEEP_SECONDS, keep)

    def _repeat(self, consumer: Any, seconds: float, send: Callable[[], None]) -> None:
        if seconds > 0:
            send()
            consumer.timer.call_repeatedly(seconds, send)


@signals.worker_process_init.connect
def warm_up(**_: Any) -> None:
    """Import what the first run would wait for: writing a table makes pyarrow bring in pandas, a second's work."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.table({"score": [1.0], "group": ["all"]}), pa.BufferOutputStream())
    importlib.import_module("evaluations.execution")


@signals.worker_shutting_down.connect
def stop(sender: str, **_: Any) -> None:
    """Claim nothing more, and give back what is held: each container is killed as soon as its worker notices."""
    STOPPING.set()
    given = leases.give_back(worker=sender, stopping=True)
    connections.close_all()
    if given:
        logger.info("Gave back %d runs.", given)
