"""The model image: PyTorch and transformers work in it offline, and what was left out is missed by nobody."""

import io
import json
import tarfile

import pytest

from sandbox.docker_sandbox import DockerSandbox
from sandbox.images.build import build
from sandbox.interface import IntakeRules, Job, Limits, MiB, Verdict

pytestmark = [pytest.mark.docker, pytest.mark.model]

CODE = b"""
import torch
import torch.utils.data
import torch.distributed
import torch.multiprocessing
import safetensors.torch
import tokenizers
import transformers
from transformers import AutoModelForCausalLM, AutoModelForMaskedLM, AutoTokenizer, LlamaConfig, LlamaForCausalLM


class Model:
    def loglikelihood(self, requests):
        sizes = dict(hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4, vocab_size=100)
        LlamaForCausalLM(LlamaConfig(**sizes)).save_pretrained("/tmp/model")
        model = AutoModelForCausalLM.from_pretrained("/tmp/model")
        shared = torch.ones(3).share_memory_()
        with torch.inference_mode():
            logits = model(torch.arange(10)[None]).logits
        assert logits.shape == (1, 10, 100)
        return [-float(shared.sum()) for _ in requests]
"""
RUNNER = {"kind": "code", "entry": "model.py:Model", "suites": [{"checkpoint": "main", "suite": "demo", "seed": "0"}]}
REQUEST = {"id": "a" * 24, "type": "loglikelihood", "context": "", "continuation": "Dogs bark."}


def test_models_are_loaded_and_run_under_the_fixed_flags(
    sandbox: DockerSandbox, labels: dict[str, str], volume: str
) -> None:
    image = build(["model"], say=lambda _: None)[0].image_id
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        entry = tarfile.TarInfo("model.py")
        entry.size = len(CODE)
        tar.addfile(entry, io.BytesIO(CODE))
    assert sandbox.intake(archive, volume=volume, rules=IntakeRules(), labels=labels).ok
    limits = Limits(cpus=2, memory=1500 * MiB, pids=256, wall=120, disk=16 * MiB, tmp=64 * MiB)
    with sandbox.open_attempt(labels=labels, limits=limits) as workspace:
        workspace.put_requests({"main/demo/0/requests.jsonl": json.dumps(REQUEST).encode() + b"\n"})
        outcome = workspace.predict(Job(image, volume, RUNNER))
        collected = workspace.collect({"main/demo/0/responses.jsonl": {REQUEST["id"]}})
    sandbox.remove_volume(volume)
    assert outcome.verdict is Verdict.COMPLETED, outcome.log_tail
    assert [record["logprob"] for record in collected.responses["main/demo/0/responses.jsonl"]] == [-3.0]
