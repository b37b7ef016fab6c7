"""The check of a hand-in, through the real intake; and which files a kind must hold."""

import io
import json
import zipfile
from collections.abc import Callable
from typing import Any

import pytest
import yaml

from challenges.models import Phase, Track
from evaluators.protocol.submission import SubmissionManifest
from sandbox.errors import SandboxUnavailable
from sandbox.images.build import build
from submissions import checks, engine, quota, tasks
from submissions.checks import check, required_files
from submissions.models import QuotaCharge, Submission
from submissions.services import submission_digest

from .conftest import CODE, code_archive, manifest, packed, tensors

MODEL: dict[str, Any] = {
    "schema": "submission/1",
    "kind": "model",
    "method": {"name": "Tiny"},
    "model": {"path": "model", "backend": "causal"},
}
PREDICTIONS: dict[str, Any] = {
    "schema": "submission/1",
    "kind": "predictions",
    "method": {"name": "Guess"},
    "predictions": {"file": "answers.jsonl"},
}
MODEL_FILES: dict[str, str | bytes] = {
    "model/config.json": json.dumps({"model_type": "gpt2"}),
    "model/model.safetensors": tensors(),
    "model/tokenizer.json": "{}",
}
HandIn = Callable[..., Submission]


def read(value: dict[str, Any]) -> SubmissionManifest:
    return SubmissionManifest.from_value(value, file="submission.yaml")


def with_manifest(value: dict[str, Any], files: dict[str, str | bytes]) -> bytes:
    return packed({"submission.yaml": yaml.safe_dump(value), **files})


# Which files a kind must hold


@pytest.mark.parametrize(
    ("value", "there"),
    [
        (CODE, ["model.py"]),
        (MODEL, ["model/config.json", "model/a.safetensors", "model/tokenizer.json"]),
        ({**MODEL, "model": {"backend": "masked"}}, ["config.json", "m-1-of-2.safetensors", "vocab.txt"]),
        (PREDICTIONS, ["answers.jsonl"]),
    ],
)
def test_a_hand_in_with_its_files_is_complete(value: dict[str, Any], there: list[str]) -> None:
    assert required_files(read(value), there) == []


def test_a_tokenizer_of_its_own_kind_may_have_files_of_any_name() -> None:
    there = ["model/config.json", "model/a.safetensors", "model/tokenizer_config.json", "model/words.list"]
    assert [problem.file for problem in required_files(read(MODEL), there)] == ["tokenizer.json"]
    assert required_files(read(MODEL), there, own_tokenizer=True) == []


@pytest.mark.parametrize(
    ("value", "there", "missing"),
    [
        (CODE, ["other.py"], ["model.py"]),
        (MODEL, [], ["config.json", "*.safetensors", "tokenizer.json"]),
        (MODEL, ["config.json", "a.safetensors", "tokenizer.json"], ["config.json", "*.safetensors", "tokenizer.json"]),
        (MODEL, ["model/config.json", "model/pytorch_model.bin", "model/vocab.json"], ["*.safetensors"]),
        (PREDICTIONS, ["sub/answers.jsonl"], ["answers.jsonl"]),
    ],
)
def test_each_file_that_is_missing_is_named(value: dict[str, Any], there: list[str], missing: list[str]) -> None:
    problems = required_files(read(value), there)
    assert [problem.file for problem in problems] == missing
    assert {problem.code for problem in problems} == {"E-SUB-FILE"}
    assert all(problem.remedy for problem in problems)


# Through the sandbox


def codes(submission: Submission) -> list[str]:
    return [problem["code"] for problem in submission.problems]


@pytest.mark.docker
@pytest.mark.django_db
def test_a_code_archive_is_accepted_and_its_quota_settled(received: HandIn) -> None:
    content = code_archive()
    submission = check(submission=received(content))
    assert submission.state == Submission.State.ACCEPTED, submission.problems
    assert (submission.name, submission.kind) == ("Parrot", "code")
    assert submission.digest == submission_digest(submission.artifact.digest, manifest())
    assert {file["path"] for file in submission.files} == {"model.py", "submission.yaml"}
    assert submission.manifest["schema"] == "submission/1"
    assert [charge.state for charge in QuotaCharge.objects.all()] == [QuotaCharge.State.SETTLED]
    assert engine.sandbox().has_volume(engine.volume_of(submission))


@pytest.mark.docker
@pytest.mark.django_db
def test_checking_twice_changes_nothing(received: HandIn) -> None:
    submission = check(submission=received())
    stale = Submission.objects.get(pk=submission.pk)
    stale.state = Submission.State.RECEIVED
    assert check(submission=stale).checked_at == submission.checked_at
    assert check(submission=submission).checked_at == submission.checked_at


@pytest.mark.docker
@pytest.mark.django_db
@pytest.mark.parametrize("described", [None, read(MODEL)])
def test_a_model_folder_is_accepted_by_form_and_by_archive(
    described: SubmissionManifest | None, received: HandIn
) -> None:
    content = packed(MODEL_FILES) if described else with_manifest(MODEL, MODEL_FILES)
    submission = check(submission=received(content, described=described))
    assert (submission.state, submission.kind) == (Submission.State.ACCEPTED, "model"), submission.problems


