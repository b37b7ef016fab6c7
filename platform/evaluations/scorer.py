"""The scorer's own process: bounded in memory and time, so that no answers can take the worker down with them."""

import logging
import os
import pickle
import resource
import select
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from django.conf import settings

from evaluations.faults import LastingFault
from evaluators.protocol.problems import ProblemsFound

logger = logging.getLogger(__name__)
T = TypeVar("T")

LOOK_SECONDS = 0.5
BLOCK = 1024 * 1024


class TooCostly(Exception):
    """Scoring took more memory or time than it may; whose fault that is, the size of the answers shows."""


def bounded(compute: Callable[[], T], *, check: Callable[[], None] = lambda: None) -> T:
    """Compute in a child of this process, within PROCTOR_SCORING_BYTES and PROCTOR_SCORING_SECONDS.

    `compute` must not touch the database: its connection is this process's. `check` is called while it goes on, and
    ends it by raising. Raises ProblemsFound as `compute` does, TooCostly, and LastingFault for any other error of it.
    """
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _child(compute, writing)
    os.close(writing)
    try:
        answer = _read(reading, check)
    finally:
        os.close(reading)
        # One that has answered has nothing left to do; one that has not is not wanted any more.
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    kind, value = _understood(answer)
    if kind == "result":
        result: T = value
        return result
    if kind == "problems":
        raise ProblemsFound(value)
    if kind == "costly":
        raise TooCostly(value)
    raise LastingFault(f"The scorer failed: {value}")


def _understood(answer: bytes) -> tuple[str, Any]:
    try:
        kind, value = pickle.loads(answer)  # noqa: S301 - from our own child
    except (pickle.UnpicklingError, EOFError):
        return "costly", "it ended before it had answered"
    return kind, value


def _read(reading: int, check: Callable[[], None]) -> bytes:
    """What the child writes until it closes its end; raises TooCostly when its time is up."""
    deadline = time.monotonic() + settings.SCORING_SECONDS
    blocks: list[bytes] = []
    while True:
        ready, _, _ = select.select([reading], [], [], LOOK_SECONDS)
        check()
        if ready:
            block = os.read(reading, BLOCK)
            if not block:
                return b"".join(blocks)
            blocks.append(block)
        elif time.monotonic() > deadline:
            raise TooCostly(f"it took longer than {settings.SCORING_SECONDS:g} seconds")


def _child(compute: Callable[[], Any], writing: int) -> NoReturn:
    """Bound this process, compute, write the answer and leave without cleaning up what is the parent's."""
    status = 1
    try:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_DFL)
        most = _address_space() + settings.SCORING_BYTES
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
        answer = pickle.dumps(_answer(compute))
        with os.fdopen(writing, "wb") as out:
            out.write(answer)
        status = 0
    finally:
        os._exit(status)


def _answer(compute: Callable[[], Any]) -> tuple[str, Any]:
    try:
        return "result", compute()
    except ProblemsFound as found:
        return "problems", list(found.problems)
    except MemoryError:
        return "costly", "it took more memory than it may"
    except Exception as error:
        # Whatever it is, it must reach the parent: this process has no caller.
        logger.exception("The scorer failed.")
        return "error", f"{type(error).__name__}: {error}"[:500]


def _address_space() -> int:
    """Bytes of address space that this process has already."""
    return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
