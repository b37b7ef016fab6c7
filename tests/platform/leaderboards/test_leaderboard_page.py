"""What stands around a leaderboard's table: filters, pages, one's own row, what is beside it, earlier states."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import User
from challenges.models import Phase
from evaluations.models import Run
from leaderboards.presentation_links import Address
from leaderboards.presentation_page import BoardPage, board_page
from leaderboards.services import freeze, refresh
from submissions.models import Entry
from tests.platform.leaderboards.board_making import board, column, row, score

Make = Callable[..., Any]
ADDRESS = "/c/pairs/small/dev/leaderboard"


def shown(one: Any, address: Address | None = None, *, reviewer: bool = False) -> BoardPage:
    found = board_page(one, address or Address(), path="/board", reviewer=reviewer)
    assert found is not None
    return found


def test_one_s_own_row_from_another_page_stands_on_top() -> None:
    own = row(110, 110, 0.4, section="table")
    page = shown(board([row(1, 1), row(2, 2)], own=[own], total=130, pages=2))
    assert "Method 110" in page.own_rows
    assert "Your team" in page.own_rows
    assert "Method 110" not in page.rows


def test_one_s_own_row_on_this_page_is_marked_and_not_repeated() -> None:
    own = row(2, 2, section="table")
    page = shown(board([row(1, 1), own], own=[own]))
    assert page.own_rows == ""
    assert page.rows.count("Your team") == 1


def test_among_rows_that_were_asked_for_there_is_no_other_on_top() -> None:
    own = row(110, 110, 0.4, section="table")
    assert shown(board([row(1, 1)], own=[own]), Address(q="method 1")).own_rows == ""


def test_pages_lead_to_those_before_and_after() -> None:
    rows = [row(number, number) for number in range(101, 104)]
    page = shown(board(rows, page=2, pages=3, total=230), Address(page=2, q="x"))
    assert (page.pager.before, page.pager.after) == ("?q=x", "?q=x&page=3")
    assert (page.pager.first, page.pager.last, page.pager.total) == (101, 200, 230)
    one = shown(board(rows, total=3))
    assert (one.pager.before, one.pager.after, one.pager.last) == ("", "", 3)


def test_a_page_past_the_end_leads_back_to_the_last() -> None:
    assert shown(board([], page=9, pages=2, total=130), Address(page=9)).pager.before == "?page=2"


def test_statuses_are_links_with_their_counts_where_there_are_several() -> None:
    page = shown(board([row()], counts={"official": 3, "late": 1}), Address(status="late"))
    assert [(view.title, view.query, view.current, view.count) for view in page.statuses] == [
        ("All", "?", False, None), ("Official", "?status=official", False, 3), ("Late", "?status=late", True, 1),
    ]  # fmt: skip
    assert shown(board([row()], counts={"official": 3})).statuses == []


def test_what_is_beside_the_table_has_its_reason_and_no_rank() -> None:
    beside = row(9, None, 0.9, section="beside", status="disqualified", reason="It saw the <test> items.")
    page = shown(board([row(1, 1, section="table"), beside]))
    assert "Method 9" not in page.rows
    assert "It saw the &lt;test&gt; items." in page.beside
    assert 'class="num rank"' not in page.beside


def test_runs_without_a_whole_score_say_why_as_far_as_it_is_told() -> None:
    failed = row(7, None, None, section="unfinished", end="failed", code="E-RUN-OOM", stage="running", scores={})
    silent = row(8, None, None, section="unfinished", end="failed", code="", stage="", scores={})
    partial = row(9, None, None, section="unfinished", end="partial")
    page = shown(board([failed, silent, partial]))
    assert [(run.why, run.code) for run in page.unfinished] == [
        ("failed while running", "E-RUN-OOM"), ("failed", ""), ("some items were left without an answer", ""),
    ]  # fmt: skip
    assert "Method 7" not in page.rows


def test_what_the_page_has_no_room_for_is_counted_and_linked() -> None:
    page = shown(board([row()], sections={"table": 500, "beside": 120, "unfinished": 4}))
    assert page.further.beside is not None
    assert (page.further.beside.query, page.further.beside.count, page.further.unfinished) == (
        "?section=beside",
        120,
        4,
    )
    assert shown(board([row()])).further == (None, 0)


def test_a_made_up_name_leads_nowhere_and_can_not_be_compared() -> None:
    rows = [row(number, number, blind=True) for number in (1, 2, 3)]
    page = shown(board(rows, blind=True), reviewer=True)
    assert "href" not in page.rows
    assert page.pair is None


def test_entries_of_an_earlier_board_are_looked_at_as_they_were_then() -> None:
    page = shown(board([row(7)]), Address(as_of="2026-03-01", q="m"))
    assert 'href="/board/7?as_of=2026-03-01"' in page.rows
    assert 'href="/board/7"' in shown(board([row(7)])).rows


def test_other_aggregates_are_printed_on_their_own_scale() -> None:
    what_if = [
        {"method": "mean-win-rate", "title": "Mean win rate", "order": [{"rank": 1, "value": 0.5, "name": "<i>Heron"}]},
        {"method": "geometric-mean", "title": "Geometric", "order": [{"rank": 1, "value": 0.5, "name": "Heron"}]},
    ]
    scores = {"pairs": score(0.5), "world": score(0.5)}
    page = shown(board([row(scores=scores)], [column("pairs"), column("world")], what_if=what_if))
    assert ">0.50<" in page.what_if[0].rows
    assert "&lt;i&gt;Heron" in page.what_if[0].rows
    assert ">50.00<" in page.what_if[1].rows


def test_earlier_states_are_links_to_their_moment() -> None:
    at = datetime(2026, 3, 1, 12, tzinfo=UTC)
    (moment,) = shown(board([row()], history=[(at, "0" * 64)]), Address(page=3, part="")).history
    assert moment.link == "?as_of=2026-03-01T12%3A00%3A00%2B00%3A00"


@pytest.fixture
def people(make_user: Make) -> dict[str, User]:
    return {name: make_user(f"{name}@example.org") for name in ("organizer", "reviewer", "stranger")}


@pytest.fixture
def phase(make_challenge: Make, make_track: Make, make_phase: Make, make_suite_version: Make, people: Any) -> Phase:
    challenge = make_challenge("pairs", organizers=(people["organizer"],), reviewers=(people["reviewer"],))
    made: Phase = make_phase(make_track(challenge, "small"), "dev")
    make_suite_version(made, key="pairs", items="public", gold="public")
    return made


def text_of(client: Client, query: str = "") -> str:
    response = client.get(f"{ADDRESS}{query}")
    assert response.status_code == 200
    return str(response.content.decode())


@pytest.mark.django_db
def test_an_earlier_board_says_so_and_leads_back(phase: Phase, make_scored: Make, client: Client) -> None:
    make_scored(phase, 0.5, name="Heron")
    before = refresh(phase=phase)
    make_scored(phase, 0.6, name="Curlew")
    refresh(phase=phase)
    now = text_of(client)
    assert "Curlew" in now
    assert "Earlier states of this leaderboard" in now
    text = text_of(client, f"?as_of={before.created_at.isoformat().replace('+', '%2B')}")
    assert "earlier state" in text
    assert "See it as it is now" in text
    assert "Heron" in text
    assert "Curlew" not in text


@pytest.mark.django_db
def test_before_there_was_a_board_there_is_nothing_to_show(phase: Phase, make_scored: Make, client: Client) -> None:
    make_scored(phase, 0.5, name="Heron")
    refresh(phase=phase)
    text = text_of(client, "?as_of=2020-01-01")
    assert "had nothing to show then" in text
    assert "Heron" not in text


@pytest.mark.django_db
@pytest.mark.parametrize("query", ["?as_of=yesterday", "?part=nothing", "?tag=nothing", "?suite=nothing"])
def test_what_is_not_there_is_not_found(phase: Phase, make_scored: Make, client: Client, query: str) -> None:
    make_scored(phase, 0.5)
    refresh(phase=phase)
    assert client.get(f"{ADDRESS}{query}").status_code == 404


@pytest.mark.django_db
def test_rows_are_found_by_name_and_by_status(phase: Phase, make_scored: Make, client: Client) -> None:
    make_scored(phase, 0.5, name="Heron")
    make_scored(phase, 0.6, name="Curlew", status=Entry.Status.LATE)
    refresh(phase=phase)
    assert "Heron" not in text_of(client, "?q=CURLEW")
    assert "Heron" not in text_of(client, "?status=late")
    assert "Curlew" in text_of(client, "?status=late")
    assert "No entry matches" in text_of(client, "?q=nobody")
    assert "nothing on this page" in text_of(client, "?page=7")


@pytest.mark.django_db
def test_failed_runs_are_shown_to_reviewers_and_counted_for_others(
    phase: Phase, make_scored: Make, client_of: Make, people: dict[str, User]
) -> None:
    run = make_scored(phase, 0.5, name="Knot", state=Run.State.FAILED)
    Run.objects.filter(pk=run.pk).update(code="E-RUN-OOM", stage="running")
    make_scored(phase, 0.6, name="Heron")
    refresh(phase=phase)
    told = text_of(client_of(people["reviewer"]))
    assert all(part in told for part in ("Knot", "E-RUN-OOM", "failed while running"))
    other = text_of(client_of(people["stranger"]))
    assert "Knot" not in other
    assert "1 run failed or left items without an answer; each team sees its own" in other


@pytest.mark.django_db
def test_a_frozen_board_says_from_when_it_is(phase: Phase, make_scored: Make, client: Client) -> None:
    make_scored(phase, 0.5, name="Heron")
    refresh(phase=phase)
    freeze(phase=phase)
    make_scored(phase, 0.6, name="Curlew")
    refresh(phase=phase)
    text = text_of(client)
    assert "This leaderboard is frozen" in text
    assert "Curlew" not in text


@pytest.mark.django_db
def test_who_knows_an_entry_from_elsewhere_learns_nothing_of_it_on_a_blind_board(
    phase: Phase, make_scored: Make, client_of: Make, people: dict[str, User]
) -> None:
    run = make_scored(phase, 0.5, name="Heron")
    refresh(phase=phase)
    Phase.objects.filter(pk=phase.pk).update(blind=True)
    for name, status in (("stranger", 404), ("reviewer", 404), ("organizer", 200)):
        client = client_of(people[name])
        assert client.get(f"{ADDRESS}/{run.entry_id}").status_code == status
        assert ("made up until the results are revealed" in text_of(client)) is (name != "organizer")
        assert ("Heron" in text_of(client)) is (name == "organizer")
    Phase.objects.filter(pk=phase.pk).update(closes=timezone.now() - timedelta(seconds=1))
    assert client_of(None).get(f"{ADDRESS}/{run.entry_id}").status_code == 200
