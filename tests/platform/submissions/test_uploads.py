"""Uploads: every byte is taken once, and what is wrong is said with a code."""

import errno
import hashlib
import os
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.storage import storages
from django.db import connections
from django.utils import timezone
from pytest_django.fixtures import Settings

from accounts.models import User
from challenges.models import Challenge, Phase
from submissions import uploads
from submissions.errors import UploadRefused
from submissions.models import Artifact, Registration, Submission, UploadSession
from submissions.uploads import abandon, abandon_stale, append, create, part_path

ZIP = b"PK\x03\x04" + bytes(range(256)) * 4
pytestmark = pytest.mark.django_db


@pytest.fixture
def challenge(make_challenge: Callable[..., Challenge]) -> Challenge:
    return make_challenge()


@pytest.fixture
def opened(make_user: Callable[..., User], challenge: Challenge) -> UploadSession:
    return create(user=make_user(), challenge=challenge, filename="model.zip", size=len(ZIP))


def refused(do: Callable[[], Any]) -> UploadRefused:
    with pytest.raises(UploadRefused) as caught:
        do()
    return caught.value


def test_chunks_in_order_make_the_file_under_its_digest(opened: UploadSession) -> None:
    for offset in range(0, len(ZIP), 100):
        session = append(session=opened, offset=offset, chunk=ZIP[offset : offset + 100])
    assert session.state == UploadSession.State.COMPLETE
    digest = hashlib.sha256(ZIP).hexdigest()
    assert session.artifact is not None
    assert session.artifact.digest == digest
    assert session.artifact.storage_name == f"{digest[:2]}/{digest}"
    with storages["artifacts"].open(session.artifact.storage_name) as file:
        assert file.read() == ZIP
    assert not part_path(opened).exists()


def test_a_chunk_at_another_offset_is_refused_with_the_right_one(opened: UploadSession) -> None:
    append(session=opened, offset=0, chunk=ZIP[:100])
    error = refused(lambda: append(session=opened, offset=0, chunk=ZIP[:100]))
    assert (error.problem.code, error.status, error.received) == ("E-UP-OFFSET", 409, 100)


def test_more_than_was_announced_is_refused(opened: UploadSession) -> None:
    assert refused(lambda: append(session=opened, offset=0, chunk=ZIP + b"x")).problem.code == "E-UP-SIZE"


def test_another_file_than_the_announced_digest_starts_again(
    make_user: Callable[..., User], challenge: Challenge
) -> None:
    session = create(user=make_user(), challenge=challenge, filename="a.zip", size=len(ZIP), digest="0" * 64)
    error = refused(lambda: append(session=session, offset=0, chunk=ZIP))
    assert (error.problem.code, error.received) == ("E-UP-DIGEST", 0)
    session.refresh_from_db()
    assert (session.state, session.received) == (UploadSession.State.OPEN, 0)


def test_bytes_that_the_disk_lost_are_asked_for_again(opened: UploadSession) -> None:
    append(session=opened, offset=0, chunk=ZIP[:100])
    part_path(opened).unlink()
    error = refused(lambda: append(session=opened, offset=100, chunk=ZIP[100:]))
    assert (error.problem.code, error.received) == ("E-UP-TRUNCATED", 0)
    assert append(session=opened, offset=0, chunk=ZIP).state == UploadSession.State.COMPLETE


def test_an_upload_whose_last_step_was_interrupted_is_finished_by_an_empty_chunk(opened: UploadSession) -> None:
    part_path(opened).write_bytes(ZIP)
    UploadSession.objects.filter(pk=opened.pk).update(received=len(ZIP))
    assert append(session=opened, offset=len(ZIP), chunk=b"").state == UploadSession.State.COMPLETE


def test_finishing_twice_changes_nothing(opened: UploadSession) -> None:
    first = append(session=opened, offset=0, chunk=ZIP)
    assert uploads.complete(session=opened).artifact == first.artifact
    assert Artifact.objects.count() == 1


def test_a_file_that_is_neither_archive_nor_json_is_refused_when_it_is_whole(opened: UploadSession) -> None:
    error = refused(lambda: append(session=opened, offset=0, chunk=b"\x7fELF" + ZIP[4:]))
    assert (error.problem.code, error.status) == ("E-UP-TYPE", 415)
    opened.refresh_from_db()
    assert opened.state == UploadSession.State.ABANDONED
    assert not part_path(opened).exists()


@pytest.mark.parametrize(
    "head", [b'{"a": 1}', b'\n[{"a": 1}]', b"\xef\xbb\xbf{}", b"\x1f\x8b\x08", b"a" * 257 + b"ustar"]
)
def test_json_and_tar_may_be_uploaded(head: bytes) -> None:
    assert uploads.looks_right(head)


