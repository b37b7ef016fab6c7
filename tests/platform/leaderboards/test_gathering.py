"""A challenge's results as one value, from its boards and stored scores."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from challenges.models import Phase
from evaluations.models import Run, Score
from leaderboards.gathering import phase_results, results_of
from leaderboards.services import refresh
from submissions.models import Entry

pytestmark = pytest.mark.django_db
Make = Callable[..., Any]


@pytest.fixture
def phase(make_phase: Make, make_suite_version: Make) -> Phase:
    made: Phase = make_phase()
    make_suite_version(made, key="pairs")
    return made


def test_results_are_the_boards_rows_with_groups_and_what_was_declared(phase: Phase, make_scored: Make) -> None:
    run = make_scored(phase, 0.61234, name="Heron")
    submission = run.entry.submission
    submission.manifest = {"method": {"name": "Heron", "approaches": ["data"], "backbone": "small"}}
    submission.save()
    make_scored(phase, 0.7, name="Base", status=Entry.Status.BASELINE)
    refresh(phase=phase)
    (track,) = results_of(phase.track.challenge).tracks
    base, heron = track.results
    assert (base.name, base.rank, base.reference) == ("Base", None, True)
    assert (heron.name, heron.rank, heron.aggregate) == ("Heron", 1, 0.61234)
    assert (heron.approaches, heron.backbone) == (("data",), "small")
    assert heron.scores["pairs"].groups == {"group-0": 0.61234}
    assert (track.columns[0].key, track.columns[0].weight, track.phase) == ("pairs", 1.0, phase.key)


def test_an_entry_of_which_another_of_its_team_counts_has_no_rank(
    phase: Phase, make_scored: Make, make_registration: Make
) -> None:
    team = make_registration(challenge=phase.track.challenge)
    make_scored(phase, 0.5, name="Lower", registration=team)
    make_scored(phase, 0.6, name="Higher", registration=team)
    refresh(phase=phase)
    found = {one.name: (one.rank, one.why_unranked, one.aggregate) for one in phase_results(phase).results}
    assert found == {"Higher": (1, "", 0.6), "Lower": (None, "another entry of its team counts", 0.5)}


def test_failed_and_partial_runs_stand_apart(phase: Phase, make_scored: Make) -> None:
    run = make_scored(phase, 0.5, name="Broken", state=Run.State.FAILED)
    Run.objects.filter(pk=run.pk).update(code="E-OUT-MISSING", stage="answering")
    make_scored(phase, 0.6, name="Whole")
    make_scored(phase, 0.9, name="Partial", answered=99)
    refresh(phase=phase)
    found = phase_results(phase)
    assert [one.name for one in found.results if one.rank] == ["Whole"]
    assert [(one.name, one.code, one.partial) for one in found.failures] == [
        ("Broken", "E-OUT-MISSING", False),
        ("Partial", "", True),
    ]


def test_a_tracks_results_are_those_of_its_last_closed_phase(
    make_track: Make, make_phase: Make, make_suite_version: Make, make_scored: Make
) -> None:
    track, now = make_track(), timezone.now()
    for key, closes in (("first", -9), ("second", -5), ("empty", -1), ("open", 5)):
        phase = make_phase(track, key, closes=now + timedelta(days=closes))
        make_suite_version(phase, key=f"pairs-{key}")
        if key != "empty":
            make_scored(phase, 0.5)
    assert [one.phase for one in results_of(track.challenge).tracks] == ["second"]
    assert [one.phase for one in results_of(track.challenge, phases={track.key: "open"}).tracks] == ["open"]


def test_scores_that_changed_stand_there_after_the_next_refresh(phase: Phase, make_scored: Make) -> None:
    make_scored(phase, 0.5)
    assert phase_results(phase).results[0].aggregate == 0.5
    Score.objects.update(value=0.75)
    refresh(phase=phase)
    assert phase_results(phase).results[0].aggregate == 0.75
