"""Runs inside the model image: writes weights as PyTorch pickles them, sound ones and hostile ones.

    python3 make_weights.py OUT

Everything is made from fixed seeds, so that it is the same every time.
"""

import io
import json
import os
import pickle
import sys
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import Any

import torch
from transformers import GPT2Config, GPT2LMHeadModel


class Command:
    """What runs a command when it is unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, ("echo THIS RAN; touch /submission/owned /converted/out/owned /tmp/owned",)


def state() -> "OrderedDict[str, torch.Tensor]":
    """Tensors of many types: shared, transposed, a slice, a lone number, an empty one."""
    whole = torch.arange(12, dtype=torch.float32).reshape(3, 4)
    return OrderedDict(
        tied=whole,
        whole=whole,
        turned=whole.t(),
        cut=whole[1:, 1:3],
        half=torch.tensor([1.5, -2.25], dtype=torch.bfloat16),
        byte=torch.tensor([1, 2, 3], dtype=torch.uint8),
        truth=torch.tensor([True, False]),
        double=torch.tensor([0.1], dtype=torch.float64),
        complex=torch.tensor([1 + 2j], dtype=torch.complex64),
        lone=torch.tensor(7),
        empty=torch.zeros(0, 4),
        nan=torch.tensor([float("nan"), float("inf")]),
    )


def with_pickle(sound: bytes, raw: bytes, method: int = zipfile.ZIP_STORED) -> bytes:
    """A file of weights with another data.pkl, its records packed by the method."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(sound)) as old, zipfile.ZipFile(out, "w", method) as new:
        for name in old.namelist():
            new.writestr(name, raw if name.endswith("/data.pkl") else old.read(name))
    return out.getvalue()


def saved(value: Any, **options: Any) -> bytes:
    """What torch.save writes, under a file name that does not change."""
    out = io.BytesIO()
    torch.save(value, out, **options)
    return out.getvalue()


def main(out: Path) -> None:
    """Write every file."""
    tensors = state()
    sound = saved(tensors)
    old = {"_use_new_zipfile_serialization": False}
    files = {
        "sound.bin": sound,
        "old.bin": saved(tensors, **old),
        "wrapped.pt": saved({"state_dict": tensors, "epoch": 3}),
        "shard1.bin": saved({"a": torch.ones(2), "z": torch.zeros(3, dtype=torch.uint8)}),
        "shard2.bin": saved({"b": torch.full((2,), 2.0)}),
        "command.bin": with_pickle(sound, pickle.dumps({"w": Command()}, protocol=2)),
        "command_old.bin": pickle.dumps(Command(), protocol=2),
        "whole_model.bin": saved(torch.nn.Linear(2, 2)),
        "packed.bin": with_pickle(
            sound, zipfile.ZipFile(io.BytesIO(sound)).read("archive/data.pkl"), zipfile.ZIP_DEFLATED
        ),
        "grown.bin": saved({"w": torch.zeros(1).expand(1 << 40)}),
        "sparse.bin": saved({"w": torch.eye(3).to_sparse()}),
        "number.bin": saved({"w": torch.ones(2), "epoch": 3}),
        "list.bin": saved([torch.ones(2)]),
        "huge_old.bin": saved({"w": torch.arange(64.0)}, **old).replace(b"K@", b"\x8a\x06\x00\x00\x00\x00\x00\x40"),
    }
    for name, content in files.items():
        (out / name).write_bytes(content)
    torch.manual_seed(3)
    config = GPT2Config(n_positions=64, n_embd=16, n_layer=1, n_head=2, vocab_size=6, bos_token_id=0, eos_token_id=1)
    model = GPT2LMHeadModel(config)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn(parameter.shape) * 0.3)
    model.save_pretrained(out / "gpt2")
    (out / "gpt2" / "pytorch_model.bin").write_bytes(saved(model.state_dict()))
    print(json.dumps(sorted(files)))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
