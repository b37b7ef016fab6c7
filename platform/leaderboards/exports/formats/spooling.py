"""Files that say about themselves what is known only at their end: the body is kept aside, then written after its head.

The checksum of a text format is the sha256 of all its bytes but the line that holds it, so that anybody can check it:
`grep -v '^# checksum' FILE | sha256sum`. Of Parquet and XLSX it is that of the same table written as CSV.
"""

import shutil
from collections.abc import Iterable
from hashlib import sha256
from tempfile import SpooledTemporaryFile
from typing import IO, Self

IN_MEMORY = 32 * 1024**2
BLOCK = 1024**2


class Body:
    """The lines below a file's head, kept aside until the head is known."""

    def __init__(self) -> None:
        self._spool = SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115 - closed with the body

    def __enter__(self) -> Self:
        """Use it as long as the file is written."""
        return self

    def __exit__(self, *_: object) -> None:
        """Let it go."""
        self._spool.close()

    def add(self, text: str) -> None:
        """Append to it."""
        self._spool.write(text.encode())

    def checksum(self, head: Iterable[str]) -> str:
        """`sha256:…` over these lines and the body."""
        digest = sha256("".join(head).encode())
        self._spool.seek(0)
        while block := self._spool.read(BLOCK):
            digest.update(block)
        return f"sha256:{digest.hexdigest()}"

    def write(self, out: IO[bytes], head: Iterable[str]) -> None:
        """Write these lines and then the body."""
        out.write("".join(head).encode())
        self._spool.seek(0)
        shutil.copyfileobj(self._spool, out, BLOCK)
