"""A tenth of BabyLM 2026, strict, from the edition's own document to its leaderboard: every step is the real one.

Asked is a tenth of each part of every suite: of each of BLiMP's 67 files, of each domain, cell, file and split, of the
sentences that were read and of the contexts of AoA (no part has fewer than a handful, and AoA has 60 words), at 6 of
the 28 checkpoints. A tenth of the fine-tuning would take minutes: the subtasks' tenth is asked, but the model learns
from a fiftieth of that tenth's lines, in one epoch and from texts of 64 tokens. The model is two layers of 32.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pytest_django.fixtures import Settings

from challenges.models import Phase
from evaluations.checkpoints import ALL
from evaluations.curves import curves
from evaluations.models import Evaluation, ResponseSet, Run
from evaluations.visibility import EVERYTHING
from leaderboards.services import refresh
from sandbox.images.build import build
from tests.bench import edition_stage as stage
from tests.bench.edition_sources import PARTS
from tests.models.growing import Size

pytestmark = [pytest.mark.docker, pytest.mark.model, pytest.mark.django_db(transaction=True)]

EDITION = stage.Edition(
    share=0.1, checkpoints=stage.some_checkpoints(6), size=Size(32, 2, 1_500, 300), learning=0.02, epochs=1,
    max_length=64,
)  # fmt: skip
FAST = {"blimp-fast", "blimp-supplement-fast", "ewok-fast", "entity-tracking-fast"}


@pytest.fixture
def phase(settings: Settings, tmp_path: Path) -> Iterator[Phase]:
    """The edition's final phase, with storages of the test's own."""
    build(["base", "model"], say=lambda _: None)
    changed: dict[str, Any] = {alias: {**storage} for alias, storage in settings.STORAGES.items()}
    for alias in ("default", "artifacts", "sealed"):
        changed[alias]["OPTIONS"] = {"location": tmp_path / "storages" / alias}
    settings.STORAGES = changed
    with stage.waking_nobody():
        yield stage.prepare(tmp_path, EDITION)[0]
        stage.clear()


def test_a_tenth_of_an_edition_is_run_scored_and_ranked(phase: Phase, tmp_path: Path) -> None:
    submission = stage.check(stage.hand_in(tmp_path, phase, EDITION))
    rehearsal = stage.work(submission, Run.Purpose.REHEARSAL)
    assert rehearsal.response_sets.exists()
    watch = stage.Watch()
    run = stage.work(submission, Run.Purpose.PHASE, watch)

    every_suite_is_scored_whole(run)
    each_checkpoint_is_loaded_once(run, watch)
    learning_curves_are_kept(run)
    the_leaderboard_has_the_overall(phase, stage.scores_of(run))


def every_suite_is_scored_whole(run: Run) -> None:
    """Each at its places, answered to the last item, and run here."""
    sets = list(run.response_sets.select_related("suite_version__suite"))
    places: dict[str, list[str]] = {}
    for one in sets:
        assert (one.answered, one.complete) == (one.asked, True), one
        places.setdefault(one.suite_version.suite.key, []).append(one.checkpoint)
    named = ["main", *EDITION.checkpoints]
    expected = {part.key: named if part.key in FAST else ["main"] for part in PARTS} | {"aoa": [ALL]}
    assert {key: sorted(found) for key, found in places.items()} == {
        key: sorted(found) for key, found in expected.items()
    }
    evaluations = list(Evaluation.objects.filter(response_set__in=sets))
    assert len(evaluations) == len(sets)
    for evaluation in evaluations:
        coverage = evaluation.document["coverage"]
        assert (coverage["answered"], evaluation.complete) == (coverage["asked"], True)
        assert evaluation.provenance == Evaluation.Provenance.RUN_HERE


def each_checkpoint_is_loaded_once(run: Run, watch: stage.Watch) -> None:
    """The runner is given every checkpoint's suites in one piece, and says so as it goes."""
    order = [answers.checkpoint for answers in in_order(run) if answers.checkpoint != ALL]
    pieces = [name for number, name in enumerate(order) if number == 0 or order[number - 1] != name]
    assert pieces == ["main", *EDITION.checkpoints]
    assert run.attempts.count() == 1
    assert watch.positions == sorted(watch.positions)


def in_order(run: Run) -> list[ResponseSet]:
    """The run's response sets in the order in which they are asked."""
    return list(run.response_sets.order_by("run_response_sets__position"))


def learning_curves_are_kept(run: Run) -> None:
    """One curve for each fast suite, with a point for each checkpoint; what is trained longer knows more."""
    drawn = {curve.suite: curve for curve in curves(run, EVERYTHING)}
    assert set(drawn) == FAST
    for curve in drawn.values():
        assert tuple(point.checkpoint for point in curve.points) == EDITION.checkpoints
    points = drawn["blimp-fast"].points
    first, last = points[0].line.value, points[-1].line.value
    assert first is not None
    assert last is not None
    assert last > first


def the_leaderboard_has_the_overall(phase: Phase, scores: dict[str, float | None]) -> None:
    """The mean of nine, each on a scale of 100: GlobalPIQA and reading are the means of their two."""
    assert set(scores) == {part.key for part in PARTS}
    values = {key: value for key, value in scores.items() if value is not None}
    assert set(values) == set(scores)
    singles = ("blimp-filtered", "blimp-supplement", "ewok", "entity-tracking", "comps", "glue", "aoa")
    nine = [100 * values[key] for key in singles]
    nine += [50 * sum(values[f"global-piqa-{part}-eng-latn"] for part in ("parallel", "nonparallel"))]
    nine += [(values["reading-eye-tracking"] + values["reading-self-paced"]) / 2]
    (row,) = refresh(phase=phase).rows
    assert (row["rank"], row["team"]) == (1, "Team of Ada")
    assert row["aggregate"] == pytest.approx(sum(nine) / 9, abs=0.005)
