"""Model files that would run code, lie about themselves or hold no numbers: refused, or an answer that is none."""

import json
import pickle
import struct
from collections.abc import Callable
from typing import Any

import pytest

from challenges.models import Phase, Track
from evaluations.models import Run
from sandbox.images.build import build
from submissions import engine
from submissions.models import QuotaCharge, Submission
from tests.attacks.attacker import Attacker, assert_canary_unseen, log_of
from tests.attacks.conftest import MIB
from tests.attacks.hostile import MARK, answering, made_zip, model_archive, safetensors, tensor

pytestmark = [pytest.mark.docker, pytest.mark.django_db(transaction=True)]

DEEP = b'{"a":' * 100_000 + b"1" + b"}" * 100_000


class Command:
    """A pickle of it runs a command where it is loaded."""

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return eval, (f"__import__('os').system('touch /tmp/{MARK} /{MARK} /eval/responses/{MARK}')",)


PICKLE = pickle.dumps(Command())
TEXT_PICKLE = pickle.dumps(Command(), protocol=0)
OBJECTS = (
    b"\x93NUMPY\x01\x00v\x00" + b"{'descr': '|O', 'fortran_order': False, 'shape': (1,), }".ljust(117) + b"\n" + PICKLE
)


def tensors(header: Any, data: bytes = b"", length: int | None = None) -> dict[str, bytes | None]:
    """The model's only weights file."""
    return {"model.safetensors": safetensors(header, data, length)}


def configured(**values: Any) -> dict[str, bytes | None]:
    """The model's configuration."""
    return {"config.json": json.dumps({"model_type": "gpt2", **values}).encode()}


