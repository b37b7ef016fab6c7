"""Child processes with a clean end: own process groups, logs in files, asked to end in reverse order, then killed."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

POLL = 0.05  # seconds between two looks at a child
PR_SET_PDEATHSIG = 1


class ChildFailed(Exception):
    """A child did not start or ended by itself; the message names its log and shows its last lines."""


@dataclass(frozen=True, slots=True)
class Child:
    """A process of ours, the leader of its own group."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path
    grace: float

    @property
    def running(self) -> bool:
        """Whether it has not ended."""
        return self.process.poll() is None

    def failure(self, what: str) -> ChildFailed:
        """An error that shows the end of the log."""
        lines = self.log.read_text(errors="replace").splitlines()[-15:]
        return ChildFailed(
            "\n".join([f"{self.name} {what}. Its log is {self.log}", *(f"    {line}" for line in lines)])
        )


class Processes:
    """Starts children and ends every one of them when it is left, whatever the reason."""

    def __init__(self, *, logs: Path, environment: Mapping[str, str], folder: Path) -> None:
        self._logs = logs
        self._environment = dict(environment)
        self._folder = folder
        self.children: list[Child] = []

    def __enter__(self) -> Self:
        self._logs.mkdir(parents=True, exist_ok=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self, name: str, command: Sequence[str], *, grace: float = 10) -> Child:
        """Start a child; `grace` is how many seconds it may take to end when it is asked to."""
        path = self._logs / f"{name}.log"
        with path.open("ab") as log:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self._folder,
                env=self._environment,
                start_new_session=True,
                preexec_fn=_end_with_parent if sys.platform == "linux" else None,
            )
        child = Child(name, process, path, grace)
        self.children.append(child)
        return child

    def wait_until(self, child: Child, ready: Callable[[], bool], *, seconds: float) -> None:
        """Return once `ready()`; raises ChildFailed where the child ends before or the time is up."""
        deadline = time.monotonic() + seconds
        while not ready():
            if not child.running:
                raise child.failure(f"ended with exit code {child.process.returncode}")
            if time.monotonic() > deadline:
                raise child.failure(f"did not answer within {seconds:.0f} s")
            time.sleep(POLL)

    def check(self) -> None:
        """Raises ChildFailed where a child has ended by itself."""
        for child in self.children:
            if not child.running:
                raise child.failure(f"ended with exit code {child.process.returncode}")

    def stop(self) -> None:
        """End every child and its group, the last started first; returns when all are gone."""
        while self.children:
            child = self.children.pop()
            _signal_group(child.process, signal.SIGTERM)
            try:
                child.process.wait(child.grace)
            except subprocess.TimeoutExpired:
                _signal_group(child.process, signal.SIGKILL)
                child.process.wait()
            # The leader is gone; what it started and left behind is still in its group.
            _signal_group(child.process, signal.SIGKILL)


def _signal_group(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    """Send a signal to the whole group that `process` leads; one that is gone is no error."""
    try:
        os.killpg(process.pid, number)
    except (ProcessLookupError, PermissionError):  # macOS says EPERM for a group of zombies
        return


# Loaded before any fork, since a child between fork and exec must not import.
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


def _end_with_parent() -> None:
    """Ask Linux to end this child when its parent dies without a word (kill -9)."""
    if _LIBC is not None:
        _LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
