"""Surprisals of words, in the model image, with several tokenizers; and checkpoints, each loaded once."""

import json
import random
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.models.blimp import blimp_requests
from tests.models.runner import Answered, answer_suites
from tests.models.tiny import tiny_models

pytestmark = [pytest.mark.docker, pytest.mark.model, pytest.mark.data]

Requests = list[dict[str, Any]]
Responses = dict[tuple[str, str], dict[str, dict[str, Any]]]
# Byte-level without and with a first token of its own, WordPiece, and single characters with "▁" for the space.
TOKENIZERS = ("gpt2", "llama", "wordpiece", "metaspace")
SLIDING = "gemma2"


def metaspace(text: str) -> dict[str, Any]:
    """Return a tokenizer.json whose tokens are characters, a word's space shown as "▁", as SentencePiece does."""
    letters = sorted({letter for letter in text if not letter.isspace()})
    names = ["<unk>", "<s>", "▁", *letters]
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [
            {
                "id": number,
                "content": name,
                "single_word": False,
                "lstrip": False,
                "rstrip": False,
                "normalized": False,
                "special": True,
            }
            for number, name in enumerate(("<unk>", "<s>"))
        ],
        "normalizer": None,
        "pre_tokenizer": {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "first", "split": True},
        "post_processor": None,
        "decoder": None,
        "model": {
            "type": "BPE",
            "unk_token": "<unk>",
            "vocab": {name: number for number, name in enumerate(names)},
            "merges": [],
        },
    }


@pytest.fixture(scope="module")
def words(data: Path) -> Requests:
    """Texts of 1 to 300 words, one of them with words that no tokenizer knows and an empty one."""
    sentences = [request["continuation"].split() for request in blimp_requests(data / "blimp", pairs=1)[:40]]
    long = [word for sentence in sentences for word in sentence][:300]
    strange = ["Zoë’s", "naïve", "", "co-op,", "日本語", "🙂", "end"]
    texts = [*sentences, long, strange, ["Dogs"], sentences[0][:3]]
    return [{"id": f"text{number}", "type": "surprisal", "words": text} for number, text in enumerate(texts)]


