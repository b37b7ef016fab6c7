"""Intake: turns an uploaded archive into a checked tree, and says what is wrong where it can't.

Argument: the rules as JSON. Reads /intake/archive, fills /submission, writes /intake/out/report.json.
"""

import json
import os
import struct
import sys
import traceback
import zlib
from collections.abc import Iterator
from typing import Any, BinaryIO

from sandbox.inside import convert_plan
from sandbox.inside.contents import check_contents, read_text
from sandbox.inside.names import check_name
from sandbox.inside.refusals import Problems, Refused
from sandbox.inside.tars import extract_tar
from sandbox.inside.tree import Tree, Written
from sandbox.inside.zips import extract_zip

ARCHIVE = "/intake/archive"
REPORT = "/intake/out/report.json"
ROOT = "/submission"
MANIFEST = "submission.yaml"
CONFIG = "config.json"
CHUNK = 1024 * 1024
PROBE = 16 * 1024
# What a parser of ours may still raise on an archive that nobody thought of: the archive's fault, and never a loop
# of checks that fail. OSError and the like stay ours.
UNFORESEEN = (LookupError, ValueError, ArithmeticError, RecursionError, struct.error, zlib.error)


def archive_kind(file: BinaryIO) -> str:
    """Return zip, tar, tar.gz or other, by the first bytes and not by the name."""
    file.seek(0)
    head = file.read(PROBE)
    file.seek(0)
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return "zip"
    if head.startswith(b"\x1f\x8b"):
        unpacker = zlib.decompressobj(31)
        try:
            inner = unpacker.decompress(head, 512)
        except zlib.error:
            return "other"
        broken_off = len(inner) < 512 and not unpacker.eof
        return "tar.gz" if broken_off or _looks_like_tar(inner) else "other"
    return "tar" if _looks_like_tar(head[:512]) else "other"


def _looks_like_tar(block: bytes) -> bool:
    if len(block) < 512:
        return False
    return block[257:262] == b"ustar" or not any(block)


def _chunks(file: BinaryIO) -> Iterator[bytes]:
    while chunk := file.read(CHUNK):
        yield chunk


def unpack(file: BinaryIO, tree: Tree, problems: Problems, *, single_file: str | None) -> None:
    """Unpack an archive of any kind that is taken; raises Refused."""
    kind = archive_kind(file)
    if kind == "zip":
        extract_zip(file, tree, problems)
    elif kind in ("tar", "tar.gz"):
        extract_tar(file, tree, problems, packed=kind == "tar.gz")
    elif single_file is not None:
        tree.add_file(check_name(single_file), _chunks(file))
    else:
        raise Refused("E-ARC-FORMAT", "The file is not a zip, tar or tar.gz archive.")
    if not tree.files and not problems:
        raise Refused("E-ARC-EMPTY", "The archive holds no files.")


def take_in(archive: str, root: str, rules: dict[str, Any]) -> dict[str, Any]:
    """Unpack and check an archive; return the report."""
    problems = Problems()
    tree = Tree(root, max_bytes=rules["max_unpacked_bytes"], max_entries=rules["max_entries"])
    manifest = config = stripped = None
    weights: list[convert_plan.Conversion] = []
    left_out: list[Written] = []
    try:
        with open(archive, "rb") as file:  # noqa: PTH123
            unpack(file, tree, problems, single_file=rules["single_file"])
        if not problems:
            stripped = tree.strip_single_folder((MANIFEST, CONFIG))
            paths = [written.path for written in tree.files]
            pickled = check_contents(root, paths, problems, rules)
            manifest = read_text(root, MANIFEST, problems) if MANIFEST in paths else None
            config = read_text(root, CONFIG, problems) if CONFIG in paths else None
            weights = plan_weights(tree, pickled)
            left_out = [tree.leave_out(path) for conversion in weights for path in conversion.others]
    except Refused as refused:
        problems.add(refused.code, str(refused), refused.file)
    except MemoryError:
        problems.add("E-ARC-COSTLY", "Checking the archive took too much memory.")
    except UNFORESEEN:
        traceback.print_exc()
        problems.add("E-ARC-DAMAGED", "The archive, or a file in it, is not in order.")
    return {
        "ok": not problems,
        "problems": problems.found,
        "files": [item._asdict() for item in tree.files],
        "manifest_text": manifest,
        "config_text": config,
        "unpacked_bytes": tree.unpacked,
        "stripped_folder": stripped,
        "weights": [{"sources": item.sources, "result": item.result} for item in weights if item.sources],
        "left_out": [item._asdict() for item in left_out],
    }


def plan_weights(tree: Tree, pickled: list[str]) -> list[convert_plan.Conversion]:
    """Say which pickled weights are to be converted, and check what can be checked without reading them."""
    there = [written.path for written in tree.files]
    plans = convert_plan.plan(pickled, there, lambda path: convert_plan.read_index(tree.root, path))
    for conversion in plans:
        for source in conversion.sources:
            convert_plan.check_container(tree.root, source)
        if conversion.sources and os.path.lexists(f"{tree.root}/{conversion.result}"):
            raise Refused("E-ARC-DUPLICATE", "The name is that of the converted weights.", conversion.result)
    return plans


def main(arguments: list[str]) -> int:
    """Take in the archive at its fixed place."""
    os.umask(0o022)
    report = take_in(ARCHIVE, ROOT, json.loads(arguments[0]))
    with open(REPORT, "w", encoding="utf-8") as file:  # noqa: PTH123
        json.dump(report, file)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
