"""Counting the numbers in a safetensors header, against files written by hand, and the compute of a training."""

import json
import math
from typing import Any

import pytest

from evaluators.weights import MAX_HEADER, WeightCounts, count_weights, header_length, together, training_flops


def head(tensors: dict[str, tuple[str, list[int]]], *, metadata: bool = False) -> bytes:
    """The first bytes of a file with these tensors, and a few of its data."""
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}} if metadata else {}
    header |= {name: {"dtype": kind, "shape": shape, "data_offsets": [0, 0]} for name, (kind, shape) in tensors.items()}
    raw = json.dumps(header).encode()
    return len(raw).to_bytes(8, "little") + raw + b"\0\0\0\0"


GPT2 = {
    "transformer.wte.weight": ("F32", [100, 8]),
    "transformer.wpe.weight": ("F32", [16, 8]),
    "transformer.h.0.attn.c_attn.weight": ("F32", [8, 24]),
    "transformer.h.0.attn.c_attn.bias": ("F32", [24]),
    "transformer.h.0.attn.bias": ("BOOL", [1, 1, 16, 16]),
}


def test_floating_point_numbers_are_counted_and_those_of_embedding_tables_apart() -> None:
    assert count_weights(head(GPT2, metadata=True)) == WeightCounts(
        parameters=800 + 128 + 192 + 24, embeddings=928, tensors=5, dtypes={"BOOL": 256, "F32": 1144}
    )


@pytest.mark.parametrize(
    ("name", "shape", "counts_as_table"),
    [
        ("bert.embeddings.word_embeddings.weight", [10, 4], True),
        ("model.embed_tokens.weight", [10, 4], True),
        ("shared.weight", [10, 4], True),
        ("lm_head.weight", [10, 4], True),
        ("bert.embeddings.LayerNorm.weight", [4], False),
        ("vision.patch_embedding.weight", [4, 3, 2, 2], False),
        ("encoder.layer.0.dense.weight", [4, 4], False),
    ],
)
def test_a_table_of_embeddings_is_known_by_its_name_and_shape(
    name: str, shape: list[int], counts_as_table: bool
) -> None:
    counted = count_weights(head({name: ("BF16", shape)}))
    assert counted.parameters == math.prod(shape)
    assert counted.embeddings == (counted.parameters if counts_as_table else 0)


def test_shards_add_up() -> None:
    one, other = count_weights(head({"a": ("F16", [3])})), count_weights(head({"b": ("F16", [2]), "c": ("I8", [7])}))
    assert together([one, other]) == WeightCounts(5, 0, 3, {"F16": 5, "I8": 7})


@pytest.mark.parametrize("broken", [b"", b"1234567", b"\xff" * 8, head(GPT2)[:40], (2).to_bytes(8, "little") + b"[]"])
def test_what_is_no_header_is_refused(broken: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - whichever fault it is
        count_weights(broken)


def test_a_header_longer_than_any_real_one_is_not_asked_for() -> None:
    assert header_length((MAX_HEADER - 8).to_bytes(8, "little")) == MAX_HEADER
    with pytest.raises(ValueError, match="too long"):
        header_length((MAX_HEADER - 7).to_bytes(8, "little"))


def test_the_compute_of_gpt3_is_what_kaplan_and_colleagues_formula_says() -> None:
    # Brown et al. 2020, table D.1: GPT-3 13B has 1.285e10 parameters, 300 billion tokens and 2.31e22 operations.
    assert training_flops(12_850_000_000, 300e9) == pytest.approx(2.31e22, rel=0.002)