@pytest.mark.docker
@pytest.mark.django_db
def test_the_one_folder_that_intake_takes_away_goes_out_of_the_form_s_path_too(received: HandIn) -> None:
    submission = check(submission=received(packed(MODEL_FILES), described=read(MODEL)))
    assert submission.manifest["model"] == {"backend": "causal"}


@pytest.mark.docker
@pytest.mark.django_db
def test_a_bare_prediction_file_is_accepted_with_the_form_s_manifest(received: HandIn) -> None:
    content = b'{"suite": "a", "id": "1", "choice": 0}\n'
    submission = check(submission=received(content, described=read(PREDICTIONS), filename="answers.jsonl"))
    assert submission.state == Submission.State.ACCEPTED, submission.problems
    assert [file["path"] for file in submission.files] == ["answers.jsonl"]


@pytest.mark.docker
@pytest.mark.django_db
def test_a_form_and_an_archive_that_agree_are_accepted(received: HandIn) -> None:
    assert check(submission=received(described=manifest())).state == Submission.State.ACCEPTED


@pytest.mark.docker
@pytest.mark.django_db
def test_a_form_and_an_archive_that_do_not_agree_are_refused_with_the_field(received: HandIn) -> None:
    submission = check(submission=received(described=manifest(method={"name": "Another"})))
    assert [(problem["code"], problem["field"]) for problem in submission.problems] == [("E-SUB-TWO", "method")]


@pytest.mark.docker
@pytest.mark.django_db
@pytest.mark.parametrize(
    ("content", "code"),
    [
        (packed({"model.py": ""}), "E-SUB-MANIFEST"),
        (b'{"not": "an archive"}', "E-ARC-FORMAT"),
        (code_archive()[:-40], "E-ARC-DAMAGED"),
        (with_manifest(CODE, {"../model.py": ""}), "E-ARC-PATH"),
        (with_manifest(CODE, {"other.py": ""}), "E-SUB-FILE"),
        (with_manifest({**CODE, "colour": "red"}, {"model.py": ""}), "E-DOC-UNKNOWN"),
        (with_manifest({**CODE, "kind": "image"}, {"model.py": ""}), "E-DOC-VALUE"),
        (packed({"submission.yaml": "a: [", "model.py": ""}), "E-DOC-SYNTAX"),
        (with_manifest(MODEL, {**MODEL_FILES, "model/pytorch_model.bin": b"\x80\x04K\x01."}), "E-ARC-PICKLE"),
        (
            with_manifest(MODEL, {**MODEL_FILES, "model/config.json": json.dumps({"auto_map": {"AutoModel": "x.X"}})}),
            "E-ARC-AUTOMAP",
        ),
    ],
)
def test_what_is_wrong_with_a_hand_in_is_said_and_its_quota_given_back(
    content: bytes, code: str, received: HandIn
) -> None:
    submission = check(submission=received(content))
    assert submission.state == Submission.State.REJECTED
    assert codes(submission)[0] == code
    assert submission.problems[0]["message"]
    charge = QuotaCharge.objects.get()
    assert (charge.state, charge.active, charge.reason) == (QuotaCharge.State.RELEASED, False, f"rejected: {code}")
    assert quota.usage(submission.registration, charge.phase).total == 0
    assert not engine.sandbox().has_volume(engine.volume_of(submission))


@pytest.mark.docker
@pytest.mark.django_db
def test_the_track_s_rules_hold_for_the_archive_s_manifest_too(
    received: HandIn, make_track: Callable[..., Track]
) -> None:
    questions = [{"key": "epochs", "type": "integer", "required": True}]
    submission = check(submission=received(track=make_track(kinds=["model"], questions=questions)))
    assert codes(submission) == ["E-SUB-KIND", "E-SUB-ANSWER"]


