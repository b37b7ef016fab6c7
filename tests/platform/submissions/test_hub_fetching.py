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
from uuid import uuid4

import pytest
from django.db import connections
from django.utils import timezone
from pytest_django.fixtures import Settings

from challenges.models import Phase, Track
from submissions import checks, uploads
from submissions.errors import SubmissionRefused
from submissions.hub.archives import awaits_files, tar_of
from submissions.hub.downloading import Digests, digests_of
from submissions.hub.fetching import parts_of
from submissions.models import Artifact, HubFetch, Submission, UploadSession
from submissions.selectors import stale_received

from .hub_orders import FILES, REPO, TAKEN, HandIn, a_track_of, again, answering, codes, from_hub, paths, stored
from .hub_server import Handler, HubServer, tensors

pytestmark = pytest.mark.django_db


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


@pytest.mark.parametrize("name", ["early", "main"])
def test_a_branch_whose_name_tells_no_words_is_no_checkpoint(
    order: HandIn, hub: HubServer, make_track: Callable[..., Track], name: str
) -> None:
    hub.push(REPO, {**FILES, "config.json": b"{}"}, "early")
    track = make_track(checkpoints={"names": [name, "chck_1M"]})
    submission = checks.fetch(submission=order(track=track))
    assert submission.hub.commits == {"main": hub.repos[REPO]["main"]}
    assert not awaits_files(submission)


def test_a_path_is_as_short_as_any_also_in_a_checkpoints_folder(
    order: HandIn, hub: HubServer, make_track: Callable[..., Track]
) -> None:
    hub.push(REPO, {**FILES, "x" * 190 + ".json": b"{}"}, "chck_1M")
    submission = checks.fetch(submission=order(track=make_track(checkpoints={"names": ["chck_1M"]})))
    assert codes(submission) == ["E-ARC-NAME"]


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


def test_only_so_many_workers_fetch_at_a_time(order: HandIn, hub: HubServer, settings: Settings) -> None:
    submission, other = order(), order(from_hub("v2"))
    HubFetch.objects.filter(submission=other).update(claim=uuid4(), not_before=timezone.now() + timedelta(seconds=30))
    settings.HUB_AT_ONCE = 1
    checks.fetch(submission=submission)
    assert hub.requests == []
    assert submission in stale_received(older_than=timedelta(seconds=-1))
    settings.HUB_AT_ONCE = 2
    assert not awaits_files(checks.fetch(submission=submission))


def test_a_file_that_somebody_uploaded_as_well_stays_when_the_upload_is_given_up(
    order: HandIn, make_upload: Callable[..., UploadSession]
) -> None:
    submission = checks.fetch(submission=order())
    upload = make_upload(submission.registration, FILES["config.json"], filename="config.json")
    uploads.abandon(session=upload)
    assert stored(submission.stored_files.get(path="config.json").artifact) == FILES["config.json"]


def test_two_hand_ins_of_one_team_fetch_the_same_bytes_once(order: HandIn, hub: HubServer) -> None:
    first = checks.fetch(submission=order())
    again_in = order(from_hub(hub.repos[REPO]["main"]), registration=first.registration, track=a_track_of(first))
    assert not awaits_files(checks.fetch(submission=again_in))
    assert len(hub.asked_for("resolve")) == len(TAKEN)
    assert again_in.pk != first.pk


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
    # The child opens a connection of its own: one that both have would end for both with the first of them.
    connections.close_all()
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
