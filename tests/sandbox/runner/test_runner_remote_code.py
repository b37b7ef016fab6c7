"""Code that a model folder names by auto_map: loaded only where the job says so, in the real model image, offline."""

import io
import json
import math
import random
import struct
import zipfile
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from sandbox.docker_sandbox import DockerSandbox
from sandbox.interface import IntakeRules, Job, Limits, MiB, Verdict
from tests.models.runner import Answered, answer, model_image

pytestmark = [pytest.mark.docker, pytest.mark.model]

WORDS = ["<s>", "</s>", "dogs", "bark", "sing", "cats"]
CONFIG = {
    "model_type": "bigrams",
    "vocab_size": len(WORDS),
    "architectures": ["Bigrams"],
    "auto_map": {"AutoConfig": "bigrams.BigramsConfig", "AutoModelForCausalLM": "bigrams.Bigrams"},
}
MODULE = """
import torch
from transformers import PretrainedConfig, PreTrainedModel
from transformers.modeling_outputs import CausalLMOutput

from .positions import LIMIT


class BigramsConfig(PretrainedConfig):
    model_type = "bigrams"

    def __init__(self, vocab_size=6, **more):
        self.vocab_size = vocab_size
        self.max_position_embeddings = LIMIT
        super().__init__(**more)


class Bigrams(PreTrainedModel):
    config_class = BigramsConfig

    def __init__(self, config):
        super().__init__(config)
        self.table = torch.nn.Embedding(config.vocab_size, config.vocab_size)
        self.post_init()

    def get_input_embeddings(self):
        return self.table

    def forward(self, input_ids, attention_mask=None, **_):
        return CausalLMOutput(logits=self.table(input_ids))
"""
TOKENIZER = {
    "version": "1.0",
    "truncation": None,
    "padding": None,
    "added_tokens": [
        {
            "id": number,
            "content": WORDS[number],
            "single_word": False,
            "lstrip": False,
            "rstrip": False,
            "normalized": False,
            "special": True,
        }
        for number in (0, 1)
    ],
    "normalizer": None,
    "pre_tokenizer": {"type": "Whitespace"},
    "post_processor": None,
    "decoder": None,
    "model": {"type": "WordLevel", "vocab": {word: number for number, word in enumerate(WORDS)}, "unk_token": "</s>"},
}
TOKENIZER_CONFIG = {"tokenizer_class": "PreTrainedTokenizerFast", "bos_token": "<s>", "eos_token": "</s>"}
REQUESTS: list[dict[str, Any]] = [
    {"id": f"{number:024}", "type": "loglikelihood", "context": "", "continuation": text}
    for number, text in enumerate(["dogs bark", "dogs sing", "cats sing bark dogs"])
]
SUITE = {"checkpoint": "main", "suite": "blimp", "seed": "0"}


def table(value: float | None = None) -> list[list[float]]:
    """The model's one matrix, the same every time; all of one value where one is given."""
    dice = random.Random(5)
    return [[dice.uniform(-2, 2) if value is None else value for _ in WORDS] for _ in WORDS]


def safetensors(rows: list[list[float]]) -> bytes:
    data = b"".join(struct.pack("<f", number) for row in rows for number in row)
    place = {"dtype": "F32", "shape": [len(rows), len(rows[0])], "data_offsets": [0, len(data)]}
    header = json.dumps({"__metadata__": {"format": "pt"}, "table.weight": place}).encode()
    return len(header).to_bytes(8, "little") + header + data


def files(**changes: str | bytes) -> dict[str, str | bytes]:
    whole: dict[str, str | bytes] = {
        "config.json": json.dumps(CONFIG),
        "bigrams.py": MODULE,
        "positions.py": "LIMIT = 64\n",
        "model.safetensors": safetensors(table()),
        "tokenizer.json": json.dumps(TOKENIZER),
        "tokenizer_config.json": json.dumps(TOKENIZER_CONFIG),
    }
    return whole | {name.replace("__", "."): content for name, content in changes.items()}


