"""What a board shows to whom: pages, filters, earlier states, made-up names, and what did not finish."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import User
from challenges.models import Phase
from evaluations.models import Run, Score
from leaderboards.models import Snapshot, Standing
from leaderboards.selectors import Board, board
from leaderboards.services import freeze, refresh, unfreeze
from leaderboards.snapshots import prune
from submissions.models import Entry, Registration

pytestmark = pytest.mark.django_db
Make = Callable[..., Any]
NOBODY = AnonymousUser()


@pytest.fixture
def organizer(make_user: Make) -> User:
    made: User = make_user()
    return made


@pytest.fixture
def reviewer(make_user: Make) -> User:
    made: User = make_user()
    return made


@pytest.fixture
def phase(
    make_challenge: Make, make_track: Make, make_phase: Make, make_suite_version: Make, organizer: User, reviewer: User
) -> Phase:
    """A phase of public data whose scores are shown at once."""
    challenge = make_challenge(organizers=(organizer,), reviewers=(reviewer,))
    made: Phase = make_phase(make_track(challenge))
    make_suite_version(made, key="pairs", items="public", gold="public")
    return made


@pytest.fixture
def hidden(phase: Phase, make_phase: Make, make_suite_version: Make) -> Phase:
    """A phase of hidden data in the same challenge."""
    made: Phase = make_phase(phase.track)
    make_suite_version(made, key="secret")
    return made


@pytest.fixture
def team(phase: Phase, make_registration: Make) -> Registration:
    made: Registration = make_registration(challenge=phase.track.challenge)
    return made


def seen(phase: Phase, user: Any = NOBODY, **asked: Any) -> Board:
    return board(user, Phase.objects.select_related("track__challenge").get(pk=phase.pk), **asked)


def names(shown: Board, section: str = "table") -> list[str]:
    return [row["name"] for row in shown.rows if row["section"] == section]


def owner_of(registration: Registration) -> User:
    found: User = registration.created_by
    return found


def many(phase: Phase, make_scored: Make, count: int) -> None:
    for number in range(count):
        make_scored(phase, 0.9 - number / 1000, name=f"Method {number:03}")


def test_a_page_has_a_hundred_rows_and_says_how_many_there_are(phase: Phase, make_scored: Make) -> None:
    many(phase, make_scored, 103)
    refresh(phase=phase)
    first, second = seen(phase), seen(phase, page=2)
    assert (len(first.rows), first.total, first.pages) == (100, 103, 2)
    assert [(row["name"], row["rank"]) for row in second.rows] == [
        ("Method 100", 101), ("Method 101", 102), ("Method 102", 103),
    ]  # fmt: skip
    assert seen(phase, page=3).rows == []
    assert len(seen(phase, page=None).rows) == 103


@pytest.mark.parametrize("count", [1, 300])
def test_a_page_takes_six_queries_at_most_however_many_rows_there_are(
    phase: Phase, make_scored: Make, team: Registration, organizer: User, count: int
) -> None:
    make_scored(phase, 0.1, registration=team)
    many(phase, make_scored, count)
    refresh(phase=phase)
    there = Phase.objects.select_related("track__challenge").get(pk=phase.pk)
    for user, most in ((NOBODY, 3), (owner_of(team), 5), (organizer, 5)):
        with CaptureQueriesContext(connection) as captured:
            board(user, there)
        assert len(captured) <= most


def test_refreshing_after_one_run_costs_the_same_queries_for_one_entry_and_for_many(
    phase: Phase, make_scored: Make
) -> None:
    costs = []
    for count in (1, 250):
        many(phase, make_scored, count)
        refresh(phase=phase)
        run = make_scored(phase, 0.95)
        with CaptureQueriesContext(connection) as captured:
            refresh(phase=phase, runs=[run.pk])
        costs.append(len([one for one in captured.captured_queries if "SAVEPOINT" not in one["sql"]]))
    assert costs[0] == costs[1] <= 26


def test_rows_are_found_by_name_status_and_entry_wherever_they_stand(phase: Phase, make_scored: Make) -> None:
    many(phase, make_scored, 101)
    make_scored(phase, 0.05, name="Heron", status=Entry.Status.LATE)
    base = make_scored(phase, 0.01, name="Base", status=Entry.Status.SKYLINE)
    refresh(phase=phase)
    assert names(seen(phase, query="heRon")) == ["Heron"]
    assert names(seen(phase, status="late")) == ["Heron"]
    assert names(seen(phase, status="baseline")) == ["Base"]
    assert names(seen(phase, entries=[base.entry_id])) == ["Base"]
    assert seen(phase, status="late").total == 1
    assert seen(phase).counts == {"official": 101, "late": 1, "baseline": 1}


def test_a_team_finds_its_own_row_whichever_page_is_open(phase: Phase, make_scored: Make, team: Registration) -> None:
    make_scored(phase, 0.01, name="Mine", registration=team)
    many(phase, make_scored, 101)
    refresh(phase=phase)
    assert [row["name"] for row in seen(phase, owner_of(team)).own] == ["Mine"]
    assert "Mine" not in names(seen(phase, owner_of(team)))
    assert seen(phase).own == []


def test_what_organizers_took_out_stands_beside_the_table_with_the_reason(phase: Phase, make_scored: Make) -> None:
    make_scored(phase, 0.5, name="In")
    for status, name in ((Entry.Status.NOT_ELIGIBLE, "Out"), (Entry.Status.DISQUALIFIED, "Banned"),
                         (Entry.Status.WITHDRAWN, "Gone")):  # fmt: skip
        run = make_scored(phase, 0.9, name=name, status=status)
        Entry.objects.filter(pk=run.entry_id).update(reason=f"why {name}")
    refresh(phase=phase)
    shown = seen(phase)
    assert names(shown) == ["In"]
    beside = [row for row in shown.rows if row["section"] == "beside"]
    assert [(row["name"], row["rank"], row["reason"]) for row in beside] == [
        ("Out", None, "why Out"), ("Banned", None, "why Banned"),
    ]  # fmt: skip
    assert names(seen(phase, section="beside"), "beside") == ["Out", "Banned"]
    assert names(seen(phase, status="excluded"), "beside") == ["Banned"]
    assert shown.sections == {"table": 1, "beside": 2}


def test_others_are_told_how_many_runs_failed_and_its_team_and_reviewers_why(
    phase: Phase, make_scored: Make, team: Registration, reviewer: User
) -> None:
    make_scored(phase, 0.5, name="In")
    run = make_scored(phase, 0.5, name="Broken", state=Run.State.FAILED, registration=team)
    Run.objects.filter(pk=run.pk).update(code="E-OUT-MISSING", stage="answering")
    make_scored(phase, 0.5, name="Half", answered=50, registration=team)
    refresh(phase=phase)
    assert (names(seen(phase), "unfinished"), seen(phase).sections["unfinished"]) == ([], 2)
    for user in (owner_of(team), reviewer):
        broken, half = (row for row in seen(phase, user).rows if row["section"] == "unfinished")
        assert (broken["name"], broken["code"], broken["stage"]) == ("Broken", "E-OUT-MISSING", "answering")
        assert (half["name"], half["end"], half["rank"]) == ("Half", "partial", None)


def test_of_hidden_data_a_team_is_not_told_why_its_run_failed(
    hidden: Phase, make_scored: Make, team: Registration, reviewer: User
) -> None:
    run = make_scored(hidden, 0.5, name="Broken", state=Run.State.FAILED, registration=team)
    Run.objects.filter(pk=run.pk).update(code="E-OUT-MISSING", stage="answering")
    make_scored(hidden, 0.7531, name="Half", answered=50, registration=team)
    refresh(phase=hidden)
    broken, half = seen(hidden, owner_of(team)).rows
    assert (broken["code"], broken["stage"], half["scores"], "parts" in half) == ("", "", {}, False)
    assert seen(hidden, reviewer).rows[0]["code"] == "E-OUT-MISSING"


def test_a_frozen_board_is_shown_until_it_is_unfrozen(phase: Phase, make_scored: Make, organizer: User) -> None:
    make_scored(phase, 0.5, name="First")
    refresh(phase=phase)
    freeze(phase=phase, user=organizer)
    make_scored(phase, 0.9, name="Second")
    refresh(phase=phase)
    assert (names(seen(phase)), seen(phase).frozen) == (["First"], True)
    assert names(seen(phase, as_of=timezone.now())) == ["First"]
    unfreeze(phase=phase)
    assert (names(seen(phase)), seen(phase).frozen) == (["Second", "First"], False)


def test_an_earlier_board_is_shown_by_its_time(phase: Phase, make_scored: Make, reviewer: User) -> None:
    run = make_scored(phase, 0.5, name="First")
    first = refresh(phase=phase)
    make_scored(phase, 0.9, name="Second")
    refresh(phase=phase)
    assert names(seen(phase, as_of=first.created_at)) == ["First"]
    assert names(seen(phase, as_of=timezone.now())) == ["Second", "First"]
    assert seen(phase, as_of=first.created_at - timedelta(seconds=1)).snapshot is None
    assert [at for at, _ in seen(phase).history] == [first.created_at]
    Entry.objects.filter(pk=run.entry_id).update(status=Entry.Status.WITHDRAWN)
    assert names(seen(phase, as_of=first.created_at)) == []
    assert names(seen(phase, reviewer, as_of=first.created_at)) == ["First"]


def test_an_earlier_board_of_hidden_data_tells_no_more_than_may_be_told_now(hidden: Phase, make_scored: Make) -> None:
    make_scored(hidden, 0.61234)
    first = refresh(phase=hidden)
    assert seen(hidden, as_of=first.created_at).rows[0]["aggregate"] == 0.61
    Phase.objects.filter(pk=hidden.pk).update(closes=timezone.now() - timedelta(minutes=1))
    assert seen(hidden, as_of=first.created_at).rows[0]["aggregate"] == 0.61234


def test_nothing_that_is_computed_from_exact_scores_of_hidden_data_is_told(
    hidden: Phase, make_scored: Make, reviewer: User
) -> None:
    for number in range(3):
        items = [1.0] * (60 + number) + [0.0] * (40 - number)
        make_scored(hidden, 0.6 + number / 100, items=items)
    refresh(phase=hidden)
    exact = {"low", "high", "rank_low", "rank_high", "p_best", "p_top3", "cluster", "tied"}
    assert exact <= seen(hidden, reviewer).rows[0].keys()
    for row in seen(hidden).rows:
        assert not exact & row.keys()
    assert "re-draws" not in seen(hidden).rule
    assert "re-draws" in seen(hidden, reviewer).rule


def test_ranks_say_how_sure_they_are(phase: Phase, make_scored: Make) -> None:
    for name, right in (("Best", 90), ("Near", 88), ("Far", 50)):
        make_scored(phase, right / 100, name=name, items=[1.0] * right + [0.0] * (100 - right))
    refresh(phase=phase)
    best, near, far = seen(phase).rows
    assert (best["rank_low"], best["rank_high"], near["rank_high"]) == (1, 2, 2)
    assert (far["rank_low"], far["rank_high"], far["cluster"], far["tied"]) == (3, 3, 2, False)
    assert best["p_best"] > 0.8 > near["p_best"]
    assert best["low"] < best["aggregate"] < best["high"]


def test_entries_of_a_cluster_share_a_rank_where_the_track_says_so(phase: Phase, make_scored: Make) -> None:
    phase.track.ties = "clusters"
    phase.track.save()
    wrong = [1.0] * 45 + [0.0] * 10 + [1.0] * 45
    for name, value, items in (
        ("Best", 0.9, wrong), ("Near", 0.89, [0.0] * 11 + [1.0] * 89), ("Far", 0.5, [1.0, 0.0] * 50),
    ):  # fmt: skip
        make_scored(phase, value, name=name, items=items)
    refresh(phase=phase)
    assert [(row["name"], row["rank"]) for row in seen(phase).rows] == [("Best", 1), ("Near", 1), ("Far", 3)]
    assert "can't part" in seen(phase).rule


def test_other_methods_order_is_told_for_the_first_rows(
    phase: Phase, make_suite_version: Make, make_scored: Make
) -> None:
    make_suite_version(phase, key="more", items="public", gold="public")
    even, uneven = make_scored(phase, 0.45, name="Even"), make_scored(phase, 0.1, name="Uneven")
    Score.objects.filter(
        evaluation__response_set__runs=uneven, evaluation__response_set__suite_version__suite__key="more"
    ).update(value=0.9)
    refresh(phase=phase)
    assert names(seen(phase)) == ["Uneven", "Even"]
    other = {one["method"]: [row["name"] for row in one["order"]] for one in seen(phase).what_if}
    assert other["geometric-mean"] == ["Even", "Uneven"]
    assert "macro" not in other
    assert even.entry_id == seen(phase).what_if[0]["order"][0]["entry"]


def test_a_blind_board_has_made_up_names_until_the_reveal(
    phase: Phase, make_scored: Make, team: Registration, organizer: User, reviewer: User
) -> None:
    Phase.objects.filter(pk=phase.pk).update(blind=True)
    make_scored(phase, 0.5, name="Heron", registration=team)
    make_scored(phase, 0.4, name="Base", status=Entry.Status.BASELINE)
    refresh(phase=phase)
    for user in (NOBODY, reviewer):
        shown = seen(phase, user)
        assert shown.blind
        assert names(shown)[0].startswith("Method ")
        assert names(shown)[1] == "Base"
        assert shown.rows[0]["team"].startswith("Team ")
        assert team.team.name not in str(shown.rows) + str(shown.what_if)
        assert seen(phase, user, query="Heron").rows == []
        assert names(seen(phase, user, query=names(shown)[0])) == names(shown)[:1]
    assert names(seen(phase, organizer))[0] == names(seen(phase, owner_of(team)))[0] == "Heron"
    assert names(seen(phase)) == names(seen(phase, reviewer))
    Phase.objects.filter(pk=phase.pk).update(closes=timezone.now() - timedelta(minutes=1))
    assert names(seen(phase))[0] == "Heron"


def test_scores_become_public_and_exact_at_the_reveal_not_when_the_phase_closes(
    hidden: Phase, make_scored: Make
) -> None:
    make_scored(hidden, 0.61234)
    refresh(phase=hidden)
    now = timezone.now()
    closed = {"closes": now - timedelta(hours=2), "reveal_at": now + timedelta(hours=1)}
    Phase.objects.filter(pk=hidden.pk).update(**closed, visibility="after_close")
    assert not seen(hidden).visible
    Phase.objects.filter(pk=hidden.pk).update(visibility="public")
    assert seen(hidden).rows[0]["aggregate"] == 0.61
    Phase.objects.filter(pk=hidden.pk).update(reveal_at=now - timedelta(hours=1), visibility="after_close")
    assert seen(hidden).rows[0]["aggregate"] == 0.61234


def test_with_a_ladder_what_stands_beside_tells_no_score(hidden: Phase, make_scored: Make) -> None:
    hidden.track.ladder = "5"
    hidden.track.save()
    make_scored(hidden, 0.61234, name="Out", status=Entry.Status.NOT_ELIGIBLE)
    refresh(phase=hidden)
    (row,) = seen(hidden).rows
    assert (row["section"], row["aggregate"], row["scores"], "parts" in row) == ("beside", None, {}, False)


def test_a_rebuilt_board_has_the_same_digests(
    phase: Phase, hidden: Phase, make_scored: Make, make_suite_version: Make
) -> None:
    make_suite_version(hidden, key="second")
    for number, name in enumerate(("Heron", "Kite", "Owl", "Finch")):
        for one in (phase, hidden):
            run = make_scored(one, 0.5 + number / 10, name=name, items=[1.0] * (50 + number) + [0.0] * (50 - number))
            refresh(phase=one, runs=[run.pk])
    before = {one.phase_id: (one.digest, one.told_digest) for one in Snapshot.objects.filter(current=True)}
    rows = {one.pk: seen(one).rows for one in (phase, hidden)}
    call_command("leaderboards", "rebuild", phase.track.challenge.key)
    after = {one.phase_id: (one.digest, one.told_digest) for one in Snapshot.objects.filter(current=True)}
    assert before == after
    assert rows == {one.pk: seen(one).rows for one in (phase, hidden)}


def test_of_a_partial_run_on_hidden_data_its_team_is_told_no_number(
    hidden: Phase, make_scored: Make, team: Registration
) -> None:
    hidden.track.missing = "worst"
    hidden.track.save()
    make_scored(hidden, 0.7531, name="Half", answered=50, registration=team, items=[1.0] * 60 + [0.0] * 40)
    refresh(phase=hidden)
    (row,) = seen(hidden, owner_of(team)).rows
    assert not [value for value in row.values() if isinstance(value, float)]
    assert not {"low", "high", "finished_at", "parts"} & row.keys()


def test_earlier_boards_are_kept_for_a_month_and_then_one_a_day(phase: Phase, make_scored: Make) -> None:
    now = timezone.now()
    for hours in (1, 2, 24 * 40, 24 * 40 + 1, 24 * 41):
        made = Snapshot.objects.create(phase=phase, current=False, rule=f"{hours}")
        Snapshot.objects.filter(pk=made.pk).update(created_at=now.replace(hour=12) - timedelta(hours=hours))
    frozen = Snapshot.objects.create(phase=phase, current=False, frozen=True, rule="frozen")
    Snapshot.objects.filter(pk=frozen.pk).update(created_at=now.replace(hour=12) - timedelta(hours=24 * 40 + 2))
    assert prune(phase, now=now) == 1
    kept = Snapshot.objects.filter(phase=phase).order_by("-created_at").values_list("rule", flat=True)
    assert list(kept) == ["1", "2", "960", "frozen", "984"]


def test_standings_that_no_board_can_hold_any_more_go_with_them(phase: Phase, make_scored: Make) -> None:
    make_scored(phase, 0.5)
    first = refresh(phase=phase)
    Score.objects.update(value=0.75)
    refresh(phase=phase)
    assert Standing.objects.count() == 2
    assert first.rows[0]["aggregate"] == 0.5
    first.delete()
    prune(phase)
    assert [standing.aggregate for standing in Standing.objects.all()] == [0.75]


def test_a_relative_aggregate_has_intervals_from_all_entries_draws(phase: Phase, make_scored: Make) -> None:
    phase.track.aggregate = {"method": "mean-win-rate"}
    phase.track.save()
    for name, right in (("Best", 90), ("Near", 88), ("Far", 50)):
        make_scored(phase, right / 100, name=name, items=[1.0] * right + [0.0] * (100 - right))
    refresh(phase=phase)
    best, near, far = seen(phase).rows
    assert [row["aggregate"] for row in (best, near, far)] == [1.0, 0.5, 0.0]
    assert (far["rank_low"], far["high"], near["low"]) == (3, 0.0, 0.5)
    assert "depends on which entries are ranked" in seen(phase).rule


def test_of_public_and_hidden_items_asked_together_the_public_score_alone_is_told_before_the_reveal(
    make_phase: Make, make_suite_version: Make, make_scored: Make, organizer: User, phase: Phase
) -> None:
    both = make_phase(phase.track)
    make_suite_version(both, key="split", splits=("public", "private"), ask=("public", "private"), pairs=8)
    # Items alternate between the splits: all public ones are right, and half of the private ones.
    run = make_scored(both, 0.75, items=[1.0, 1.0, 1.0, 0.0, 1.0, 1.0, 1.0, 0.0], item_ids="pair")
    refresh(phase=both)
    assert seen(both).rows[0]["scores"]["split"]["splits"] == {"public": 1.0}
    assert seen(both, organizer).rows[0]["scores"]["split"]["splits"] == {"private": 0.5, "public": 1.0}
    Phase.objects.filter(pk=both.pk).update(closes=timezone.now() - timedelta(minutes=1))
    assert seen(both).rows[0]["scores"]["split"]["splits"] == {"private": 0.5, "public": 1.0}
    assert run.entry_id == seen(both).rows[0]["entry"]
