"""What extracted files hold: pickles in any dress, safetensors headers, JSON, code named by configuration."""

import os
import pickletools
import re
import struct
from collections.abc import Iterator
from typing import Any

from sandbox.inside import strict_json
from sandbox.inside.convert_plan import may_be_weights
from sandbox.inside.refusals import Problems, Refused
from sandbox.inside.tensors import check_safetensors

TEXT_BYTES = 1_000_000
JSON_BYTES = 64_000_000
JSON_DEPTH = 64
PEEK = 64 * 1024
PICKLED = (
    ".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle", ".joblib", ".dill", ".npz", ".h5", ".hdf5", ".keras", ".mar",
    ".pt2", ".ptl",
)  # fmt: skip
PACKED = (".gz", ".bz2", ".xz", ".lzma", ".z", ".zst", ".lz4")  # loaders of pickles unpack these on their way
CALLS = frozenset({"OBJ", "REDUCE", "NEWOBJ", "NEWOBJ_EX", "BUILD"})
CLASS = re.compile(r"[A-Za-z_][\w.]* [A-Za-z_][\w.]*\Z", re.ASCII)
# Names of configuration keys through which transformers would run code that came with the files, or from elsewhere.
CODE_KEYS = frozenset({"custom_pipelines", "custom_generate", "trust_remote_code", "use_kernels"})
KERNEL_KEYS = ("attn_implementation", "experts_implementation")  # with a slash: a repository of compiled code
LOCAL_CLASS = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)\.[A-Za-z_][A-Za-z0-9_]*\Z")


def is_pickled(file: str, path: str) -> bool:
    """Say whether a file is one that loaders unpickle, by its name or by its first bytes."""
    name = path.lower()
    for ending in PACKED:
        name = name.removesuffix(ending)
    if name.endswith(PICKLED):
        return True
    with open(file, "rb") as handle:  # noqa: PTH123
        head = handle.read(PEEK)
    if head.startswith(b"\x93NUMPY"):
        return _holds_objects(head)
    if head.startswith(b"\x89HDF\r\n"):
        return True
    if head.startswith(b"PK\x03\x04"):
        return b"data.pkl" in head or b".npy" in head
    return _is_pickle(head)


def _is_pickle(head: bytes) -> bool:
    """Say whether the first bytes are a pickle's: by its mark, or, without one, because it calls and stops."""
    if len(head) > 2 and head[0] == 0x80 and 2 <= head[1] <= 5:
        return True
    try:
        # This reads the instructions one by one and follows none.
        codes = [(code.name, argument) for code, argument, _ in pickletools.genops(head)]
    except (ValueError, LookupError, ArithmeticError, struct.error):
        return False
    # Much plain text is a pickle too, but none that names a class and calls it.
    named = {name for name, argument in codes if name == "STACK_GLOBAL" or CLASS.match(str(argument))}
    return "INST" in named or (bool(named & {"GLOBAL", "STACK_GLOBAL"}) and any(name in CALLS for name, _ in codes))


def _holds_objects(head: bytes) -> bool:
    """Say whether a NumPy array's header could describe objects, which are pickled."""
    wide = head[6:7] != b"\x01"
    size = int.from_bytes(head[8 : 12 if wide else 10], "little")
    begin = 12 if wide else 10
    header = head[begin : begin + size]
    # The words of an honest header hold no capital O; an escape could write one.
    return len(header) < size or b"O" in header or b"\\" in header


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


def read_json(root: str, path: str, *, most: int, depth: int) -> dict[str, Any]:
    """Return a file's JSON object; raises Refused where it is larger, or not strict JSON."""
    file = f"{root}/{path}"
    if os.stat(file).st_size > most:  # noqa: PTH116
        raise Refused("E-ARC-JSON", f"The file is larger than {most // 1_000_000} MB.", path)
    with open(file, "rb") as handle:  # noqa: PTH123
        raw = handle.read()
    try:
        value = strict_json.loads(raw, max_depth=depth)
    except strict_json.NotStrict as error:
        raise Refused("E-ARC-JSON", f"The file is not strict JSON: {error}.", path) from None
    if not isinstance(value, dict):
        raise Refused("E-ARC-JSON", "The file is not a JSON object.", path)
    return value