def test_the_same_bytes_are_stored_once(make_user: Callable[..., User], challenge: Challenge) -> None:
    sessions = [
        append(
            session=create(user=make_user(), challenge=challenge, filename="a.zip", size=len(ZIP)), offset=0, chunk=ZIP
        )
        for _ in range(2)
    ]
    assert sessions[0].artifact == sessions[1].artifact
    assert len(storages["artifacts"].listdir(sessions[0].artifact.digest[:2])[1]) == 1  # type: ignore[union-attr]


def test_a_full_disk_is_said_and_keeps_what_arrived(opened: UploadSession, monkeypatch: pytest.MonkeyPatch) -> None:
    append(session=opened, offset=0, chunk=ZIP[:100])

    def full(*_: Any) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "pwrite", full)
        error = refused(lambda: append(session=opened, offset=100, chunk=ZIP[100:]))
    assert (error.problem.code, error.status, error.received) == ("E-UP-DISK", 507, 100)
    assert append(session=opened, offset=100, chunk=ZIP[100:]).state == UploadSession.State.COMPLETE


@pytest.mark.parametrize(("size", "code"), [(0, "E-UP-EMPTY"), (1001, "E-UP-SIZE")])
def test_an_empty_or_too_large_file_is_refused_before_a_byte_is_sent(
    size: int, code: str, make_user: Callable[..., User], challenge: Challenge, settings: Settings
) -> None:
    settings.UPLOAD_MAX_BYTES = 1000
    error = refused(lambda: create(user=make_user(), challenge=challenge, filename="a.zip", size=size))
    assert error.problem.code == code


def test_the_largest_track_of_the_challenge_says_what_is_too_large(
    make_user: Callable[..., User], make_phase: Callable[..., Phase], make_track: Callable[..., Any]
) -> None:
    track = make_track(max_bytes=500)
    error = refused(lambda: create(user=make_user(), challenge=track.challenge, filename="a.zip", size=501))
    assert error.problem.code == "E-UP-SIZE"


@pytest.mark.parametrize(
    ("given", "kept"),
    [("../../etc/passwd", "passwd"), ("C:\\models\\a.zip", "a.zip"), ("a\x00\nb.zip", "ab.zip"), ("/", "upload")],
)
def test_only_the_last_part_of_a_file_name_is_kept(
    given: str, kept: str, make_user: Callable[..., User], challenge: Challenge
) -> None:
    assert create(user=make_user(), challenge=challenge, filename=given, size=1).filename == kept


def test_the_oldest_of_too_many_uploads_is_given_up(make_user: Callable[..., User], challenge: Challenge) -> None:
    user = make_user()
    sessions = [
        create(user=user, challenge=challenge, filename="a.zip", size=len(ZIP))
        for _ in range(uploads.MAX_HELD_SESSIONS + 1)
    ]
    states = [UploadSession.objects.get(pk=session.pk).state for session in sessions]
    assert states == [UploadSession.State.ABANDONED] + [UploadSession.State.OPEN] * uploads.MAX_HELD_SESSIONS


def test_a_finished_upload_that_is_given_up_frees_its_bytes(opened: UploadSession) -> None:
    done = append(session=opened, offset=0, chunk=ZIP)
    name = done.artifact.storage_name  # type: ignore[union-attr]
    abandon(session=done)
    assert not storages["artifacts"].exists(name)
    assert not Artifact.objects.exists()


def test_what_was_handed_in_is_never_given_up(
    make_phase: Callable[..., Phase], hand_in: Callable[..., Submission]
) -> None:
    submission = hand_in(make_phase())
    UploadSession.objects.update(updated_at=timezone.now() - timedelta(days=30))
    abandon_stale()
    abandon(session=submission.upload)  # type: ignore[arg-type]
    assert storages["artifacts"].exists(submission.artifact.storage_name)


def test_an_upload_given_up_keeps_bytes_that_another_team_handed_in(
    make_phase: Callable[..., Phase], hand_in: Callable[..., Submission],
    make_registration: Callable[..., Registration], make_upload: Callable[..., UploadSession],
) -> None:  # fmt: skip
    submission = hand_in(make_phase())
    abandon(session=make_upload(make_registration()))
    assert storages["artifacts"].exists(submission.artifact.storage_name)


def test_uploads_that_nobody_went_on_with_are_given_up_after_days(opened: UploadSession) -> None:
    assert abandon_stale() == 0
    UploadSession.objects.update(updated_at=timezone.now() - timedelta(days=4))
    assert abandon_stale() == 1


@pytest.mark.django_db(transaction=True)
def test_of_two_tabs_that_send_the_same_chunk_one_is_taken(opened: UploadSession) -> None:
    barrier, codes = threading.Barrier(2), []

    def send() -> None:
        barrier.wait()
        try:
            codes.append(append(session=opened, offset=0, chunk=ZIP[:500]).state)
        except UploadRefused as error:
            codes.append(error.problem.code)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=send) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(codes) == ["E-UP-OFFSET", "open"]
    assert append(session=opened, offset=500, chunk=ZIP[500:]).artifact.digest == hashlib.sha256(ZIP).hexdigest()  # type: ignore[union-attr]
