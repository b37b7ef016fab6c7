"""A team's ledger on its page: its own, and for those with a role everybody's."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from challenges.models import Challenge, Phase, Role
from submissions import quota
from submissions.models import Registration, Submission

from .conftest import code_archive, manifest

pytestmark = pytest.mark.django_db


@pytest.fixture
def phase(make_phase: Callable[..., Phase]) -> Phase:
    return make_phase(title="Development", quota_day=5, quota_total=50, quota_concurrent=2)


@pytest.fixture
def submission(phase: Phase, hand_in: Callable[..., Submission]) -> Submission:
    return hand_in(phase, described=manifest(method={"name": "Parrot"}))


@pytest.fixture
def registration(submission: Submission) -> Registration:
    return submission.registration


@pytest.fixture
def person(phase: Phase, make_user: Callable[..., User]) -> Callable[[str], User]:
    """`person(kind)`: somebody with that role in the challenge."""

    def make(kind: str) -> User:
        user = make_user()
        Role.objects.create(challenge=phase.track.challenge, user=user, kind=kind)
        return user

    return make


def page(client: Client, phase: Phase, team: str = "") -> str:
    response = client.get(f"/c/{phase.track.challenge.key}/quota{'/' if team else ''}{team}")
    assert response.status_code == 200
    return " ".join(response.content.decode().split())


def test_the_team_reads_what_is_used_and_left_and_why(
    phase: Phase, submission: Submission, registration: Registration, client_of: Callable[..., Client],
    person: Callable[[str], User],
) -> None:  # fmt: skip
    organizer = person(Role.Kind.ORGANIZER)
    quota.grant(
        registration=registration, phase=phase, amount=2, day=quota.today(), reason="Away.", user=organizer
    )  # fmt: skip
    shown = page(client_of(registration.created_by), phase)
    assert "1 of 7 used (5 and 2 granted), 6 left" in shown
    assert "1 of 52 used (50 and 2 granted), 51 left" in shown
    assert "1 of 2 under way" in shown
    assert f"by {organizer}: Away." in shown
    assert f'<a href="/s/{submission.pk}/">Parrot</a>' in shown
    assert ">Reserved</span>" in shown
    quota.release(entry=submission.entries.get(), reason="rejected: E-SUB-KIND")
    shown = page(client_of(registration.created_by), phase)
    assert ">Released</span>" in shown
    assert "Released: rejected: E-SUB-KIND" in shown
    assert "0 of 7 used" in shown


def test_what_is_not_limited_and_not_used_is_said(
    make_phase: Callable[..., Phase], make_registration: Callable[..., Registration],
    client_of: Callable[..., Client],
) -> None:  # fmt: skip
    phase = make_phase()
    shown = page(client_of(make_registration(challenge=phase.track.challenge).created_by), phase)
    assert "0 used, not limited" in shown
    assert "Nothing charged yet." in shown


def test_times_are_told_to_the_minute(
    phase: Phase, registration: Registration, submission: Submission, client_of: Callable[..., Client]
) -> None:
    quota.finish(entry=submission.entries.get(), phase=phase)
    shown = page(client_of(registration.created_by), phase)
    change = submission.entries.get().charges.get().changes.last()
    assert change is not None
    assert f"{change.at:%H:%M}" in shown
    assert f"{change.at:%H:%M:%S}" not in shown


def test_another_team_s_ledger_is_not_there(
    phase: Phase, registration: Registration, make_registration: Callable[..., Registration],
    client_of: Callable[..., Client], make_user: Callable[..., User],
) -> None:  # fmt: skip
    other = make_registration(challenge=phase.track.challenge)
    path = f"/c/{phase.track.challenge.key}/quota/{registration.team.slug}"
    assert client_of(registration.created_by).get(path).status_code == 200
    for person in (other.created_by, make_user()):
        assert client_of(person).get(path).status_code == 404
    assert client_of(None).get(path)["Location"].startswith("/accounts/login/")


@pytest.mark.parametrize("kind", [Role.Kind.ORGANIZER, Role.Kind.REVIEWER])
def test_organizers_and_reviewers_read_every_team_s(
    kind: str, phase: Phase, registration: Registration, person: Callable[[str], User],
    client_of: Callable[..., Client], make_registration: Callable[..., Registration],
) -> None:  # fmt: skip
    client = client_of(person(kind))
    elsewhere = make_registration()
    shown = page(client, phase)
    assert f"/quota/{registration.team.slug}" in shown
    assert elsewhere.team.name not in shown
    assert f"Quota of {registration.team.name}" in page(client, phase, registration.team.slug)
    assert client.get(f"/c/{phase.track.challenge.key}/quota/{elsewhere.team.slug}").status_code == 404


def test_who_takes_no_part_is_led_to_registering(
    phase: Phase, make_user: Callable[..., User], client_of: Callable[..., Client]
) -> None:
    assert f"/c/{phase.track.challenge.key}/register" in page(client_of(make_user()), phase)


def test_a_challenge_that_is_not_published_has_no_page(
    phase: Phase, registration: Registration, client_of: Callable[..., Client]
) -> None:
    Challenge.objects.update(published=False)
    client = client_of(registration.created_by)
    assert client.get(f"/c/{phase.track.challenge.key}/quota").status_code == 404


@pytest.mark.parametrize("count", [1, 3])
def test_the_page_takes_as_many_queries_for_three_charges_as_for_one(
    count: int, phase: Phase, registration: Registration, hand_in: Callable[..., Submission],
    make_phase: Callable[..., Phase], client_of: Callable[..., Client],
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:  # fmt: skip
    phase.quota_concurrent = None
    phase.save()
    for number in range(1, count):
        make_phase(phase.track)
        hand_in(phase, registration=registration, content=code_archive(data={"words_seen": number}))
    client = client_of(registration.created_by)
    with django_assert_num_queries(12):
        page(client, phase)


def test_the_ledger_is_found_from_the_team_s_other_pages(
    phase: Phase, registration: Registration, client_of: Callable[..., Client]
) -> None:
    client: Any = client_of(registration.created_by)
    for path in ("submissions/", f"{phase.track.key}/submit"):
        text = client.get(f"/c/{phase.track.challenge.key}/{path}").content.decode()
        assert f'href="/c/{phase.track.challenge.key}/quota"' in text
