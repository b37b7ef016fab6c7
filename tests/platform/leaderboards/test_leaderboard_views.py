"""Who sees which leaderboard, and what reviewers take home."""

import csv
import io
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pandas as pd
import pytest
from django.contrib.auth.models import AnonymousUser
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from challenges.models import Phase
from leaderboards.presentation import table
from leaderboards.selectors import board
from leaderboards.services import refresh

pytestmark = pytest.mark.django_db
Make = Callable[..., Any]


@pytest.fixture
def people(make_user: Make) -> dict[str, User]:
    return {name: make_user(f"{name}@example.org") for name in ("organizer", "reviewer", "stranger")}


@pytest.fixture
def phase(make_challenge: Make, make_track: Make, make_phase: Make, make_suite_version: Make, people: Any) -> Phase:
    challenge = make_challenge("pairs", organizers=(people["organizer"],), reviewers=(people["reviewer"],))
    made: Phase = make_phase(make_track(challenge, "small"), "dev")
    make_suite_version(made, key="pairs", items="public", gold="public")
    return made


def address(phase: Phase) -> str:
    return f"/c/pairs/small/{phase.key}/leaderboard"


def page(client: Client, phase: Phase) -> str:
    response = client.get(address(phase))
    assert response.status_code == 200
    return str(response.content.decode())


def test_a_public_phase_shows_scores_as_percent_with_counts_and_the_rule(
    phase: Phase, make_scored: Make, client: Client
) -> None:
    make_scored(phase, 0.65349, name="Heron")
    refresh(phase=phase)
    text = page(client, phase)
    assert all(part in text for part in ("Heron", "65.35", "100 of 100", "Ranked by"))


@pytest.mark.parametrize("visibility", [Phase.Visibility.AFTER_CLOSE, Phase.Visibility.HIDDEN])
def test_hidden_scores_are_for_organizers_and_reviewers_alone(
    phase: Phase, make_scored: Make, client_of: Make, people: dict[str, User], visibility: str
) -> None:
    make_scored(phase, 0.65349, name="Heron")
    refresh(phase=phase)
    Phase.objects.filter(pk=phase.pk).update(visibility=visibility)
    for name, sees in (("organizer", True), ("reviewer", True), ("stranger", False)):
        assert ("65.35" in page(client_of(people[name]), phase)) is sees
    assert "65.35" not in page(client_of(None), phase)
    assert "Heron" not in page(client_of(None), phase)


def test_scores_are_published_when_the_phase_has_closed(phase: Phase, make_scored: Make, client: Client) -> None:
    make_scored(phase, 0.65349)
    refresh(phase=phase)
    now = timezone.now()
    Phase.objects.filter(pk=phase.pk).update(visibility=Phase.Visibility.AFTER_CLOSE, closes=now - timedelta(seconds=1))
    assert "65.35" in page(client, phase)


def test_an_empty_leaderboard_says_what_comes(phase: Phase, client: Client) -> None:
    assert "No entry has been scored yet" in page(client, phase)


def test_a_leaderboard_of_an_unpublished_challenge_is_not_there(phase: Phase, client: Client) -> None:
    challenge = phase.track.challenge
    challenge.published = False
    challenge.save()
    assert client.get(address(phase)).status_code == 404


def test_a_page_of_many_entries_costs_as_few_queries_as_one_of_none(
    phase: Phase, make_scored: Make, client: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for _ in range(5):
        make_scored(phase, 0.5)
    refresh(phase=phase)
    with django_assert_max_num_queries(6):
        page(client, phase)


def test_markup_in_a_name_stays_text(phase: Phase, make_scored: Make, client: Client) -> None:
    make_scored(phase, 0.5, name="<script>alert(1)</script>")
    refresh(phase=phase)
    assert "<script>alert(1)" not in page(client, phase)


def export(client: Client) -> Any:
    response = client.get("/c/pairs/results.csv")
    assert response.status_code == 200
    return pd.read_csv(io.BytesIO(b"".join(response.streaming_content)), keep_default_na=False)  # type: ignore[arg-type]


def test_reviewers_get_every_score_with_counts_and_digests(
    phase: Phase, make_scored: Make, client_of: Make, people: dict[str, User]
) -> None:
    make_scored(phase, 0.65349, name="Heron")
    table = export(client_of(people["reviewer"]))
    assert list(table["group"]) == ["", "group-0"]
    row = table.iloc[0]
    assert (row["submission"], row["track"], row["phase"], row["suite"]) == ("Heron", "small", "dev", "pairs")
    assert (row["metric"], float(row["value"]), row["n"], row["coverage"]) == ("accuracy", 0.65349, 100, 1.0)
    assert row["suite_digest"] == phase.phase_suites.get().suite_version.digest


def test_a_method_s_name_can_not_run_in_a_spreadsheet(
    phase: Phase, make_scored: Make, client_of: Make, people: dict[str, User]
) -> None:
    make_scored(phase, 0.5, name="=HYPERLINK(1)")
    response = client_of(people["organizer"]).get("/c/pairs/results.csv")
    rows = list(csv.DictReader(io.StringIO(b"".join(response.streaming_content).decode())))
    assert rows[0]["submission"] == "'=HYPERLINK(1)"


def test_nobody_else_gets_the_table(phase: Phase, client_of: Make, people: dict[str, User], client: Client) -> None:
    assert client_of(people["stranger"]).get("/c/pairs/results.csv").status_code == 404
    assert client.get("/c/pairs/results.csv").status_code == 302


def test_the_whisker_is_drawn_no_finer_than_the_score_is_printed(phase: Phase, make_scored: Make) -> None:
    phase.track.round_digits = 0
    phase.track.save()
    make_scored(phase, 0.65349)
    refresh(phase=phase)
    (line,) = table(board(AnonymousUser(), phase))
    (cell,) = line.cells
    assert (cell.text, cell.point, cell.low, cell.high) == ("65", 65, 55, 75)


def test_organizers_are_told_that_everybody_else_sees_less(
    make_challenge: Make, make_track: Make, make_phase: Make, make_suite_version: Make, make_scored: Make,
    people: dict[str, User], client_of: Make,
) -> None:  # fmt: skip
    challenge = make_challenge("pairs", organizers=(people["organizer"],))
    hidden = make_phase(make_track(challenge, "small", ladder="standard-error"), "test")
    make_suite_version(hidden, key="pairs")
    make_scored(hidden, 0.65349, name="Heron")
    refresh(phase=hidden)
    text = page(client_of(people["organizer"]), hidden)
    assert all(part in text for part in ("65.35", "only organizers and reviewers see now", "the Ladder"))
    told = page(client_of(people["stranger"]), hidden)
    assert "Heron" in told
    assert "65.3" not in told
    assert "the Ladder" in told
    assert "see now" not in told
