"""A leaderboard that missed a score, because its message was lost, is found by the sweep."""

from collections.abc import Callable
from typing import Any

import pytest
from pytest_django import DjangoCaptureOnCommitCallbacks
from pytest_django.fixtures import Settings

from challenges.models import Phase
from evaluations.models import Run
from evaluations.signals import swept
from leaderboards import catching_up
from leaderboards.services import refresh

pytestmark = pytest.mark.django_db
Make = Callable[..., Any]


@pytest.fixture
def phase(make_phase: Make, make_suite_version: Make, settings: Settings) -> Phase:
    settings.STALE_SECONDS = 0
    made: Phase = make_phase()
    make_suite_version(made, key="pairs")
    return made


def test_a_leaderboard_is_behind_until_it_was_computed_after_the_last_run(phase: Phase, make_scored: Make) -> None:
    assert catching_up.behind() == []
    make_scored(phase, 0.5)
    assert catching_up.behind() == [phase.pk]
    refresh(phase=phase)
    assert catching_up.behind() == []
    make_scored(phase, 0.6)
    assert catching_up.behind() == [phase.pk]


def test_a_run_that_changes_nothing_is_looked_at_once(phase: Phase, make_scored: Make) -> None:
    refresh(phase=phase)
    make_scored(phase, 0.5, status="withdrawn")
    assert catching_up.behind() == [phase.pk]
    refresh(phase=phase)
    assert catching_up.behind() == []


@pytest.mark.parametrize("state", [Run.State.FAILED, Run.State.ERRORED, Run.State.CANCELLED])
def test_a_run_without_scores_leaves_nothing_behind(phase: Phase, make_scored: Make, state: str) -> None:
    make_scored(phase, 0.5, state=state)
    assert catching_up.behind() == []


def test_a_run_that_has_just_ended_is_left_to_its_message(phase: Phase, make_scored: Make, settings: Settings) -> None:
    settings.STALE_SECONDS = 60
    make_scored(phase, 0.5)
    assert catching_up.behind() == []


def test_each_sweep_asks_for_what_is_behind(
    phase: Phase, make_scored: Make, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    make_scored(phase, 0.5)
    with django_capture_on_commit_callbacks() as queued:
        swept.send(sender=None)
    assert len(queued) == 1
