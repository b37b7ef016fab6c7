"""Backend `mntp`, and surprisal of models that hide tokens, beside transformers alone, one sentence at a time."""

import json
import math
import struct
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.models.blimp import blimp_requests, with_contexts
from tests.models.many import Asking, Told, furthest, plainly, tell
from tests.models.tiny import tiny_models

pytestmark = [pytest.mark.docker, pytest.mark.model, pytest.mark.data]

MODELS = ("bert", "roberta")
WAYS = ("mntp", "masked")
NEAR = 1e-4
Requests = list[dict[str, Any]]
# A model of its own kind as GPT-BERT is one: its forward takes nothing that it does not use, and returns a tuple. It
# predicts the token after the one it sees, so that what is hidden must be read at the position before.
CONFIG = {
    "model_type": "nexttokens",
    "architectures": ["NextTokens"],
    "auto_map": {"AutoConfig": "nexttokens.NextTokensConfig", "AutoModelForMaskedLM": "nexttokens.NextTokens"},
}
MODULE = """
import torch
from transformers import PretrainedConfig, PreTrainedModel


class NextTokensConfig(PretrainedConfig):
    model_type = "nexttokens"

    def __init__(self, vocab_size=7, **more):
        self.vocab_size = vocab_size
        super().__init__(**more)


class NextTokens(PreTrainedModel):
    config_class = NextTokensConfig

    def __init__(self, config):
        super().__init__(config)
        self.table = torch.nn.Embedding(config.vocab_size, config.vocab_size)
        self.post_init()

    def get_input_embeddings(self):
        return self.table

    def get_output_embeddings(self):
        raise NotImplementedError

    def forward(self, input_ids, attention_mask=None):
        return (self.table(input_ids),)
"""
WORDS = ["<s>", "<mask>", "<unk>", "dogs", "bark", "sing", "cats"]
TOKENIZER = {
    "version": "1.0",
    "added_tokens": [
        {"id": number, "content": WORDS[number], "special": True, "single_word": False, "lstrip": False,
         "rstrip": False, "normalized": False}
        for number in range(3)
    ],
    "pre_tokenizer": {"type": "Whitespace"},
    "model": {"type": "WordLevel", "vocab": {word: number for number, word in enumerate(WORDS)}, "unk_token": "<unk>"},
}  # fmt: skip


@pytest.fixture(scope="module")
def tiny(data: Path) -> Path:
    return tiny_models(data / "blimp")


@pytest.fixture(scope="module")
def suites(data: Path) -> dict[str, Requests]:
    """Sentences with and without context, and words."""
    sentences = blimp_requests(data / "blimp", pairs=1)
    spoken = [
        {"id": one["id"], "type": "surprisal", "words": one["continuation"].split(" ")} for one in sentences[16:22]
    ]
    return {"sentences": sentences[:8] + with_contexts(sentences[8:16]), "words": spoken}


@pytest.fixture(scope="module")
def plain(tiny: Path, suites: dict[str, Requests]) -> dict[tuple[str, str], dict[str, Any]]:
    asked = [(model, way, suites["sentences"] + suites["words"]) for model in MODELS for way in WAYS]
    # The requests of both suites have ids of their own.
    found = plainly(tiny, asked)
    return {(model, way): answers for (model, way, _), answers in zip(asked, found, strict=True)}


@pytest.fixture(scope="module")
def told(tiny: Path, suites: dict[str, Requests]) -> dict[tuple[str, ...], Told]:
    """What the runner answers, as it is, and with everything turned round that must not matter."""
    asked: dict[tuple[str, ...], Asking] = {
        (model, way): Asking(model, suites, {"backend": way}) for model in MODELS for way in WAYS
    }
    turned = {name: requests[::-1] for name, requests in suites.items()}
    left = {"tokenizer_config.json": {"padding_side": "left", "truncation_side": "left"}}
    other: dict[tuple[str, ...], Asking] = {
        (model, "mntp", "turned"): Asking(model, turned, {"backend": "mntp"}, left) for model in MODELS
    }
    other["bert", "mntp", "alone"] = Asking("bert", suites, {"backend": "mntp", "batch_size": 1})
    everything: dict[tuple[str, ...], Asking] = {**asked, **other}
    return dict(zip(everything, tell(tiny, list(everything.values())), strict=True))


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("way", WAYS)
def test_log_probabilities_are_those_of_transformers_one_by_one(
    told: Any, plain: Any, suites: Any, model: str, way: str
) -> None:
    expected = {one["id"]: plain[model, way][one["id"]] for one in suites["sentences"]}
    assert furthest(told[model, way].values("sentences", "logprob"), expected) < NEAR


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("way", WAYS)
def test_surprisals_are_those_of_transformers_word_by_word(
    told: Any, plain: Any, suites: Any, model: str, way: str
) -> None:
    expected = {one["id"]: plain[model, way][one["id"]] for one in suites["words"]}
    assert furthest(told[model, way].values("words", "surprisals"), expected) < NEAR


