"""The one way to start background work: by name, after the transaction that needs it has committed."""

import logging
from collections.abc import Callable

from django.db import transaction
from kombu.exceptions import OperationalError

from config.celery import app

logger = logging.getLogger(__name__)


def enqueue(name: str, *args: str | int, queue: str = "default") -> None:
    """Send the task `name` once the current transaction has committed.

    The message is a wake-up, not the work itself: where the broker is down the sweeper finds the work in the database.
    """
    transaction.on_commit(_sender(name, args, queue))


def _sender(name: str, args: tuple[str | int, ...], queue: str) -> Callable[[], None]:
    def send() -> None:
        try:
            app.send_task(name, args=args, queue=queue)
        except OperationalError:
            logger.warning("The broker does not answer; the sweeper will pick up %s%s.", name, args)

    return send
