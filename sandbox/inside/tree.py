"""The extracted tree: plain files and folders, made new, never through a link, counted while they grow."""

import hashlib
import os
from collections.abc import Iterable
from typing import NamedTuple

from sandbox.inside.names import Names
from sandbox.inside.refusals import Refused

FREE_RATIO_BYTES = 1024 * 1024
MAX_RATIO = 100


class Written(NamedTuple):
    """One written file."""

    path: str
    size: int
    sha256: str


class Tree:
    """A folder that is filled once."""

    def __init__(self, root: str, *, max_bytes: int, max_entries: int) -> None:
        self.root = root
        self.files: list[Written] = []
        self.unpacked = 0
        self._names = Names()
        self._folders: set[str] = set()
        self.max_bytes = max_bytes
        self.max_entries = max_entries
        self._entries = 0

    def count_entry(self) -> None:
        """Count an entry of any kind; raises Refused beyond the bound."""
        self._entries += 1
        if self._entries > self.max_entries:
            raise Refused("E-ARC-ENTRIES", f"The archive holds more than {self.max_entries} entries.")

    def add_folder(self, path: str) -> None:
        """Make a folder and those above it."""
        self._names.take(path, folder=True)
        self._make(path)

    def add_file(self, path: str, chunks: Iterable[bytes]) -> None:
        """Write a file from chunks; raises Refused when the tree outgrows its bound."""
        self._names.take(path, folder=False)
        self._make(path.rpartition("/")[0])
        digest = hashlib.sha256()
        size = 0
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        handle = os.open(f"{self.root}/{path}", flags, 0o644)
        with os.fdopen(handle, "wb", buffering=0) as file:
            for chunk in chunks:
                size += len(chunk)
                self.unpacked += len(chunk)
                if self.unpacked > self.max_bytes:
                    raise Refused("E-ARC-UNPACKED", f"The archive unpacks to more than {self.max_bytes} bytes.", path)
                digest.update(chunk)
                view = memoryview(chunk)
                while view:
                    view = view[file.write(view) :]
        self.files.append(Written(path, size, digest.hexdigest()))

    def leave_out(self, path: str) -> Written:
        """Remove a written file, and return what it was."""
        written = next(item for item in self.files if item.path == path)
        os.unlink(f"{self.root}/{path}")  # noqa: PTH108
        self.files.remove(written)
        return written

    def _make(self, folder: str) -> None:
        if not folder or folder in self._folders:
            return
        self._make(folder.rpartition("/")[0])
        os.mkdir(f"{self.root}/{folder}", 0o755)  # noqa: PTH102 (a string path, thousands of times)
        self._folders.add(folder)

    def strip_single_folder(self, marks: tuple[str, ...]) -> str | None:
        """Move everything up where one folder holds it all and one of the marks; return that folder's name."""
        tops = {written.path.partition("/")[0] for written in self.files}
        tops |= {folder.partition("/")[0] for folder in self._folders}
        paths = {written.path for written in self.files}
        if len(tops) != 1:
            return None
        top = tops.pop()
        if not any(f"{top}/{mark}" in paths for mark in marks):
            return None
        aside = f"{self.root}/{os.urandom(8).hex()}"
        os.rename(f"{self.root}/{top}", aside)  # noqa: PTH104
        for name in os.listdir(aside):  # noqa: PTH208
            os.rename(f"{aside}/{name}", f"{self.root}/{name}")  # noqa: PTH104
        os.rmdir(aside)  # noqa: PTH106
        cut = len(top) + 1
        self.files = [Written(written.path[cut:], written.size, written.sha256) for written in self.files]
        return top
