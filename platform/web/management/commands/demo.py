"""`manage.py demo`: from an empty folder to a scored leaderboard."""

import logging
import signal
from argparse import ArgumentParser
from types import FrameType
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from rich.console import Console

from evaluators.protocol.problems import ProblemsFound
from sandbox.errors import SandboxError
from web.demo import running
from web.demo.engine import SandboxUnsafe
from web.demo.participant import ParticipantRefused
from web.demo.processes import ChildFailed
from web.demo.teams import BaselineFailed
from web.demo.training import TrainingFailed

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
EXPECTED = (
    BaselineFailed,
    ChildFailed,
    ParticipantRefused,
    ProblemsFound,
    SandboxError,
    SandboxUnsafe,
    TrainingFailed,
    running.DemoRunning,
    running.DemoStuck,
)


class Command(BaseCommand):
    """Run the demo in the foreground; Ctrl-C stops everything that it started."""

    help = "Start the platform with a challenge of its own and three baselines; Ctrl-C stops everything again."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Where it listens, and whether it stays."""
        parser.add_argument(
            "--port", type=int, default=None, help="Port on 127.0.0.1 (default: the first free from 8000)."
        )
        parser.add_argument("--once", action="store_true", help="End when the leaderboards are shown.")

    def handle(self, *_: Any, port: int | None, once: bool, **__: Any) -> None:
        """Run until Ctrl-C, SIGTERM or SIGHUP; raises CommandError where something expected went wrong."""
        for number in ENDING:
            signal.signal(number, _interrupt)
        logging.getLogger("httpx2").setLevel(logging.WARNING)
        console = Console()
        try:
            running.run(console=console, var=settings.VAR, port=port, once=once)
        except KeyboardInterrupt:
            console.print("Stopped.")
        except EXPECTED as error:
            raise CommandError(str(error)) from error


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    """End once, and stop everything on the way; a second Ctrl-C must not cut that short."""
    for number in ENDING:
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt
