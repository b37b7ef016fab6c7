"""What the header of a safetensors file says of a model's size, and the compute that its training took."""

import json
import math
from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple

# Names of tables of tokens, positions and output words, beside those that say `embed` themselves.
TABLES = frozenset({"wte", "wpe", "shared", "lm_head"})
MAX_HEADER = 16 * 1024**2  # bytes; real ones have some hundred kilobytes at most


class WeightCounts(NamedTuple):
    """Floating-point numbers in a file, those of them in embedding tables, its tensors, and all numbers by kind."""

    parameters: int
    embeddings: int
    tensors: int
    dtypes: Mapping[str, int]


def header_length(head: bytes) -> int:
    """How many bytes, from the first, a safetensors file's header takes; raises ValueError where there is none."""
    length = 8 + int.from_bytes(head[:8], "little")
    if len(head) < 8 or length > MAX_HEADER:
        raise ValueError("the file has no header, or one that is too long")
    return length


def count_weights(head: bytes) -> WeightCounts:
    """Count what a safetensors file holds from its first bytes; raises ValueError where they are no whole header.

    Every floating-point number stored counts, buffers included, and what is shared between tensors is stored once.
    """
    length = header_length(head)
    header = json.loads(head[8:length])
    if not isinstance(header, dict):
        raise ValueError("the header is no object")  # noqa: TRY004 - one error for every fault of a file
    kinds: Counter[str] = Counter()
    embeddings = tensors = 0
    for name, tensor in header.items():
        if name == "__metadata__":
            continue
        shape, dtype = _read(tensor)
        number = math.prod(shape)
        tensors += 1
        kinds[dtype] += number
        if _is_float(dtype) and len(shape) == 2 and _is_table(name):
            embeddings += number
    floats = sum(number for dtype, number in kinds.items() if _is_float(dtype))
    return WeightCounts(floats, embeddings, tensors, dict(sorted(kinds.items())))


def together(counts: list[WeightCounts]) -> WeightCounts:
    """The counts of a model's shards as one."""
    kinds: Counter[str] = Counter()
    for count in counts:
        kinds.update(count.dtypes)
    return WeightCounts(
        sum(count.parameters for count in counts),
        sum(count.embeddings for count in counts),
        sum(count.tensors for count in counts),
        dict(sorted(kinds.items())),
    )


def training_flops(parameters: int, tokens: float) -> float:
    """6·N·D: about how many floating-point operations a training took.

    N: parameters without embeddings; D: tokens seen. Kaplan et al. 2020, Scaling Laws for Neural Language Models,
    arXiv:2001.08361, section 2.1: two operations a parameter and token forward, twice as many backward.
    """
    return 6.0 * parameters * tokens


def _read(tensor: object) -> tuple[list[int], str]:
    shape, dtype = (tensor.get("shape"), tensor.get("dtype")) if isinstance(tensor, dict) else (None, None)
    if not isinstance(shape, list) or not isinstance(dtype, str) or not all(type(size) is int for size in shape):
        raise ValueError("a tensor has no shape, or no dtype")
    return shape, dtype


def _is_float(dtype: str) -> bool:
    return dtype.startswith(("F", "BF"))


def _is_table(name: str) -> bool:
    return any(part in TABLES or "embed" in part for part in name.lower().split("."))
