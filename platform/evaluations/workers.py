"""What a Celery worker does beside tasks: it warms up, counts its slots, and gives back what it holds when it stops."""

import importlib
import logging
import multiprocessing
import os
from typing import Any, Protocol

from celery import signals
from django.db import connections

from evaluations import leases

logger = logging.getLogger(__name__)

SLOTS = "PROCTOR_WORKER_SLOTS"
# Made before the pool's processes are forked, so they all see it when the worker is asked to stop.
STOPPING = multiprocessing.Event()


class BoundTask(Protocol):
    """What a bound Celery task knows of itself."""

    request: Any


def slots() -> int | None:
    """How many runs this worker may hold at once; None: as many as it has processes."""
    given = os.environ.get(SLOTS, "")
    return int(given) if given else None


@signals.worker_process_init.connect
def warm_up(**_: Any) -> None:
    """Import what the first run would wait for."""
    importlib.import_module("pyarrow.parquet")


@signals.worker_shutting_down.connect
def stop(sender: str, **_: Any) -> None:
    """Claim nothing more, and give back what is held: each container is killed as soon as its worker notices."""
    STOPPING.set()
    given = leases.give_back(worker=sender)
    connections.close_all()
    if given:
        logger.info("Gave back %d runs.", given)
