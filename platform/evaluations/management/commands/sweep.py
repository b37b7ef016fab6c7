"""`manage.py sweep`: finds what was left undone, again and again."""

import logging
import signal
import threading
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import DatabaseError, connection

from evaluations.sweeping import sweep

logger = logging.getLogger(__name__)


class Command(BaseCommand):
    """Run the sweeper."""

    help = "Re-queue what dead workers held, send lost wake-ups again, remove containers that nobody looks after."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """`--once` looks once and prints what was done."""
        parser.add_argument("--once", action="store_true", help="Look once, then end.")

    def handle(self, *_: Any, once: bool, **__: Any) -> None:
        """Sweep every PROCTOR_SWEEP_SECONDS until SIGTERM or SIGINT."""
        if once:
            self.stdout.write(str(sweep()))
            return
        stopping = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stopping.set())
        while not stopping.is_set():
            try:
                swept = sweep()
            except DatabaseError:
                logger.exception("The database did not answer; the next sweep tries again.")
                connection.close()
            else:
                if swept:
                    logger.info("%s", swept)
            stopping.wait(settings.SWEEP_SECONDS)
