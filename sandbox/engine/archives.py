"""Tar streams to and from the engine, made and read without touching the disk."""

import io
import tarfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

CHUNK = 1024 * 1024
BLOCK = 512


@dataclass(frozen=True, slots=True)
class Entry:
    """One member of a tar stream; content is bytes, a path on our side, an open file, or None for a folder."""

    name: str
    content: bytes | Path | BinaryIO | None = None
    size: int = 0
    mode: int = 0o644
    uid: int = 0


def _header(entry: Entry, size: int) -> bytes:
    info = tarfile.TarInfo(entry.name)
    info.type = tarfile.DIRTYPE if entry.content is None else tarfile.REGTYPE
    info.size = size
    info.mode = entry.mode
    info.uid = info.gid = entry.uid
    return info.tobuf(tarfile.PAX_FORMAT)


def _chunks(file: BinaryIO, size: int) -> Iterator[bytes]:
    left = size
    while left:
        chunk = file.read(min(CHUNK, left))
        if not chunk:
            raise OSError("A file became shorter while it was read.")
        left -= len(chunk)
        yield chunk


def tar_stream(entries: Iterable[Entry]) -> Iterator[bytes]:
    """Yield a tar archive of the entries, small ones gathered into larger writes."""
    gathered = bytearray()
    for entry in entries:
        content = entry.content
        if content is None:
            gathered += _header(entry, 0)
        elif isinstance(content, bytes):
            gathered += _header(entry, len(content)) + content + bytes(-len(content) % BLOCK)
        else:
            file: BinaryIO = content.open("rb") if isinstance(content, Path) else content
            size = content.stat().st_size if isinstance(content, Path) else entry.size
            try:
                gathered += _header(entry, size)
                for chunk in _chunks(file, size):
                    gathered += chunk
                    if len(gathered) >= CHUNK:
                        yield bytes(gathered)
                        gathered.clear()
                gathered += bytes(-size % BLOCK)
            finally:
                if isinstance(content, Path):
                    file.close()
        if len(gathered) >= CHUNK:
            yield bytes(gathered)
            gathered.clear()
    yield bytes(gathered) + bytes(2 * BLOCK)


def tree_entries(folder: Path, prefix: str) -> Iterator[Entry]:
    """Yield a folder's regular files and folders below `prefix`, in a fixed order."""
    yield Entry(prefix, None, mode=0o755)
    for path in sorted(folder.rglob("*")):
        name = f"{prefix}/{path.relative_to(folder).as_posix()}"
        if path.is_symlink():
            continue
        if path.is_dir():
            yield Entry(name, None, mode=0o755)
        elif path.is_file():
            yield Entry(name, path, mode=0o755 if path.stat().st_mode & 0o100 else 0o644)


class _Reader(io.RawIOBase):
    """A chunk iterator as a readable file, for tarfile's stream mode."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._rest = b""

    def read(self, size: int = -1) -> bytes:
        """Return up to `size` bytes, b"" at the end."""
        while not self._rest:
            chunk = next(self._chunks, None)
            if chunk is None:
                return b""
            self._rest = chunk
        taken, self._rest = self._rest[:size], self._rest[size:]
        return taken


def read_single(chunks: Iterable[bytes], *, max_bytes: int) -> bytes:
    """Return the one regular file of a tar stream; raises ValueError where it is another thing or larger."""
    with tarfile.open(fileobj=_Reader(iter(chunks)), mode="r|") as archive:
        member = archive.next()
        if member is None or not member.isreg():
            raise ValueError("not a regular file")
        if member.size > max_bytes:
            raise ValueError(f"larger than {max_bytes} bytes")
        file = archive.extractfile(member)
        return file.read() if file else b""


def read_head(chunks: Iterable[bytes], *, size: int) -> bytes:
    """Return the first bytes of the one regular file of a tar stream; raises ValueError where it is another thing."""
    with tarfile.open(fileobj=_Reader(iter(chunks)), mode="r|") as archive:
        member = archive.next()
        file = archive.extractfile(member) if member is not None and member.isreg() else None
        if file is None:
            raise ValueError("not a regular file")
        return file.read(size)
