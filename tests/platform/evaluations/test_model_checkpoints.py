"""Checkpoints of kind `model`: each answers with its own weights, as it would if it were handed in by itself."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from challenges.models import Phase, Track
from evaluations import answers, execution, services
from evaluations.models import ResponseSet, Run
from sandbox.images.build import build
from submissions.models import Submission
from suites import services as suites
from suites.models import PhaseSuite
from tests.models.tiny import tiny_models

pytestmark = [pytest.mark.docker, pytest.mark.model, pytest.mark.data, pytest.mark.django_db(transaction=True)]

MANIFEST = {
    "schema": "submission/1", "kind": "model", "method": {"name": "Tiny"},
    "model": {"backend": "causal", "bos": "<|endoftext|>"},
}  # fmt: skip


@pytest.fixture(scope="session")
def tiny(data: Path) -> Path:
    build(["base", "model"], say=lambda _: None)
    return tiny_models(data / "blimp")


@pytest.fixture
def phase(
    make_phase: Callable[..., Phase], make_track: Callable[..., Track], make_suite_version: Callable[..., Any]
) -> Phase:
    phase = make_phase(make_track(image="model", wall=120, checkpoints={"names": ["chck_1M"]}))
    make_suite_version(phase, pairs=12)
    PhaseSuite.objects.update(checkpoints="all")
    return phase


def contents(folder: Path, place: str = "") -> dict[str, Any]:
    return {f"{place}{file.name}": file.read_bytes() for file in folder.iterdir()}


def logprobs(response_set: ResponseSet) -> dict[tuple[str, int], float]:
    """What was answered about each candidate of each item, whatever the draw."""
    draw = suites.requests_for(
        version=response_set.suite_version, selection=answers.selection_of(response_set),
        draw_key=bytes(response_set.draw_key),
    )  # fmt: skip
    return {draw.origin[one["id"]]: one["logprob"] for one in answers.read(response_set)}


def test_a_checkpoint_answers_as_it_does_when_it_is_the_finished_model(
    tiny: Path, phase: Phase, hand_in: Callable[..., Submission]
) -> None:
    steps = [{"name": "chck_1M", "path": "early"}]
    both = hand_in(
        phase, manifest={**MANIFEST, "checkpoints": steps},
        files={**contents(tiny / "gptneox"), **contents(tiny / "gpt2", "early/")},
    )  # fmt: skip
    alone = hand_in(phase, manifest=MANIFEST, files=contents(tiny / "gpt2"))
    for submission in (both, alone):
        services.plan(submission)
    execution.drain(worker="one", queue="cpu")
    assert [run.state for run in Run.objects.all()] == [Run.State.DONE] * 2, [run.detail for run in Run.objects.all()]
    early = logprobs(ResponseSet.objects.get(submission=both, checkpoint="chck_1M"))
    assert early == pytest.approx(logprobs(ResponseSet.objects.get(submission=alone)), abs=1e-4)
    assert early != pytest.approx(logprobs(ResponseSet.objects.get(submission=both, checkpoint="main")), abs=1e-2)
