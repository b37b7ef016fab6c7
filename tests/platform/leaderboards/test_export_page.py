"""The page on which reviewers choose an export: who gets in, what it shows, and the file that it gives."""

import io
from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from challenges.models import Phase
from leaderboards import blind
from leaderboards.exports.making import write
from leaderboards.exports.query import FORMATS, ExportQuery
from leaderboards.services import refresh
from tests.platform.leaderboards.exported import HOSTILE

pytestmark = pytest.mark.django_db
Make = Callable[..., Any]
PAGE, FILE = "/c/birds/export", "/c/birds/export/file"
WIDE = "challenge=birds&layout=wide&format=csv"


@pytest.fixture
def people(make_user: Make) -> dict[str, User]:
    return {name: make_user(f"{name}@example.org") for name in ("organizer", "reviewer", "teammate", "stranger")}


@pytest.fixture
def phase(
    make_challenge: Make, make_track: Make, make_phase: Make, make_suite_version: Make, make_scored: Make,
    make_registration: Make, make_team: Make, people: dict[str, User],
) -> Phase:  # fmt: skip
    challenge = make_challenge("birds", organizers=(people["organizer"],), reviewers=(people["reviewer"],))
    made: Phase = make_phase(make_track(challenge, "small", title="The small track"), "test", open=False)
    make_suite_version(made, key="pairs")
    registration = make_registration(make_team(people["teammate"]), challenge)
    make_scored(made, 0.65349, name="Heron", registration=registration)
    make_scored(made, 0.5, name="<script>alert(1)</script>")
    refresh(phase=made)
    return made


@pytest.fixture
def reviewer(client_of: Make, people: dict[str, User]) -> Client:
    made: Client = client_of(people["reviewer"])
    return made


@pytest.fixture
def organizer(client_of: Make, people: dict[str, User]) -> Client:
    made: Client = client_of(people["organizer"])
    return made


def body(response: Any) -> bytes:
    assert response.status_code == 200
    return b"".join(response.streaming_content)


def shown(client: Client, query: str = "") -> str:
    response: HttpResponse = client.get(f"{PAGE}?{query}")  # type: ignore[assignment]
    assert response.status_code == 200
    return response.content.decode()


@pytest.mark.usefixtures("phase")
@pytest.mark.parametrize(("who", "status"), [
    ("organizer", 200), ("reviewer", 200), ("teammate", 404), ("stranger", 404), (None, 302),
])  # fmt: skip
def test_exports_are_for_reviewers_and_organizers(
    client_of: Make, people: dict[str, User], who: str | None, status: int
) -> None:
    client = client_of(people[who] if who else None)
    assert client.get(PAGE).status_code == status
    for response in (client.get(f"{FILE}?{WIDE}"), client.post(FILE, {"query": WIDE})):
        response.close()
        assert response.status_code == status


@pytest.mark.usefixtures("phase")
def test_the_page_shows_the_first_rows_of_what_is_usual(reviewer: Client) -> None:
    text = shown(reviewer)
    assert all(part in text for part in ("Heron", "0.65349", "The small track", "The first rows", "Download"))
    assert "<script>alert(1)" not in text
    assert "&lt;script&gt;alert(1)" in text


@pytest.mark.usefixtures("phase")
def test_the_page_shows_what_was_chosen(reviewer: Client) -> None:
    text = shown(
        reviewer, "layout=wide&format=md&tracks=small&precision=2&columns=submission&columns=suites&columns_of=wide"
    )
    assert "0.65</td>" in text
    assert "0.65349" not in text
    assert text.count('<th scope="col"') == 2
    assert "columns=submission&amp;columns=suites&amp;precision=2&amp;format=md" in text


@pytest.mark.usefixtures("phase")
def test_columns_of_the_other_layout_are_forgotten(reviewer: Client) -> None:
    text = shown(reviewer, "layout=long&format=csv&columns=rank&columns_of=wide")
    assert "responses_digest" in text
    assert "errors" not in text


@pytest.mark.usefixtures("phase")
@pytest.mark.parametrize("query", [
    "layout=broad", "format=doc", "tracks=large", "precision=-1", "precision=99", "precision=x", "statuses=fine",
    "columns=colour&columns_of=wide", "phases=small/none",
    "layout=wide&columns=team&columns=submission_id&anonymised=on",
])  # fmt: skip
def test_what_can_not_be_chosen_is_told_and_nothing_is_offered(reviewer: Client, query: str) -> None:
    text = shown(reviewer, query)
    assert 'class="errors"' in text or "notice bad" in text
    assert "Download</button>" not in text


