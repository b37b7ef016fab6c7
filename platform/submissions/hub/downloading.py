"""One file from the hub: it goes on where it stopped, and is compared with what the hub said of it."""

import hashlib
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import httpx2

from submissions.hub.errors import HubAway
from submissions.hub.network import Web

CHUNK = 1024 * 1024
# So often in a row may a connection end without a byte more than before.
MOST_STANDSTILLS = 3


class WrongBytes(Exception):
    """What arrived is not what the hub said it would be."""


@dataclass(frozen=True, slots=True)
class Digests:
    """Of a file's bytes: SHA-256, and the SHA-1 that git has for a blob of them."""

    sha256: str
    blob: str

    def fit(self, oid: str) -> bool:
        """Whether they are those the hub named; where it named none, they are."""
        return oid in ("", f"sha256:{self.sha256}", f"git:{self.blob}")


def digests_of(path: Path, beat: Callable[[], None]) -> Digests:
    """Read the file once; `beat` is called now and then."""
    blob = hashlib.sha1(f"blob {path.stat().st_size}\0".encode(), usedforsecurity=False)
    sha256 = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            sha256.update(chunk)
            blob.update(chunk)
            beat()
    return Digests(sha256.hexdigest(), blob.hexdigest())


def download(web: Web, url: str, part: Path, *, size: int, beat: Callable[[], None]) -> None:
    """Fill `part` with the file's `size` bytes, after those that are there already.

    Beside it lies the entity tag under which it was begun: what has changed since is fetched from its beginning.
    Raises WrongBytes where there are more bytes or fewer than the hub said, HubAway, ProblemsFound.
    """
    standstills = 0
    while (before := _length(part)) != size or not part.exists():
        if before > size:
            discard(part)
            continue
        # Where it is broken off, the next request asks for the rest.
        with suppress(httpx2.TransportError):
            _go_on(web, url, part, size=size, beat=beat)
        standstills = 0 if _length(part) > before else standstills + 1
        if standstills >= MOST_STANDSTILLS:
            raise HubAway("the hub breaks off before a file is whole")


def discard(part: Path) -> None:
    """Remove what was fetched of a file."""
    part.unlink(missing_ok=True)
    _tag_of(part).unlink(missing_ok=True)


def _length(part: Path) -> int:
    return part.stat().st_size if part.exists() else 0


def _tag_of(part: Path) -> Path:
    return part.with_suffix(".etag")


def _go_on(web: Web, url: str, part: Path, *, size: int, beat: Callable[[], None]) -> None:
    """One request: for the rest where its beginning can be named, else for the whole."""
    start, tag = _length(part), _tag_of(part)
    known = tag.read_text() if start and tag.exists() else ""
    headers = {"Range": f"bytes={start}-", "If-Range": known} if known else {}
    with web.get(url, headers) as response:
        if response.status_code == 416:
            discard(part)
            raise WrongBytes("the hub has fewer bytes than it says")
        partial = response.status_code == 206
        if partial and not response.headers.get("Content-Range", "").startswith(f"bytes {start}-"):
            raise HubAway("the hub sends another part of a file than was asked for")
        if not partial:
            start = 0
        _take(response, part, start=start, size=size, beat=beat)


def _take(response: httpx2.Response, part: Path, *, start: int, size: int, beat: Callable[[], None]) -> None:
    announced = response.headers.get("Content-Length", "")
    if announced.isascii() and announced.isdigit() and start + int(announced[:18]) != size:
        raise WrongBytes("the hub has another number of bytes than it says")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.truncate(start)
        file.seek(start)
        if not start:
            etag = response.headers.get("ETag", "")
            # A weak tag does not say that the bytes are the same.
            _tag_of(part).write_text(etag if etag.startswith('"') else "")
        for chunk in response.iter_raw():
            start += len(chunk)
            if start > size:
                raise WrongBytes("the hub has more bytes than it says")
            file.write(chunk)
            beat()