@pytest.fixture
def asked(tmp_path: Path) -> Any:
    """`asked(job, **changes)`: the folder with the changes, asked in the model image."""

    def ask(job: dict[str, Any], **changes: str | bytes) -> Answered:
        for name, content in files(**changes).items():
            (tmp_path / name).write_bytes(content.encode() if isinstance(content, str) else content)
        return answer(tmp_path, REQUESTS, backend="causal", **job)

    return ask


def expected(text: str) -> float:
    """ln p of a text, by the table alone."""
    rows = table()
    ids = [0, *(WORDS.index(word) for word in text.split())]
    return sum(
        rows[before][after] - math.log(sum(math.exp(number) for number in rows[before]))
        for before, after in pairwise(ids)
    )


def test_a_model_of_its_own_kind_answers_where_the_job_allows_its_code(asked: Any) -> None:
    ran = asked({"remote_code": True})
    assert ran.code == 0, ran.log
    for request in REQUESTS:
        assert ran.responses[request["id"]]["logprob"] == pytest.approx(expected(request["continuation"]), abs=1e-4)


def test_its_code_is_not_run_where_the_job_does_not_allow_it(asked: Any) -> None:
    ran = asked({}, bigrams__py="print('THIS RAN')\n" + MODULE)
    assert ran.code == 3
    assert ran.event("error")["code"] == "E-RUN-MODEL"
    assert "THIS RAN" not in ran.log


@pytest.mark.parametrize(
    "module",
    ["raise SystemExit(0)", "import nowhere_to_be_found", "1 / 0", "class Bigrams: ...\nclass BigramsConfig: ..."],
)
def test_code_that_can_t_be_loaded_is_the_submission_s_fault(asked: Any, module: str) -> None:
    ran = asked({"remote_code": True}, bigrams__py=module)
    assert ran.code == 3
    assert ran.event("error")["code"] == "E-RUN-MODEL"


def test_code_of_another_repository_is_not_looked_for(asked: Any) -> None:
    config = CONFIG | {"auto_map": {"AutoConfig": "example/other--bigrams.BigramsConfig"}}
    ran = asked({"remote_code": True}, config__json=json.dumps(config))
    assert (ran.code, ran.event("error")["code"]) == (3, "E-RUN-MODEL")


def test_weights_that_are_no_numbers_end_in_a_typed_error(asked: Any) -> None:
    ran = asked({"remote_code": True}, model__safetensors=safetensors(table(math.nan)))
    assert (ran.code, ran.event("error")["code"]) == (3, "E-RUN-VALUE")


def packed() -> io.BytesIO:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as made:
        for name, content in files().items():
            made.writestr(name, content)
    return archive


def test_what_intake_takes_runs_in_the_sandbox_itself(
    sandbox: DockerSandbox, labels: dict[str, str], volume: str
) -> None:
    report = sandbox.intake(packed(), volume=volume, rules=IntakeRules(allow_auto_map=True), labels=labels)
    assert report.ok, report.problems
    runner = {"kind": "model", "backend": "causal", "remote_code": True, "suites": [SUITE]}
    limits = Limits(cpus=2, memory=1500 * MiB, pids=256, wall=120, disk=16 * MiB, tmp=64 * MiB)
    with sandbox.open_attempt(labels=labels, limits=limits) as workspace:
        lines = b"".join(json.dumps(request).encode() + b"\n" for request in REQUESTS)
        workspace.put_requests({"main/blimp/0/requests.jsonl": lines})
        outcome = workspace.predict(Job(model_image(), volume, runner))
        collected = workspace.collect({"main/blimp/0/responses.jsonl": {request["id"] for request in REQUESTS}})
    sandbox.remove_volume(volume)
    assert outcome.verdict is Verdict.COMPLETED, outcome.log_tail
    answers = {record["id"]: record["logprob"] for record in collected.responses["main/blimp/0/responses.jsonl"]}
    assert answers == pytest.approx(
        {request["id"]: expected(request["continuation"]) for request in REQUESTS}, abs=1e-4
    )
