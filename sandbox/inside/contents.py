"""What extracted files hold: pickles in any dress, safetensors headers, code named by configuration."""

import os
from typing import Any

from sandbox.inside import strict_json
from sandbox.inside.refusals import Problems, Refused
from sandbox.inside.tensors import check_safetensors

TEXT_BYTES = 1_000_000
PEEK = 64 * 1024
PICKLED = (
    ".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle", ".joblib", ".dill", ".npz", ".h5", ".hdf5", ".keras", ".mar",
    ".pt2", ".ptl",
)  # fmt: skip
# Names of configuration keys through which transformers would run code that came with the files.
CODE_KEYS = frozenset({"auto_map", "custom_pipelines", "custom_generate", "trust_remote_code"})


def is_pickled(file: str, path: str) -> bool:
    """Say whether a file is one that loaders unpickle, by its name or by its first bytes."""
    if path.lower().endswith(PICKLED):
        return True
    with open(file, "rb") as handle:  # noqa: PTH123
        head = handle.read(PEEK)
    if head.startswith(b"\x93NUMPY"):
        return b"|O" in head[:1024] or b"'O'" in head[:1024]
    if head.startswith(b"\x89HDF\r\n"):
        return True
    if head.startswith(b"PK\x03\x04"):
        return b"data.pkl" in head or b".npy" in head
    return len(head) > 2 and head[0] == 0x80 and 2 <= head[1] <= 5


def read_text(root: str, path: str, problems: Problems) -> str | None:
    """Return a small file's text; None, and a problem, where it is no plain UTF-8 of at most 1 MB."""
    file = f"{root}/{path}"
    if os.stat(file).st_size > TEXT_BYTES:  # noqa: PTH116
        problems.add("E-ARC-TEXT", "The file is larger than 1 MB.", path)
        return None
    with open(file, "rb") as handle:  # noqa: PTH123
        raw = handle.read(TEXT_BYTES + 1)
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        problems.add("E-ARC-TEXT", "The file is not UTF-8.", path)
        return None
    if text.startswith("\ufeff"):
        problems.add("E-ARC-TEXT", "The file begins with a byte order mark.", path)
        return None
    return text


def _names_code(value: Any) -> bool:
    if isinstance(value, dict):
        return any((key in CODE_KEYS and bool(inner)) or _names_code(inner) for key, inner in value.items())
    return isinstance(value, list) and any(_names_code(inner) for inner in value)


def _holds_url(value: Any) -> bool:
    if isinstance(value, str):
        return value.lower().startswith(("http://", "https://", "ftp://", "s3://", "file://"))
    if isinstance(value, dict):
        return any(_holds_url(inner) for inner in value.values())
    return isinstance(value, list) and any(_holds_url(inner) for inner in value)


def check_configuration(root: str, path: str, problems: Problems, *, allow_code: bool) -> None:
    """Check a *config.json: strict, small, naming no code and no address."""
    file = f"{root}/{path}"
    if os.stat(file).st_size > TEXT_BYTES:  # noqa: PTH116
        problems.add("E-ARC-JSON", "The file is larger than 1 MB.", path)
        return
    with open(file, "rb") as handle:  # noqa: PTH123
        raw = handle.read()
    try:
        value = strict_json.loads(raw, max_depth=32)
    except strict_json.NotStrict as error:
        problems.add("E-ARC-JSON", f"The file is not strict JSON: {error}.", path)
        return
    if not isinstance(value, dict):
        problems.add("E-ARC-JSON", "The file is not a JSON object.", path)
        return
    if not allow_code and _names_code(value):
        problems.add("E-ARC-AUTOMAP", "The configuration names code to be loaded (auto_map or its like).", path)
    if not allow_code and path.rpartition("/")[2] == "config.json" and _holds_url(value):
        problems.add("E-ARC-URL", "The configuration names an address on the network.", path)


def check_contents(
    root: str, paths: list[str], problems: Problems, *, allow_pickle: bool, allow_auto_map: bool
) -> None:
    """Check every extracted file by what it is."""
    for path in paths:
        file = f"{root}/{path}"
        try:
            if path.lower().endswith(".safetensors"):
                check_safetensors(file, path)
            elif not allow_pickle and is_pickled(file, path):
                problems.add("E-ARC-PICKLE", "The file is, or may be, a pickle: loading it would run code.", path)
            elif path.endswith("config.json"):
                check_configuration(root, path, problems, allow_code=allow_auto_map)
        except Refused as refused:
            problems.add(refused.code, str(refused), refused.file)
