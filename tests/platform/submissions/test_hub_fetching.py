"""Fetching what is handed in from a hub: frozen, whole, stored once, and never at a team's cost where the hub fails."""

import hashlib
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import storages
from django.db import connections
from django.utils import timezone
from pytest_django.fixtures import Settings

from challenges.models import Phase, Track
from evaluators.protocol.submission import SubmissionManifest
from submissions import checks, services
from submissions.errors import SubmissionRefused
from submissions.hub.archives import awaits_files, tar_of
from submissions.hub.downloading import Digests, digests_of
from submissions.hub.fetching import parts_of
from submissions.models import Artifact, HubFetch, QuotaCharge, Registration, Submission
from submissions.selectors import fetching_in_words, stale_received

from .conftest import tensors
from .hub_server import Fault, Handler, HubServer

REPO = "owls/tiny"
FILES = {
    "config.json": b'{"model_type": "gpt2"}',
    "tokenizer.json": b"{}",
    "model.safetensors": tensors(),
    "README.md": b"# A model",
    "training_args.bin": b"pickled",
    "logs/events.json": b"{}",
}
TAKEN = ["config.json", "model.safetensors", "tokenizer.json"]
HandIn = Callable[..., Submission]

pytestmark = pytest.mark.django_db


def from_hub(revision: str = "main", repo: str = REPO, **changes: Any) -> SubmissionManifest:
    part = {"backend": "causal", "source": f"hf://{repo}@{revision}"}
    value = {"schema": "submission/1", "kind": "model", "method": {"name": "Owl"}, "model": part, **changes}
    return SubmissionManifest.from_value(value, file="submission.yaml")


@pytest.fixture
def order(make_phase: Callable[..., Phase], make_registration: Callable[..., Registration], hub: HubServer) -> HandIn:
    """`order(manifest=…, track=…, registration=…)`: handed in from the hub, nothing fetched yet."""
    hub.push(REPO, FILES)

    def make(
        described: SubmissionManifest | None = None, *, track: Track | None = None, phase: Phase | None = None,
        registration: Registration | None = None,
    ) -> Submission:  # fmt: skip
        phase = phase or make_phase(track)
        registration = registration or make_registration(challenge=phase.track.challenge)
        return services.submit(
            registration=registration, phases=[phase], upload=None, manifest=described or from_hub(),
            user=registration.created_by,
        )  # fmt: skip

    return make


def answering(status: int, body: bytes = b"", **headers: str) -> Fault:
    def fault(handler: Handler) -> bool:
        handler.plain(status, body, **headers)
        return True

    return fault


def paths(submission: Submission) -> list[str]:
    return list(submission.stored_files.values_list("path", flat=True))


def stored(artifact: Artifact) -> bytes:
    with storages["artifacts"].open(artifact.storage_name) as file:
        return bytes(file.read())


def codes(submission: Submission) -> list[str]:
    return [problem["code"] for problem in submission.problems]


def again(submission: Submission) -> Submission:
    """What the sweeper does once the wait is over."""
    HubFetch.objects.filter(submission=submission).update(not_before=timezone.now())
    return checks.fetch(submission=submission)


def test_only_what_a_model_needs_is_fetched_and_it_is_whole(order: HandIn, hub: HubServer) -> None:
    submission = checks.fetch(submission=order())
    assert not awaits_files(submission)
    assert submission.state == Submission.State.RECEIVED
    assert paths(submission) == TAKEN
    for file in submission.stored_files.select_related("artifact"):
        content = stored(file.artifact)
        assert content == FILES[file.path]
        assert file.artifact.digest == hashlib.sha256(content).hexdigest()
    assert submission.artifact.size == sum(len(FILES[name]) for name in TAKEN)
    assert not hub.asked_for("README|training_args|logs")


def test_a_branch_is_frozen_to_the_commit_that_it_is_at_first(order: HandIn, hub: HubServer) -> None:
    first = hub.repos[REPO]["main"]
    hub.fail("resolve.*tokenizer", answering(503), times=1)
    submission = checks.fetch(submission=order())
    assert submission.manifest["model"]["source"] == f"hf://{REPO}@{first}"
    hub.push(REPO, {**FILES, "config.json": b'{"model_type": "changed"}'})
    again(submission)
    stored = submission.stored_files.get(path="config.json")
    assert stored.artifact.digest == hashlib.sha256(FILES["config.json"]).hexdigest()
    assert not awaits_files(submission)


