"""Progress for the worker: one JSON line on standard error for every event, after a fixed word."""

import json
import sys
import time
from collections.abc import Callable
from typing import Any, TextIO

from sandbox.runner.errors import RunFailed

WORD = "@proctor "
INTERVAL = 0.5


class Reporter:
    """Writes events as they happen; progress at most twice a second, so that a fast suite does not fill the log."""

    def __init__(self, stream: TextIO | None = None, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream = sys.stderr if stream is None else stream
        self._clock = clock
        self._last = float("-inf")

    def event(self, name: str, **fields: Any) -> None:
        """Write one event."""
        self._stream.write(WORD + json.dumps({"event": name, **fields}, ensure_ascii=True) + "\n")
        self._stream.flush()

    def progress(self, *, suite: str, position: int, of: int, done: int, total: int) -> None:
        """Write how far a suite is; the suite's first and last state are always written."""
        now = self._clock()
        if done not in (0, total) and now - self._last < INTERVAL:
            return
        self._last = now
        self.event("progress", suite=suite, position=position, of=of, done=done, total=total)

    def error(self, failure: RunFailed) -> None:
        """Write why the run ended; the last event of a failed run."""
        self.event("error", code=failure.code, message=failure.message, detail=failure.detail)
