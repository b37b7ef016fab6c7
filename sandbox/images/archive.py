"""Images as gzipped `docker save` archives, so that every worker runs the same bytes; nothing is taken on trust."""

import hashlib
import io
import json
import posixpath
import re
import tarfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO

import docker
from docker.errors import ImageNotFound

from sandbox.engine.connection import connect, translated
from sandbox.errors import ImageMissing, ImageRefused
from sandbox.interface import SavedImage
from sandbox.limits import MiB

CHUNK = 1 * MiB
SILENCE = 900  # seconds the engine may take over an image without a word
LEVEL = 1  # most of an image hardly shrinks further, and time is what a worker waits for
GZIP = b"\x1f\x8b"
MANIFEST = "manifest.json"
MAX_CONFIG, MAX_FILES = 4 * MiB, 10_000
IMAGE_ID = re.compile(r"sha256:[0-9a-f]{64}")
SAVE_AGAIN = "Make it with: python -m sandbox images save"


def archive_name(image_id: str) -> str:
    """Return the file name of an image's archive."""
    return f"{_checked(image_id).removeprefix('sha256:')}.tar.gz"


def save(client: docker.APIClient | None, image_id: str, file: BinaryIO) -> SavedImage:
    """Write the image, by its id and without any name, into `file`; raises ImageMissing, SandboxUnavailable."""
    _checked(image_id)
    with _connected(client) as engine:
        if not has(engine, image_id):
            raise ImageMissing(f"This engine does not hold the image {image_id}.")
        packer, digest, size = zlib.compressobj(LEVEL, wbits=31), hashlib.sha256(), 0
        with translated():
            for chunk in engine.get_image(image_id, chunk_size=CHUNK):
                packed = packer.compress(chunk)
                digest.update(packed)
                size += file.write(packed)
        packed = packer.flush()
        digest.update(packed)
        size += file.write(packed)
    return SavedImage(size, digest.hexdigest())


def load(file: BinaryIO, *, image_id: str, client: docker.APIClient | None = None) -> None:
    """Load an archive that holds the image of this id and nothing else; raises ImageRefused, SandboxUnavailable.

    `file` is seekable: it is read once to look and once more to load, in bounded memory.
    """
    _checked(image_id)
    found = identify(file)
    if found != image_id:
        raise ImageRefused(f"The archive holds the image {found}, not {image_id}. {SAVE_AGAIN}")
    with _connected(client) as engine:
        # Under a name of ours, an image that nothing uses yet survives the engine's cleaning.
        if not has(engine, image_id):
            _load(engine, file, image_id)
        with translated():
            engine.tag(image_id, "proctor/kept", image_id.removeprefix("sha256:")[:12])


def identify(file: BinaryIO) -> str:
    """Return the id of the one image in a seekable archive; raises ImageRefused where it is none of ours."""
    file.seek(0)
    try:
        with tarfile.open(fileobj=_Plain(file), mode="r|") as archive:
            manifest, digests = _read(archive)
    except (tarfile.TarError, zlib.error, EOFError, ValueError, RecursionError) as error:
        raise ImageRefused(f"The file is no image archive, or a damaged one. {SAVE_AGAIN}") from error
    if not isinstance(manifest, list) or len(manifest) != 1 or not isinstance(manifest[0], dict):
        raise ImageRefused(f"The archive does not hold exactly one image. {SAVE_AGAIN}")
    if manifest[0].get("RepoTags"):
        raise ImageRefused(f"The archive would give names to images. {SAVE_AGAIN}")
    # An image's id is the digest of its configuration, which in turn holds the digests of its layers.
    digest = digests.get(str(manifest[0].get("Config")))
    if digest is None:
        raise ImageRefused(f"The archive lacks its image's configuration. {SAVE_AGAIN}")
    return f"sha256:{digest}"


def has(client: docker.APIClient, image_id: str) -> bool:
    """Say whether the engine holds the image."""
    with translated():
        try:
            return str(client.inspect_image(image_id)["Id"]) == image_id
        except ImageNotFound:
            return False


def _load(engine: docker.APIClient, file: BinaryIO, image_id: str) -> None:
    file.seek(0)
    with translated():
        events = engine.load_image(_chunks(_Plain(file)))
        said = [str(event.get("error") or event.get("stream") or "").strip() for event in events]
    # What the engine made is asked of it once more: only the id that was asked for is ever used.
    if not has(engine, image_id):
        raise ImageRefused(f"The engine did not make the image {image_id} of the archive: {' '.join(said)[-300:]}")


def _read(archive: tarfile.TarFile) -> tuple[Any, dict[str, str]]:
    """Return the manifest, and the SHA-256 of each file small enough to be a configuration."""
    manifest: Any = None
    digests: dict[str, str] = {}
    seen: set[str] = set()
    for member in archive:
        name = posixpath.normpath(member.name)
        if name.startswith(("/", "..")) or name == "repositories":
            raise ImageRefused(f"The archive holds a file that an image has not. {SAVE_AGAIN}")
        if member.isdir():
            continue
        if len(seen) == MAX_FILES:
            raise ImageRefused(f"The archive holds more files than an image has. {SAVE_AGAIN}")
        if name in seen:  # the engine would take the last one, and others the first
            raise ImageRefused(f"The archive holds a file twice. {SAVE_AGAIN}")
        seen.add(name)
        content = archive.extractfile(member) if member.isreg() and member.size <= MAX_CONFIG else None
        if content is None:
            continue
        raw = content.read()
        digests[name] = hashlib.sha256(raw).hexdigest()
        if name == MANIFEST:
            manifest = json.loads(raw)
    return manifest, digests


class _Plain(io.RawIOBase):
    """The bytes of a file that may be gzipped, unpacked as they are read."""

    def __init__(self, file: BinaryIO) -> None:
        super().__init__()
        self._file = file
        head = file.read(len(GZIP))
        file.seek(-len(head), 1)
        self._packer = zlib.decompressobj(wbits=31) if head == GZIP else None

    def read(self, size: int = CHUNK) -> bytes:
        """Return up to `size` bytes, b"" at the end; raises EOFError where the archive ends too early."""
        if self._packer is None:
            return self._file.read(size)
        while not self._packer.eof:
            packed = self._packer.unconsumed_tail or self._file.read(64 * 1024)
            if not packed:
                raise EOFError("The archive ends too early.")
            plain = self._packer.decompress(packed, size)
            if plain:
                return plain
        return b""


def _chunks(plain: _Plain) -> Iterator[bytes]:
    while chunk := plain.read(CHUNK):
        yield chunk


@contextmanager
def _connected(client: docker.APIClient | None) -> Iterator[docker.APIClient]:
    if client is not None:
        yield client
        return
    mine = connect(timeout=SILENCE)
    try:
        yield mine
    finally:
        mine.close()


def _checked(image_id: str) -> str:
    if not IMAGE_ID.fullmatch(image_id):
        raise ValueError(f"Not an image's id: {image_id!r}")
    return image_id