FILES: list[tuple[str, dict[str, bytes | None], str]] = [
    ("a pickle with a command", {"pytorch_model.bin": PICKLE}, "E-ARC-PICKLE"),
    ("a pickle with another ending", {"notes.txt": PICKLE}, "E-ARC-PICKLE"),
    ("a pickle called safetensors", {"model.safetensors": PICKLE}, "E-ARC-SAFETENSORS"),
    ("a pickle called a vocabulary, packed", {"vocab.json": made_zip({"archive/data.pkl": PICKLE}, 0)}, "E-ARC-PICKLE"),
    ("a joblib file", {"model.joblib": PICKLE}, "E-ARC-PICKLE"),
    ("an array of objects", {"weights.npy": OBJECTS}, "E-ARC-PICKLE"),
    ("an HDF5 file", {"weights.dat": b"\x89HDF\r\n\x1a\n" + bytes(100)}, "E-ARC-PICKLE"),
    ("a header of 2^63 bytes", tensors({"w": tensor(0, 4)}, bytes(4), 2**63), "E-ARC-SAFETENSORS"),
    ("a header of 2^64 - 1 bytes", tensors({"w": tensor(0, 4)}, bytes(4), 2**64 - 1), "E-ARC-SAFETENSORS"),
    ("a header longer than the file", tensors({"w": tensor(0, 4)}, bytes(4), 10_000), "E-ARC-SAFETENSORS"),
    ("no header", {"model.safetensors": b"\0"}, "E-ARC-SAFETENSORS"),
    ("tensors that overlap", tensors({"a": tensor(0, 8), "b": tensor(4, 12)}, bytes(12)), "E-ARC-SAFETENSORS"),
    ("a hole between tensors", tensors({"a": tensor(0, 4), "b": tensor(8, 12)}, bytes(12)), "E-ARC-SAFETENSORS"),
    ("bytes that belong to no tensor", tensors({"a": tensor(0, 4)}, bytes(4) + PICKLE), "E-ARC-SAFETENSORS"),
    ("a shape that overflows", tensors({"a": tensor(0, 8, shape=[2**62, 2**62, 16])}, bytes(8)), "E-ARC-SAFETENSORS"),
    ("a shape below zero", tensors({"a": tensor(0, 8, shape=[-1, -2])}, bytes(8)), "E-ARC-SAFETENSORS"),
    (
        "offsets that run backwards",
        tensors({"a": {"dtype": "F32", "shape": [1], "data_offsets": [4, 0]}}, bytes(4)),
        "E-ARC-SAFETENSORS",
    ),
    (
        "a tensor twice",
        tensors(
            b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[0],"data_offsets":[4,4]}}',
            bytes(4),
        ),
        "E-ARC-SAFETENSORS",
    ),
    ("a type that nobody knows", tensors({"a": tensor(0, 8, dtype="OBJECT")}, bytes(8)), "E-ARC-SAFETENSORS"),
    ("a header of depth 100,000", tensors(DEEP), "E-ARC-SAFETENSORS"),
    (
        "metadata that is no text",
        tensors({"__metadata__": {"a": {"b": 1}}, "w": tensor(0, 4)}, bytes(4)),
        "E-ARC-SAFETENSORS",
    ),
    (
        "auto_map to a file of its own",
        {**configured(auto_map={"AutoModelForCausalLM": "evil.Model"}), "evil.py": b"import os\n"},
        "E-ARC-AUTOMAP",
    ),
    (
        "auto_map to another repository",
        configured(auto_map={"AutoModelForCausalLM": "somebody/else--evil.Model"}),
        "E-ARC-AUTOMAP",
    ),
    ("auto_map further down", configured(text_config={"auto_map": {"AutoModel": "evil.Model"}}), "E-ARC-AUTOMAP"),
    (
        "auto_map of the tokenizer",
        {"tokenizer_config.json": b'{"auto_map": {"AutoTokenizer": ["evil.T", null]}}'},
        "E-ARC-AUTOMAP",
    ),
    ("a pipeline of its own", configured(custom_pipelines={"x": {"impl": "evil.P"}}), "E-ARC-AUTOMAP"),
    ("an address in the configuration", configured(_name_or_path="https://example.org/model"), "E-ARC-URL"),
    ("a configuration of depth 100,000", {"config.json": DEEP}, "E-ARC-JSON"),
    ("a tokenizer of depth 100,000", {"tokenizer.json": DEEP}, "E-ARC-JSON"),
    (
        "a configuration with a key twice",
        {"config.json": b'{"model_type": "gpt2", "model_type": "bert"}'},
        "E-ARC-JSON",
    ),
    ("a configuration of 2 MB", {"config.json": b'{"a": "' + b"x" * 2_000_000 + b'"}'}, "E-ARC-RATIO|E-ARC-JSON"),
    ("no weights at all", {"model.safetensors": None}, "E-SUB-FILE"),
]


@pytest.mark.parametrize(("files", "code"), [pytest.param(*rest, id=name) for name, *rest in FILES])
def test_hostile_model_files_are_refused(
    attacker: Attacker, phase: Phase, files: dict[str, bytes | None], code: str
) -> None:
    submission = attacker.hand_in(model_archive(files), phase)
    assert submission.state == Submission.State.REJECTED
    assert {problem["code"] for problem in submission.problems} <= set(code.split("|")), submission.problems
    assert submission.problems
    assert not engine.sandbox().has_volume(engine.volume_of(submission))
    assert attacker.charge(submission) == (QuotaCharge.State.RELEASED, False)
    assert_canary_unseen(attacker, submission)


def test_a_pickle_beside_code_runs_inside_the_sandbox_alone(attacker: Attacker, phase: Phase) -> None:
    load = (
        "import pickle\nloaded = pickle.load(open('/submission/weights.pkl', 'rb'))\nprint('LOADED', file=sys.stderr)"
    )
    run = attacker.run_code(answering("pass", load=load), phase, weights__pkl=PICKLE)
    assert (run.state, attacker.score(run)) == (Run.State.DONE, 0.5)
    assert "LOADED" in log_of(run)