def test_what_is_fetched_stays_whatever_becomes_of_the_repository(order: HandIn, hub: HubServer) -> None:
    submission = checks.fetch(submission=order())
    before = tar_of(submission).read()
    hub.repos.clear()
    hub.commits.clear()
    assert tar_of(submission).read() == before


def test_branches_of_the_expected_names_are_checkpoints(
    order: HandIn, hub: HubServer, make_track: Callable[..., Track]
) -> None:
    early = {**FILES, "model.safetensors": tensors()[:-4] + b"\1\0\0\0"}
    for name in ("chck_10M", "chck_2M", "chck_99M", "dev"):
        hub.push(REPO, early, name)
    track = make_track(checkpoints={"names": ["chck_1M", "chck_2M", "chck_10M"]})
    submission = checks.fetch(submission=order(track=track))
    assert [(one["name"], one["path"]) for one in submission.manifest["checkpoints"]] == [
        ("chck_2M", "checkpoints/chck_2M"), ("chck_10M", "checkpoints/chck_10M"),
    ]  # fmt: skip
    assert set(submission.hub.commits) == {"main", "chck_2M", "chck_10M"}
    folders = ["", "checkpoints/chck_10M/", "checkpoints/chck_2M/"]
    assert paths(submission) == sorted(f"{folder}{name}" for folder in folders for name in TAKEN)


def test_checkpoints_that_the_track_requires_are_named_where_there_is_no_branch(
    order: HandIn, hub: HubServer, make_track: Callable[..., Track]
) -> None:
    hub.push(REPO, FILES, "chck_2M")
    track = make_track(checkpoints={"names": ["chck_1M", "chck_2M", "chck_10M"], "required": True})
    submission = checks.fetch(submission=order(track=track))
    assert codes(submission) == ["E-SUB-CHECKPOINTS"]
    assert "chck_1M, chck_10M" in submission.problems[0]["message"]


def test_files_that_checkpoints_share_are_fetched_and_stored_once(
    order: HandIn, hub: HubServer, make_track: Callable[..., Track]
) -> None:
    names = [f"chck_{number}M" for number in range(1, 9)]
    for number, name in enumerate(names):
        hub.push(REPO, {**FILES, "model.safetensors": tensors()[:-1] + bytes([number + 1])}, name)
    submission = checks.fetch(submission=order(track=make_track(checkpoints={"names": names})))
    assert submission.stored_files.count() == 9 * 3
    assert submission.stored_files.values("artifact").distinct().count() == 9 + 2
    assert len(hub.asked_for("resolve.*tokenizer.json")) == 1
    assert len(hub.asked_for("^/cdn/")) == 9


def test_two_teams_with_the_same_model_share_its_bytes(order: HandIn, hub: HubServer) -> None:
    one, other = checks.fetch(submission=order()), checks.fetch(submission=order())
    assert one.registration != other.registration
    assert list(one.stored_files.values_list("artifact")) == list(other.stored_files.values_list("artifact"))
    assert one.artifact == other.artifact
    # Whoever only knows a digest has not got the file: the other team's bytes were fetched, too.
    assert len(hub.asked_for("^/cdn/")) == 2
    assert Artifact.objects.count() == len(TAKEN) + 1


def test_the_list_of_files_says_what_the_digest_is_of(order: HandIn) -> None:
    submission = checks.fetch(submission=order())
    listed = stored(submission.artifact)
    assert hashlib.sha256(listed).hexdigest() == submission.artifact.digest
    assert all(name.encode() in listed for name in TAKEN)


def test_a_connection_that_is_cut_goes_on_where_it_ended(order: HandIn, hub: HubServer) -> None:
    big = bytes(range(256)) * 4096
    hub.push(REPO, {**FILES, "model.safetensors": big})

    def cut(handler: Handler) -> bool:
        handler.cut(big, 300_000)
        return True

    hub.fail("^/cdn/", cut, times=1)
    submission = checks.fetch(submission=order())
    first, second = hub.asked_for("^/cdn/")
    assert "Range" not in first
    assert (second["Range"], second["If-Range"]) == ("bytes=300000-", f'"{hashlib.sha256(big).hexdigest()}"')
    assert submission.stored_files.get(path="model.safetensors").artifact.digest == hashlib.sha256(big).hexdigest()


