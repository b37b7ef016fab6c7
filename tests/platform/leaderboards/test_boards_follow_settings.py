"""A board is computed anew when what it ranks by, or what its phase asks, is changed in the admin or by a document."""

from collections.abc import Callable, Iterator
from queue import Empty
from typing import Any

import pytest
from django.forms.models import model_to_dict
from django.urls import reverse

from accounts.models import User
from challenges.models import Phase, Track
from config.celery import app
from leaderboards.tasks import refresh
from suites import configuration, exporting
from tests.platform.evaluations.conftest import use_broker

pytestmark = pytest.mark.django_db(transaction=True)
Make = Callable[..., Any]


@pytest.fixture(autouse=True)
def _broker_in_memory() -> Iterator[None]:
    before = app.conf.broker_url
    use_broker("memory://")
    sent()
    yield
    sent()
    use_broker(before)


def sent() -> list[int]:
    """The phases whose boards were asked for since this was last called."""
    phases = []
    with app.connection_for_read() as connection, connection.SimpleQueue("default") as waiting:
        while True:
            try:
                message = waiting.get_nowait()
            except Empty:
                return sorted(phases)
            message.ack()
            if message.headers["task"] == refresh.name:
                phases.append(message.payload[0][0])


@pytest.fixture
def organizer(make_user: Make) -> User:
    made: User = make_user()
    return made


@pytest.fixture
def phase(make_challenge: Make, make_track: Make, make_phase: Make, make_suite_version: Make, organizer: User) -> Phase:
    track = make_track(make_challenge("pairs", organizers=(organizer,)), "small", image="base")
    made: Phase = make_phase(track, "dev")
    make_suite_version(made, key="pairs", items="public", gold="public")
    return made


def filled(instance: Any) -> dict[str, Any]:
    """The admin's form as it stands, for sending back."""
    values = model_to_dict(instance)
    return {name: value for name, value in values.items() if value is not None}


def test_saving_a_track_computes_the_boards_of_its_phases(
    phase: Phase, make_phase: Make, organizer: User, client_of: Make
) -> None:
    other = make_phase(phase.track, "test")
    make_phase()
    data = filled(phase.track) | {"questions": "[]", "budget": "{}", "aggregate": "{}", "counts": "last"}
    address = reverse("admin:challenges_track_change", args=[phase.track_id])
    response = client_of(organizer).post(address, data)
    assert response.status_code == 302, response.context["adminform"].form.errors
    assert Track.objects.get(pk=phase.track_id).counts == "last"
    assert sent() == sorted([phase.pk, other.pk])


def test_saving_a_phase_computes_the_boards_of_its_track(phase: Phase, organizer: User, client_of: Make) -> None:
    data = {
        **filled(phase), "opens_0": "2026-01-01", "opens_1": "00:00:00", "closes_0": "2099-01-01",
        "closes_1": "00:00:00", "phase_suites-TOTAL_FORMS": "0", "phase_suites-INITIAL_FORMS": "0",
    }  # fmt: skip
    response = client_of(organizer).post(reverse("admin:challenges_phase_change", args=[phase.pk]), data)
    assert response.status_code == 302, response.context["adminform"].form.errors
    assert sent() == [phase.pk]


def test_applying_a_document_that_changes_something_computes_the_boards(phase: Phase, organizer: User) -> None:
    document = exporting.export(phase.track.challenge)
    configuration.apply(document, user=organizer)
    sent()
    (track,) = document.tracks
    changed = track.model_copy(update={"ranking": track.ranking.model_copy(update={"counts": "last"})})
    configuration.apply(document.model_copy(update={"tracks": (changed,)}), user=organizer)
    assert sent() == [phase.pk]
    configuration.apply(document.model_copy(update={"tracks": (changed,)}), user=organizer)
    assert sent() == []
