"""The manifest's model part: which backends there are, and who has a choice of scoring."""

from typing import Any, get_args

import pytest

from evaluators.protocol.problems import ProblemsFound
from evaluators.protocol.submission import Backend, Scoring, SubmissionManifest
from sandbox.runner.job import BACKENDS, SCORINGS


def manifest(**model: Any) -> SubmissionManifest:
    value = {"schema": "submission/1", "kind": "model", "method": {"name": "Curriculum"}, "model": model}
    return SubmissionManifest.from_value(value, file="submission.yaml")


def test_the_runner_knows_the_backends_and_scorings_that_a_manifest_may_name() -> None:
    assert get_args(Backend) == BACKENDS
    assert get_args(Scoring) == SCORINGS


@pytest.mark.parametrize("scoring", SCORINGS)
def test_an_encoder_decoder_names_its_scoring(scoring: str) -> None:
    part = manifest(backend="encoder-decoder", scoring=scoring).model
    assert part is not None
    assert part.scoring == scoring


@pytest.mark.parametrize("backend", BACKENDS)
def test_without_a_word_the_scoring_is_by_prefix(backend: str) -> None:
    part = manifest(backend=backend).model
    assert part is not None
    assert part.scoring == "prefix"


def test_other_backends_have_no_choice_of_scoring() -> None:
    with pytest.raises(ProblemsFound) as raised:
        manifest(backend="masked", scoring="fill-in")
    assert "only 'encoder-decoder'" in raised.value.problems[0].message
