"""The collector: opens what a submission left, trusts none of it, and writes it anew to standard output.

Output lines: `F file`, then `R record` or one `P problem`, at the end `E`. Arguments: the rules as JSON, then
`file=most lines` for each file.
"""

import json
import os
import stat
import sys
from collections.abc import Iterator
from typing import BinaryIO

from sandbox.inside import strict_json

ROOT = "/eval/responses"
CODES = {
    "format": "E-OUT-FORMAT",
    "depth": "E-OUT-FORMAT",
    "duplicate": "E-OUT-FORMAT",
    "encoding": "E-OUT-ENCODING",
    "number": "E-OUT-NUMBER",
}
MAX_ID = 128
NUMBERS = {int, float}


class Refused(Exception):
    """A response file is refused."""

    def __init__(self, code: str, message: str, line: int | None = None) -> None:
        self.code = code
        self.line = line
        super().__init__(message)


def open_plain(root: str, path: str) -> BinaryIO:
    """Open a regular file below root without following any link or waiting for a pipe; raises Refused."""
    folders = path.split("/")
    name = folders.pop()
    here = -1
    try:
        # The root is the submission's own folder: it may have taken away its permissions.
        here = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        for folder in folders:
            inner = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=here)
            os.close(here)
            here = inner
        handle = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=here)
    except FileNotFoundError:
        raise Refused("E-OUT-MISSING", "The response file is not there.") from None
    except PermissionError:
        raise Refused("E-OUT-FILE", "The response file can't be read: its permissions were taken away.") from None
    except OSError:
        raise Refused("E-OUT-FILE", "The response file must be a plain file in plain folders, no links.") from None
    finally:
        if here >= 0:
            os.close(here)
    facts = os.fstat(handle)
    if not stat.S_ISREG(facts.st_mode) or facts.st_nlink != 1:
        os.close(handle)
        raise Refused("E-OUT-FILE", "The response file must be a plain file with one name, no links.")
    return os.fdopen(handle, "rb", buffering=1024 * 1024)


def records(file: BinaryIO, *, max_lines: int, rules: dict[str, int]) -> Iterator[bytes]:
    """Yield each line as canonical JSON; raises Refused with the line."""
    if os.fstat(file.fileno()).st_size > rules["max_file_bytes"]:
        raise Refused("E-OUT-SIZE", f"The response file is larger than {rules['max_file_bytes']} bytes.")
    longest, depth = rules["max_line_bytes"], rules["max_depth"]
    seen: set[str] = set()
    number = 0
    while line := file.readline(longest + 1):
        number += 1
        if number > max_lines:
            raise Refused("E-OUT-SIZE", f"There are more lines than the {max_lines} requests.", number)
        if len(line) > longest:
            raise Refused("E-OUT-SIZE", f"The line is longer than {longest} bytes.", number)
        try:
            value = strict_json.loads(line, max_depth=depth)
        except strict_json.NotStrict as error:
            raise Refused(CODES[error.kind], f"The line is not strict JSON: {error}.", number) from None
        if not isinstance(value, dict):
            raise Refused("E-OUT-FORMAT", "The line is not a JSON object.", number)
        identity = value.get("id")
        if not isinstance(identity, str) or not 0 < len(identity) <= MAX_ID:
            raise Refused("E-OUT-FORMAT", "The line has no id, or one that is not a short text.", number)
        if identity in seen:
            raise Refused("E-OUT-DUPLICATE", "The id was answered before.", number)
        seen.add(identity)
        if not all(_is_answer(field) for field in value.values()):
            raise Refused("E-OUT-FORMAT", "A field is neither a text, a number, numbers, nor rows of numbers.", number)
        yield strict_json.encode(value).encode()


def _is_answer(field: object) -> bool:
    """Say whether a field is a scalar, a list of numbers, or a list of lists of numbers: nothing else is an answer.

    What is short as text and large in memory, such as a million empty lists, goes no further than this.
    """
    if not isinstance(field, list):
        return not isinstance(field, dict)
    kinds = set(map(type, field))
    if kinds == {list}:
        return all(row and set(map(type, row)) <= NUMBERS for row in field)
    return kinds <= NUMBERS


def _spend(left: int, size: int) -> int:
    if size > left:
        raise Refused("E-OUT-SIZE", "All responses together hold more than is taken.")
    return left - size


def main(arguments: list[str]) -> int:
    """Collect the files named in the arguments."""
    rules: dict[str, int] = json.loads(arguments[0])
    left = rules["max_total_bytes"]
    out = os.fdopen(sys.stdout.fileno(), "wb", buffering=1024 * 1024, closefd=False)
    for argument in arguments[1:]:
        path, _, lines = argument.rpartition("=")
        out.write(b"F " + path.encode() + b"\n")
        try:
            with open_plain(ROOT, path) as file:
                for record in records(file, max_lines=int(lines), rules=rules):
                    left = _spend(left, len(record))
                    out.write(b"R " + record + b"\n")
        except Refused as problem:
            fault = {"code": problem.code, "message": str(problem), "line": problem.line}
            out.write(b"P " + json.dumps(fault).encode() + b"\n")
    out.write(b"E\n")
    out.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
