"""Backend `encoder-decoder`, each way of scoring beside transformers alone, one text at a time."""

from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from tests.models.blimp import blimp_requests, with_contexts
from tests.models.many import Asking, Told, furthest, plainly, tell
from tests.models.tiny import tiny_models

pytestmark = [pytest.mark.docker, pytest.mark.model, pytest.mark.data]

MODELS = ("t5", "bart")
WAYS = ("prefix", "fill-in", "babylm-prefix", "babylm-mask")
NEAR = 1e-4
Requests = list[dict[str, Any]]


@pytest.fixture(scope="module")
def tiny(data: Path) -> Path:
    return tiny_models(data / "blimp")


@pytest.fixture(scope="module")
def sentences(data: Path) -> Requests:
    """Sentences with and without context."""
    found = blimp_requests(data / "blimp", pairs=1)
    return found[:6] + with_contexts(found[6:16])


@pytest.fixture(scope="module")
def spoken(data: Path) -> Requests:
    """Sentences as words."""
    found = blimp_requests(data / "blimp", pairs=1)[24:29]
    return [{"id": one["id"], "type": "surprisal", "words": one["continuation"].split(" ")} for one in found]


@pytest.fixture(scope="module")
def plain(tiny: Path, sentences: Requests, spoken: Requests) -> dict[tuple[str, str], dict[str, Any]]:
    asked = [(model, way, sentences + spoken if way == "prefix" else sentences) for model in MODELS for way in WAYS]
    return {(model, way): found for (model, way, _), found in zip(asked, plainly(tiny, asked), strict=True)}


@pytest.fixture(scope="module")
def told(tiny: Path, sentences: Requests, spoken: Requests) -> dict[tuple[str, ...], Told]:
    """What the runner answers, as it is, and with everything turned round that must not matter."""
    asked: dict[tuple[str, ...], Asking] = {}
    left = {"tokenizer_config.json": {"padding_side": "left", "truncation_side": "left"}}
    long = [
        {"id": "context", "type": "loglikelihood", "context": "the dogs " * 200, "continuation": "bark"},
        {"id": "continuation", "type": "loglikelihood", "context": "the", "continuation": "dogs bark " * 200},
        {"id": "nothing", "type": "loglikelihood", "context": "the dogs", "continuation": ""},
    ]
    for model in MODELS:
        for way in WAYS:
            job = {"backend": "encoder-decoder", "scoring": way}
            asked[model, way] = Asking(model, {"sentences": sentences}, job)
            asked[model, way, "turned"] = Asking(model, {"sentences": sentences[::-1]}, job, left)
        job = {"backend": "encoder-decoder"}
        asked[model, "alone"] = Asking(model, {"sentences": sentences}, job | {"batch_size": 1})
        asked[model, "words"] = Asking(model, {"words": spoken, "long": long}, job)
    asked["t5", "no words"] = Asking("t5", {"words": spoken}, {"backend": "encoder-decoder", "scoring": "babylm-mask"})
    nothing = {"tokenizer_config.json": {"mask_token": None}}
    asked["bert", "wrong"] = Asking("bert", {"sentences": sentences[:1]}, {"backend": "encoder-decoder"}, nothing)
    return dict(zip(asked, tell(tiny, list(asked.values())), strict=True))


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("way", WAYS)
def test_each_way_scores_as_transformers_does_one_by_one(
    told: Any, plain: Any, sentences: Requests, model: str, way: str
) -> None:
    expected = {one["id"]: plain[model, way][one["id"]] for one in sentences}
    assert furthest(told[model, way].values("sentences", "logprob"), expected) < NEAR


@pytest.mark.parametrize("model", MODELS)
def test_the_ways_are_different_scores(told: Any, model: str) -> None:
    found = [told[model, way].values("sentences", "logprob") for way in WAYS]
    assert all(furthest(one, other) > 0.01 for one, other in combinations(found, 2))


@pytest.mark.parametrize("model", MODELS)
def test_a_words_surprisal_is_minus_its_log_probability_after_the_words_before(
    told: Any, plain: Any, spoken: Requests, model: str
) -> None:
    expected = {one["id"]: plain[model, "prefix"][one["id"]] for one in spoken}
    assert furthest(told[model, "words"].values("words", "surprisals"), expected) < NEAR


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("way", WAYS)
def test_order_and_the_tokenizers_padding_side_change_nothing(told: Any, model: str, way: str) -> None:
    first, second = (told[key].values("sentences", "logprob") for key in ((model, way), (model, way, "turned")))
    assert first == second


@pytest.mark.parametrize("model", MODELS)
def test_the_batch_size_changes_rounding_alone(told: Any, model: str) -> None:
    first, second = (told[model, key].values("sentences", "logprob") for key in ("prefix", "alone"))
    assert furthest(second, first) < NEAR


@pytest.mark.parametrize("model", MODELS)
def test_every_token_of_a_long_text_counts_and_an_empty_one_is_certain(told: Any, model: str) -> None:
    tokens = told[model, "words"].values("long", "tokens")
    assert tokens["continuation"] >= 400
    assert tokens["context"] >= 1
    assert told[model, "words"].suites["long"]["nothing"] == {"id": "nothing", "logprob": 0.0, "tokens": 0}


def test_a_way_that_sees_what_follows_has_no_surprisal(told: Any) -> None:
    run = told["t5", "no words"]
    assert (run.code, run.event("error")["code"]) == (3, "E-RUN-ANSWER")
    assert "has no surprisal" in run.event("error")["detail"]


def test_a_model_without_a_decoder_is_refused(told: Any) -> None:
    run = told["bert", "wrong"]
    assert (run.code, run.event("error")["code"]) == (3, "E-RUN-MODEL")
