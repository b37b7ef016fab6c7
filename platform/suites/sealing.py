"""The sealed storage of suites: folders go in as tar files, and come out only here; what is gated lies encrypted."""

import io
import lzma
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import IO

from django.core.files.base import File
from django.core.files.storage import storages

from config.storage import GATED
from evaluators.protocol.problems import Problem, ProblemsFound
from evaluators.suites import Suite, open_suite

MAX_ENTRIES = 100_000
MAX_BYTES = 4 * 1024**3
MAX_NAME_BYTES = 200


def seal(folder: Path, *, name: str, gated: bool = False) -> str:
    """Store the folder's files as one tar in the sealed storage; returns the name it got."""
    with tempfile.TemporaryFile() as spool:
        with tarfile.open(fileobj=spool, mode="w") as tar:
            for path in sorted(folder.rglob("*")):
                if path.is_file() and not path.is_symlink():
                    info = tarfile.TarInfo(path.relative_to(folder).as_posix())
                    info.size = path.stat().st_size
                    with path.open("rb") as file:
                        tar.addfile(info, file)
        spool.seek(0)
        return storages["sealed"].save(_place(name, gated=gated), File(spool))


def _place(name: str, *, gated: bool) -> str:
    """Where a name lies: the storage encrypts what is gated."""
    return f"{GATED}{name}" if gated else name


def forget(name: str) -> None:
    """Remove what was sealed and is referred to by nothing."""
    storages["sealed"].delete(name)


@contextmanager
def unsealed(name: str) -> Iterator[Path]:
    """The folder behind a sealed name, in a temporary place that only this process reads."""
    with tempfile.TemporaryDirectory(prefix="suite-") as place:
        with storages["sealed"].open(name) as file, tarfile.open(fileobj=file, mode="r:") as tar:
            tar.extractall(place, filter="data")
        yield Path(place)


@lru_cache(maxsize=8)
def open_sealed(name: str, *, with_gold: bool) -> Suite:
    """Open a sealed suite; a sealed name's content never changes, so the last few are kept in memory."""
    with unsealed(name) as folder:
        return open_suite(folder, with_gold=with_gold)


@contextmanager
def unpacked(archive: IO[bytes], *, file: str) -> Iterator[Path]:
    """An organizer's zip or tar of a suite folder, unpacked; raises ProblemsFound.

    One folder around everything is taken off. Organizers are trusted with gold, not with this server's files: only
    regular files with plain relative names are written, and their size is counted.
    """
    with tempfile.TemporaryDirectory(prefix="suite-") as place:
        root = Path(place)
        try:
            _unpack(archive, root, file)
        except (FileExistsError, IsADirectoryError, NotADirectoryError) as error:
            raise _refused("a name stands twice in the archive", file) from error
        except (*BROKEN, OSError) as error:
            # A broken stream is an OSError without a number; one with a number is this server's own trouble.
            if isinstance(error, OSError) and error.errno is not None:
                raise
            raise _refused(
                "this is not a whole zip or tar archive", file, "Pack the folder as zip or tar.gz."
            ) from error
        yield _stripped(root)


BROKEN = (
    zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, EOFError, NotImplementedError, RuntimeError,
)  # fmt: skip


def _refused(message: str, file: str, remedy: str = "", field: str = "") -> ProblemsFound:
    return ProblemsFound([Problem("E-SUITE-ARCHIVE", message, file, field=field, remedy=remedy)])


def _unpack(archive: IO[bytes], root: Path, file: str) -> None:
    total = 0
    for count, (name, size, source) in enumerate(_members(archive, file)):
        total += size
        if count >= MAX_ENTRIES or total > MAX_BYTES:
            remedy = f"At most {MAX_ENTRIES:,} files and {MAX_BYTES:,} bytes."
            raise _refused("the archive holds too much", file, remedy)
        target = root / _safe(name, file)
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("xb") as out:
            _copy(source, out, size, file, name)


def _members(archive: IO[bytes], file: str) -> Iterator[tuple[str, int, IO[bytes]]]:
    """Name, declared size and content of each regular file."""
    start = archive.read(4)
    archive.seek(0)
    if start.startswith(b"PK"):
        with zipfile.ZipFile(archive) as zipped:
            for entry in zipped.infolist():
                if not entry.is_dir():
                    with zipped.open(entry) as source:
                        yield entry.orig_filename, entry.file_size, source
        return
    with tarfile.open(fileobj=archive, mode="r:*") as tar:
        for member in tar:
            if member.isdir():
                continue
            opened = tar.extractfile(member) if member.isreg() else None
            if opened is None:
                where = member.name[:MAX_NAME_BYTES]
                raise _refused("only files and folders may be in it", file, "Replace links by files.", where)
            yield member.name, member.size, opened


def _safe(name: str, file: str) -> Path:
    path = PurePosixPath(name)
    plain = name.isprintable() and "\\" not in name and len(name.encode()) <= MAX_NAME_BYTES
    if not plain or path.is_absolute() or ".." in path.parts or not path.parts:
        where = repr(name)[:MAX_NAME_BYTES]
        raise _refused("a name in the archive leaves its folder or is not plain", file, field=where)
    return Path(*path.parts)


def _copy(source: IO[bytes], out: IO[bytes], size: int, file: str, name: str) -> None:
    left = size
    while block := source.read(min(1024 * 1024, left + 1)):
        left -= len(block)
        if left < 0:
            raise _refused("a file is larger than the archive says", file, field=name)
        out.write(block)


def _stripped(root: Path) -> Path:
    """The folder that holds suite.yaml: the root, or the one folder in it."""
    inside = list(root.iterdir())
    if len(inside) == 1 and inside[0].is_dir():
        return inside[0]
    return root


def write_bytes(name: str, data: bytes, *, gated: bool = False) -> str:
    """Store bytes in the sealed storage; returns the name they got. What is about a gated suite must be `gated`."""
    return storages["sealed"].save(_place(name, gated=gated), File(io.BytesIO(data)))


def read_bytes(name: str) -> bytes:
    """The bytes behind a sealed name."""
    with storages["sealed"].open(name) as file:
        return bytes(file.read())
