"""Puts converted weights into the place of their sources, once their headers are found in order.

Argument: the conversions as JSON, each with its `sources` and its `result`. Reads /converted/out, changes
/submission, writes /intake/out/placed.json. What wrote /converted had a stranger's weights in it: nothing there is
believed.
"""

import hashlib
import json
import os
import sys
from typing import Any, BinaryIO

from sandbox.inside import collect
from sandbox.inside.refusals import Refused
from sandbox.inside.tensors import check_header

CONVERTED = "/converted/out"
ROOT = "/submission"
REPORT = "/intake/out/placed.json"
CHUNK = 1024 * 1024


def place(converted: str, root: str, conversion: dict[str, Any], number: int, left: int) -> dict[str, Any]:
    """Copy one result of at most `left` bytes, and remove its sources; return its facts. Raises Refused."""
    path = conversion["result"]
    try:
        source = collect.open_plain(converted, str(number))
    except collect.Refused:
        raise Refused("E-WEIGHTS-DAMAGED", "The weights could not be converted.", path) from None
    with source:
        if os.fstat(source.fileno()).st_size > left:
            raise Refused("E-WEIGHTS-SIZE", "The converted weights are larger than a submission may be.", path)
        try:
            check_header(source, path)
        except Refused:
            raise Refused("E-WEIGHTS-DAMAGED", "The weights could not be converted.", path) from None
        source.seek(0)
        written = _copy(source, f"{root}/{path}")
    for old in conversion["sources"]:
        os.unlink(f"{root}/{old}")  # noqa: PTH108
    return {"path": path, **written}


def _copy(source: BinaryIO, target: str) -> dict[str, Any]:
    digest, size = hashlib.sha256(), 0
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with os.fdopen(os.open(target, flags, 0o644), "wb") as file:
        while chunk := source.read(CHUNK):
            file.write(chunk)
            digest.update(chunk)
            size += len(chunk)
    return {"size": size, "sha256": digest.hexdigest()}


def main(arguments: list[str]) -> int:
    """Place every result, and report."""
    os.umask(0o022)
    job: dict[str, Any] = json.loads(arguments[0])
    results: list[dict[str, Any]] = []
    problem = None
    left: int = job["most"]
    try:
        for number, conversion in enumerate(job["conversions"]):
            results.append(place(CONVERTED, ROOT, conversion, number, left))
            left -= results[-1]["size"]
    except Refused as refused:
        problem = {"code": refused.code, "message": str(refused), "file": refused.file}
    with open(REPORT, "w", encoding="utf-8") as file:  # noqa: PTH123
        json.dump({"problem": problem, "results": results}, file)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
