"""Kind `model`, in the model image: scores beside plain transformers, minicons and lm-evaluation-harness."""

import json
import random
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.models.blimp import blimp_requests, with_contexts
from tests.models.containers import run_in
from tests.models.runner import answer, model_image
from tests.models.smollm2 import smollm2
from tests.models.tiny import tiny_models
from tests.reference.scores import lm_eval, minicons

pytestmark = [pytest.mark.docker, pytest.mark.model, pytest.mark.data]

PLAIN = Path(__file__).resolve().parents[2] / "models" / "plain_scores.py"
MASKED = ("bert", "roberta")
FIRST = {"llama": "<s>"}
LAYOUTS = {
    "gpt2": "packed",
    "llama": "packed",
    "gptneox": "packed",
    "opt": "packed",
    "bloom": "padded",
    "gemma2": "padded",
    "mamba": "padded",
    "bert": "padded",
    "roberta": "padded",
}
Requests = list[dict[str, Any]]


@pytest.fixture(scope="session")
def tiny(data: Path) -> Path:
    """The folder of tiny models."""
    return tiny_models(data / "blimp")


@pytest.fixture(scope="session")
def sentences(data: Path) -> Requests:
    """536 BLiMP sentences: 4 pairs of each file."""
    return blimp_requests(data / "blimp", pairs=4)


@pytest.fixture(scope="session")
def mixed(sentences: Requests) -> Requests:
    """Sentences with and without context."""
    return sentences[:60] + with_contexts(sentences[60:120])


@pytest.fixture(scope="session")
def plain(tiny: Path, mixed: Requests) -> dict[str, dict[str, float]]:
    """What transformers alone, one sentence at a time, says of the mixed requests."""
    jobs = [
        {
            "model": f"/models/{name}",
            "backend": "masked" if name in MASKED else "causal",
            "first": [] if name in MASKED else [0],
            "requests": mixed,
        }
        for name in LAYOUTS
    ]
    files: dict[str, bytes | Path] = {
        "/models": tiny,
        "/plain.py": PLAIN.read_bytes(),
        "/jobs.json": json.dumps(jobs).encode(),
    }
    ran = run_in(model_image(), ["python3", "/plain.py", "/jobs.json", "/out/result.json"], files=files)
    assert ran.code == 0, ran.log
    return dict(zip(LAYOUTS, json.loads(ran.out["result.json"]), strict=True))


def largest_difference(scores: dict[str, float], responses: Any) -> float:
    assert set(scores) == set(responses)
    return max(abs(value - float(responses[key]["logprob"])) for key, value in scores.items())


@pytest.mark.parametrize("name", list(LAYOUTS))
def test_every_architecture_scores_as_transformers_does_one_by_one(
    tiny: Path, mixed: Requests, plain: dict[str, dict[str, float]], name: str
) -> None:
    backend = "masked" if name in MASKED else "causal"
    answered = answer(tiny / name, mixed, backend=backend, bos=FIRST.get(name, "<|endoftext|>"))
    assert answered.code == 0, answered.log
    assert answered.event("engine")["layout"] == LAYOUTS[name]
    assert largest_difference(plain[name], answered.responses) < 1e-4


def test_a_causal_model_scores_as_minicons_on_500_sentences(tiny: Path, sentences: Requests) -> None:
    answered = answer(tiny / "gpt2", sentences, backend="causal", bos="none")
    assert answered.code == 0, answered.log
    assert len(answered.responses) >= 500
    assert largest_difference(minicons(tiny / "gpt2", sentences, backend="causal"), answered.responses) < 1e-4


def test_a_masked_model_scores_as_minicons_on_500_sentences(tiny: Path, sentences: Requests) -> None:
    answered = answer(tiny / "bert", sentences, backend="masked")
    assert answered.code == 0, answered.log
    assert len(answered.responses) >= 500
    assert largest_difference(minicons(tiny / "bert", sentences, backend="masked"), answered.responses) < 1e-4


def test_the_tokenizers_own_first_token_is_what_lm_eval_gives(tiny: Path, mixed: Requests) -> None:
    for name in ("gpt2", "llama"):
        answered = answer(tiny / name, mixed, backend="causal", bos="tokenizer")
        assert answered.code == 0, answered.log
        assert largest_difference(lm_eval(tiny / name, mixed)["scores"], answered.responses) < 1e-4


