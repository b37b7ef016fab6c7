"""What the tests of hand-ins share: archives, finished uploads, submissions; everybody in them is invented."""

import io
import threading
import zipfile
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from typing import Any

import pytest
import yaml
from pytest_django.fixtures import Settings

from accounts.models import User
from challenges.models import Challenge, Phase, Track
from evaluators.protocol.submission import SubmissionManifest
from sandbox.images.build import build
from submissions import engine, uploads
from submissions.models import Registration, Submission, UploadSession
from submissions.services import submit

from .hub_orders import FILES, REPO, from_hub
from .hub_server import HubServer
from .hub_server import tensors as tensors
from .method_questions import QUESTIONS

CODE = {"schema": "submission/1", "kind": "code", "method": {"name": "Parrot"}, "code": {"entry": "model.py:Model"}}


def packed(files: Mapping[str, str | bytes]) -> bytes:
    """A zip of the files."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return out.getvalue()


def manifest(**changes: Any) -> SubmissionManifest:
    """A valid manifest of kind code, with changes."""
    return SubmissionManifest.from_value({**CODE, **changes}, file="submission.yaml")


def code_archive(**changes: Any) -> bytes:
    """A zip of a code submission whose submission.yaml has the changes."""
    return packed({"submission.yaml": yaml.safe_dump({**CODE, **changes}), "model.py": "class Model: ...\n"})


@pytest.fixture
def make_upload() -> Callable[..., UploadSession]:
    """`make_upload(registration, content=…, filename=…)`: a finished upload of the registration's creator."""

    def make(registration: Registration, content: bytes = b"", *, filename: str = "parrot.zip") -> UploadSession:
        content = content or code_archive()
        return uploads.store_whole(
            user=registration.created_by, challenge=registration.challenge, filename=filename,
            size=len(content), chunks=[content],
        )  # fmt: skip

    return make


@pytest.fixture
def hand_in(
    make_registration: Callable[..., Registration], make_upload: Callable[..., UploadSession]
) -> Callable[..., Submission]:
    """`hand_in(*phases, registration=None, content=…, manifest=None, filename=…)`: received, not checked yet."""

    def make(
        *phases: Phase, registration: Registration | None = None, content: bytes = b"",
        described: SubmissionManifest | None = None, filename: str = "parrot.zip",
    ) -> Submission:  # fmt: skip
        registration = registration or make_registration(challenge=phases[0].track.challenge)
        upload = make_upload(registration, content, filename=filename)
        return submit(
            registration=registration, phases=phases, upload=upload, manifest=described,
            user=registration.created_by,
        )  # fmt: skip

    return make


@pytest.fixture
def received(
    hand_in: Callable[..., Submission], make_phase: Callable[..., Phase]
) -> Iterator[Callable[..., Submission]]:
    """`received(content, …)`: a submission to be checked; its volume is removed afterwards."""
    build(["base"], say=lambda _: None)
    engine.sandbox.cache_clear()
    made = []

    def make(content: bytes = b"", *, track: Track | None = None, **more: Any) -> Submission:
        made.append(hand_in(make_phase(track), content=content, **more))
        return made[-1]

    yield make
    for submission in made:
        engine.sandbox().remove_volume(engine.volume_of(submission))


@pytest.fixture
def hub(settings: Settings) -> Iterator[HubServer]:
    """A hub on loopback that the settings name."""
    server = HubServer()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    settings.HUB_HOSTS, settings.HUB_LOOPBACK = [server.host], True
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def order(
    make_phase: Callable[..., Phase], make_registration: Callable[..., Registration], hub: HubServer
) -> Callable[..., Submission]:
    """`order(manifest=…, track=…, registration=…)`: handed in from the hub, nothing fetched yet."""
    hub.push(REPO, FILES)

    def make(
        described: SubmissionManifest | None = None, *, track: Track | None = None, phase: Phase | None = None,
        registration: Registration | None = None,
    ) -> Submission:  # fmt: skip
        phase = phase or make_phase(track)
        registration = registration or make_registration(challenge=phase.track.challenge)
        return submit(
            registration=registration, phases=[phase], upload=None, manifest=described or from_hub(),
            user=registration.created_by,
        )  # fmt: skip

    return make


@pytest.fixture
def organizer(make_user: Callable[..., User]) -> User:
    """Who looks after the challenge."""
    return make_user(name="Olga")


@pytest.fixture
def asking_track(make_track: Callable[..., Track], make_challenge: Callable[..., Challenge], organizer: User) -> Track:
    """A track that asks three things."""
    return make_track(make_challenge(organizers=(organizer,)), title="Strict", questions=deepcopy(QUESTIONS))


@pytest.fixture
def accepted(
    hand_in: Callable[..., Submission], make_phase: Callable[..., Phase], asking_track: Track
) -> Callable[..., Submission]:
    """`accepted(*phases, registration=None, **changes of the manifest)`: handed in and let in."""

    def make(*phases: Phase, registration: Registration | None = None, **changes: Any) -> Submission:
        changes = {"answers": {"epochs": 3}, **changes}
        one = hand_in(*(phases or [make_phase(asking_track)]), registration=registration, described=manifest(**changes))
        Submission.objects.filter(pk=one.pk).update(state=Submission.State.ACCEPTED)
        one.refresh_from_db()
        return one

    return make
