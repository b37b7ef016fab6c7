"""The pages on which organizers open, look at, apply and discard batches."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from challenges.models import Phase, Track
from evaluations.batch_models import Batch
from evaluations.batches import opening
from evaluations.models import Run
from evaluations.planning import plan
from leaderboards import previews
from submissions.models import Submission
from suites.models import SuiteVersion
from tests.platform.evaluations.batch_orders import OLD, answer, as_scored_before, work
from tests.platform.evaluations.conftest import _broker_in_memory, code_manifest, make_accepted  # noqa: F401 - fixtures

pytestmark = pytest.mark.django_db
IMAGE = f"base@sha256:{'0' * 64}"


@pytest.fixture
def organizer(make_user: Callable[..., User]) -> User:
    return make_user()


@pytest.fixture
def phase(
    make_challenge: Callable[..., Any], make_track: Callable[..., Track], make_phase: Callable[..., Phase],
    make_suite_version: Callable[..., SuiteVersion], organizer: User,
) -> Phase:  # fmt: skip
    phase = make_phase(make_track(make_challenge("birds", organizers=(organizer,)), "strict", image=IMAGE), "final")
    make_suite_version(phase, key="first", pairs=8)
    return phase


@pytest.fixture
def enter(phase: Phase, make_accepted: Callable[..., Submission]) -> Callable[..., Run]:  # noqa: F811
    """`enter(name, right, was)`: a run with so many of 8 right, which an older evaluator had given the score `was`."""

    def make(name: str, right: int, was: float) -> Run:
        (run,) = plan(make_accepted(phase, manifest=code_manifest(name)))
        answer(run, right)
        as_scored_before(run, was)
        return run

    return make


def do(client: Client, batch: Batch, action: str, **data: str) -> str:
    """What the page says after the action."""
    response = client.post(reverse("batch_action", args=["birds", batch.pk, action]), data, follow=True)
    assert response.redirect_chain == [(reverse("batch", args=["birds", batch.pk]), 302)]
    return response.content.decode()


def test_an_organizer_goes_through_a_whole_batch(
    phase: Phase, organizer: User, enter: Callable[..., Run], client_of: Callable[..., Client]
) -> None:
    enter("Swift", 2, 0.9)
    enter("Wren", 6, 0.8)
    client = client_of(organizer)
    response = client.post(
        reverse("batches", args=["birds"]), {"kind": "rescore", "reason": "Ties were counted as right."}, follow=True
    )
    page = response.content.decode()
    batch = Batch.objects.get()
    assert "Ties were counted as right." in page
    assert "2 to do, 16 answers" in page
    assert "Apply what the preview shows" not in page
    assert "Workers begin" in do(client, batch, "start")
    work(batch)
    assert "The preview is computed anew." in do(client, batch, "preview")
    page = client.get(reverse("batch", args=["birds", batch.pk])).content.decode()
    assert "The first rank changes: Swift" in page
    assert "2 entries: 2 change, 2 move, 0 lose their rank, 0 are identical." in page
    batch.refresh_from_db()
    assert f'name="digest" value="{batch.preview_digest}"' in page
    assert f"evaluator {OLD}, suite {SuiteVersion.objects.get().digest[:12]}, answers " in page
    assert "its scores count from now on" in do(client, batch, "apply", digest=batch.preview_digest)
    page = client.get(reverse("batch", args=["birds", batch.pk])).content.decode()
    assert "Applied" in page
    assert "Discard" not in page
    assert Batch.objects.get().moves.get(new="applied").by == organizer


def test_what_was_not_looked_at_is_not_applied(
    phase: Phase, organizer: User, enter: Callable[..., Run], client_of: Callable[..., Client]
) -> None:
    enter("Swift", 2, 0.9)
    client = client_of(organizer)
    batch = opening.open_rescore(challenge=phase.track.challenge, user=organizer, reason="Why.")
    do(client, batch, "start")
    work(batch)
    previews.store(batch=batch)
    assert "this is not the preview that was computed last" in do(client, batch, "apply", digest="another")
    assert "a reason is missing" in do(client, batch, "discard")
    assert Batch.objects.get().state == Batch.State.READY
    assert "no score has changed" in do(client, batch, "discard", reason="The old scorer was right.")
    assert Batch.objects.get().state == Batch.State.DISCARDED


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ({"kind": "rescore", "reason": ""}, "This field is required."),
        ({"kind": "add-suite", "reason": "Why."}, "Choose the suite."),
        ({"kind": "other", "reason": "Why."}, "Select a valid choice."),
    ],
)
def test_the_form_says_what_is_missing(
    phase: Phase, organizer: User, client_of: Callable[..., Client], data: dict[str, str], text: str
) -> None:
    page = client_of(organizer).post(reverse("batches", args=["birds"]), data).content.decode()
    assert text in page
    assert not Batch.objects.exists()


def test_the_form_opens_an_added_suite_and_refuses_a_second_batch(
    phase: Phase, organizer: User, make_suite_version: Callable[..., SuiteVersion], client_of: Callable[..., Client]
) -> None:
    version = make_suite_version(key="late", pairs=4)
    SuiteVersion.objects.filter(pk=version.pk).update(uploaded_by=organizer)
    client, where = client_of(organizer), reverse("batches", args=["birds"])
    data = {"kind": "add-suite", "reason": "It has arrived.", "phases": phase.pk, "suite": version.pk, "sample": "2",
            "splits": "private, dev", "weight": "0.5", "checkpoints": "main"}  # fmt: skip
    client.post(where, data)
    batch = Batch.objects.get()
    row = batch.batch_phases.get()
    assert (batch.suite_version, batch.weight, row.splits, row.sample) == (version, 0.5, ["private", "dev"], 2)
    assert f"there is batch {batch.pk} (draft) in" in client.post(where, data).content.decode()


def test_suites_of_others_are_not_offered(
    phase: Phase, organizer: User, make_user: Callable[..., User], make_suite_version: Callable[..., SuiteVersion],
    client_of: Callable[..., Client],
) -> None:  # fmt: skip
    version = make_suite_version(key="theirs")
    SuiteVersion.objects.filter(pk=version.pk).update(uploaded_by=make_user())
    page = client_of(organizer).get(reverse("batches", args=["birds"])).content.decode()
    assert "theirs" not in page


@pytest.mark.parametrize("who", ["anonymous", "stranger", "reviewer"])
def test_batches_are_for_organizers_alone(
    phase: Phase, organizer: User, make_user: Callable[..., User], client_of: Callable[..., Client], who: str
) -> None:
    user = None if who == "anonymous" else make_user()
    if who == "reviewer":
        phase.track.challenge.roles.create(user=user, kind="reviewer")
    batch = opening.open_rescore(challenge=phase.track.challenge, user=organizer, reason="Why.")
    client = client_of(user)
    expected = 302 if who == "anonymous" else 404
    for address in (reverse("batches", args=["birds"]), reverse("batch", args=["birds", batch.pk])):
        assert client.get(address).status_code == expected
    for action in ("start", "preview", "apply", "discard"):
        assert client.post(reverse("batch_action", args=["birds", batch.pk, action])).status_code == expected
    assert Batch.objects.get().state == Batch.State.DRAFT


def test_a_batch_of_another_challenge_is_not_found(
    phase: Phase, organizer: User, make_challenge: Callable[..., Any], client_of: Callable[..., Client]
) -> None:
    make_challenge("fishes", organizers=(organizer,))
    batch = opening.open_rescore(challenge=phase.track.challenge, user=organizer, reason="Why.")
    assert client_of(organizer).get(reverse("batch", args=["fishes", batch.pk])).status_code == 404
    assert client_of(organizer).post(reverse("batch_action", args=["birds", batch.pk, "burn"])).status_code == 404


@pytest.mark.parametrize("entries", [1, 3])
def test_the_page_costs_the_same_queries_for_one_entry_as_for_many(
    phase: Phase, organizer: User, enter: Callable[..., Run], client_of: Callable[..., Client], entries: int,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:  # fmt: skip
    for number in range(entries):
        enter(f"Method {number}", 2, 0.9)
    batch = opening.open_rescore(challenge=phase.track.challenge, user=organizer, reason="Why.")
    previews.store(batch=batch)
    client = client_of(organizer)
    with django_assert_max_num_queries(14):
        client.get(reverse("batch", args=["birds", batch.pk]))


def test_markup_in_a_reason_and_a_name_stays_text(
    phase: Phase, organizer: User, enter: Callable[..., Run], client_of: Callable[..., Client]
) -> None:
    enter("<b>Swift</b>", 2, 0.9)
    batch = opening.open_rescore(challenge=phase.track.challenge, user=organizer, reason="<script>alert(1)</script>")
    do(client_of(organizer), batch, "start")
    work(batch)
    previews.store(batch=batch)
    page = client_of(organizer).get(reverse("batch", args=["birds", batch.pk])).content.decode()
    assert "<script>alert" not in page
    assert "<b>Swift" not in page
    assert "&lt;b&gt;Swift" in page