def test_a_file_that_changed_between_is_fetched_anew(order: HandIn, hub: HubServer) -> None:
    big, other = b"a" * 500_000, b"b" * 500_000
    hub.push(REPO, {**FILES, "model.safetensors": big})

    def cut_another(handler: Handler) -> bool:
        handler.cut(other, 200_000)
        return True

    hub.fail("^/cdn/", cut_another, times=1)
    submission = checks.fetch(submission=order())
    assert hub.asked_for("^/cdn/")[1]["Range"] == "bytes=200000-"
    assert submission.stored_files.get(path="model.safetensors").artifact.digest == hashlib.sha256(big).hexdigest()


def test_a_hub_that_always_breaks_off_is_away_and_is_gone_on_with(order: HandIn, hub: HubServer) -> None:
    big = b"a" * 100_000
    hub.push(REPO, {**FILES, "model.safetensors": big})

    def cut(handler: Handler) -> bool:
        handler.cut(big, 0)
        return True

    hub.fail("^/cdn/", cut, times=3)
    submission = checks.fetch(submission=order())
    assert awaits_files(submission)
    assert "breaks off" in (fetching_in_words(submission) or "")
    assert not awaits_files(again(submission))


@pytest.mark.parametrize("name", ["model.safetensors", "tokenizer.json"])
def test_bytes_that_are_not_those_the_hub_names_are_fetched_twice_and_refused(
    order: HandIn, hub: HubServer, name: str
) -> None:
    wrong = bytes(len(FILES[name]))
    hub.fail(rf"resolve/.*/{name}", answering(200, wrong))
    submission = checks.fetch(submission=order())
    assert codes(submission) == ["E-HUB-DIGEST"]
    assert submission.problems[0]["file"] == name
    assert len(hub.asked_for(rf"resolve/.*/{name}")) == 2
    assert QuotaCharge.objects.get().state == QuotaCharge.State.RELEASED
    assert not any(parts_of(submission).iterdir())


def test_bytes_that_are_wrong_once_do_no_harm(order: HandIn, hub: HubServer) -> None:
    hub.fail("resolve/.*/tokenizer.json", answering(200, b"[]"), times=1)
    assert not awaits_files(checks.fetch(submission=order()))


def test_a_body_without_an_end_is_left_at_the_size_that_was_said(order: HandIn, hub: HubServer) -> None:
    sent = []

    def endless(handler: Handler) -> bool:
        handler.send_response(200)
        handler.send_header("Connection", "close")
        handler.end_headers()
        handler.close_connection = True
        try:
            for _ in range(10_000):
                handler.wfile.write(bytes(64 * 1024))
                sent.append(1)
        except OSError:
            return True
        return True

    hub.fail("resolve/.*/config.json", endless)
    submission = checks.fetch(submission=order())
    assert codes(submission) == ["E-HUB-DIGEST"]
    assert "more bytes" in submission.problems[0]["message"]
    assert len(sent) < 2000


def test_fewer_bytes_than_were_said_are_refused(order: HandIn, hub: HubServer) -> None:
    hub.fail("resolve/.*/config.json", answering(200, b"{}"))
    assert codes(checks.fetch(submission=order())) == ["E-HUB-DIGEST"]


def test_a_packed_body_is_not_unpacked(order: HandIn, hub: HubServer) -> None:
    hub.fail("resolve/.*/config.json", answering(200, b"\x1f\x8b" + bytes(20), Content_Encoding="gzip"))
    submission = checks.fetch(submission=order())
    assert awaits_files(submission)
    assert "packs" in (fetching_in_words(submission) or "")


@pytest.mark.parametrize(
    "place", ["http://169.254.169.254/latest", "https://elsewhere.example.org/x", "http://10.0.0.7/x"]
)
def test_a_file_that_lies_elsewhere_is_not_fetched(order: HandIn, hub: HubServer, place: str) -> None:
    def lead(handler: Handler) -> bool:
        handler.redirect(place)
        return True

    hub.fail("resolve/.*safetensors", lead)
    submission = checks.fetch(submission=order())
    assert codes(submission) == ["E-HUB-HOST"]
    assert submission.state == Submission.State.REJECTED


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_repository_that_is_not_there_or_private_is_said_to_be(order: HandIn, hub: HubServer, status: int) -> None:
    hub.fail("^/api/", answering(status, b"{}"))
    submission = checks.fetch(submission=order())
    assert codes(submission) == ["E-HUB-NOT-FOUND"]
    assert QuotaCharge.objects.get().state == QuotaCharge.State.RELEASED


