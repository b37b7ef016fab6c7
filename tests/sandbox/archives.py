"""What the tests of intake share: archives of every make, and the code that runs inside, called here."""

import io
import json
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sandbox.inside.intake import take_in

RULES: dict[str, Any] = {
    "max_entries": 100,
    "max_unpacked_bytes": 20_000_000,
    "allow_pickle": False,
    "allow_auto_map": False,
    "convert_weights": False,
    "single_file": None,
}
TakeIn = Callable[..., dict[str, Any]]


def taker(folder: Path) -> TakeIn:
    """`taker(folder)(content, **rules)`: the report on an archive, unpacked into the folder's root/."""

    def take(content: bytes, **rules: Any) -> dict[str, Any]:
        archive, root = folder / "archive", folder / "root"
        archive.write_bytes(content)
        root.mkdir()
        return take_in(str(archive), str(root), RULES | rules)

    return take


def made_zip(files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED, **info: Any) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", method) as archive:
        for name, content in files.items():
            entry = zipfile.ZipInfo(name)
            entry.filename = name
            entry.compress_type = method
            for key, value in info.items():
                setattr(entry, key, value)
            archive.writestr(entry, content)
    return packed.getvalue()


def made_tar(
    files: dict[str, bytes], mode: str = "w", change: Callable[[tarfile.TarInfo], None] | None = None
) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode=mode, format=tarfile.PAX_FORMAT) as archive:  # type: ignore[call-overload]
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            if change:
                change(entry)
            archive.addfile(entry, io.BytesIO(content) if entry.size else None)
    return packed.getvalue()


def codes(report: dict[str, Any]) -> set[str]:
    return {problem["code"] for problem in report["problems"]}


PLAIN = {"submission.yaml": b"schema: submission/1\n", "model.py": b"x = 1\n"}


def safetensors(header: Any, data: bytes = b"") -> bytes:
    raw = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(raw).to_bytes(8, "little") + raw + data


def tensor(begin: int, end: int, **change: Any) -> dict[str, Any]:
    return {"dtype": "F32", "shape": [(end - begin) // 4], "data_offsets": [begin, end]} | change