@pytest.mark.django_db
def test_where_the_engine_is_away_a_hand_in_stays_received(hand_in: HandIn, make_phase: Callable[..., Phase],
                                                           monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    submission = hand_in(make_phase())
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:1")
    engine.sandbox.cache_clear()
    with pytest.raises(SandboxUnavailable):
        check(submission=submission)
    tasks.check(str(submission.pk))
    submission.refresh_from_db()
    assert (submission.state, submission.problems) == (Submission.State.RECEIVED, [])
    assert QuotaCharge.objects.get().state == QuotaCharge.State.RESERVED


# Weights that are converted, and code of a model's own: where every track takes them

# What PyTorch pickles of {"w": torch.tensor([0.0])}, written by hand.
PICKLE = (
    b"\x80\x02}X\x01\0\0\0wctorch._utils\n_rebuild_tensor_v2\n((X\x07\0\0\0storagectorch\nFloatStorage\n"
    b"X\x01\0\0\x000X\x03\0\0\0cpuK\x01tQK\0K\x01\x85K\x01\x85\x89ccollections\nOrderedDict\n)RtRs."
)


def weights() -> bytes:
    """A pytorch_model.bin with one number."""
    out = io.BytesIO()
    records = {"data.pkl": PICKLE, "byteorder": b"little", "data/0": bytes(4), "version": b"3\n"}
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for name, content in records.items():
            archive.writestr(f"archive/{name}", content)
    return out.getvalue()


def pickled_files() -> dict[str, str | bytes]:
    files = {name: content for name, content in MODEL_FILES.items() if name != "model/model.safetensors"}
    return {**files, "model/pytorch_model.bin": weights(), "model/optimizer.pt": b"\x80\x04."}


@pytest.fixture
def model_image() -> None:
    """The image that reads pickled weights."""
    build(["model"], say=lambda _: None)


@pytest.mark.docker
@pytest.mark.model
@pytest.mark.django_db
@pytest.mark.parametrize("described", [None, read(MODEL)], ids=["by archive", "by form"])
def test_pickled_weights_are_converted_and_that_is_recorded(
    described: SubmissionManifest | None, received: HandIn, make_track: Callable[..., Track], model_image: None
) -> None:
    content = packed(pickled_files()) if described else with_manifest(MODEL, pickled_files())
    submission = check(submission=received(content, described=described, track=make_track(convert_weights=True)))
    assert submission.state == Submission.State.ACCEPTED, submission.problems
    paths = {file["path"].removeprefix("model/") for file in submission.files} - {"submission.yaml"}
    assert paths == {"config.json", "tokenizer.json", "model.safetensors"}
    made = submission.conversion
    assert [file["path"].rpartition("/")[2] for file in made["sources"]] == ["pytorch_model.bin"]
    assert [file["path"].rpartition("/")[2] for file in made["left_out"]] == ["optimizer.pt"]
    assert made["results"] == [file for file in submission.files if file["path"].endswith(".safetensors")]
    assert made["image_id"] == engine.sandbox().image_id("model")


@pytest.mark.docker
@pytest.mark.model
@pytest.mark.django_db
def test_a_converted_submission_is_restored_to_the_bit_even_when_the_track_has_changed(
    received: HandIn, make_track: Callable[..., Track], model_image: None
) -> None:
    track = make_track(convert_weights=True)
    submission = check(submission=received(packed(pickled_files()), described=read(MODEL), track=track))
    before = engine.sandbox().read_file(engine.volume_of(submission), "model.safetensors", max_bytes=1000)
    engine.sandbox().remove_volume(engine.volume_of(submission))
    Track.objects.filter(pk=track.pk).update(convert_weights=False)
    volume = checks.restore(submission)
    assert engine.sandbox().read_file(volume, "model.safetensors", max_bytes=1000) == before


@pytest.mark.docker
@pytest.mark.django_db
def test_one_track_that_takes_no_conversion_is_enough_to_refuse_pickled_weights(
    hand_in: HandIn, make_track: Callable[..., Track], make_phase: Callable[..., Phase], received: HandIn
) -> None:
    takes = make_track(convert_weights=True)
    other = make_track(challenge=takes.challenge)
    submission = hand_in(make_phase(takes), make_phase(other), content=packed(pickled_files()), described=read(MODEL))
    assert set(codes(check(submission=submission))) == {"E-ARC-PICKLE"}


@pytest.mark.docker
@pytest.mark.django_db
@pytest.mark.parametrize(("allowed", "found"), [(True, []), (False, ["E-ARC-AUTOMAP"])])
def test_code_of_a_model_s_own_is_taken_where_the_track_takes_it(
    allowed: bool, found: list[str], received: HandIn, make_track: Callable[..., Track]
) -> None:
    config = json.dumps({"auto_map": {"AutoModelForCausalLM": "mine.Model"}})
    files = {**MODEL_FILES, "model/config.json": config, "model/mine.py": "class Model: ...\n"}
    submission = check(submission=received(with_manifest(MODEL, files), track=make_track(remote_code=allowed)))
    assert codes(submission) == found


@pytest.mark.docker
@pytest.mark.django_db
def test_code_from_another_repository_is_refused_in_any_track(
    received: HandIn, make_track: Callable[..., Track]
) -> None:
    config = json.dumps({"auto_map": {"AutoModelForCausalLM": "example/other--mine.Model"}})
    files = {**MODEL_FILES, "model/config.json": config, "model/mine.py": "class Model: ...\n"}
    submission = check(submission=received(with_manifest(MODEL, files), track=make_track(remote_code=True)))
    assert codes(submission) == ["E-ARC-MODULE"]


@pytest.mark.docker
@pytest.mark.django_db
def test_a_prediction_file_may_be_no_pickle_even_where_tracks_take_everything(
    received: HandIn, make_track: Callable[..., Track]
) -> None:
    track = make_track(convert_weights=True, remote_code=True)
    content = packed({"answers.jsonl": b"\x80\x04K\x01."})
    submission = received(content, described=read(PREDICTIONS), track=track)
    assert codes(check(submission=submission)) == ["E-ARC-PICKLE"]
