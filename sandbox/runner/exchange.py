"""Requests in, responses out: JSON lines in folders, written as they come and renamed when complete."""

import errno
import json
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from sandbox.runner.errors import RunFailed

Request = dict[str, Any]
Response = dict[str, Any]
TrainLine = dict[str, Any]
REQUESTS = "requests.jsonl"
TRAIN = "train.jsonl"
RESPONSES = "responses.jsonl"
DIGEST = re.compile(r"[0-9a-f]{64}")
# The volume is full, a file is as large as the limit lets it be, or a quota is used up.
FULL = frozenset({errno.ENOSPC, errno.EFBIG, errno.EDQUOT})


@dataclass(frozen=True, slots=True)
class Staged:
    """What one suite asks: requests, all of one type, and the lines that may be learnt from."""

    type: str
    requests: list[Request]
    train: list[TrainLine]


def read_suite(folder: Path) -> Staged:
    """Read a suite's requests and training lines; raises RunFailed with E-RUN-JOB, also where types are mixed."""
    requests = read_requests(folder)
    types = {request["type"] for request in requests}
    if len(types) > 1:
        raise RunFailed("E-RUN-JOB", f"{REQUESTS}: a suite has requests of one type, not {', '.join(sorted(types))}")
    train = _read(folder / TRAIN, _train_fault) if (folder / TRAIN).exists() else []
    return Staged(next(iter(types), "loglikelihood"), requests, train)


def read_requests(folder: Path) -> list[Request]:
    """Read a suite's requests; raises RunFailed with E-RUN-JOB at the first line that is not one."""
    requests = _read(folder / REQUESTS, _request_fault)
    if len({request["id"] for request in requests}) != len(requests):
        raise RunFailed("E-RUN-JOB", f"{REQUESTS}: an id stands twice")
    return requests


def _read(file: Path, fault_of: Callable[[Any], str | None]) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = []
    try:
        with file.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, start=1):
                entry = json.loads(line)
                fault = fault_of(entry)
                if fault:
                    raise RunFailed("E-RUN-JOB", f"{file.name}:{number}: {fault}")
                entries.append(entry)
    except (OSError, ValueError) as error:
        raise RunFailed("E-RUN-JOB", f"{file.name}: {error}") from error
    return entries


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_class(value: Any) -> bool:
    return isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool))


def _is_digest(value: Any) -> bool:
    return isinstance(value, str) and DIGEST.fullmatch(value) is not None


def _are(of: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, list) and bool(value) and all(of(entry) for entry in value)


def _are_inputs(value: Any) -> bool:
    return isinstance(value, dict) and bool(value) and all(_is_text(text) for text in value.values())


def _is_seen(value: Any) -> bool:
    checks = {"text": _is_text, "image": _is_digest}
    return (
        isinstance(value, dict) and bool(value) and all(name in checks and checks[name](value[name]) for name in value)
    )


Field = tuple[Callable[[Any], bool], str]
TEXT: Field = (_is_text, "text")
INPUTS: Field = (_are_inputs, "texts by name")
SEEN: Field = (_are(_is_seen), "a list of texts and images")
# By type: the fields that a request has.
FIELDS: dict[str, dict[str, Field]] = {
    "loglikelihood": {"context": TEXT, "continuation": TEXT},
    "surprisal": {"words": (_are(_is_text), "a list of texts")},
    "classify": {"task": TEXT, "inputs": INPUTS, "labels": (_are(_is_class), "a list of labels")},
    "similarity": {"rows": SEEN, "cols": SEEN},
}
OPTIONAL: dict[str, dict[str, Field]] = {"loglikelihood": {"images": (_are(_is_digest), "a list of digests")}}
TYPES = tuple(FIELDS)
TRAIN_FIELDS: dict[str, Field] = {"id": TEXT, "task": TEXT, "inputs": INPUTS, "label": (_is_class, "a label")}


def _request_fault(value: Any) -> str | None:
    kind = value.get("type") if isinstance(value, dict) else None
    if not isinstance(kind, str) or kind not in FIELDS:
        return f"type must be one of {', '.join(TYPES)}"
    required = {"id": TEXT, **FIELDS[kind]}
    return _fields_fault(value, required) or _fields_fault(
        value, {name: field for name, field in OPTIONAL.get(kind, {}).items() if name in value}
    )


def _train_fault(value: Any) -> str | None:
    return _fields_fault(value, TRAIN_FIELDS) if isinstance(value, dict) else "an object is required"


def _fields_fault(value: dict[str, Any], fields: Mapping[str, Field]) -> str | None:
    return next((f"{name} must be {what}" for name, (good, what) in fields.items() if not good(value.get(name))), None)


@contextmanager
def _bounded() -> Iterator[None]:
    """Turn a full volume into E-RUN-DISK; every other error is left as it is."""
    try:
        yield
    except OSError as error:
        if error.errno not in FULL:
            raise
        raise RunFailed("E-RUN-DISK", f"{error.strerror}") from error


class Responses:
    """The growing file of one suite's responses.

    They go to `responses.jsonl.part`, which `finish` renames; a run that was cut off goes on where the file ends.
    A volume that is full raises RunFailed with E-RUN-DISK.
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
        with _bounded():
            self._part.parent.mkdir(parents=True, exist_ok=True)
            # Unbuffered: what can't be written must fail where it is written, not when the file is closed.
            self._stream = self._part.open("a+b", buffering=0)
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
        left = memoryview("".join(json.dumps(entry, allow_nan=False) + "\n" for entry in responses).encode())
        stream = self._open()
        with _bounded():
            while left:
                left = left[stream.write(left) :]

    def finish(self) -> None:
        """Give the complete file its name."""
        with _bounded():
            os.replace(self._part, self._file)  # noqa: PTH105 -- Path.replace says the same, but not that it is atomic

    def _open(self) -> IO[bytes]:
        if self._stream is None:
            raise RuntimeError("responses are written inside a with block")
        return self._stream
