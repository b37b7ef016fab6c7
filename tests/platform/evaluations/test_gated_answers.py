"""What is answered to a gated suite, and how each item was scored, lies encrypted as the suite does."""

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pytest_django.fixtures import Settings

from challenges.models import Phase, Track
from evaluations import answers
from evaluations.models import Run
from suites import services as suites

pytestmark = pytest.mark.django_db
IMAGE = f"base@sha256:{'0' * 64}"


@pytest.mark.parametrize("gated", [False, True])
def test_answers_and_item_scores_of_gated_suites_lie_encrypted(
    make_phase: Callable[..., Phase], make_track: Callable[..., Track], make_suite_version: Callable[..., Any],
    make_run: Callable[..., Run], settings: Settings, gated: bool,
) -> None:  # fmt: skip
    phase = make_phase(make_track(image=IMAGE))
    make_suite_version(phase, gated=gated)
    response_set = make_run(phase).response_sets.get()
    draw = suites.requests_for(
        version=response_set.suite_version, selection=answers.selection_of(response_set),
        draw_key=bytes(response_set.draw_key),
    )  # fmt: skip
    told = [{"id": request["id"], "logprob": -1.5, "tokens": 3} for request in draw.requests]
    answers.keep(response_set, told)
    evaluation = answers.score(response_set, told, reason="a test", within=lambda compute: compute())
    assert sorted(answers.read(response_set), key=str) == sorted(told, key=str)
    assert set(answers.item_scores(evaluation.items_name)) == {f"pair/{number}" for number in range(8)}
    assert answers.size_of(response_set) > 0

    root = Path(settings.STORAGES["sealed"]["OPTIONS"]["location"])
    responses = (root / response_set.sealed_name).read_bytes()
    items = (root / evaluation.items_name).read_bytes()
    assert (response_set.sealed_name.startswith("gated/"), evaluation.items_name.startswith("gated/")) == (gated, gated)
    assert (b"pair/0" in items) is not gated
    if gated:
        with pytest.raises(gzip.BadGzipFile):
            gzip.decompress(responses)
    else:
        assert draw.requests[0]["id"].encode() in gzip.decompress(responses)