@pytest.mark.usefixtures("phase")
@pytest.mark.parametrize("kind", FORMATS)
def test_the_download_is_the_query_s_file(reviewer: Client, kind: str) -> None:
    text = f"challenge=birds&layout=long&format={kind}"
    expected = io.BytesIO()
    write(ExportQuery.from_text(text), expected)
    for response in (reviewer.get(f"{FILE}?{text}"), reviewer.post(FILE, {"query": text})):
        assert body(response) == expected.getvalue()
        assert response["Content-Disposition"] == f'attachment; filename="birds-long.{kind}"'
        assert response["X-Content-Type-Options"] == "nosniff"


@pytest.mark.usefixtures("phase")
def test_an_organizer_takes_people_with_a_tick_that_is_noted(organizer: Client, people: dict[str, User]) -> None:
    assert 'name="people"' in shown(organizer)
    table = pd.read_csv(io.BytesIO(body(organizer.post(FILE, {"query": WIDE, "people": "yes"}))), comment="#")
    assert "teammate@example.org" in set(table["emails"])
    entry = LogEntry.objects.get()
    assert (entry.user, "people=yes" in entry.change_message) == (people["organizer"], True)


@pytest.mark.usefixtures("phase")
def test_a_reviewer_gets_no_people(reviewer: Client) -> None:
    assert 'name="people"' not in shown(reviewer)
    for posted in ({"query": WIDE, "people": "yes"}, {"query": f"{WIDE}&people=yes"}):
        response = reviewer.post(FILE, posted, follow=True)
        assert "for the challenge&#x27;s organizers" in response.content.decode()
    assert "example.org" not in body(reviewer.post(FILE, {"query": WIDE})).decode()
    assert not LogEntry.objects.exists()


@pytest.mark.usefixtures("phase")
def test_people_are_not_had_by_a_link_nor_anonymised(organizer: Client) -> None:
    response = organizer.get(f"{FILE}?{WIDE}&people=yes", follow=True)
    assert "not had by a link" in response.content.decode()
    response = organizer.post(FILE, {"query": f"{WIDE}&anonymised=yes", "people": "yes"}, follow=True)
    assert "no people in it" in response.content.decode()
    response = organizer.post(FILE, {"query": f"{WIDE}&columns=colour", "people": "yes"}, follow=True)
    assert "no column" in response.content.decode()
    assert not LogEntry.objects.exists()


@pytest.mark.usefixtures("phase")
@pytest.mark.parametrize(
    "query", ["challenge=fish", "challenge=birds&format=doc", "nonsense", "", "challenge=birds&tracks=x"]
)
def test_a_file_that_can_not_be_had_is_told_on_the_page(reviewer: Client, make_challenge: Make, query: str) -> None:
    make_challenge("fish")
    for response in (reviewer.get(f"{FILE}?{query}", follow=True), reviewer.post(FILE, {"query": query}, follow=True)):
        assert response.redirect_chain == [(PAGE, 302)]
        assert "notice bad" in response.content.decode()


@pytest.mark.usefixtures("phase")
def test_the_page_needs_a_token_for_what_is_posted(people: dict[str, User]) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(people["organizer"], backend="allauth.account.auth_backends.AuthenticationBackend")
    assert client.post(FILE, {"query": WIDE, "people": "yes"}).status_code == 403


def test_the_page_costs_as_few_queries_with_many_entries(
    phase: Phase, make_scored: Make, reviewer: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    shown(reviewer)
    with CaptureQueriesContext(connection) as first:
        shown(reviewer)
    for name in HOSTILE[:8]:
        make_scored(phase, 0.4, name=name.replace("\0", ""))
    refresh(phase=phase)
    with django_assert_num_queries(len(first.captured_queries)):
        shown(reviewer)


def test_reviewers_who_judge_blind_get_no_names(
    phase: Phase, reviewer: Client, organizer: Client, people: dict[str, User]
) -> None:
    Phase.objects.filter(pk=phase.pk).update(blind=True, visibility=Phase.Visibility.HIDDEN)
    team = people["teammate"].teams.get().name
    text = shown(reviewer)
    assert "judged blind" in text
    assert "anonymised=yes" in text
    files = [
        body(reviewer.get(address)).decode() for address in (f"{FILE}?{WIDE}&anonymised=yes", "/c/birds/results.csv")
    ]
    for content in (text, *files):
        assert not [name for name in ("Heron", team) if name in content]
        assert blind.team_name(phase.track.challenge_id, people["teammate"].teams.get().pk) in content
    response = reviewer.get(f"{FILE}?{WIDE}", follow=True)
    assert "judged blind" in response.content.decode()
    assert "Heron" in shown(organizer)
    assert "Heron" in body(organizer.get(f"{FILE}?{WIDE}")).decode()