def test_a_hub_that_is_away_is_asked_again_ever_later_and_nothing_is_charged(
    order: HandIn, hub: HubServer, settings: Settings
) -> None:
    settings.BACK_OFF_SECONDS, settings.MOST_BACK_OFF_SECONDS = 100, 300
    hub.fail("^/api/", answering(503), times=3)
    submission = order()
    waits = []
    for _ in range(3):
        again(submission)
        waits.append((HubFetch.objects.get().not_before - timezone.now()).total_seconds())
        assert "nothing is charged" in (fetching_in_words(submission) or "")
    assert waits == pytest.approx([100, 200, 300], abs=10)
    assert submission.state == Submission.State.RECEIVED
    assert QuotaCharge.objects.get().state == QuotaCharge.State.RESERVED
    assert not awaits_files(again(submission))


def test_a_hub_that_says_when_to_come_back_is_left_alone_until_then(order: HandIn, hub: HubServer) -> None:
    hub.fail("^/api/", answering(429, Retry_After="1234"), times=1)
    submission = checks.fetch(submission=order())
    wait = (HubFetch.objects.get().not_before - timezone.now()).total_seconds()
    assert wait == pytest.approx(1234, abs=10)
    asked = len(hub.requests)
    checks.check(submission=submission)
    checks.fetch(submission=submission)
    assert len(hub.requests) == asked
    assert not stale_received(older_than=timedelta(seconds=-1)).exists()
    assert not awaits_files(again(submission))


def test_a_hub_that_stays_away_is_given_up_and_nothing_is_charged(
    order: HandIn, hub: HubServer, settings: Settings
) -> None:
    hub.fail("^/api/", answering(503))
    submission = checks.fetch(submission=order())
    HubFetch.objects.update(created_at=timezone.now() - timedelta(hours=settings.HUB_GIVE_UP_HOURS + 1))
    submission = again(submission)
    assert codes(submission) == ["E-HUB-AWAY"]
    assert QuotaCharge.objects.get().state == QuotaCharge.State.RELEASED


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("../config.json", "E-ARC-PATH"),
        ("/etc/passwd.json", "E-ARC-PATH"),
        ("a/../../b.json", "E-ARC-PATH"),
        ("a\\b.json", "E-ARC-PATH"),
        ("C:config.json", "E-ARC-PATH"),
        ("con\u202efig.json", "E-ARC-NAME"),
        ("a\0.json", "E-ARC-NAME"),
        ("x" * 300 + ".json", "E-ARC-NAME"),
        ("CONFIG.json", "E-ARC-DUPLICATE"),
    ],
)
def test_a_name_that_could_mean_another_place_is_refused(order: HandIn, hub: HubServer, name: str, code: str) -> None:
    hub.push(REPO, {**FILES, name: b"{}"})
    submission = checks.fetch(submission=order())
    assert codes(submission) == [code]
    assert not submission.stored_files.exists()


def test_files_that_are_too_large_together_are_refused_before_any_is_fetched(
    order: HandIn, hub: HubServer, make_track: Callable[..., Track]
) -> None:
    submission = checks.fetch(submission=order(track=make_track(max_bytes=50)))
    assert codes(submission) == ["E-UP-SIZE"]
    assert not hub.asked_for("resolve")


