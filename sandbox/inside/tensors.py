"""A safetensors file's header: every byte of the file belongs to exactly one tensor of a known kind."""

import os
from typing import Any, BinaryIO

from sandbox.inside import strict_json
from sandbox.inside.refusals import Refused

MAX_HEADER = 100_000_000
MAX_TENSORS = 1_000_000
BITS = {
    "BOOL": 8, "U8": 8, "I8": 8, "F8_E4M3": 8, "F8_E5M2": 8, "F8_E8M0": 8, "F8_E4M3FNUZ": 8, "F8_E5M2FNUZ": 8,
    "U16": 16, "I16": 16, "F16": 16, "BF16": 16,
    "U32": 32, "I32": 32, "F32": 32,
    "U64": 64, "I64": 64, "F64": 64, "C64": 64,
    "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6,
}  # fmt: skip


def _refused(message: str, path: str) -> Refused:
    return Refused("E-ARC-SAFETENSORS", message, path)


def check_safetensors(file: str, path: str) -> None:
    """Check the header of an extracted file, shown as `path`; raises Refused."""
    with open(file, "rb") as handle:  # noqa: PTH123
        check_header(handle, path)


def check_header(handle: BinaryIO, path: str) -> None:
    """Check the header of an open file, shown as `path`; raises Refused."""
    length = os.fstat(handle.fileno()).st_size
    head = handle.read(8)
    size = int.from_bytes(head, "little")
    if len(head) != 8 or size > min(MAX_HEADER, length - 8) or size < 2:
        raise _refused("The file's header is longer than the file, or than 100 MB.", path)
    raw = handle.read(size)
    try:
        header = strict_json.loads(raw, max_depth=5)
    except strict_json.NotStrict as error:
        raise _refused(f"The file's header is not strict JSON: {error}.", path) from None
    if not isinstance(header, dict) or len(header) > MAX_TENSORS:
        raise _refused("The file's header is not an object of tensors.", path)
    spans = []
    for name, tensor in header.items():
        if name == "__metadata__":
            if not isinstance(tensor, dict) or not all(isinstance(value, str) for value in tensor.values()):
                raise _refused("The file's metadata holds something else than texts.", path)
        else:
            spans.append(_span(tensor, path))
    end = 0
    for begin, after in sorted(spans):
        if begin != end:
            raise _refused("Tensors overlap or leave a hole between them.", path)
        end = after
    if end != length - 8 - size:
        raise _refused("The tensors end before or after the file does.", path)


def _span(tensor: Any, path: str) -> tuple[int, int]:
    if not isinstance(tensor, dict) or set(tensor) != {"dtype", "shape", "data_offsets"}:
        raise _refused("A tensor does not have exactly dtype, shape and data_offsets.", path)
    bits = BITS.get(tensor["dtype"]) if isinstance(tensor["dtype"], str) else None
    if bits is None:
        raise _refused("A tensor is of an unknown dtype.", path)
    shape, offsets = tensor["shape"], tensor["data_offsets"]
    for numbers in (shape, offsets):
        if not isinstance(numbers, list) or not all(type(number) is int and number >= 0 for number in numbers):
            raise _refused("A tensor's shape or offsets are not whole numbers.", path)
    if len(offsets) != 2 or offsets[0] > offsets[1] or len(shape) > 16:
        raise _refused("A tensor's shape or offsets are not well formed.", path)
    total = bits
    for number in shape:
        total *= number
    if total != (offsets[1] - offsets[0]) * 8:
        raise _refused("A tensor's shape does not fit its bytes.", path)
    return offsets[0], offsets[1]
