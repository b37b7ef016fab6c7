"""Backends `vision` and `dual-encoder`, beside transformers alone, one text and image at a time."""

from itertools import cycle
from pathlib import Path
from typing import Any

import pytest

from tests.models.blimp import blimp_requests, with_contexts
from tests.models.many import Asking, Told, furthest, pictures, plainly, tell
from tests.models.tiny import seeing_models

pytestmark = [pytest.mark.docker, pytest.mark.model, pytest.mark.data]

CAUSAL = ("git", "llava")
LAYOUTS = {"git": "shared", "llava": "padded"}
NEAR = 1e-4
MEDIA = pictures(3)
Requests = list[dict[str, Any]]


@pytest.fixture(scope="module")
def seeing(data: Path) -> Path:
    return seeing_models(data / "blimp")


@pytest.fixture(scope="module")
def captions(data: Path) -> list[str]:
    return [one["continuation"] for one in blimp_requests(data / "blimp", pairs=1)[:4]]


@pytest.fixture(scope="module")
def sentences(data: Path) -> Requests:
    """Sentences with and without context, and with and without an image."""
    found = blimp_requests(data / "blimp", pairs=1)
    mixed = found[:8] + with_contexts(found[8:16])
    shown = cycle([*([digest] for digest in MEDIA), None])
    return [one | ({"images": images} if images else {}) for one, images in zip(mixed, shown, strict=False)]


@pytest.fixture(scope="module")
def matrices(captions: list[str]) -> dict[str, dict[str, Any]]:
    """Images beside texts, images beside images, and what can't be told."""
    images: Requests = [{"image": digest} for digest in MEDIA]
    texts: Requests = [{"text": text} for text in captions]
    return {
        "fits": {"id": "fits", "type": "similarity", "rows": images, "cols": texts},
        "turned": {"id": "turned", "type": "similarity", "rows": texts, "cols": images},
        "near": {"id": "near", "type": "similarity", "rows": images, "cols": images},
        "texts": {"id": "texts", "type": "similarity", "rows": texts, "cols": texts[::-1]},
        "mixed": {"id": "mixed", "type": "similarity", "rows": [*images, *texts], "cols": texts},
    }


@pytest.fixture(scope="module")
def plain(seeing: Path, sentences: Requests, matrices: Any) -> dict[str, dict[str, Any]]:
    asked = [(model, "seen", [*sentences, matrices["fits"]]) for model in CAUSAL]
    asked.append(("clip", "near", [matrices["fits"], matrices["near"]]))
    return {model: found for (model, _, _), found in zip(asked, plainly(seeing, asked, MEDIA), strict=True)}


@pytest.fixture(scope="module")
def told(seeing: Path, sentences: Requests, matrices: Any) -> dict[tuple[str, str], Told]:
    """What the runner answers, with everything turned round that must not matter, and what it refuses."""
    able = [matrices[name] for name in ("fits", "turned", "near", "texts")]
    # The same texts beside other images.
    following = dict(zip(MEDIA, [*list(MEDIA)[1:], next(iter(MEDIA))], strict=True))
    other = [one | {"images": [following[name] for name in one["images"]]} for one in sentences if "images" in one]
    left = {"tokenizer_config.json": {"padding_side": "left", "truncation_side": "left"}}
    long = [
        {"id": str(turn), "type": "loglikelihood", "images": [digest], "context": context, "continuation": text}
        for turn, digest in enumerate(MEDIA)
        for context, text in [("the dogs " * 100, "bark")] * (turn == 0) + [("", "the dogs bark " * 100)] * (turn == 1)
    ]
    two = [sentences[0] | {"images": list(MEDIA)[:2]}]
    asked: dict[tuple[str, str], Asking] = {}
    for model in CAUSAL:
        job = {"backend": "vision"}
        suites = {"sentences": sentences, "others": other, "similarity": able, "long": long}
        asked[model, "as it is"] = Asking(model, suites, job)
        asked[model, "turned"] = Asking(model, {"sentences": sentences[::-1]}, job, left)
        asked[model, "alone"] = Asking(model, {"sentences": sentences}, job | {"batch_size": 1})
        asked[model, "two"] = Asking(model, {"two": two}, job)
        asked[model, "mixed"] = Asking(model, {"mixed": [matrices["mixed"]]}, job)
    dual = {"backend": "dual-encoder"}
    asked["clip", "as it is"] = Asking("clip", {"similarity": able}, dual)
    asked["clip", "turned"] = Asking(
        "clip", {"similarity": able[::-1]}, dual, {"tokenizer_config.json": {"padding_side": "right"}}
    )
    asked["clip", "mixed"] = Asking("clip", {"mixed": [matrices["mixed"]]}, dual)
    asked["clip", "sentences"] = Asking("clip", {"sentences": sentences[:1]}, dual)
    absent = [sentences[0] | {"images": ["0" * 64]}]
    asked["git", "absent"] = Asking("git", {"absent": absent}, {"backend": "vision"})
    return dict(zip(asked, tell(seeing, list(asked.values()), MEDIA), strict=True))


