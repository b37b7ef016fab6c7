"""Hand-ins in the admin: looked at; only an entry's status is decided there, with a reason."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import User
from challenges.models import Challenge, Phase, Role, Track
from submissions import quota
from submissions.models import Entry, QuotaGrant, Submission

from .conftest import code_archive

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
             "submissions_quotagrant", "evaluations_run", "evaluations_responseset"],
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


# The ledger


@pytest.mark.parametrize("page", ["registration", "quotacharge"])
def test_a_team_s_charges_and_their_changes_are_looked_at(
    page: str, organizer: User, submission: Submission, client_of: Callable[..., Client]
) -> None:
    quota.release(entry=submission.entries.get(), reason="An error of the platform.")
    row = submission.registration if page == "registration" else submission.entries.get().charges.get()
    client = client_of(organizer)
    shown = client.get(f"/admin/submissions/{page}/{row.pk}/change/")
    assert shown.status_code == 200
    assert "An error of the platform." in shown.content.decode()
    assert client.post(f"/admin/submissions/{page}/{row.pk}/change/", {}).status_code == 403


def test_a_team_s_page_takes_as_many_queries_for_three_charges_as_for_one(
    organizer: User, submission: Submission, client_of: Callable[..., Client], hand_in: Callable[..., Submission]
) -> None:
    phase = submission.entries.get().charges.get().phase
    client = client_of(organizer)

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            client.get(f"/admin/submissions/registration/{submission.registration.pk}/change/")
        return len(captured)

    queries()  # what the first page of a process looks up once is in no later one
    before = queries()
    for number in (1, 2):
        content = code_archive(data={"words_seen": number})
        hand_in(phase, registration=submission.registration, content=content)
    assert queries() == before


@pytest.fixture
def grant_form(submission: Submission) -> dict[str, Any]:
    return {
        "registration": submission.registration.pk,
        "phase": submission.entries.get().charges.get().phase.pk,
        "amount": "2",
        "day": quota.today().isoformat(),
        "reason": "The site was away.",
    }


GRANTS = "/admin/submissions/quotagrant/"


def test_an_organizer_grants_more_and_can_not_take_it_back(
    organizer: User, submission: Submission, grant_form: dict[str, Any], client_of: Callable[..., Client]
) -> None:
    client = client_of(organizer)
    form = client.get(f"{GRANTS}add/").content.decode()
    assert submission.registration.team.name in form
    assert quota.today().isoformat() in form
    assert client.post(f"{GRANTS}add/", grant_form).status_code == 302
    grant = QuotaGrant.objects.get()
    assert (grant.amount, grant.granted_by) == (2, organizer)
    assert "The site was away." in client.get(GRANTS).content.decode()
    assert client.post(f"{GRANTS}{grant.pk}/change/", {**grant_form, "amount": "9"}).status_code == 403
    assert client.post(f"{GRANTS}{grant.pk}/delete/", {"post": "yes"}).status_code == 403


@pytest.mark.parametrize("changes", [{"reason": ""}, {"reason": "  "}, {"amount": "0"}, {"day": ""}])
def test_a_grant_without_a_reason_or_a_number_is_refused_on_the_form(
    changes: dict[str, Any], organizer: User, grant_form: dict[str, Any], client_of: Callable[..., Client]
) -> None:
    assert client_of(organizer).post(f"{GRANTS}add/", {**grant_form, **changes}).status_code == 200
    assert not QuotaGrant.objects.exists()


def test_another_challenge_s_phase_is_not_granted(
    organizer: User, grant_form: dict[str, Any], client_of: Callable[..., Client], make_phase: Callable[..., Phase]
) -> None:
    other = make_phase()
    Role.objects.create(challenge=other.track.challenge, user=organizer, kind=Role.Kind.ORGANIZER)
    page = client_of(organizer).post(f"{GRANTS}add/", {**grant_form, "phase": other.pk})
    assert "takes part in another challenge" in page.content.decode()
    assert not QuotaGrant.objects.exists()


def test_organizers_of_another_challenge_grant_nothing_here(
    submission: Submission, grant_form: dict[str, Any], make_user: Callable[..., User],
    make_challenge: Callable[..., Challenge], client_of: Callable[..., Client],
) -> None:  # fmt: skip
    other = make_user()
    make_challenge(organizers=(other,))
    client = client_of(other)
    assert submission.registration.team.name not in client.get(f"{GRANTS}add/").content.decode()
    assert client.post(f"{GRANTS}add/", grant_form).status_code == 200
    assert not QuotaGrant.objects.exists()
