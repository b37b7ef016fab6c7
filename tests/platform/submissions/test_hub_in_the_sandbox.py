"""What came from a hub is checked, unpacked again and scored like an archive, from the stored files alone."""

import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import storages

from challenges.models import Phase, Track
from config.celery import app
from evaluations import execution
from evaluations.models import ResponseSet, Run, Score
from evaluations.services import plan
from evaluators.protocol.submission import SubmissionManifest
from sandbox.images.build import build
from submissions import checks, engine, services
from submissions.errors import SubmissionLost
from submissions.models import Registration, Submission
from suites.models import PhaseSuite
from tests.models.tiny import tiny_models
from tests.platform.evaluations.conftest import use_broker

from .conftest import packed, tensors
from .hub_server import HubServer

REPO = "owls/tiny"
FILES = {"config.json": b'{"model_type": "gpt2"}', "tokenizer.json": b"{}", "model.safetensors": tensors()}
PART = {"backend": "causal", "bos": "<|endoftext|>"}
Order = Callable[..., Submission]

pytestmark = pytest.mark.docker


@pytest.fixture
def order(make_registration: Callable[..., Registration]) -> Iterator[Order]:
    """`order(phase)`: handed in from the hub and fetched; its volume is removed afterwards."""
    build(["base"], say=lambda _: None)
    engine.sandbox.cache_clear()
    made = []

    def make(phase: Phase) -> Submission:
        registration = make_registration(challenge=phase.track.challenge)
        value = {
            "schema": "submission/1", "kind": "model", "method": {"name": "Owl"},
            "model": {**PART, "source": f"hf://{REPO}@main"},
        }  # fmt: skip
        ordered = services.submit(
            registration=registration, phases=[phase], upload=None, user=registration.created_by,
            manifest=SubmissionManifest.from_value(value, file=""),
        )  # fmt: skip
        made.append(checks.fetch(submission=ordered))
        return made[-1]

    yield make
    for submission in made:
        engine.sandbox().remove_volume(engine.volume_of(submission))


@pytest.fixture
def track(make_track: Callable[..., Track], hub: HubServer) -> Track:
    hub.push(REPO, FILES)
    hub.push(REPO, {**FILES, "model.safetensors": tensors()[:-1] + b"\1"}, "chck_1M")
    return make_track(checkpoints={"names": ["chck_1M"], "required": True})


@pytest.mark.django_db
def test_it_is_accepted_and_unpacked_again_from_what_is_stored(
    order: Order, make_phase: Callable[..., Phase], track: Track, hub: HubServer
) -> None:
    submission = checks.check(submission=order(make_phase(track)))
    assert submission.state == Submission.State.ACCEPTED, submission.problems
    names = sorted([*FILES, *(f"checkpoints/chck_1M/{name}" for name in FILES)])
    assert sorted(file["path"] for file in submission.files) == names
    stored = {file.path: file.artifact.digest for file in submission.stored_files.select_related("artifact")}
    assert {file["path"]: file["sha256"] for file in submission.files} == stored
    manifest = SubmissionManifest.from_value(submission.manifest, file="")
    assert submission.digest == services.submission_digest(submission.artifact.digest, manifest)
    hub.repos.clear()
    engine.sandbox().remove_volume(engine.volume_of(submission))
    volume = checks.restore(submission)
    assert engine.sandbox().read_file(volume, "config.json", max_bytes=100) == FILES["config.json"]


@pytest.mark.django_db
def test_a_stored_file_that_is_damaged_since_is_a_fault_of_ours(
    order: Order, make_phase: Callable[..., Phase], track: Track
) -> None:
    submission = checks.check(submission=order(make_phase(track)))
    engine.sandbox().remove_volume(engine.volume_of(submission))
    artifact = submission.stored_files.get(path="config.json").artifact
    storages["artifacts"].delete(artifact.storage_name)
    storages["artifacts"].save(artifact.storage_name, io.BytesIO(b'{"model_type": "gpt1"}'))
    with pytest.raises(SubmissionLost, match="does not unpack"):
        checks.restore(submission)


@pytest.mark.django_db
def test_intake_looks_as_closely_as_at_an_archive(
    order: Order, make_phase: Callable[..., Phase], hub: HubServer
) -> None:
    hub.push(REPO, {**FILES, "config.json": b'{"auto_map": {"AutoModel": "evil.Model"}}'})
    submission = checks.check(submission=order(make_phase()))
    assert submission.state == Submission.State.REJECTED
    assert "E-ARC-AUTOMAP" in {problem["code"] for problem in submission.problems}


@pytest.mark.django_db
def test_an_archive_whose_manifest_names_a_hub_is_refused(received: Callable[..., Submission]) -> None:
    text = "schema: submission/1\nkind: model\nmethod: {name: Owl}\nmodel: {backend: causal, source: 'hf://a/b@main'}\n"
    submission = checks.check(submission=received(packed({"submission.yaml": text, **FILES})))
    assert [problem["code"] for problem in submission.problems] == ["E-HUB-SOURCE"]


@pytest.fixture
def broker() -> Iterator[None]:
    before = app.conf.broker_url
    use_broker("memory://")
    yield
    use_broker(before)


@pytest.mark.model
@pytest.mark.data
@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("broker")
def test_a_model_and_its_checkpoint_are_scored(
    data: Path, order: Order, make_phase: Callable[..., Phase], make_track: Callable[..., Track], hub: HubServer,
    make_suite_version: Callable[..., Any],
) -> None:  # fmt: skip
    build(["model"], say=lambda _: None)
    tiny = tiny_models(data / "blimp")
    for folder, branch in (("gpt2", "main"), ("gptneox", "chck_1M")):
        hub.push(REPO, {file.name: file.read_bytes() for file in (tiny / folder).iterdir()}, branch)
    phase = make_phase(make_track(image="model", wall=120, checkpoints={"names": ["chck_1M"], "required": True}))
    make_suite_version(phase, pairs=4, items="public", gold="public")
    PhaseSuite.objects.update(checkpoints="all")
    submission = checks.check(submission=order(phase))
    assert submission.state == Submission.State.ACCEPTED, submission.problems
    hub.repos.clear()
    plan(submission)
    execution.drain(worker="one", queue="cpu")
    run = Run.objects.get(purpose=Run.Purpose.PHASE)
    assert run.state == Run.State.DONE, run.detail
    assert set(ResponseSet.objects.values_list("checkpoint", flat=True)) == {"main", "chck_1M"}
    assert Score.objects.exists()