@pytest.mark.parametrize("model", CAUSAL)
def test_log_probabilities_are_those_of_transformers_one_by_one(
    told: Any, plain: Any, sentences: Requests, model: str
) -> None:
    run = told[model, "as it is"]
    expected = {one["id"]: plain[model][one["id"]] for one in sentences}
    assert furthest(run.values("sentences", "logprob"), expected) < NEAR
    assert run.event("images")["layout"] == LAYOUTS[model]


@pytest.mark.parametrize("model", CAUSAL)
def test_another_image_is_another_score(told: Any, model: str) -> None:
    here, elsewhere = (told[model, "as it is"].values(suite, "logprob") for suite in ("sentences", "others"))
    assert all(abs(elsewhere[key] - here[key]) > 1e-3 for key in elsewhere)


@pytest.mark.parametrize("model", CAUSAL)
def test_order_and_the_tokenizers_padding_side_change_nothing(told: Any, model: str) -> None:
    first, second = (told[model, key].values("sentences", "logprob") for key in ("as it is", "turned"))
    assert first == second


@pytest.mark.parametrize("model", CAUSAL)
def test_the_batch_size_changes_rounding_alone(told: Any, model: str) -> None:
    first, second = (told[model, key].values("sentences", "logprob") for key in ("as it is", "alone"))
    assert furthest(second, first) < NEAR


@pytest.mark.parametrize("model", CAUSAL)
def test_every_token_of_a_long_text_counts_beside_its_image(told: Any, model: str) -> None:
    tokens = told[model, "as it is"].values("long", "tokens")
    assert tokens["0"] >= 1
    assert tokens["1"] >= 300


@pytest.mark.parametrize("model", CAUSAL)
def test_a_text_fits_an_image_by_the_mean_of_its_tokens_log_probabilities(told: Any, plain: Any, model: str) -> None:
    found = told[model, "as it is"].values("similarity", "matrix")
    assert furthest({"fits": found["fits"]}, {"fits": plain[model]["fits"]}) < NEAR
    assert found["turned"] == [list(row) for row in zip(*found["fits"], strict=True)]


@pytest.mark.parametrize("model", [*CAUSAL, "clip"])
def test_what_is_the_same_is_nearest(told: Any, model: str) -> None:
    found = told[model, "as it is"].values("similarity", "matrix")
    for name, turn in (("near", 1), ("texts", -1)):
        for number, row in enumerate(found[name]):
            assert row.index(max(row)) == range(len(row))[::turn][number]
            assert max(row) == pytest.approx(1, abs=1e-5)


def test_a_dual_encoders_similarities_are_its_own(told: Any, plain: Any) -> None:
    found = told["clip", "as it is"].values("similarity", "matrix")
    assert furthest({name: found[name] for name in plain["clip"]}, plain["clip"]) < NEAR
    assert furthest(told["clip", "turned"].values("similarity", "matrix"), found) < 1e-6


def test_a_model_without_a_token_for_an_image_sees_one(told: Any) -> None:
    assert told["git", "two"].event("error")["code"] == "E-RUN-ANSWER"
    assert "one at a time" in told["git", "two"].event("error")["detail"]
    assert told["llava", "two"].values("two", "tokens")


@pytest.mark.parametrize("model", [*CAUSAL, "clip"])
def test_texts_and_images_are_not_mixed_in_a_row(told: Any, model: str) -> None:
    run = told[model, "mixed"]
    assert (run.code, run.event("error")["code"]) == (3, "E-RUN-ANSWER")


def test_a_dual_encoder_gives_no_log_probabilities(told: Any) -> None:
    run = told["clip", "sentences"]
    assert (run.code, run.event("error")["code"]) == (3, "E-RUN-ANSWER")


def test_an_image_that_is_not_there_is_the_platforms_fault(told: Any) -> None:
    run = told["git", "absent"]
    assert (run.code, run.event("error")["code"]) == (3, "E-RUN-JOB")