def tiny_gpt2(value: float, **config: Any) -> dict[str, bytes | None]:
    """A GPT-2 of one layer whose every weight is this number, and a tokenizer of single letters."""
    wide, words, places = 8, 128, 32
    shapes = {"wte.weight": [words, wide], "wpe.weight": [places, wide], "ln_f.weight": [wide], "ln_f.bias": [wide]}
    for name, shape in {
        "ln_1.weight": [wide], "ln_1.bias": [wide],
        "attn.c_attn.weight": [wide, 3 * wide], "attn.c_attn.bias": [3 * wide],
        "attn.c_proj.weight": [wide, wide], "attn.c_proj.bias": [wide], "ln_2.weight": [wide], "ln_2.bias": [wide],
        "mlp.c_fc.weight": [wide, 4 * wide], "mlp.c_fc.bias": [4 * wide], "mlp.c_proj.weight": [4 * wide, wide],
        "mlp.c_proj.bias": [wide],
    }.items():  # fmt: skip
        shapes[f"h.0.{name}"] = shape
    header: dict[str, Any] = {}
    data = bytearray()
    for name, shape in shapes.items():
        count = shape[0] * (shape[1] if len(shape) > 1 else 1)
        begin = len(data)
        data += struct.pack("<f", value) * count
        header[f"transformer.{name}"] = {"dtype": "F32", "shape": shape, "data_offsets": [begin, len(data)]}
    described = {
        "model_type": "gpt2", "architectures": ["GPT2LMHeadModel"], "n_layer": 1, "n_head": 2, "n_embd": wide,
        "vocab_size": words, "n_positions": places, "bos_token_id": 0, "eos_token_id": 0, **config,
    }  # fmt: skip
    letters = {chr(number): number for number in range(32, 127)} | {"<unk>": 0}
    tokenizer: dict[str, Any] = {
        "version": "1.0", "truncation": None, "padding": None, "added_tokens": [], "normalizer": None,
        "pre_tokenizer": {"type": "Split", "pattern": {"Regex": "."}, "behavior": "Isolated", "invert": False},
        "post_processor": None, "decoder": None, "model": {"type": "WordLevel", "vocab": letters, "unk_token": "<unk>"},
    }  # fmt: skip
    return {
        "config.json": json.dumps(described).encode(),
        "model.safetensors": safetensors(header, bytes(data)),
        "tokenizer.json": json.dumps(tokenizer).encode(),
        "tokenizer_config.json": json.dumps(
            {"tokenizer_class": "PreTrainedTokenizerFast", "bos_token": "<unk>", "unk_token": "<unk>"}
        ).encode(),
    }


WEIGHTS: list[tuple[str, dict[str, bytes | None], set[tuple[str, str]]]] = [
    ("all of them zero", tiny_gpt2(0.0), {(Run.State.DONE, "")}),
    ("none of them a number", tiny_gpt2(float("nan")), {(Run.State.FAILED, "E-RUN-VALUE")}),
    (
        "sizes that fill the memory",
        tiny_gpt2(0.0, vocab_size=2_000_000_000),
        {(Run.State.FAILED, code) for code in ("E-RUN-OOM", "E-RUN-MODEL", "E-RUN-WEIGHTS")},
    ),
]


@pytest.mark.model
@pytest.mark.parametrize(("files", "ends"), [pytest.param(*rest, id=name) for name, *rest in WEIGHTS])
def test_strange_weights_are_scored_or_an_invalid_answer(
    attacker: Attacker, phase: Phase, files: dict[str, bytes | None], ends: set[tuple[str, str]]
) -> None:
    build(["model"], say=lambda _: None)
    Track.objects.update(image="model", memory=1500 * MIB, pids=256)
    run = attacker.run(model_archive(files), Phase.objects.get())
    assert (run.state, run.code) in ends, (run.code, run.detail)
    assert run.attempts.count() == 1
    assert_canary_unseen(attacker, run.entry.submission)


def test_an_honest_run_is_scored_after_the_model_files(
    honest_run_is_scored: Callable[[Phase], None], phase: Phase
) -> None:
    honest_run_is_scored(phase)
