"""The count of a budget: words = len(line.split()) over the lines, and bytes of UTF-8; streaming, in little memory."""

import codecs
import gzip
import hashlib
import io
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import BinaryIO, cast

from evaluators.protocol.problems import Problem, ProblemsFound

CHUNK = 1 << 20


@dataclass(frozen=True)
class Counted:
    """A text's words, its bytes (unpacked, UTF-8), and the sha256 of these bytes."""

    path: str
    words: int
    bytes: int
    sha256: str


def count_files(paths: Iterable[Path]) -> list[Counted]:
    """Each file's counts, folders walked in order of their names; raises ProblemsFound.

    Texts may be packed (.gz, and .zst where the package zstandard is there). Names that begin with a dot are left out,
    links are not followed.
    """
    return [count_file(path, name) for given in paths for path, name in _files(given)]


def count_file(path: Path, name: str = "") -> Counted:
    """One file's counts; raises ProblemsFound where it can't be read or is no UTF-8 text."""
    shown = name or str(path)
    try:
        with _opened(path, shown) as stream:
            return count_text(_chunks(stream), path=shown)
    except UnicodeDecodeError as error:
        raise _refused(
            "E-WORDS-TEXT", "the file is no UTF-8 text", shown, "Name files of text, plain or packed."
        ) from error
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise _refused("E-WORDS-PACKED", "the packed file is damaged", shown, "Pack it again.") from error
    except OSError as error:
        raise _refused("E-DOC-FILE", f"the file can't be read: {error.strerror or error}", shown) from error


def count_text(chunks: Iterable[bytes], *, path: str = "") -> Counted:
    """The counts of a text that comes in pieces; the same for any cut. Raises UnicodeDecodeError."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    digest = hashlib.sha256()
    words = size = 0
    inside = False  # whether the text so far ends within a word
    for chunk in chunks:
        digest.update(chunk)
        size += len(chunk)
        more, inside = _words(decoder.decode(chunk), inside)
        words += more
    more, _ = _words(decoder.decode(b"", final=True), inside)
    return Counted(path, words + more, size, digest.hexdigest())


def _words(text: str, inside: bool) -> tuple[int, bool]:
    """How many words begin in this piece, and whether it ends within one. A line's end parts words like any space."""
    if not text:
        return 0, inside
    begun = len(text.split())
    if inside and not text[0].isspace():
        begun -= 1
    return begun, not text[-1].isspace()


def _chunks(stream: BinaryIO) -> Iterator[bytes]:
    while chunk := stream.read(CHUNK):
        yield chunk


def _opened(path: Path, shown: str) -> BinaryIO:
    if path.suffix == ".gz":
        return cast("BinaryIO", gzip.open(path, "rb"))
    if path.suffix == ".zst":
        return _zstandard(path, shown)
    return path.open("rb")


def _zstandard(path: Path, shown: str) -> BinaryIO:
    try:
        module = import_module("zstandard")
    except ImportError as error:
        message = "a .zst file takes the package zstandard, which is not here"
        raise _refused("E-WORDS-PACKED", message, shown, "Install zstandard, or unpack the file.") from error
    opened: Callable[..., BinaryIO] = module.open
    try:
        return cast("BinaryIO", io.BufferedReader(opened(path, "rb")))
    except module.ZstdError as error:
        raise _refused("E-WORDS-PACKED", "the packed file is damaged", shown, "Pack it again.") from error


def _files(given: Path) -> Iterator[tuple[Path, str]]:
    if not given.is_dir():
        yield given, str(given)
        return
    found = False
    for path in sorted(given.rglob("*")):
        inside = path.relative_to(given)
        if path.is_file() and not path.is_symlink() and not any(part.startswith(".") for part in inside.parts):
            found = True
            yield path, str(given / inside)
    if not found:
        raise _refused("E-DOC-FILE", "the folder holds no file", str(given))


def _refused(code: str, message: str, file: str, remedy: str = "") -> ProblemsFound:
    return ProblemsFound([Problem(code, message, file, remedy=remedy)])
