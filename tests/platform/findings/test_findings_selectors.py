"""What the platform knows of a challenge, as a report's material."""

from collections.abc import Callable

import numpy as np
import pytest

from challenges.models import Challenge, Phase, Track
from evaluations.models import Evaluation, ResponseSet, Run, RunResponseSet, Score
from findings.composing import compose
from findings.selectors import material_of
from suites.models import SuiteVersion


@pytest.fixture
def phase(
    make_challenge: Callable[..., Challenge],
    make_track: Callable[..., Track],
    make_phase: Callable[..., Phase],
    make_suite_version: Callable[..., SuiteVersion],
) -> Phase:
    """A closed phase of one suite."""
    phase = make_phase(make_track(make_challenge("mine"), key="main"), key="test", open=False)
    make_suite_version(phase, key="pairs")
    return phase


def add_checkpoint(run: Run, words: int, value: float) -> None:
    """A score of the run's model after so many words."""
    asked = run.phase.phase_suites.get()
    answers = ResponseSet.objects.create(
        submission=run.entry.submission,
        suite_version=asked.suite_version,
        selection=ResponseSet.objects.filter(runs=run).values_list("selection", flat=True).first(),
        checkpoint=f"chck_{words}",
        steps=[[f"chck_{words}", words]],
        key=f"{run.pk}-{words}",
        draw_key=b"k",
        asked=100,
        answered=100,
        complete=True,
    )
    RunResponseSet.objects.create(run=run, response_set=answers, position=words)
    evaluation = Evaluation.objects.create(response_set=answers, evaluator="1", complete=True)
    Score.objects.create(evaluation=evaluation, metric="accuracy", value=value, n=100)


def test_item_scores_of_ranked_entries_come_with_the_results(phase: Phase, make_scored: Callable[..., Run]) -> None:
    for value in (0.9, 0.6, 0.5):
        wrong = np.arange(20) >= 20 * value
        make_scored(phase, value, items=[float(not one) for one in wrong])
    material = material_of(phase.track.challenge)
    (track,) = material.results.tracks
    ((key, items),) = material.items.items()
    assert key == ("main", track.columns[0].key)
    assert items.scores.shape == (20, 3)
    assert items.entries == tuple(one.key for one in track.ranked)
    assert items.scores.mean(axis=0) == pytest.approx([0.9, 0.6, 0.5])


def test_learning_curves_are_those_of_ranked_entries(phase: Phase, make_scored: Callable[..., Run]) -> None:
    run = make_scored(phase, 0.9)
    add_checkpoint(run, 1_000_000, 0.6)
    add_checkpoint(run, 10_000_000, 0.8)
    (curve,) = material_of(phase.track.challenge).curves
    assert [(point.words, point.value) for point in curve.points] == [(1_000_000, 0.6), (10_000_000, 0.8)]
    assert curve.entry == f"entry-{run.entry_id}"


def test_a_report_on_runs_of_our_own_is_whole(phase: Phase, make_scored: Callable[..., Run]) -> None:
    for value in (0.9, 0.8, 0.7):
        make_scored(
            phase, value, name=f"Method {value}", items=[1.0] * int(20 * value) + [0.0] * (20 - int(20 * value))
        )
    composed = compose(material_of(phase.track.challenge))
    assert composed.facts["tracks"]["main"]["winners"] == ["method-0-9"]
    assert composed.version == compose(material_of(phase.track.challenge)).version
