"""`manage.py worker`: a Celery worker with the right paths, queues and number of processes."""

import fcntl
import os
import socket
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import IO, Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import connections

from evaluations import leases, workers

MOST_WORKERS_OF_A_HOST = 100


class Command(BaseCommand):
    """Start a worker; the process becomes Celery's own, so signals reach it."""

    help = "Start a worker: it checks, plans, runs and scores submissions."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Slots, queues and the log level."""
        parser.add_argument("--slots", type=int, default=1, help="Runs at the same time (default 1).")
        parser.add_argument(
            "--queues", default="default,cpu", help="Queues to serve: `default` and hardware classes (default,cpu)."
        )
        parser.add_argument("--loglevel", default="INFO")

    def handle(self, *_: Any, slots: int, queues: str, loglevel: str, **__: Any) -> None:
        """Give back what a worker of this name held when it died, then become the Celery worker."""
        if slots < 1:
            raise CommandError("--slots must be at least 1.")
        name = _take_name()
        given = leases.give_back(worker=name)
        if given:
            self.stderr.write(f"Gave back {given} runs that {name} held when it ended.")
        connections.close_all()
        root = Path(settings.ROOT)
        paths = [str(root), str(root / "platform"), *filter(None, [os.environ.get("PYTHONPATH", "")])]
        os.environ["PYTHONPATH"] = os.pathsep.join(paths)
        os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
        os.environ[workers.SLOTS] = str(slots)
        # One process more than slots, so that checks and leaderboards don't wait behind long runs.
        command = [
            sys.executable, "-m", "celery", "--app", "config", "worker", "--hostname", name, "--queues", queues,
            "--concurrency", str(slots + 1), "--loglevel", loglevel, "--without-gossip", "--without-mingle",
        ]  # fmt: skip
        sys.stdout.flush()
        os.execv(command[0], command)  # noqa: S606 -- our own interpreter


def _take_name() -> str:
    """The first free worker name of this host; it is held by a lock for as long as a process of the worker lives."""
    folder = Path(settings.VAR) / "workers"
    folder.mkdir(parents=True, exist_ok=True)
    host = socket.gethostname()
    for number in range(1, MOST_WORKERS_OF_A_HOST + 1):
        name = f"worker{number}@{host}"
        if _lock((folder / f"{name}.lock").open("a")):
            return name
    raise CommandError(f"{MOST_WORKERS_OF_A_HOST} workers run on this host already.")


def _lock(file: IO[str]) -> bool:
    """Lock the file for this process and those it becomes; closed again where another one has it."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return False
    # A second descriptor, which nothing closes: the lock goes with the process.
    os.set_inheritable(os.dup(file.fileno()), True)
    return True
