"""A track's image is frozen when its first phase opens or its first run is planned, shown, and kept from then on."""

from collections.abc import Callable

import pytest

from challenges import selectors
from challenges.models import Phase, Track
from evaluations import images
from sandbox.docker_sandbox import DockerSandbox
from submissions.models import Entry, QuotaCharge, Submission

HELD = {"transformers": "5.23.0", "torch": "2.13.0", "numpy": "2.4.6", "python": "3.11"}
FIRST, SECOND = f"sha256:{'1' * 64}", f"sha256:{'2' * 64}"


@pytest.fixture
def track(make_track: Callable[..., Track]) -> Track:
    """A track that names its image by a short name."""
    return make_track(image="model")


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """What names stand for on this engine: a release later, for another image."""
    names = {"model": FIRST}
    monkeypatch.setattr(DockerSandbox, "image_id", lambda _, name: names[name])
    monkeypatch.setattr(DockerSandbox, "image_versions", lambda _, image_id: HELD if image_id == FIRST else {})
    return names


def test_a_name_keeps_what_it_stood_for(track: Track, engine: dict[str, str]) -> None:
    assert selectors.image_in_words(track) == "model, as it is when the track's first phase opens"
    assert images.of_track(track) == FIRST
    engine["model"] = SECOND
    again = Track.objects.get(pk=track.pk)
    assert images.of_track(again) == FIRST
    assert selectors.image_in_words(again) == "model: transformers 5.23.0, torch 2.13.0 (sha256:111111111111, frozen)"


def test_who_asks_second_gets_what_the_first_froze(track: Track, engine: dict[str, str]) -> None:
    early, late = Track.objects.get(pk=track.pk), Track.objects.get(pk=track.pk)
    assert images.of_track(early) == FIRST
    engine["model"] = SECOND
    assert images.of_track(late) == FIRST


def test_another_image_is_refused_once_there_are_entries(
    track: Track,
    engine: dict[str, str],
    make_phase: Callable[..., Phase],
    make_accepted: Callable[..., Submission],
) -> None:
    make_accepted(make_phase(track))
    assert selectors.frozen_against(track, "model-transformers-4") == ""
    images.of_track(track)
    assert "frozen to model@sha256:111" in selectors.frozen_against(track, "model-transformers-4")
    assert selectors.frozen_against(track, "model") == ""
    assert selectors.frozen_against(track, f"model@{FIRST}") == ""
    QuotaCharge.objects.all().delete()
    Entry.objects.all().delete()
    assert selectors.frozen_against(track, "model-transformers-4") == ""