@pytest.fixture(scope="module")
def models(data: Path, words: Requests, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A submission with one checkpoint for each tokenizer, all but llama and the sliding one with GPT-2's weights."""
    tiny = tiny_models(data / "blimp")
    folder = tmp_path_factory.mktemp("words")
    for name in ("gpt2", "llama", SLIDING):
        shutil.copytree(tiny / name, folder / name)
    for name, source in (("wordpiece", "bert"), ("metaspace", "gpt2")):
        shutil.copytree(tiny / "gpt2", folder / name)
        for file in ("tokenizer.json", "tokenizer_config.json"):
            shutil.copy(tiny / source / file, folder / name / file)
    text = "".join(word for request in words for word in request["words"])
    (folder / "metaspace" / "tokenizer.json").write_text(json.dumps(metaspace(text)))
    settings = {"tokenizer_class": "PreTrainedTokenizerFast", "unk_token": "<unk>", "bos_token": "<s>"}
    (folder / "metaspace" / "tokenizer_config.json").write_text(json.dumps(settings))
    return folder


def ask(models: Path, suites: dict[str, Requests], **job: Any) -> tuple[Answered, Responses]:
    names = (*TOKENIZERS, SLIDING)
    return answer_suites(
        models,
        {(name, suite): requests for name in names for suite, requests in suites.items()},
        checkpoints={name: {"path": name} for name in names},
        **job,
    )


@pytest.fixture(scope="module")
def asked(models: Path, words: Requests) -> tuple[Answered, Responses]:
    """What every model says of the words, and of the texts as wholes."""
    wholes = [
        {"id": request["id"], "type": "loglikelihood", "context": "", "continuation": " ".join(request["words"])}
        for request in words
    ]
    answered, responses = ask(models, {"words": words, "wholes": wholes})
    assert answered.code == 0, answered.log
    return answered, responses


@pytest.mark.parametrize("name", [*TOKENIZERS, SLIDING])
def test_the_surprisals_of_a_texts_words_add_up_to_the_texts(
    asked: tuple[Answered, Responses], words: Requests, name: str
) -> None:
    _, responses = asked
    for request in words:
        surprisals = responses[name, "words"][request["id"]]["surprisals"]
        whole = responses[name, "wholes"][request["id"]]
        assert len(surprisals) == len(request["words"])
        assert abs(sum(surprisals) + whole["logprob"]) < 1e-4 * max(1, whole["tokens"] / 20), request


def test_a_words_surprisal_does_not_depend_on_what_follows(asked: tuple[Answered, Responses], words: Requests) -> None:
    _, responses = asked
    whole, beginning = words[0], words[-1]
    assert whole["words"][:3] == beginning["words"]
    for name in (*TOKENIZERS, SLIDING):
        first = responses[name, "words"][whole["id"]]["surprisals"][:3]
        assert first == pytest.approx(responses[name, "words"][beginning["id"]]["surprisals"], abs=1e-4)
        assert all(value > 0 for value in first)


def test_surprisals_do_not_depend_on_order_neighbours_or_batch_size(
    models: Path, asked: tuple[Answered, Responses], words: Requests
) -> None:
    _, responses = asked
    some = random.Random(5).sample(words, len(words) // 2)
    answered, again = ask(models, {"words": some}, batch_size=1)
    assert answered.code == 0, answered.log
    for name in (*TOKENIZERS, SLIDING):
        for request in some:
            first, second = (of[name, "words"][request["id"]]["surprisals"] for of in (responses, again))
            assert second == pytest.approx(first, abs=1e-4)


def test_every_checkpoint_is_loaded_once_and_its_suites_stand_together(asked: tuple[Answered, Responses]) -> None:
    answered, _ = asked
    names = (*TOKENIZERS, SLIDING)
    assert [event["checkpoint"] for event in answered.events if event["event"] == "loaded"] == list(names)
    progress = [(event["position"], event["suite"]) for event in answered.events if event["event"] == "progress"]
    assert list(dict.fromkeys(progress)) == [
        (2 * number + place, suite) for number in range(len(names)) for place, suite in ((1, "words"), (2, "wholes"))
    ]


COUNTING = """
import gc
from pathlib import Path
from sandbox.runner.answering import run
from sandbox.runner.job import read_job
from sandbox.runner.progress import Reporter

class Counting(Reporter):
    def event(self, name, **fields):
        if name == "loaded":
            super().event("counted", models=sum(type(each).__name__ == "GPT2LMHeadModel" for each in gc.get_objects()))
        super().event(name, **fields)

evaluation = Path("/eval")
run(read_job(evaluation / "job.json"), submission=Path("/submission"), evaluation=evaluation, reporter=Counting())
"""


def test_a_checkpoints_model_is_freed_before_the_next_is_loaded(models: Path, words: Requests) -> None:
    names = ("gpt2", "wordpiece", "metaspace")
    answered, _ = answer_suites(
        models,
        {(name, "words"): words[:3] for name in names},
        {"counting.py": COUNTING.encode()},
        program=["python3", "/eval/counting.py"],
        checkpoints={name: {"path": name} for name in names},
    )
    assert answered.code == 0, answered.log
    assert [event["models"] for event in answered.events if event["event"] == "counted"] == [1, 1, 1]


def test_a_masked_models_words_depend_on_those_before_them_alone(data: Path, words: Requests) -> None:
    tiny = tiny_models(data / "blimp")
    some = [words[0], words[-1], words[-3], *words[1:12]]
    short = [{**words[0], "words": words[0]["words"][:-1]}]
    answered, responses = answer_suites(
        tiny,
        {("bert", "all"): some, ("roberta", "all"): some[:4], ("bert", "one"): short},
        checkpoints={name: {"path": name} for name in ("bert", "roberta")},
        backend="masked",
    )
    assert answered.code == 0, answered.log
    for name in ("bert", "roberta"):
        whole, beginning = (responses[name, "all"][request["id"]]["surprisals"] for request in (words[0], words[-1]))
        assert whole[:3] == pytest.approx(beginning, abs=1e-4)
        assert len(responses[name, "all"][words[-3]["id"]]["surprisals"]) == len(words[-3]["words"])
    # Alone in its batch, and without its last word: the others' numbers stay.
    alone = responses["bert", "one"][words[0]["id"]]["surprisals"]
    assert alone == pytest.approx(responses["bert", "all"][words[0]["id"]]["surprisals"][:-1], abs=1e-4)
