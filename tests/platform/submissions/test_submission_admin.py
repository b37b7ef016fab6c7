"""Hand-ins in the admin: looked at; only an entry's status is decided there, with a reason."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import User
from challenges.models import Challenge, Phase, Role, Track
from submissions.models import Entry, Submission

pytestmark = pytest.mark.django_db
PAGES = ["submission", "entry", "registration", "quotacharge"]


@pytest.fixture
def submission(make_phase: Callable[..., Phase], hand_in: Callable[..., Submission]) -> Submission:
    return hand_in(make_phase())


@pytest.fixture
def organizer(submission: Submission, make_user: Callable[..., User]) -> User:
    user = make_user(is_staff=True)
    Role.objects.create(challenge=submission.registration.challenge, user=user, kind=Role.Kind.ORGANIZER)
    return user


def decide(client: Client, entry: Entry, status: str, reason: str) -> int:
    response = client.post(f"/admin/submissions/entry/{entry.pk}/change/", {"status": status, "reason": reason})
    return int(response.status_code)


@pytest.mark.parametrize("page", PAGES)
def test_organizers_look_at_what_was_handed_in(
    page: str, organizer: User, submission: Submission, client_of: Callable[..., Client]
) -> None:
    response = client_of(organizer).get(f"/admin/submissions/{page}/")
    assert response.status_code == 200
    assert submission.registration.team.name in response.content.decode()


@pytest.mark.parametrize("page", PAGES)
def test_organizers_of_another_challenge_see_none_of_it(
    page: str, submission: Submission, make_challenge: Callable[..., Challenge], make_user: Callable[..., User],
    client_of: Callable[..., Client],
) -> None:  # fmt: skip
    other = make_user()
    make_challenge(organizers=(other,))
    response = client_of(other).get(f"/admin/submissions/{page}/")
    assert response.status_code == 200
    assert submission.registration.team.name not in response.content.decode()


def test_a_decision_keeps_its_reason_and_who_took_it(
    organizer: User, submission: Submission, client_of: Callable[..., Client]
) -> None:
    entry = submission.entries.get()
    assert decide(client_of(organizer), entry, Entry.Status.DISQUALIFIED, "Trained on the test set.") == 302
    entry.refresh_from_db()
    assert (entry.status, entry.reason, entry.decided_by) == (
        Entry.Status.DISQUALIFIED, "Trained on the test set.", organizer,
    )  # fmt: skip
    assert entry.decided_at is not None


def test_a_decision_without_a_reason_is_refused(
    organizer: User, submission: Submission, client_of: Callable[..., Client]
) -> None:
    entry = submission.entries.get()
    assert decide(client_of(organizer), entry, Entry.Status.DISQUALIFIED, " ") == 200
    entry.refresh_from_db()
    assert entry.status == Entry.Status.OFFICIAL


def test_what_was_handed_in_is_neither_changed_nor_deleted_there(
    organizer: User, submission: Submission, client_of: Callable[..., Client]
) -> None:
    client = client_of(organizer)
    base = f"/admin/submissions/submission/{submission.pk}"
    assert client.post(f"{base}/change/", {"name": "Another"}).status_code == 403
    assert client.post(f"{base}/delete/", {"post": "yes"}).status_code == 403
    assert (
        client.post(f"/admin/submissions/entry/{submission.entries.get().pk}/delete/", {"post": "yes"}).status_code
        == 403
    )


@pytest.mark.parametrize(
    "page", ["submissions_registration", "submissions_submission", "submissions_entry", "submissions_quotacharge",
             "evaluations_run", "evaluations_responseset"],
)  # fmt: skip
def test_filters_name_nothing_of_another_challenge(
    page: str, make_user: Callable[..., User], make_challenge: Callable[..., Challenge],
    make_track: Callable[..., Track], make_phase: Callable[..., Phase], make_suite_version: Callable[..., Any],
    client_of: Callable[..., Client],
) -> None:  # fmt: skip
    me = make_user()
    make_challenge(organizers=(me,))
    secret = make_track(make_challenge(published=False, title="Secret challenge"), title="Secret track")
    other = make_track(make_challenge(published=False, title="Secret too"), title="Secret track two")
    for number, track in enumerate((secret, other)):
        make_suite_version(make_phase(track, title="Secret phase"), key=f"secret-suite-{number}")
    text = client_of(me).get(reverse(f"admin:{page}_changelist")).content.decode()
    assert "Secret" not in text
    assert "secret-suite" not in text
