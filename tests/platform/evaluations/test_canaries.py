"""The canary baseline: the same to the bit, or its tracks are paused; what can't be run pauses nothing."""

import time
from collections.abc import Callable
from typing import Any

import pytest
from django.core import mail
from django.test import Client

from accounts.models import User
from challenges.models import Challenge, Phase, Track
from evaluations import canaries, leases
from evaluations.models import Canary, Run
from sandbox.docker_sandbox import DockerSandbox
from sandbox.errors import SandboxUnavailable
from sandbox.images.build import build

pytestmark = [pytest.mark.docker, pytest.mark.django_db(transaction=True)]


@pytest.fixture(scope="session", autouse=True)
def _base_image() -> None:
    build(["base"], say=lambda _: None)


@pytest.fixture(autouse=True)
def _no_volume_is_left() -> Any:
    yield
    DockerSandbox().remove_volume(canaries.volume_name())


@pytest.fixture
def image_id() -> str:
    return DockerSandbox().image_id("base")


@pytest.fixture
def track(
    make_track: Callable[..., Track], make_challenge: Callable[..., Challenge], make_user: Callable[..., User],
    make_phase: Callable[..., Phase],
) -> Track:  # fmt: skip
    track = make_track(make_challenge(organizers=(make_user("ada@example.org"),)), image="base")
    make_phase(track)
    return track


class AwaySandbox(DockerSandbox):
    """An engine that goes away when the attempt is opened."""

    def open_attempt(self, **_: Any) -> Any:
        raise SandboxUnavailable("The Docker engine does not answer.")


def sung(image_id: str, **options: Any) -> Canary:
    return canaries.check(image_id, hardware="cpu", worker="worker1@host", **options)


def test_the_canary_scores_the_same_to_the_bit_and_takes_about_a_second(track: Track, image_id: str) -> None:
    first = sung(image_id)
    began = time.monotonic()
    second = sung(image_id)
    took = time.monotonic() - began
    assert first.sings
    assert second.sings
    assert first.found == second.found == second.expected != ""
    assert Canary.objects.count() == 1
    track.refresh_from_db()
    assert track.paused_at is None
    assert took < 5, "the sandbox itself takes half a second; the rest is left to busy machines"


def test_a_canary_that_scores_otherwise_pauses_its_tracks_and_tells_their_organizers(
    track: Track, image_id: str, make_track: Callable[..., Track]
) -> None:
    elsewhere = make_track(image="base", hardware="other")
    other_image = make_track(image=f"base@sha256:{'0' * 64}")
    sung(image_id)
    Canary.objects.update(expected="0" * 64)
    assert not sung(image_id).sings
    track.refresh_from_db()
    assert track.paused_at is not None
    assert "canary" in track.paused_reason
    assert ["ada@example.org"] in [message.to for message in mail.outbox]
    for spared in (elsewhere, other_image):
        spared.refresh_from_db()
        assert spared.paused_at is None


def test_a_paused_track_keeps_its_runs_and_a_lifted_one_lets_them_go(
    track: Track, image_id: str, make_run: Callable[..., Run]
) -> None:
    sung(image_id)
    make_run(Phase.objects.get())
    Canary.objects.update(expected="0" * 64)
    sung(image_id)
    assert leases.claim(worker="one", queue="cpu") is None
    Track.objects.update(paused_at=None)
    assert leases.claim(worker="one", queue="cpu") is not None


def test_a_canary_that_can_not_be_run_is_noted_and_pauses_nothing(track: Track, image_id: str) -> None:
    sung(image_id)
    canary = sung(image_id, sandbox=AwaySandbox())
    assert "does not answer" in canary.fault
    assert not canary.sings
    assert canary.found == canary.expected, "what it found the last time stays"
    track.refresh_from_db()
    assert track.paused_at is None
    assert sung(image_id).sings, "and the fault is of that day"


def test_an_image_that_is_nowhere_is_noted_too(track: Track) -> None:
    canary = sung(f"sha256:{'0' * 64}")
    assert canary.fault.startswith("ImageMissing")
    assert sung(f"sha256:{'0' * 64}").expected == ""


def test_each_image_of_open_tracks_on_the_hardware_is_checked(
    track: Track, image_id: str, make_track: Callable[..., Track], make_phase: Callable[..., Phase]
) -> None:
    make_phase(make_track(image="base", hardware="other"))
    make_phase(make_track(image=f"base@sha256:{'0' * 64}"), open=False)
    make_phase(make_track(image=f"base@sha256:{'1' * 64}", kinds=["predictions"]))
    found = canaries.check_all(hardware="cpu", worker="worker1@host")
    assert [(canary.image_id, canary.sings) for canary in found] == [(image_id, True)]


def test_a_superuser_accepts_what_a_changed_host_scores(
    track: Track, image_id: str, make_user: Callable[..., User], client_of: Callable[[User], Client]
) -> None:
    sung(image_id)
    Canary.objects.update(expected="0" * 64)
    root = make_user(is_staff=True, is_superuser=True)
    chosen = {"action": "accept", "_selected_action": [str(Canary.objects.get().pk)]}
    organizer = User.objects.get(email="ada@example.org")
    client_of(organizer).post("/admin/evaluations/canary/", chosen)
    assert not Canary.objects.get().sings, "it belongs to no challenge"
    page = client_of(root).get("/admin/evaluations/canary/")
    assert image_id in page.content.decode()
    assert client_of(root).post("/admin/evaluations/canary/", chosen).status_code == 302
    assert Canary.objects.get().sings
