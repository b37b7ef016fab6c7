"""The demo's baselines: what they hand in is valid, and what they answer is what they say."""

import importlib.util
import math
from pathlib import Path
from typing import Any

import pytest

from evaluators.grammar.pairs import SuitePairs, draw_pairs, training_text
from evaluators.protocol.submission import MANIFEST_NAME, SubmissionManifest

BASELINES = Path(__file__).parents[4] / "platform" / "web" / "demo" / "baselines"


def model_class(name: str) -> Any:
    """The class `Model` of a baseline, as the runner would load it."""
    spec = importlib.util.spec_from_file_location(f"baseline_{name}", BASELINES / name / "model.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.Model


def asked(texts: list[str]) -> list[dict[str, str]]:
    return [{"id": str(number), "type": "loglikelihood", "context": "", "continuation": text}
            for number, text in enumerate(texts)]  # fmt: skip


@pytest.fixture(scope="module")
def pairs() -> SuitePairs:
    return draw_pairs(1, pairs=40)


@pytest.fixture(scope="module")
def trigram(pairs: SuitePairs, tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("ngram")
    (folder / "train.txt").write_text("\n".join(training_text(1, 5_000, without=pairs.sentences())))
    return model_class("ngram")(str(folder))


def accuracy(model: Any, pairs: SuitePairs) -> float:
    """Share of hidden pairs that the model gets right."""
    answers = [model.loglikelihood(asked(list(pair.candidates))) for pair in pairs.hidden]
    right = [values[pair.gold] > values[1 - pair.gold] for values, pair in zip(answers, pairs.hidden, strict=True)]
    return sum(map(bool, right)) / len(right)


@pytest.mark.parametrize("name", ["random", "ngram", "neural"])
def test_the_manifest_of_a_baseline_is_valid(name: str) -> None:
    text = (BASELINES / name / MANIFEST_NAME).read_text()
    assert SubmissionManifest.from_yaml(text, file=MANIFEST_NAME).method.name


def test_the_random_baseline_is_near_chance_and_the_same_in_every_batch(pairs: SuitePairs) -> None:
    model = model_class("random")()
    texts = sorted(pairs.sentences())
    together = model.loglikelihood(asked(texts))
    assert together == [model.loglikelihood(asked([text]))[0] for text in texts]
    assert all(value < 0 for value in together)
    assert accuracy(model, draw_pairs(1)) == pytest.approx(0.5, abs=0.05)


def test_the_trigram_is_a_probability_distribution(trigram: Any) -> None:
    for context in (("<s>", "<s>"), ("<s>", "the"), ("the", "boy"), ("never", "seen")):
        total = math.fsum(trigram.probability((*context, word)) for word in trigram.vocabulary)
        assert total == pytest.approx(1, abs=1e-9)


def test_the_trigram_beats_chance_and_misses_what_lies_far_apart(trigram: Any, pairs: SuitePairs) -> None:
    assert accuracy(trigram, pairs) > 0.6
    far = [pair for pair in pairs.hidden if pair.phenomenon in ("subject_verb_across_clause", "verb_ellipsis")]
    assert accuracy(trigram, SuitePairs(public=(), hidden=tuple(far))) < 0.8


def test_the_trigram_answers_a_continuation_as_the_rest_of_its_context(trigram: Any) -> None:
    def answer(context: str, continuation: str) -> float:
        return float(trigram.loglikelihood([{"context": context, "continuation": continuation}])[0])

    whole, rest = answer("", "the boy smiles."), answer("the boy", " smiles.")
    assert whole == pytest.approx(
        rest
        + math.log(trigram.probability(("<s>", "<s>", "the")))
        + math.log(trigram.probability(("<s>", "the", "boy")))
    )
