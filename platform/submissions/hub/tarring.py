"""A tar of files that lie apart in the storage, made while it is read: no second copy of them is written."""

import io
import tarfile
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

BLOCK = tarfile.BLOCKSIZE
Opened = Callable[[str], BinaryIO]


@dataclass(frozen=True, slots=True)
class Member:
    """A file of the tar: its path there, its bytes, and its name in the storage."""

    path: str
    size: int
    storage_name: str


@dataclass(frozen=True, slots=True)
class _Piece:
    """Some bytes of the tar: given, or those of a file."""

    at: int
    size: int
    given: bytes = b""
    storage_name: str = ""


class TarOf(io.RawIOBase):
    """The tar of these files, in this order: the same bytes every time, readable and seekable. `size` in bytes."""

    def __init__(self, members: Sequence[Member], opened: Opened) -> None:
        super().__init__()
        self._opened = opened
        self._pieces: list[_Piece] = []
        self.size = 0
        for member in members:
            info = tarfile.TarInfo(member.path)
            info.size, info.mode = member.size, 0o644
            self._add(info.tobuf(tarfile.PAX_FORMAT))
            if member.size:
                self._pieces.append(_Piece(self.size, member.size, storage_name=member.storage_name))
                self.size += member.size
            self._add(bytes(-member.size % BLOCK))
        self._add(bytes(2 * BLOCK))
        self._starts = [piece.at for piece in self._pieces]
        self._at = 0
        self._file: BinaryIO | None = None
        self._file_at = -1

    def _add(self, given: bytes) -> None:
        if given:
            self._pieces.append(_Piece(self.size, len(given), given))
            self.size += len(given)

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

    def tell(self) -> int:
        """Where the next byte comes from."""
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a place in the tar."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self.size}[whence]
        self._at = max(0, base + offset)
        return self._at

    def readinto(self, buffer: Any) -> int:
        """Fill the buffer as far as one piece reaches; raises OSError where a file has become shorter."""
        if self._at >= self.size or not len(buffer):
            return 0
        piece = self._pieces[bisect_right(self._starts, self._at) - 1]
        inside = self._at - piece.at
        most = min(len(buffer), piece.size - inside)
        chunk = self._of_file(piece, inside, most) if piece.storage_name else piece.given[inside : inside + most]
        if not chunk:
            raise OSError("A stored file is shorter than it was.")
        buffer[: len(chunk)] = chunk
        self._at += len(chunk)
        return len(chunk)

    def _of_file(self, piece: _Piece, inside: int, most: int) -> bytes:
        if self._file is None or self._file_at != piece.at:
            self._leave()
            self._file, self._file_at = self._opened(piece.storage_name), piece.at
        if self._file.tell() != inside:
            self._file.seek(inside)
        return self._file.read(most)

    def _leave(self) -> None:
        if self._file is not None:
            self._file.close()
        self._file, self._file_at = None, -1

    def close(self) -> None:
        """Close the file that is being read."""
        if not self.closed:
            self._leave()
        super().close()
