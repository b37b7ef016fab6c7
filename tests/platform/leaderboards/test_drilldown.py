"""An entry's own page and the heat table of a suite's groups: what they show, and to whom."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from challenges.models import Phase
from evaluations.models import Evaluation, ResponseSet, Run, RunResponseSet, Score
from leaderboards.services import refresh

pytestmark = pytest.mark.django_db
Make = Callable[..., Any]
MANIFEST = {
    "schema": "submission/1", "kind": "code", "code": {"entry": "secret_folder/model.py:Model"},
    "method": {"name": "Heron", "description": "Grows from short to long.", "approaches": ["curriculum"]},
    "answers": {"contact": "An answer for the organizers."},
}  # fmt: skip


@pytest.fixture
def people(make_user: Make) -> dict[str, User]:
    return {name: make_user(f"{name}@example.org") for name in ("organizer", "reviewer", "member", "stranger")}


@pytest.fixture
def make_board(
    make_challenge: Make, make_track: Make, make_phase: Make, make_suite_version: Make, people: dict[str, User]
) -> Callable[..., Phase]:
    """`make_board(hidden=False, **phase)`: a phase of the challenge `pairs` with one suite."""

    def make(*, hidden: bool = False, **fields: Any) -> Phase:
        challenge = make_challenge("pairs", organizers=(people["organizer"],), reviewers=(people["reviewer"],))
        phase: Phase = make_phase(make_track(challenge, "small"), "dev", **fields)
        make_suite_version(phase, key="pairs", **({} if hidden else {"items": "public", "gold": "public"}))
        return phase

    return make


@pytest.fixture
def own(make_scored: Make, make_registration: Make, make_team: Make, people: dict[str, User]) -> Callable[..., Run]:
    """`own(phase, value)`: an entry of a team of the member's, with a manifest."""

    def make(phase: Phase, value: float = 0.65349, **fields: Any) -> Run:
        registration = make_registration(make_team(people["member"]), phase.track.challenge)
        run: Run = make_scored(phase, value, registration=registration, name="Heron", **fields)
        run.entry.submission.manifest = MANIFEST
        run.entry.submission.save()
        return run

    return make


def entry_address(run: Run) -> str:
    return f"/c/pairs/small/dev/leaderboard/{run.entry_id}"


def page(client: Client, address: str) -> str:
    response = client.get(address)
    assert response.status_code == 200
    return str(response.content.decode())


def test_an_entry_s_page_has_every_suite_with_its_interval_and_its_groups(
    make_board: Make, own: Make, client: Client
) -> None:
    phase = make_board()
    run = own(phase)
    refresh(phase=phase)
    text = page(client, entry_address(run))
    assert all(part in text for part in ("Heron", "65.35", "55.35–75.35", "group-0", "heat-", "100 of 100"))
    assert f'href="{entry_address(run)}"' in page(client, "/c/pairs/small/dev/leaderboard")


def test_before_the_reveal_only_reviewers_see_groups_and_exact_scores(
    make_board: Make, own: Make, client_of: Make, people: dict[str, User]
) -> None:
    phase = make_board(hidden=True)
    run = own(phase)
    refresh(phase=phase)
    for name, exact in (("reviewer", True), ("organizer", True), ("member", False), ("stranger", False)):
        text = page(client_of(people[name]), entry_address(run))
        assert ("group-0" in text) is exact
        assert ("65.35" in text) is exact
        assert ("once the hidden data is revealed" in text) is not exact
        matrix = client_of(people[name]).get("/c/pairs/small/dev/leaderboard?suite=pairs")
        assert matrix.status_code == (200 if exact else 404)


def test_after_the_reveal_everybody_sees_them(make_board: Make, own: Make, client: Client) -> None:
    phase = make_board(hidden=True)
    run = own(phase)
    refresh(phase=phase)
    Phase.objects.filter(pk=phase.pk).update(closes=timezone.now() - timedelta(seconds=1))
    text = page(client, entry_address(run))
    assert "group-0" in text
    assert "65.35" in text


