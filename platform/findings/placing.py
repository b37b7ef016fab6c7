"""Files into a folder in which people write, too: nothing of theirs is ever overwritten or removed."""

import hashlib
import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

MANIFEST = "MANIFEST.json"


@dataclass(frozen=True)
class Kept:
    """A file that stays as it is; `beside` is where the new one lies, "" where there is none."""

    name: str
    beside: str
    why: str


@dataclass(frozen=True)
class Placed:
    """What became of the files: `version` is that of the report."""

    version: str
    written: tuple[str, ...]
    kept: tuple[Kept, ...]


def place(files: Mapping[str, bytes], manifest: Mapping[str, Any], out: Path) -> Placed:
    """Write the files and their manifest; a file that is not ours, or that was changed since, stays.

    Ours is what the folder's manifest lists with the digest that the file has. Files of ours that are no longer made
    are removed where nobody changed them.
    """
    out.mkdir(parents=True, exist_ok=True)
    known = _known(out)
    written, kept, beside = [], [], {}
    for name, data in sorted(files.items()):
        path = out / name
        if not _there(path) or _is(path, data) or _is_ours(path, known.get(name)):
            _write(path, data)
            written.append(name)
            continue
        new = _free(out, name, known)
        _write(out / new, data)
        beside[new] = _digest(data)
        why = "it was changed by hand" if name in known else "it was not written by this command"
        kept.append(Kept(name, new, why))
    for name in sorted(set(known) - set(files) - set(beside)):
        path = out / name
        if _is_ours(path, known[name]):
            path.unlink()
        elif _there(path):
            kept.append(Kept(name, "", "it is no longer made, and was changed by hand"))
    text = json.dumps({**manifest, "beside": dict(sorted(beside.items()))}, indent=1) + "\n"
    _write(out / MANIFEST, text.encode())
    return Placed(str(manifest["version"]), tuple(written), tuple(kept))


def _known(out: Path) -> dict[str, str]:
    """The digests of what was written into the folder before, by name; nothing where its manifest can't be read."""
    try:
        found = json.loads((out / MANIFEST).read_text(encoding="utf-8"))
        listed = {**found["files"], **found.get("beside", {})}
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    # A name that leads out of the folder was not written by us.
    return {
        name: digest
        for name, digest in listed.items()
        if isinstance(name, str)
        and isinstance(digest, str)
        and not name.startswith("/")
        and ".." not in Path(name).parts
    }


def _there(path: Path) -> bool:
    return path.exists() or path.is_symlink()


def _is(path: Path, data: bytes) -> bool:
    return path.is_file() and not path.is_symlink() and path.read_bytes() == data


def _is_ours(path: Path, digest: str | None) -> bool:
    return digest is not None and path.is_file() and not path.is_symlink() and _digest(path.read_bytes()) == digest


def _free(out: Path, name: str, known: Mapping[str, str]) -> str:
    """`NAME.new`, or where that is somebody's, too, NAME.new.2 and so on."""
    names = (f"{name}.new" if number == 1 else f"{name}.new.{number}" for number in count(1))
    return next(new for new in names if not _there(out / new) or _is_ours(out / new, known.get(new)))


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _write(path: Path, data: bytes) -> None:
    """Write a file whole: a reader sees the old one or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if _is(path, data):
        return
    descriptor, draft = tempfile.mkstemp(dir=path.parent, prefix=".draft-")
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
    Path(draft).chmod(0o644)
    Path(draft).replace(path)
