"""The model images: what each says it holds is what it holds, and the runner scores alike in both."""

import json
from pathlib import Path

import pytest

from sandbox.docker_sandbox import DockerSandbox
from sandbox.errors import ImageMissing
from sandbox.images import recipe
from sandbox.images.build import build
from tests.models.blimp import as_lines, blimp_requests, with_contexts
from tests.models.containers import run_in
from tests.models.tiny import tiny_models

pytestmark = [pytest.mark.docker, pytest.mark.model]

MODELS = Path(__file__).resolve().parents[1] / "models"
BACKENDS = {"gpt2": "causal", "bert": "masked"}
SAYS = """
import json, platform, torch, transformers, tokenizers, safetensors, numpy, PIL
held = {module.__name__: module.__version__.partition("+")[0]
        for module in (transformers, torch, tokenizers, safetensors, numpy)}
held["python"] = ".".join(platform.python_version_tuple()[:2])
open("/out/held.json", "w").write(json.dumps(held))
"""


@pytest.mark.parametrize("name", ["model-transformers-5", "model-transformers-4"])
def test_an_image_holds_what_its_label_says(name: str) -> None:
    image = build([name], say=lambda _: None)[0].image_id
    ran = run_in(image, ["python3", "-c", SAYS], files={})
    assert ran.code == 0, ran.log
    assert json.loads(ran.out["held.json"]) == DockerSandbox().image_versions(image) == recipe.versions(name)


def test_the_two_model_images_share_pytorchs_layer() -> None:
    five, four = (recipe.parts(name) for name in ("model-transformers-5", "model-transformers-4"))
    assert five[0] != four[0]
    assert five[1:] == four[1:] == [recipe.PARTS["torch"]]
    assert recipe.image_tag("model") == recipe.image_tag("model-transformers-5") != recipe.image_tag("base")


def test_a_name_that_no_image_has_is_told_those_there_are() -> None:
    with pytest.raises(ImageMissing, match="model-transformers-4"):
        DockerSandbox().image_id("model-transformers-3")


@pytest.mark.data
def test_transformers_4_scores_as_it_does_one_by_one(data: Path) -> None:
    tiny = tiny_models(data / "blimp")
    sentences = blimp_requests(data / "blimp", pairs=1)
    requests = sentences[:60] + with_contexts(sentences[60:90])
    folders: dict[str, bytes | Path] = {f"/models/{name}": tiny / name for name in BACKENDS}
    plain = [
        {
            "model": f"/models/{name}",
            "backend": backend,
            "first": [0] if backend == "causal" else [],
            "requests": requests,
        }
        for name, backend in BACKENDS.items()
    ]
    suites = [{"checkpoint": "main", "suite": "blimp", "seed": "0"}]
    jobs = [
        {
            "name": name,
            "model": f"/models/{name}",
            "job": {"kind": "model", "backend": backend, "bos": "<|endoftext|>", "suites": suites},
            "files": {"requests/main/blimp/0/requests.jsonl": as_lines(requests).decode()},
        }
        for name, backend in BACKENDS.items()
    ]
    files = folders | {
        # A folder that transformers 5 saved names a class of tokenizers that 4 lacks; its file says everything.
        "/plain.py": (MODELS / "plain_scores.py").read_bytes().replace(b"AutoTokenizer", b"PreTrainedTokenizerFast"),
        "/run_jobs.py": (MODELS / "run_jobs.py").read_bytes(),
        "/plain.json": json.dumps(plain).encode(),
        "/jobs.json": json.dumps(jobs).encode(),
    }
    script = "python3 /plain.py /plain.json /out/plain.json && python3 /run_jobs.py /jobs.json /out"
    ran = run_in(build(["model-transformers-4"], say=lambda _: None)[0].image_id, ["sh", "-c", script], files=files)
    assert ran.code == 0, ran.log
    for (name, _), scores in zip(BACKENDS.items(), json.loads(ran.out["plain.json"]), strict=True):
        written = ran.out.get(f"{name}/responses/main/blimp/0/responses.jsonl")
        assert written is not None, ran.out[f"{name}/log"].decode()
        found = {entry["id"]: entry["logprob"] for entry in map(json.loads, written.splitlines())}
        assert set(found) == set(scores)
        assert max(abs(found[key] - value) for key, value in scores.items()) < 1e-4