@pytest.fixture(scope="module")
def real(sentences: Requests) -> tuple[dict[str, float], dict[str, float]]:
    """What the runner and lm-evaluation-harness say of a real model's sentences."""
    answered = answer(smollm2(), sentences, backend="causal", bos="tokenizer")
    assert answered.code == 0, answered.log
    ours = {key: float(response["logprob"]) for key, response in answered.responses.items()}
    return ours, dict(lm_eval(smollm2(), sentences)["scores"])


def test_a_real_model_scores_as_lm_eval_on_500_sentences(real: tuple[dict[str, float], dict[str, float]]) -> None:
    ours, theirs = real
    assert len(ours) >= 500
    assert set(ours) == set(theirs)
    differences = [abs(ours[key] - theirs[key]) for key in ours]
    # Both round to fp32 in an order of their own, which the processor has a say in: a sum over dozens of tokens can be
    # off by a little more on either side.
    assert sum(difference < 1e-4 for difference in differences) >= 0.99 * len(differences)
    assert max(differences) < 2e-4


def test_a_real_model_is_right_on_the_same_blimp_pairs(real: tuple[dict[str, float], dict[str, float]]) -> None:
    ours, theirs = real
    pairs = sorted({key.rpartition("/")[0] for key in ours})
    assert len(pairs) == 4 * 67
    # A pair is right where the good sentence has the higher score; ties would be half right.
    right = [
        [
            (side[f"{pair}/good"] > side[f"{pair}/bad"]) + (side[f"{pair}/good"] == side[f"{pair}/bad"]) / 2
            for pair in pairs
        ]
        for side in (ours, theirs)
    ]
    assert right[0] == right[1]
    assert 0.6 < sum(right[0]) / len(pairs) < 0.85


@pytest.mark.parametrize(("name", "backend"), [("gpt2", "causal"), ("bloom", "causal"), ("bert", "masked")])
def test_scores_do_not_depend_on_the_order_of_the_requests(
    tiny: Path, mixed: Requests, name: str, backend: str
) -> None:
    shuffled = random.Random(3).sample(mixed, len(mixed))
    first, second = (answer(tiny / name, requests, backend=backend).responses for requests in (mixed, shuffled))
    assert first == second


def test_bf16_scores_are_near_those_of_fp32(tiny: Path, mixed: Requests) -> None:
    exact, rounded = (
        answer(tiny / "gpt2", mixed, backend="causal", precision=precision).responses for precision in ("fp32", "bf16")
    )
    for key, entry in exact.items():
        assert abs(entry["logprob"] - rounded[key]["logprob"]) < 0.02 * abs(entry["logprob"]) + 0.5


def test_a_text_beyond_the_models_positions_is_scored_and_reported(tiny: Path) -> None:
    long = {"id": "long", "type": "loglikelihood", "context": "the dogs " * 200, "continuation": "bark"}
    huge = {"id": "huge", "type": "loglikelihood", "context": "", "continuation": "the dogs bark " * 200}
    for name, backend in (("gpt2", "causal"), ("bert", "masked"), ("roberta", "masked")):
        answered = answer(tiny / name, [long, huge], backend=backend)
        assert answered.code == 0, answered.log
        assert answered.event("tokens")["truncated"] == 2
        assert answered.responses["huge"]["tokens"] >= 600


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ("config.json", "E-RUN-FOLDER"),
        ("model.safetensors", "E-RUN-FOLDER"),
        ("tokenizer.json", "E-RUN-TOKENIZER"),
        ("another architecture", "E-RUN-WEIGHTS"),
        ("not a number", "E-RUN-MODEL"),
    ],
)
def test_a_folder_that_is_not_whole_fails_with_its_code(
    tiny: Path, tmp_path: Path, mixed: Requests, change: str, code: str
) -> None:
    folder = tmp_path / "model"
    shutil.copytree(tiny / "gpt2", folder)
    if change == "another architecture":
        shutil.copy(tiny / "llama" / "model.safetensors", folder / "model.safetensors")
    elif change == "not a number":
        (folder / "model.safetensors").write_bytes(b"not weights")
    else:
        (folder / change).unlink()
        (folder / "tokenizer_config.json").unlink()
    answered = answer(folder, mixed[:2], backend="causal")
    assert answered.code == 3, answered.log
    assert answered.event("error")["code"] == code


def test_a_first_token_that_the_tokenizer_lacks_is_refused(tiny: Path, mixed: Requests) -> None:
    answered = answer(tiny / "gpt2", mixed[:2], backend="causal", bos="<|nowhere|>")
    assert answered.code == 3
    assert answered.event("error")["code"] == "E-RUN-BOS"