def check_nesting(root: str, path: str) -> None:
    """Check that a vocabulary or the like can't exhaust who parses it; raises Refused."""
    file = f"{root}/{path}"
    if os.stat(file).st_size > JSON_BYTES:  # noqa: PTH116
        raise Refused("E-ARC-JSON", "The file is larger than 64 MB.", path)
    with open(file, "rb") as handle:  # noqa: PTH123
        raw = handle.read()
    if strict_json.is_deeper(raw, JSON_DEPTH):
        raise Refused("E-ARC-JSON", "The file is not strict JSON: objects or lists are nested too deeply.", path)


def _items(value: Any) -> Iterator[tuple[str, Any]]:
    """Yield every key and value of the objects in a value, at any depth."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield key, inner
            yield from _items(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _items(inner)


def _names_code(value: Any) -> bool:
    return any(
        (key in CODE_KEYS and bool(inner)) or (key.endswith(KERNEL_KEYS) and any("/" in text for text in _texts(inner)))
        for key, inner in _items(value)
    )


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _texts(inner)


def _is_address(text: str) -> bool:
    return text.lower().startswith(("http://", "https://", "ftp://", "s3://", "gs://", "hf://", "file://"))


def _check_auto_map(value: Any, path: str, there: frozenset[str]) -> None:
    """Check that auto_map names classes of modules beside its file alone; raises Refused."""
    folder = path.rpartition("/")[0]
    for key, named in _items(value):
        if key != "auto_map":
            continue
        for text in _texts(named):
            if "--" in text:
                raise Refused("E-ARC-MODULE", "The configuration takes code from another repository.", path)
            match = LOCAL_CLASS.match(text)
            if match is None:
                raise Refused("E-ARC-MODULE", "The configuration names code otherwise than as module.Class.", path)
            if f"{folder}/{match[1]}.py".removeprefix("/") not in there:
                raise Refused("E-ARC-MODULE", "The configuration names code in a file that is not beside it.", path)


def check_configuration(
    root: str, path: str, problems: Problems, there: frozenset[str], *, allow_code: bool, allow_auto_map: bool
) -> None:
    """Check a *config.json: strict, small, naming no code and no address but as the rules allow; raises Refused."""
    value = read_json(root, path, most=TEXT_BYTES, depth=32)
    if allow_code:
        return
    if _names_code(value) or (not allow_auto_map and any(key == "auto_map" and named for key, named in _items(value))):
        problems.add("E-ARC-AUTOMAP", "The configuration names code to be loaded (auto_map or its like).", path)
    if allow_auto_map:
        _check_auto_map(value, path, there)
    if path.rpartition("/")[2] == "config.json" and any(_is_address(text) for text in _texts(value)):
        problems.add("E-ARC-URL", "The configuration names an address on the network.", path)


def check_contents(root: str, paths: list[str], problems: Problems, rules: dict[str, Any]) -> list[str]:
    """Check every extracted file by what it is; return the pickled files that may be weights to convert."""
    allow_pickle, there = rules["allow_pickle"], frozenset(paths)
    weights = []
    for path in paths:
        file = f"{root}/{path}"
        name = path.lower()
        try:
            if name.endswith(".safetensors"):
                check_safetensors(file, path)
            elif not allow_pickle and is_pickled(file, path):
                if rules["convert_weights"] and may_be_weights(path, there):
                    weights.append(path)
                else:
                    problems.add("E-ARC-PICKLE", "The file is, or may be, a pickle: loading it would run code.", path)
            elif path.endswith("config.json"):
                check_configuration(
                    root, path, problems, there, allow_code=allow_pickle, allow_auto_map=rules["allow_auto_map"]
                )
            elif name.endswith(".json") and not allow_pickle:
                check_nesting(root, path)
        except Refused as refused:
            problems.add(refused.code, str(refused), refused.file)
    return weights
