"""`manage.py worker`: a Celery worker with the right paths, queues and number of processes."""

import fcntl
import os
import socket
from argparse import ArgumentParser
from pathlib import Path
from typing import IO, Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import connections

from config.celery import app
from evaluations import leases, workers

MOST_WORKERS_OF_A_HOST = 100


class Command(BaseCommand):
    """Start a worker in this process."""

    help = "Start a worker: it checks, plans, runs and scores submissions."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Slots, queues and the log level."""
        parser.add_argument("--slots", type=int, default=1, help="Runs at the same time (default 1).")
        parser.add_argument(
            "--queues", default="default,cpu", help="Queues to serve: `default` and hardware classes (default,cpu)."
        )
        parser.add_argument("--loglevel", default="INFO")

    def handle(self, *_: Any, slots: int, queues: str, loglevel: str, **__: Any) -> None:
        """Give back what a worker of this name held when it died, then work until SIGTERM or SIGINT."""
        if slots < 1:
            raise CommandError("--slots must be at least 1.")
        name = _take_name()
        given = leases.give_back(worker=name)
        if given:
            self.stderr.write(f"Gave back {given} runs that {name} held when it ended.")
        connections.close_all()
        os.environ[workers.SLOTS] = str(slots)
        app.steps["consumer"].add(workers.Housekeeping)
        served = f"{queues},{workers.own_queue(name)}"
        # One process more than slots, so that checks and leaderboards don't wait behind long runs.
        app.worker_main(
            ["worker", "--hostname", name, "--queues", served, "--concurrency", str(slots + 1), "--loglevel", loglevel,
             "--without-gossip", "--without-mingle"]
        )  # fmt: skip


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
    """Lock the file for this process and its children; closed again where another one has it."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return False
    # A second descriptor, which nothing closes: the lock goes with the process.
    os.dup(file.fileno())
    return True
