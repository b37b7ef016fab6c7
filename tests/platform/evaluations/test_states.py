"""Runs move by one table, by compare and set, and every move is told."""

import uuid
from collections.abc import Callable

import pytest

from challenges.models import Phase, Track
from evaluations import leases, states
from evaluations.models import Attempt, Run
from evaluations.states import MOVES, LeaseLost, MoveRefused, move

pytestmark = pytest.mark.django_db
IMAGE = f"base@sha256:{'0' * 64}"


@pytest.fixture
def run(make_run: Callable[..., Run], make_phase: Callable[..., Phase], make_track: Callable[..., Track]) -> Run:
    return make_run(make_phase(make_track(image=IMAGE)))


def test_every_state_has_its_row_and_finished_runs_stay_finished_but_for_our_errors() -> None:
    assert set(MOVES) == set(Run.State)
    assert {state for state in states.FINISHED if MOVES[state]} == {Run.State.ERRORED}
    assert states.HELD | states.FINISHED | {Run.State.QUEUED} == set(Run.State)


def test_a_move_writes_an_event(run: Run) -> None:
    move(run, Run.State.PREPARING)
    told = run.events.order_by("pk").values_list("old", "new")
    assert list(told) == [("", "queued"), ("queued", "preparing")]
    assert Run.objects.get(pk=run.pk).state == Run.State.PREPARING


def test_a_move_that_the_table_lacks_is_refused(run: Run) -> None:
    with pytest.raises(MoveRefused):
        move(run, Run.State.DONE)
    assert Run.objects.get(pk=run.pk).state == Run.State.QUEUED
    assert run.events.count() == 1


def test_who_holds_a_stale_run_moves_nothing(run: Run) -> None:
    stale = Run.objects.get(pk=run.pk)
    move(run, Run.State.CANCELLED)
    with pytest.raises(MoveRefused):
        move(stale, Run.State.PREPARING)
    assert Run.objects.get(pk=run.pk).state == Run.State.CANCELLED


def test_a_move_needs_the_live_lease(run: Run) -> None:
    attempt = leases.claim(worker="one", queue="cpu")
    assert attempt is not None
    with pytest.raises(LeaseLost):
        move(attempt.run, Run.State.RUNNING, lease=uuid.uuid4())
    Attempt.objects.filter(pk=attempt.pk).update(state=Attempt.State.LOST)
    with pytest.raises(LeaseLost):
        move(attempt.run, Run.State.RUNNING, lease=attempt.lease)
    assert Run.objects.get(pk=run.pk).state == Run.State.PREPARING


def test_a_failure_keeps_its_code_stage_and_detail(run: Run) -> None:
    move(run, Run.State.PREPARING)
    move(run, Run.State.FAILED, code="E-RUN-EXIT", stage="running", detail={"exit_code": 1})
    run.refresh_from_db()
    assert (run.code, run.stage, run.detail) == ("E-RUN-EXIT", "running", {"exit_code": 1})
    assert run.finished_at is not None
