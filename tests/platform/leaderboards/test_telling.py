"""What everybody may see of a board on hidden data before the reveal."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.utils import timezone

from accounts.models import User
from challenges.models import Phase
from evaluations.models import Run, Score
from leaderboards.presentation import table
from leaderboards.selectors import Board, board
from leaderboards.services import refresh
from submissions.models import Entry, Registration

pytestmark = pytest.mark.django_db
Make = Callable[..., Any]
NOBODY = AnonymousUser()


@pytest.fixture
def organizer(make_user: Make) -> User:
    made: User = make_user()
    return made


@pytest.fixture
def phase(make_challenge: Make, make_track: Make, make_phase: Make, make_suite_version: Make, organizer: User) -> Phase:
    """A phase that asks hidden data and shows its scores at once."""
    made: Phase = make_phase(make_track(make_challenge(organizers=(organizer,))))
    make_suite_version(made, key="pairs", aggregate="micro")
    return made


@pytest.fixture
def team(phase: Phase, make_registration: Make) -> Registration:
    made: Registration = make_registration(challenge=phase.track.challenge)
    return made


def seen(phase: Phase, user: Any = NOBODY) -> Board:
    refresh(phase=phase)
    return board(user, Phase.objects.select_related("track__challenge").get(pk=phase.pk))


def lines(shown: Board) -> list[tuple[str, str, str]]:
    return [(line.row["name"], line.rank, line.cells[0].text) for line in table(shown)]


def reveal(phase: Phase) -> None:
    Phase.objects.filter(pk=phase.pk).update(closes=timezone.now() - timedelta(minutes=1))


def ladder(phase: Phase, rule: str) -> None:
    phase.track.ladder = rule
    phase.track.save()


def answers() -> dict[str, str]:
    return {run.entry.submission.name: run.detail.get("ladder", "") for run in Run.objects.all()}


def test_scores_are_rounded_and_ranks_follow_from_what_is_shown(phase: Phase, make_scored: Make) -> None:
    make_scored(phase, 0.6149, name="First")
    make_scored(phase, 0.6151, name="Second")
    make_scored(phase, 0.6951, name="Third")
    # 100 items: an error of at most 5 points, so steps of one.
    assert lines(seen(phase)) == [("Third", "1", "70"), ("Second", "2", "62"), ("First", "3", "61")]
    make_scored(phase, 0.6149, name="Fourth")
    assert lines(seen(phase))[-2:] == [("First", "3", "61"), ("Fourth", "3", "61")]


def test_organizers_see_exact_scores_and_everybody_does_after_the_reveal(
    phase: Phase, make_scored: Make, organizer: User
) -> None:
    make_scored(phase, 0.61234, name="Heron")
    assert lines(seen(phase, organizer)) == [("Heron", "1", "61.23")]
    assert "rounded" not in seen(phase, organizer).rule
    reveal(phase)
    assert lines(seen(phase)) == [("Heron", "1", "61.23")]


def test_rows_that_may_be_told_hold_no_exact_number_and_no_time(phase: Phase, make_scored: Make) -> None:
    make_scored(phase, 0.61234, name="Heron")
    (row,) = seen(phase).rows
    score = row["scores"]["pairs"]
    assert (row["aggregate"], score["value"], score["low"], score["high"]) == (0.61, 0.61, 0.5, 0.72)
    assert "finished_at" not in row


def test_the_digest_that_everybody_sees_is_of_what_everybody_sees(
    phase: Phase, make_scored: Make, organizer: User
) -> None:
    run = make_scored(phase, 0.61234, name="Heron")
    first, exact = seen(phase), seen(phase, organizer)
    Score.objects.filter(evaluation__response_set__runs=run).update(value=0.61233)
    assert seen(phase).digest == first.digest
    assert seen(phase, organizer).digest != exact.digest


def test_a_board_computed_before_its_phase_asked_hidden_data_tells_nothing(
    phase: Phase, make_scored: Make, make_phase: Make
) -> None:
    phase.phase_suites.update(splits=["dev"])
    make_scored(phase, 0.61234, name="Heron")
    assert not refresh(phase=phase).told
    assert [row["name"] for row in board(NOBODY, phase).rows] == ["Heron"]
    phase.phase_suites.update(splits=["dev", "private"])
    assert board(NOBODY, phase).rows == []


def test_with_a_ladder_a_shown_score_changes_only_when_it_is_beaten_by_the_step(
    phase: Phase, make_scored: Make, team: Registration
) -> None:
    ladder(phase, "5")
    make_scored(phase, 0.50, name="First", registration=team)
    make_scored(phase, 0.54, name="Near", registration=team)
    assert lines(seen(phase)) == [("First", "1", "50")]
    make_scored(phase, 0.56, name="Beyond", registration=team)
    shown = seen(phase)
    assert lines(shown) == [("Beyond", "1", "56")]
    assert "more than 5 points" in shown.rule
    assert answers() == {"First": "better", "Near": "not better", "Beyond": "better"}


def test_with_a_ladder_the_final_ranking_uses_exact_scores(
    phase: Phase, make_scored: Make, team: Registration, organizer: User
) -> None:
    ladder(phase, "5")
    make_scored(phase, 0.50, name="First", registration=team)
    make_scored(phase, 0.54, name="Near", registration=team)
    assert lines(seen(phase, organizer)) == [("Near", "1", "54.00")]
    reveal(phase)
    shown = seen(phase)
    assert lines(shown) == [("Near", "1", "54.00")]
    assert "Ladder" not in shown.rule


def test_the_standard_error_is_taken_of_the_differences_item_by_item(
    phase: Phase, make_scored: Make, team: Registration
) -> None:
    ladder(phase, "standard-error")
    make_scored(phase, 0.50, name="First", registration=team, items=[1.0] * 50 + [0.0] * 50)
    # As good on every item and better on three: an error of 1.7 points. Better on 30 and worse on 27: of 7.5.
    make_scored(phase, 0.53, name="Other", registration=team, items=[0.0] * 27 + [1.0] * 53 + [0.0] * 20)
    make_scored(phase, 0.53, name="Same", registration=team, items=[1.0] * 53 + [0.0] * 47)
    shown = seen(phase)
    assert lines(shown) == [("Same", "1", "53")]
    assert answers() == {"First": "better", "Other": "not better", "Same": "better"}
    assert "standard error of the difference" in shown.rule


def test_without_item_scores_only_what_is_better_beyond_doubt_counts(
    phase: Phase, make_scored: Make, team: Registration
) -> None:
    ladder(phase, "standard-error")
    make_scored(phase, 0.50, name="First", registration=team)
    make_scored(phase, 0.59, name="Near", registration=team)
    make_scored(phase, 0.61, name="Beyond", registration=team)
    assert lines(seen(phase)) == [("Beyond", "1", "61")]


def test_withdrawing_the_best_entry_tells_nothing_new(phase: Phase, make_scored: Make, team: Registration) -> None:
    ladder(phase, "5")
    make_scored(phase, 0.50, name="First", registration=team)
    best = make_scored(phase, 0.60, name="Best", registration=team)
    make_scored(phase, 0.58, name="Probe", registration=team)
    before = seen(phase), answers()
    assert lines(before[0]) == [("Best", "1", "60")]
    Entry.objects.filter(pk=best.entry_id).update(status=Entry.Status.WITHDRAWN)
    assert lines(seen(phase)) == [("First", "1", "50")]
    assert answers() == before[1]


def test_a_hundred_probes_leave_the_shown_score_where_it_is(
    phase: Phase, make_scored: Make, team: Registration
) -> None:
    ladder(phase, "standard-error")
    right = [1.0] * 60 + [0.0] * 40
    make_scored(phase, 0.60, name="Honest", registration=team, items=right)
    before = lines(seen(phase))
    for number in range(100):
        # Each probe turns one answer over: where it was wrong it is right now.
        probe = [1.0 - score if n == number else score for n, score in enumerate(right)]
        make_scored(phase, sum(probe) / 100, name=f"Probe {number}", registration=team, items=probe)
    assert lines(seen(phase)) == before
    assert set(answers().values()) == {"better", "not better"}
    assert sum(answer == "better" for answer in answers().values()) == 1


def test_an_entry_that_lacks_a_score_is_no_step_of_the_ladder(
    phase: Phase, make_scored: Make, team: Registration
) -> None:
    ladder(phase, "5")
    make_scored(phase, 0.50, name="Whole", registration=team)
    make_scored(phase, 0.99, name="Partial", registration=team, answered=99)
    assert lines(seen(phase)) == [("Whole", "1", "50")]
    assert answers()["Partial"] == "incomplete"


def test_baselines_stand_beside_the_ladder(phase: Phase, make_scored: Make, team: Registration) -> None:
    ladder(phase, "5")
    make_scored(phase, 0.61234, name="Base", status=Entry.Status.BASELINE)
    make_scored(phase, 0.50, name="First", registration=team)
    assert lines(seen(phase)) == [("Base", "–", "61"), ("First", "1", "50")]


def test_on_public_data_a_ladder_changes_nothing(
    make_phase: Make, make_suite_version: Make, make_scored: Make, make_registration: Make
) -> None:
    open_phase = make_phase()
    make_suite_version(open_phase, items="public", gold="public")
    ladder(open_phase, "5")
    team = make_registration(challenge=open_phase.track.challenge)
    make_scored(open_phase, 0.50, registration=team)
    make_scored(open_phase, 0.51234, name="Near", registration=team)
    shown = seen(open_phase)
    assert lines(shown) == [("Near", "1", "51.23")]
    assert "Ladder" not in shown.rule


def test_where_lower_is_better_the_ladder_goes_down(
    make_phase: Make, make_suite_version: Make, make_scored: Make, make_registration: Make
) -> None:
    phase = make_phase()
    make_suite_version(phase, key="errors")
    version = phase.phase_suites.get().suite_version
    version.manifest = {**version.manifest, "direction": "lower"}
    version.save()
    ladder(phase, "5")
    team = make_registration(challenge=phase.track.challenge)
    make_scored(phase, 0.50, name="First", registration=team)
    make_scored(phase, 0.60, name="Worse", registration=team)
    make_scored(phase, 0.40, name="Better", registration=team)
    assert lines(seen(phase)) == [("Better", "1", "40")]
    assert "Lower is better" in seen(phase).rule
