"""Requests in, responses out: JSON lines in folders, written as they come and renamed when complete."""

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from sandbox.runner.errors import RunFailed

Request = dict[str, Any]
Response = dict[str, Any]
REQUESTS = "requests.jsonl"
RESPONSES = "responses.jsonl"
TYPES = ("loglikelihood",)


def read_requests(folder: Path) -> list[Request]:
    """Read a suite's requests; raises RunFailed with E-RUN-JOB at the first line that is not one."""
    requests: list[Request] = []
    try:
        with (folder / REQUESTS).open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, start=1):
                requests.append(_request(json.loads(line), number))
    except (OSError, ValueError) as error:
        raise RunFailed("E-RUN-JOB", f"{REQUESTS}: {error}") from error
    if len({request["id"] for request in requests}) != len(requests):
        raise RunFailed("E-RUN-JOB", f"{REQUESTS}: an id stands twice")
    return requests


def _request(value: Any, number: int) -> Request:
    if not isinstance(value, dict) or value.get("type") not in TYPES:
        raise RunFailed("E-RUN-JOB", f"{REQUESTS}:{number}: type must be one of {', '.join(TYPES)}")
    for name in ("id", "context", "continuation"):
        if not isinstance(value.get(name), str):
            raise RunFailed("E-RUN-JOB", f"{REQUESTS}:{number}: {name} must be text")
    return value


class Responses:
    """The growing file of one suite's responses.

    They go to `responses.jsonl.part`, which `finish` renames; a run that was cut off goes on where the file ends.
    """

    def __init__(self, folder: Path) -> None:
        self._file = folder / RESPONSES
        self._part = folder / f"{RESPONSES}.part"
        self._stream: IO[bytes] | None = None

    @property
    def complete(self) -> bool:
        """Say whether an earlier run finished this suite."""
        return self._file.is_file()

    def __enter__(self) -> Self:
        self._part.parent.mkdir(parents=True, exist_ok=True)
        self._stream = self._part.open("a+b")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._stream is not None:
            self._stream.close()
            self._stream = None

    def answered(self) -> set[str]:
        """Return the ids an earlier run answered, and cut off a last line that it did not finish."""
        stream = self._open()
        stream.seek(0)
        content = stream.read()
        whole = content[: content.rfind(b"\n") + 1]
        try:
            ids = {str(json.loads(line)["id"]) for line in whole.splitlines()}
        except (ValueError, KeyError, TypeError):
            ids, whole = set(), b""
        stream.truncate(len(whole))
        return ids

    def write(self, responses: Iterable[Mapping[str, Any]]) -> None:
        """Append responses and hand them to the operating system."""
        stream = self._open()
        stream.write("".join(json.dumps(entry, allow_nan=False) + "\n" for entry in responses).encode())
        stream.flush()

    def finish(self) -> None:
        """Give the complete file its name."""
        os.replace(self._part, self._file)  # noqa: PTH105 -- Path.replace says the same, but not that it is atomic

    def _open(self) -> IO[bytes]:
        if self._stream is None:
            raise RuntimeError("responses are written inside a with block")
        return self._stream
