"""A leaderboard is computed when scores arrive, and holds only what may be ranked."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from challenges.models import Phase
from evaluations.models import Run, Score
from leaderboards.models import Snapshot
from leaderboards.services import refresh
from submissions.models import Entry, QuotaCharge

pytestmark = pytest.mark.django_db
Make = Callable[..., Any]


@pytest.fixture
def phase(make_phase: Make, make_suite_version: Make) -> Phase:
    made: Phase = make_phase()
    make_suite_version(made, key="pairs")
    return made


def names(snapshot: Snapshot) -> list[tuple[str, int | None]]:
    return [(row["name"], row["rank"]) for row in snapshot.rows]


def test_entries_stand_by_score_and_baselines_among_them_without_a_rank(phase: Phase, make_scored: Make) -> None:
    make_scored(phase, 0.6, name="Low")
    make_scored(phase, 0.7, name="Base", status=Entry.Status.BASELINE)
    make_scored(phase, 0.8, name="High")
    assert names(refresh(phase=phase)) == [("High", 1), ("Base", None), ("Low", 2)]


@pytest.mark.parametrize("state", [Run.State.FAILED, Run.State.ERRORED, Run.State.CANCELLED, Run.State.SCORING])
def test_a_run_that_is_not_done_does_not_stand_there(phase: Phase, make_scored: Make, state: str) -> None:
    make_scored(phase, 0.9, state=state)
    assert refresh(phase=phase).rows == []


@pytest.mark.parametrize("status", [Entry.Status.WITHDRAWN, Entry.Status.DISQUALIFIED, Entry.Status.NOT_ELIGIBLE])
def test_an_entry_that_was_taken_out_does_not_stand_there(phase: Phase, make_scored: Make, status: str) -> None:
    make_scored(phase, 0.9, status=status)
    assert refresh(phase=phase).rows == []


def test_a_partial_result_is_never_ranked(phase: Phase, make_scored: Make) -> None:
    make_scored(phase, 0.99, name="Partial", answered=99)
    make_scored(phase, 0.5, name="Whole")
    snapshot = refresh(phase=phase)
    assert names(snapshot) == [("Whole", 1)]
    (partial,) = snapshot.rows_in("unfinished")
    assert (partial["name"], partial["rank"], partial["why_unranked"]) == ("Partial", None, "a score is missing")


def test_the_same_scores_give_the_same_leaderboard_and_no_new_row(phase: Phase, make_scored: Make) -> None:
    make_scored(phase, 0.5)
    first = refresh(phase=phase)
    assert refresh(phase=phase).pk == first.pk
    make_scored(phase, 0.6)
    assert refresh(phase=phase).digest != first.digest
    assert Snapshot.objects.filter(phase=phase, current=True).count() == 1


def test_a_frozen_leaderboard_is_kept_when_a_new_one_comes(phase: Phase, make_scored: Make) -> None:
    make_scored(phase, 0.5)
    frozen = refresh(phase=phase)
    Snapshot.objects.filter(pk=frozen.pk).update(frozen=True)
    make_scored(phase, 0.6)
    assert refresh(phase=phase).pk != frozen.pk
    assert Snapshot.objects.get(pk=frozen.pk).rows == frozen.rows


def test_the_rule_is_said_in_words(phase: Phase, make_suite_version: Make) -> None:
    assert "the score on" in refresh(phase=phase).rule
    make_suite_version(phase, key="more-pairs")
    phase.track.aggregate = {"weights": {"pairs": 3}}
    phase.track.save()
    assert "weighted mean of 2 suites" in refresh(phase=phase).rule


def test_refreshing_costs_the_same_queries_for_one_entry_and_for_ten(
    phase: Phase, make_scored: Make, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for _ in range(10):
        make_scored(phase, 0.5)
    with django_assert_max_num_queries(30):
        refresh(phase=phase)


def test_a_score_on_a_version_that_the_phase_no_longer_asks_is_not_ranked_beside_the_new_one(
    phase: Phase, make_scored: Make, make_suite_version: Make
) -> None:
    make_scored(phase, 0.9, name="Old")
    phase.phase_suites.all().delete()
    make_suite_version(phase, key="pairs", version="2", pairs=10)
    make_scored(phase, 0.5, name="New")
    assert names(refresh(phase=phase)) == [("New", 1), ("Old", None)]


def test_a_score_on_another_selection_is_not_ranked_beside_todays(phase: Phase, make_scored: Make) -> None:
    make_scored(phase, 0.9, name="All")
    phase.phase_suites.update(sample=4)
    make_scored(phase, 0.5, name="Sample")
    assert names(refresh(phase=phase)) == [("Sample", 1), ("All", None)]


def test_two_versions_of_a_suite_in_one_phase_are_two_scores(
    phase: Phase, make_scored: Make, make_suite_version: Make
) -> None:
    make_suite_version(phase, key="pairs", version="2", pairs=10)
    run = make_scored(phase, 0.2)
    Score.objects.filter(evaluation__response_set__suite_version__version="2").update(value=0.8)
    snapshot = refresh(phase=phase)
    assert [column["key"] for column in snapshot.columns] == ["pairs@1", "pairs@2"]
    values = {key: score["value"] for key, score in snapshot.rows[0]["scores"].items()}
    assert values == {"pairs@1": 0.2, "pairs@2": 0.8}
    assert snapshot.rows[0]["aggregate"] == pytest.approx(0.5)
    assert snapshot.rows[0]["entry"] == run.entry_id


def test_suites_of_both_directions_are_ranked_each_by_its_own(
    phase: Phase, make_scored: Make, make_suite_version: Make
) -> None:
    make_suite_version(phase, key="errors", direction="lower")
    good, bad = make_scored(phase, 0.8, name="Good"), make_scored(phase, 0.8, name="Bad")
    for run, errors in ((good, 0.1), (bad, 0.5)):
        errors_of_run = Score.objects.filter(evaluation__response_set__runs=run)
        errors_of_run.filter(evaluation__response_set__suite_version__suite__key="errors").update(value=errors)
    snapshot = refresh(phase=phase)
    assert names(snapshot) == [("Good", 1), ("Bad", 2)]
    assert [row["aggregate"] for row in snapshot.rows] == pytest.approx([0.85, 0.65])
    assert "Lower is better in The suite errors: mirrored in its range for the mean." in snapshot.rule


def test_where_every_suite_is_better_low_the_lowest_mean_is_first(
    make_phase: Make, make_scored: Make, make_suite_version: Make
) -> None:
    errors = make_phase()
    make_suite_version(errors, key="errors", direction="lower")
    make_scored(errors, 0.2, name="Good")
    make_scored(errors, 0.8, name="Bad")
    snapshot = refresh(phase=errors)
    assert names(snapshot) == [("Good", 1), ("Bad", 2)]
    assert snapshot.rows[0]["aggregate"] == 0.2
    assert "Lower is better." in snapshot.rule


def test_the_entry_handed_in_last_counts_also_when_an_earlier_one_finished_after_it(
    phase: Phase, make_scored: Make, make_registration: Make
) -> None:
    phase.track.counts = "last"
    phase.track.save()
    team = make_registration(challenge=phase.track.challenge)
    runs = [make_scored(phase, value, name=name, registration=team) for name, value in (("Early", 0.9), ("Late", 0.3))]
    now = timezone.now()
    for run, hours in zip(runs, (2, 1), strict=True):
        charge = QuotaCharge.objects.create(registration=team, phase=phase, entry=run.entry)
        QuotaCharge.objects.filter(pk=charge.pk).update(created_at=now - timedelta(hours=hours))
    Run.objects.filter(pk=runs[1].pk).update(finished_at=now - timedelta(minutes=50))
    assert names(refresh(phase=phase)) == [("Late", 1)]