def test_nobody_else_learns_of_entries_of_a_board_that_is_not_published(
    make_board: Make, own: Make, client: Client, client_of: Make, people: dict[str, User]
) -> None:
    phase = make_board(visibility=Phase.Visibility.HIDDEN)
    run = own(phase)
    refresh(phase=phase)
    assert client.get(entry_address(run)).status_code == 404
    assert client_of(people["member"]).get(entry_address(run)).status_code == 404
    assert client_of(people["reviewer"]).get(entry_address(run)).status_code == 200


@pytest.mark.parametrize("entry", ["0", "999999", "9" * 40])
def test_an_entry_that_does_not_stand_there_has_no_page(make_board: Make, client: Client, entry: str) -> None:
    refresh(phase=make_board())
    assert client.get(f"/c/pairs/small/dev/leaderboard/{entry}").status_code == 404


def test_what_a_team_declares_is_its_own_and_the_reviewers_until_the_phase_has_closed(
    make_board: Make, own: Make, client_of: Make, people: dict[str, User]
) -> None:
    phase = make_board()
    run = own(phase)
    refresh(phase=phase)
    seen = {name: page(client_of(people[name]), entry_address(run)) for name in people}
    for name in ("reviewer", "organizer", "member"):
        assert "Grows from short to long." in seen[name]
        assert "An answer for the organizers." in seen[name]
        assert run.entry.submission.digest in seen[name]
    assert "Grows from short" not in seen["stranger"]
    Phase.objects.filter(pk=phase.pk).update(closes=timezone.now() - timedelta(seconds=1))
    text = page(client_of(people["stranger"]), entry_address(run))
    assert "Grows from short to long." in text
    assert "An answer for the organizers." not in text
    assert "secret_folder" not in text + seen["reviewer"]


def test_only_the_team_and_the_challenge_s_people_are_led_to_the_submission(
    make_board: Make, own: Make, client_of: Make, people: dict[str, User]
) -> None:
    phase = make_board()
    run = own(phase)
    refresh(phase=phase)
    for name, led in (("member", True), ("reviewer", True), ("stranger", False)):
        assert (f"/s/{run.entry.submission_id}" in page(client_of(people[name]), entry_address(run))) is led


def test_a_suite_s_groups_are_a_heat_table_of_entries(
    make_board: Make, own: Make, make_scored: Make, client: Client
) -> None:
    phase = make_board()
    own(phase, 0.9)
    make_scored(phase, 0.6, name="<b>Snipe</b>")
    refresh(phase=phase)
    text = page(client, "/c/pairs/small/dev/leaderboard?suite=pairs")
    assert all(part in text for part in ("heat-6", "heat-0", "90.00", "60.00", "from 60.00 to 90.00"))
    assert "<b>Snipe" not in text
    assert client.get("/c/pairs/small/dev/leaderboard?suite=nothing").status_code == 404


def test_the_heat_table_costs_as_many_queries_for_one_entry_as_for_many(
    make_board: Make, make_scored: Make, client: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    phase = make_board()
    for rows in (1, 4):
        for _ in range(rows):
            make_scored(phase, 0.5)
        refresh(phase=phase)
        with django_assert_max_num_queries(8):
            page(client, "/c/pairs/small/dev/leaderboard?suite=pairs")


def test_checkpoints_are_drawn_as_a_curve(make_board: Make, own: Make, client: Client) -> None:
    phase = make_board()
    run = own(phase)
    asked = phase.phase_suites.get()
    for number, words in enumerate((1_000_000, 100_000_000)):
        answers = ResponseSet.objects.create(
            key=f"checkpoint {number}", submission=run.entry.submission, suite_version=asked.suite_version,
            selection=asked.selection, draw_key=b"k", complete=True, asked=100, answered=100,
            checkpoint=f"chck_{words // 1_000_000}M", steps=[[f"chck_{words // 1_000_000}M", words]],
        )  # fmt: skip
        RunResponseSet.objects.create(run=run, response_set=answers, position=number + 1)
        evaluation = Evaluation.objects.create(response_set=answers, evaluator="0.1.0", suite_digest="0" * 64)
        value = 0.5 + number / 10
        Score.objects.create(
            evaluation=evaluation, metric="accuracy", value=value, low=value - 0.1, high=value + 0.1, n=100
        )
    refresh(phase=phase)
    text = page(client, entry_address(run))
    assert all(part in text for part in ("<polyline", "chck_1M", "chck_100M", "100,000,000", "40.00 to 70.00"))