@pytest.mark.parametrize("model", MODELS)
def test_reading_at_the_position_before_is_another_score(told: Any, model: str) -> None:
    here, before = (told[model, way].values("sentences", "logprob") for way in ("masked", "mntp"))
    assert furthest(before, here) > 1


@pytest.mark.parametrize("model", MODELS)
def test_order_and_the_tokenizers_padding_side_change_nothing(told: Any, model: str) -> None:
    for suite, name in (("sentences", "logprob"), ("words", "surprisals")):
        first, second = (told[key].values(suite, name) for key in ((model, "mntp"), (model, "mntp", "turned")))
        assert first == second


def test_the_batch_size_changes_rounding_alone(told: Any) -> None:
    for suite, name in (("sentences", "logprob"), ("words", "surprisals")):
        first, second = (told[key].values(suite, name) for key in (("bert", "mntp"), ("bert", "mntp", "alone")))
        assert furthest(second, first) < NEAR


def safetensors(rows: list[list[float]]) -> bytes:
    data = b"".join(struct.pack("<f", number) for row in rows for number in row)
    place = {"dtype": "F32", "shape": [len(rows), len(rows[0])], "data_offsets": [0, len(data)]}
    header = json.dumps({"__metadata__": {"format": "pt"}, "table.weight": place}).encode()
    return len(header).to_bytes(8, "little") + header + data


def own_model(folder: Path, rows: list[list[float]], *, bos: str | None) -> None:
    tokenizer = {"tokenizer_class": "PreTrainedTokenizerFast", "mask_token": "<mask>", "unk_token": "<unk>"}
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(CONFIG))
    (folder / "nexttokens.py").write_text(MODULE)
    (folder / "tokenizer.json").write_text(json.dumps(TOKENIZER))
    (folder / "tokenizer_config.json").write_text(json.dumps(tokenizer | ({"bos_token": bos} if bos else {})))
    (folder / "model.safetensors").write_bytes(safetensors(rows))


def test_a_model_of_its_own_kind_predicts_the_next_token_and_nothing_predicts_the_first(tmp_path: Path) -> None:
    rows = [[math.sin(7 * left + 3 * right) * 2 for right in range(len(WORDS))] for left in range(len(WORDS))]
    own_model(tmp_path / "bos", rows, bos="<s>")
    own_model(tmp_path / "bare", rows, bos=None)
    texts = ["dogs bark", "cats sing bark dogs", "sing"]
    sentences: Requests = [{"id": one, "type": "loglikelihood", "context": "", "continuation": one} for one in texts]
    words: Requests = [{"id": one, "type": "surprisal", "words": one.split()} for one in texts]
    job = {"backend": "mntp", "remote_code": True}
    asked = [Asking(model, {"sentences": sentences, "words": words}, job) for model in ("bos", "bare")]
    for told, before in zip(tell(tmp_path, asked), (["<s>"], []), strict=True):
        found, spoken = told.values("sentences", "logprob"), told.values("words", "surprisals")
        for text in texts:
            ids = [WORDS.index(word) for word in [*before, *text.split()]]
            expected = [
                rows[left][right] - math.log(sum(math.exp(number) for number in rows[left]))
                for left, right in pairwise(ids)
            ]
            assert found[text] == pytest.approx(sum(expected), abs=NEAR)
            unpredicted = [] if before else [0.0]
            assert spoken[text] == pytest.approx([*unpredicted, *(-number for number in expected)], abs=NEAR)
