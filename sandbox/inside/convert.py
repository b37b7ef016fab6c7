"""Reads pickled weights as plain tensors and writes them as safetensors; alone in this package it needs PyTorch.

Argument: the conversions as JSON, each with its `sources`. Reads /submission, writes /converted/out/<number> and
/converted/out/report.json, which are there and empty. It runs in a container of its own: what it says is
checked again outside it.
"""

import json
import os
import pickle
import sys
import traceback
from collections.abc import Iterator
from typing import Any, NamedTuple

from sandbox.inside.refusals import Refused

ROOT = "/submission"
OUT = "/converted/out"
REPORT = "report.json"
CHUNK = 8 * 1024 * 1024
MAX_NAME = 1000
MAX_TENSORS = 100_000
MAX_GROWTH = 2  # tensors that share their bytes are written once each: tied embeddings, at the most everything
SLACK = 1024 * 1024
WRAPPINGS = ("state_dict", "model_state_dict", "model")
DTYPES = {
    "float64": "F64", "float32": "F32", "float16": "F16", "bfloat16": "BF16", "complex64": "C64",
    "float8_e4m3fn": "F8_E4M3", "float8_e5m2": "F8_E5M2",
    "float8_e4m3fnuz": "F8_E4M3FNUZ", "float8_e5m2fnuz": "F8_E5M2FNUZ", "float8_e8m0fnu": "F8_E8M0",
    "int64": "I64", "int32": "I32", "int16": "I16", "int8": "I8",
    "uint64": "U64", "uint32": "U32", "uint16": "U16", "uint8": "U8", "bool": "BOOL",
}  # fmt: skip
# What PyTorch raises on a file that is damaged, or made to be.
BROKEN = (RuntimeError, EOFError, ValueError, LookupError, AttributeError, TypeError, ArithmeticError, AssertionError)


class Place(NamedTuple):
    """A tensor to be written: where it is read from, and what its header says; `size` in bytes."""

    name: str
    source: str
    dtype: str
    shape: tuple[int, ...]
    size: int
    width: int


def read_tensors(path: str) -> dict[str, Any]:
    """Return a file's tensors by name, without running any code that it names; raises Refused."""
    import torch

    with open(f"{ROOT}/{path}", "rb") as file:  # noqa: PTH123
        in_place = file.read(4) == b"PK\x03\x04"
    try:
        loaded = torch.load(f"{ROOT}/{path}", map_location="cpu", weights_only=True, mmap=in_place)
    except pickle.UnpicklingError:
        traceback.print_exc()
        message = "The file holds something else than tensors: loading it could run code."
        raise Refused("E-WEIGHTS-UNSAFE", message, path) from None
    except BROKEN as error:
        traceback.print_exc()
        if "allocate memory" in str(error):
            raise MemoryError from error
        raise Refused("E-WEIGHTS-DAMAGED", "The file of weights is damaged or broken off.", path) from None
    return tensors_of(loaded, path)


def tensors_of(loaded: Any, path: str) -> dict[str, Any]:
    """Return the plain tensors of what was loaded; raises Refused where it is anything else."""
    import torch

    if isinstance(loaded, dict) and not all(isinstance(value, torch.Tensor) for value in loaded.values()):
        inner = [loaded[name] for name in WRAPPINGS if isinstance(loaded.get(name), dict)]
        loaded = inner[0] if len(inner) == 1 else loaded
    if not isinstance(loaded, dict) or not loaded:
        raise Refused("E-WEIGHTS-FORM", "The file of weights does not hold tensors by name.", path)
    for name, value in loaded.items():
        if not isinstance(name, str) or not 0 < len(name) <= MAX_NAME or not name.isprintable():
            raise Refused("E-WEIGHTS-FORM", "A tensor has no name, or one that is no short text.", path)
        if not isinstance(value, torch.Tensor) or name == "__metadata__":
            raise Refused("E-WEIGHTS-FORM", "The file of weights holds something beside tensors.", path)
        plain = value.layout == torch.strided and value.device.type == "cpu" and not value.is_quantized
        if not plain or value.is_nested or str(value.dtype).removeprefix("torch.") not in DTYPES:
            raise Refused("E-WEIGHTS-FORM", "A tensor is sparse, quantised, or of a type that is not taken.", path)
    return loaded


def places(sources: list[str]) -> list[Place]:
    """Return the tensors of all sources in the order of writing; raises Refused.

    Wide types come first, so that every tensor lies at a multiple of its type's width; then source by source.
    """
    found: dict[str, Place] = {}
    for source in sources:
        for name, tensor in read_tensors(source).items():
            if name in found:
                raise Refused("E-WEIGHTS-FORM", "A tensor stands in two shards.", source)
            dtype = DTYPES[str(tensor.dtype).removeprefix("torch.")]
            width = tensor.element_size()
            found[name] = Place(name, source, dtype, tuple(tensor.shape), tensor.numel() * width, width)
    if len(found) > MAX_TENSORS:
        raise Refused("E-WEIGHTS-SIZE", f"There are more than {MAX_TENSORS} tensors.", sources[0])
    most = MAX_GROWTH * sum(os.stat(f"{ROOT}/{source}").st_size for source in sources) + SLACK  # noqa: PTH116
    if sum(place.size for place in found.values()) > most:
        raise Refused("E-WEIGHTS-SIZE", "The tensors are more than twice as large as their files.", sources[0])
    return sorted(found.values(), key=lambda place: (-place.width, place.source, place.name))


def header(ordered: list[Place]) -> bytes:
    """Return a safetensors file's length and header, padded to 8 bytes."""
    document: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    end = 0
    for place in ordered:
        document[place.name] = {"dtype": place.dtype, "shape": place.shape, "data_offsets": [end, end + place.size]}
        end += place.size
    raw = json.dumps(document, separators=(",", ":")).encode()
    raw += b" " * (-len(raw) % 8)
    return len(raw).to_bytes(8, "little") + raw


def contents(tensor: Any) -> Iterator[memoryview]:
    """Yield a tensor's bytes, row by row of its own memory order, as its header says it."""
    import torch

    whole = tensor.detach().resolve_conj().resolve_neg().contiguous()
    if whole.is_complex():
        whole = torch.view_as_real(whole)
    view = memoryview(whole.reshape(-1).view(torch.uint8).numpy())
    for begin in range(0, len(view), CHUNK):
        yield view[begin : begin + CHUNK]


def convert(sources: list[str], target: str) -> None:
    """Write the tensors of all sources into one file; raises Refused."""
    ordered = places(sources)
    opened = ""
    tensors: dict[str, Any] = {}
    with open(target, "wb") as file:  # noqa: PTH123
        file.write(header(ordered))
        for place in ordered:
            if place.source != opened:
                opened, tensors = place.source, read_tensors(place.source)
            for chunk in contents(tensors[place.name]):
                file.write(chunk)


def main(arguments: list[str]) -> int:
    """Convert every folder's weights, and report."""
    os.umask(0o022)
    problem = None
    try:
        import torch

        for number, conversion in enumerate(json.loads(arguments[0])):
            convert(conversion["sources"], f"{OUT}/{number}")
    except Refused as refused:
        problem = {"code": refused.code, "message": str(refused), "file": refused.file}
    except MemoryError:
        problem = {"code": "E-WEIGHTS-COSTLY", "message": "Converting the weights took too much memory.", "file": ""}
    with open(f"{OUT}/{REPORT}", "w", encoding="utf-8") as file:  # noqa: PTH123
        json.dump({"problem": problem, "torch": str(torch.__version__)}, file)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
