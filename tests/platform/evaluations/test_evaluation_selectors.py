"""Scores for leaderboards, in a fixed number of queries; positions in the queue."""

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from challenges.models import Phase, Track
from evaluations import selectors
from evaluations.models import Evaluation, Run, Score

pytestmark = pytest.mark.django_db
IMAGE = f"base@sha256:{'0' * 64}"


@pytest.fixture
def phase(
    make_phase: Callable[..., Phase], make_track: Callable[..., Track], make_suite_version: Callable[..., Any]
) -> Phase:
    phase = make_phase(make_track(image=IMAGE))
    make_suite_version(phase, key="first")
    make_suite_version(phase, key="second")
    return phase


def finish(run: Run, *values: float, answered: int = 8) -> None:
    """Record scores as the worker does, one for each suite."""
    for value, response_set in zip(values, run.response_sets.order_by("run_response_sets__position"), strict=False):
        evaluation = Evaluation.objects.create(
            response_set=response_set, evaluator="1", suite_digest=response_set.suite_version.digest
        )
        Score.objects.create(evaluation=evaluation, metric="accuracy", value=value, low=0.1, high=0.9, n=8)
        Score.objects.create(evaluation=evaluation, metric="accuracy", group="group-0", value=0, n=4)
        response_set.asked, response_set.answered, response_set.complete = 8, answered, True
        response_set.save()
    Run.objects.filter(pk=run.pk).update(state=Run.State.DONE, finished_at=timezone.now())


def test_scored_entries_hold_the_suites_own_scores_and_their_digests(
    phase: Phase, make_run: Callable[..., Run]
) -> None:
    run = make_run(phase)
    finish(run, 0.5, 0.75)
    make_run(phase)
    (row,) = selectors.scored_entries(phase)
    assert (row.run_id, row.provenance, row.complete) == (run.pk, "run here", True)
    assert {key: score.value for key, score in row.scores.items()} == {"first": 0.5, "second": 0.75}
    assert row.scores["first"].coverage == 1
    first = run.response_sets.get(suite_version__suite__key="first")
    assert row.scores["first"].suite_digest == first.suite_version.digest


@pytest.mark.parametrize("values", [(0.5,), (0.5, 0.6)])
def test_an_entry_that_lacks_answers_or_a_suite_is_not_complete(
    phase: Phase, make_run: Callable[..., Run], values: tuple[float, ...]
) -> None:
    finish(make_run(phase), *values, answered=7)
    (row,) = selectors.scored_entries(phase)
    assert not row.complete


@pytest.mark.parametrize("rows", [1, 3])
def test_scored_entries_take_three_queries(
    phase: Phase, make_run: Callable[..., Run], django_assert_num_queries: DjangoAssertNumQueries, rows: int
) -> None:
    for _ in range(rows):
        finish(make_run(phase), 0.5, 0.6)
    suites = list(phase.phase_suites.select_related("suite_version__suite"))
    with django_assert_num_queries(3):
        assert len(selectors.scored_entries(phase, suites=suites)) == rows


def test_the_position_counts_what_waits_before(phase: Phase, make_run: Callable[..., Run]) -> None:
    runs = [make_run(phase) for _ in range(3)]
    assert [selectors.queue_position(run) for run in runs] == [1, 2, 3]
    Run.objects.filter(pk=runs[0].pk).update(state=Run.State.RUNNING)
    Run.objects.filter(pk=runs[1].pk).update(queue="gpu")
    assert selectors.queue_position(Run.objects.get(pk=runs[2].pk)) == 1
    assert selectors.queue_position(Run.objects.get(pk=runs[0].pk)) is None


def test_a_charge_without_its_run_is_found(phase: Phase, make_accepted: Callable[..., Any]) -> None:
    make_accepted(phase)
    assert selectors.charges_without_run().count() == 1


def test_unknown_attempts_are_not_live() -> None:
    assert selectors.live_attempts({1, 2}) == set()
    assert uuid.uuid4() not in selectors.live_attempts(set())


@pytest.mark.parametrize(
    ("state", "rehearsal", "due"),
    [
        ("settled", None, True),
        ("reserved", None, True),
        ("reserved", Run.State.RUNNING, False),
        ("reserved", Run.State.ERRORED, False),
        ("reserved", Run.State.DONE, True),
        ("released", None, False),
    ],
)
def test_a_charge_is_due_until_its_rehearsal_and_again_until_its_run_is_planned(
    phase: Phase, make_accepted: Callable[..., Any], state: str, rehearsal: str | None, due: bool
) -> None:
    submission = make_accepted(phase)
    charge = submission.entries.get().charges.get()
    charge.state = state
    charge.save()
    if rehearsal is not None:
        Run.objects.create(entry=charge.entry, phase=phase, purpose=Run.Purpose.REHEARSAL, state=rehearsal)
    assert selectors.charges_without_run().exists() is due
    Run.objects.create(entry=charge.entry, phase=phase)
    assert not selectors.charges_without_run().exists()


def test_a_rehearsal_is_no_scored_entry(phase: Phase, make_accepted: Callable[..., Any]) -> None:
    entry = make_accepted(phase).entries.get()
    Run.objects.create(
        entry=entry, phase=phase, purpose=Run.Purpose.REHEARSAL, state=Run.State.DONE, finished_at=timezone.now()
    )
    assert selectors.scored_entries(phase) == []


def test_an_entry_was_handed_in_when_it_was_charged(phase: Phase, make_run: Callable[..., Run]) -> None:
    run = make_run(phase)
    finish(run, 0.5, 0.6)
    (row,) = selectors.scored_entries(phase)
    assert row.handed_in_at == run.entry.charges.get().created_at