def test_more_files_than_a_model_has_are_refused(
    order: HandIn, hub: HubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("submissions.hub.fetching.MOST_FILES", 2)
    assert codes(checks.fetch(submission=order())) == ["E-ARC-ENTRIES"]


def test_a_repository_without_a_model_is_refused(order: HandIn, hub: HubServer) -> None:
    hub.push(REPO, {"README.md": b"soon"})
    assert codes(checks.fetch(submission=order())) == ["E-SUB-FILE"]


def test_pickled_weights_are_fetched_only_where_every_track_converts_them(
    order: HandIn, hub: HubServer, make_track: Callable[..., Track]
) -> None:
    old = {"config.json": b"{}", "tokenizer.json": b"{}", "pytorch_model.bin": b"zip", "optimizer.bin": b"big"}
    hub.push(REPO, old)
    assert "pytorch_model.bin" not in paths(checks.fetch(submission=order()))
    assert "pytorch_model.bin" in paths(checks.fetch(submission=order(track=make_track(convert_weights=True))))
    hub.push(REPO, {**old, "model.safetensors": tensors()})
    assert "pytorch_model.bin" not in paths(checks.fetch(submission=order(track=make_track(convert_weights=True))))


def test_a_second_click_gets_the_first_hand_in(order: HandIn, make_phase: Callable[..., Phase]) -> None:
    phase = make_phase()
    first = order(phase=phase)
    assert order(phase=phase, registration=first.registration) == first
    assert order(from_hub("v2"), phase=phase, registration=first.registration) != first


def test_a_source_and_a_file_do_not_go_together(
    hand_in: HandIn, make_phase: Callable[..., Phase], hub: HubServer
) -> None:
    with pytest.raises(SubmissionRefused) as caught:
        hand_in(make_phase(), described=from_hub())
    assert caught.value.problems[0].code == "E-HUB-SOURCE"


def test_without_hubs_nothing_is_handed_in_from_one(order: HandIn, settings: Settings) -> None:
    settings.HUB_HOSTS = []
    with pytest.raises(SubmissionRefused, match="nothing is fetched"):
        order()


def test_one_worker_fetches_at_a_time(order: HandIn, hub: HubServer) -> None:
    submission = order()
    HubFetch.objects.update(not_before=timezone.now() + timedelta(seconds=30))
    checks.fetch(submission=submission)
    assert hub.requests == []


def test_a_worker_whose_claim_was_taken_over_stops(
    order: HandIn, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.HEARTBEAT_SECONDS = 0
    submission = order()

    def while_another_takes_over(path: Path, beat: Callable[[], None]) -> Digests:
        HubFetch.objects.update(claim=None)
        return digests_of(path, beat)

    monkeypatch.setattr("submissions.hub.fetching.digests_of", while_another_takes_over)
    checks.fetch(submission=submission)
    assert not submission.stored_files.exists()
    assert awaits_files(submission)


def test_a_worker_gives_others_their_turn_and_goes_on_later(order: HandIn, hub: HubServer, settings: Settings) -> None:
    settings.HUB_TURN_SECONDS = -1
    submission = checks.fetch(submission=order())
    assert awaits_files(submission)
    assert submission.hub.commits
    settings.HUB_TURN_SECONDS = 60
    assert not awaits_files(checks.fetch(submission=submission))


def _until(condition: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def _in_another_process(pk: Any) -> None:
    connections.close_all()
    checks.fetch(submission=Submission.objects.get(pk=pk))
    os._exit(0)


@pytest.mark.django_db(transaction=True)
def test_what_a_killed_worker_has_fetched_is_gone_on_with(order: HandIn, hub: HubServer, settings: Settings) -> None:
    settings.LEASE_SECONDS = 0.5
    big = os.urandom(400_000)
    hub.push(REPO, {**FILES, "model.safetensors": big})
    killed = threading.Event()

    def stall(handler: Handler) -> bool:
        handler.send_response(200)
        handler.send_header("ETag", f'"{hashlib.sha256(big).hexdigest()}"')
        handler.send_header("Content-Length", str(len(big)))
        handler.end_headers()
        handler.wfile.write(big[:250_000])
        handler.wfile.flush()
        killed.wait(20)
        handler.close_connection = True
        return True

    hub.fail("^/cdn/", stall, times=1)
    submission = order()
    worker = multiprocessing.get_context("fork").Process(target=_in_another_process, args=(submission.pk,))
    worker.start()

    def on_disk() -> int:
        return sum(part.stat().st_size for part in parts_of(submission).glob("*.part"))

    _until(lambda: on_disk() > 100_000)
    assert worker.pid is not None
    os.kill(worker.pid, signal.SIGKILL)
    worker.join()
    killed.set()
    there = on_disk()
    assert 0 < there < len(big)
    _until(lambda: not awaits_files(checks.fetch(submission=submission)))
    assert [headers.get("Range") for headers in hub.asked_for("^/cdn/")] == [None, f"bytes={there}-"]
    assert submission.stored_files.get(path="model.safetensors").artifact.digest == hashlib.sha256(big).hexdigest()
    assert len(hub.asked_for("resolve/.*/config.json")) == 1
