"""A sample says of how many items it is, and how far their share may lie from that of all."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from challenges.models import Phase, Track
from evaluations.models import Evaluation, ResponseSet, Run
from evaluations.score_lines import score_lines
from evaluations.visibility import EVERYTHING
from evaluators.statistics.intervals import sampled_half_width

pytestmark = pytest.mark.django_db


def told(run: Run, *, guarded: bool = False) -> str:
    (line,) = score_lines(run, replace(EVERYTHING, guarded=guarded), groups=False)
    return line.sampled


def test_a_sample_says_its_half_width_and_on_hidden_data_the_widest_there_is(
    make_phase: Callable[..., Phase], make_track: Callable[..., Track], make_suite_version: Callable[..., Any],
    make_run: Callable[..., Run],
) -> None:  # fmt: skip
    phase = make_phase(make_track(image=f"base@sha256:{'0' * 64}"))
    make_suite_version(phase, pairs=400, sample=100)
    run = make_run(phase)
    one = ResponseSet.objects.get()
    evaluation = Evaluation.objects.create(response_set=one, evaluator="1", suite_digest="0" * 64)
    evaluation.scores.create(metric="accuracy", value=0.9, n=100)
    exact, widest = (sampled_half_width(share, 100, of=400) * 100 for share in (0.9, 0.5))
    assert told(run) == f"a sample of 100 of 400 items: ± {exact:.1f}" == "a sample of 100 of 400 items: ± 5.1"
    assert told(run, guarded=True) == f"a sample of 100 of 400 items: ± {widest:.1f}"
    ResponseSet.objects.update(sample=None)
    assert told(Run.objects.get()) == ""
