"""The baselines as archives, packed once: a later start finds them by the digest of what they are made of."""

import hashlib
import io
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

from web.demo.training import train

SOURCES = Path(__file__).parent / "baselines"
MANIFEST = "submission.yaml"
KEYS = ("random", "ngram", "neural")
EPOCH = (2000, 1, 1, 0, 0, 0)  # the same bytes whenever it is packed


def archive_of(
    key: str, *, text: Path, folder: Path, say: Callable[[str], None], wanted: Callable[[], bool] = lambda: True
) -> Path:
    """The zip of the baseline `key`, made below `folder` where it does not stand there yet.

    Raises TrainingFailed, SandboxUnavailable or ImageMissing where the neural one can't be trained.
    """
    sources = {path.name: path.read_bytes() for path in sorted((SOURCES / key).iterdir()) if path.is_file()}
    words = text.read_bytes() if key != "random" else b""
    path = folder / f"{key}-{_digest({**sources, 'train.txt': words})[:12]}.zip"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        part.write_bytes(zipped(_files(key, sources, words, say, wanted)))
        part.replace(path)
    return path


def _files(
    key: str, sources: Mapping[str, bytes], words: bytes, say: Callable[[str], None], wanted: Callable[[], bool]
) -> dict[str, bytes]:
    """What the baseline's archive holds."""
    if key == "neural":
        return {MANIFEST: sources[MANIFEST], **train(words.decode(), say=say, wanted=wanted)}
    return {**sources, **({"train.txt": words} if words else {})}


def zipped(files: Mapping[str, bytes]) -> bytes:
    """A zip of the files that depends on nothing but them."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(files):
            archive.writestr(zipfile.ZipInfo(name, EPOCH), files[name], zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def _digest(files: Mapping[str, bytes]) -> str:
    """The sha256 of names and contents."""
    digest = hashlib.sha256()
    for name in sorted(files):
        digest.update(f"{name}\0{len(files[name])}\0".encode())
        digest.update(files[name])
    return digest.hexdigest()
