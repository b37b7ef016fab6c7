"""Uploads in chunks: each byte is taken once, at its offset, and none is lost when a connection or a page is."""

import errno
import hashlib
import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.core.files.base import File
from django.core.files.storage import storages
from django.db import transaction
from django.utils import timezone

from accounts.models import User
from challenges.models import Challenge
from evaluators.protocol.problems import Problem
from submissions.errors import UploadRefused
from submissions.models import Artifact, Submission, SubmissionFile, UploadSession

# Uploads that a person may have under way, or finished and not handed in; a further one ends the oldest.
MAX_HELD_SESSIONS = 10
ABANDONED_AFTER = timedelta(days=3)
HELD = (UploadSession.State.OPEN, UploadSession.State.COMPLETE)
PROBE = 512


class _Part(File):  # type: ignore[type-arg]
    """A whole file where it lies: a storage on the same disk moves it instead of copying it."""

    def temporary_file_path(self) -> str:
        """The name that Django's storages ask for."""
        return str(self.name)


def part_path(session: UploadSession) -> Path:
    """Where the bytes lie until the file is whole."""
    folder = Path(settings.VAR) / "artifacts" / "uploads"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder / f"{session.pk}.part"


def create(*, user: User, challenge: Challenge, filename: str, size: int, digest: str = "") -> UploadSession:
    """Open an upload; raises UploadRefused where it is empty or too large."""
    largest = max((track.max_bytes for track in challenge.tracks.all()), default=settings.UPLOAD_MAX_BYTES)
    largest = min(largest, settings.UPLOAD_MAX_BYTES)
    if size <= 0:
        raise UploadRefused(Problem("E-UP-EMPTY", "the file is empty", filename, remedy="Choose the file again."))
    if size > largest:
        raise UploadRefused(
            Problem("E-UP-SIZE", f"the file has {size:,} bytes; this challenge takes {largest:,}", filename,
                    remedy="Leave out optimizer states, logs and duplicate weights."), status=413,
        )  # fmt: skip
    name = "".join(character for character in Path(filename.replace("\\", "/")).name if character.isprintable())
    with transaction.atomic():
        User.objects.select_for_update().get(pk=user.pk)
        held = UploadSession.objects.filter(user=user, state__in=HELD).order_by("-updated_at")
        for oldest in held[MAX_HELD_SESSIONS - 1 :]:
            abandon(session=oldest)
        return UploadSession.objects.create(
            user=user, challenge=challenge, filename=name[:200] or "upload", size=size, expected_digest=digest.lower()
        )


def append(*, session: UploadSession, offset: int, chunk: bytes) -> UploadSession:
    """Take one chunk at its offset; raises UploadRefused with the right offset where another was expected.

    The bytes are written before the row says so: after a crash the same chunk is simply written again. An empty chunk
    at the end finishes an upload whose last step was interrupted.
    """
    with transaction.atomic():
        session = UploadSession.objects.select_for_update().get(pk=session.pk)
        _check_chunk(session, offset, len(chunk))
        whole = _write(session, offset, chunk)
        session.received = offset + len(chunk) if whole else 0
        session.save(update_fields=["received", "updated_at"])
    if not whole:
        raise _lost(session)
    if session.received == session.size:
        return complete(session=session)
    return session


def _check_chunk(session: UploadSession, offset: int, length: int) -> None:
    def refuse(code: str, message: str, remedy: str) -> UploadRefused:
        problem = Problem(code, message, session.filename, remedy=remedy)
        return UploadRefused(problem, status=409, received=session.received)

    if session.state != UploadSession.State.OPEN:
        raise refuse("E-UP-CLOSED", f"this upload is {session.get_state_display().lower()}", "Reload the page.")
    if offset != session.received:
        raise refuse("E-UP-OFFSET", f"the next byte is {session.received:,}, not {offset:,}", "Go on from there.")
    if offset + length > session.size:
        raise refuse("E-UP-SIZE", f"more than the announced {session.size:,} bytes arrived",
                     "The file has changed meanwhile: start again.")  # fmt: skip


def _lost(session: UploadSession) -> UploadRefused:
    """What had arrived is not on the disk any more, after a crash of the machine say."""
    problem = Problem("E-UP-TRUNCATED", "what had arrived was lost", session.filename, remedy="Send the file again.")
    return UploadRefused(problem, status=409, received=0)


@contextmanager
def _full_disk_said(session: UploadSession) -> Iterator[None]:
    """Turns a full disk into a refusal that keeps the session."""
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise UploadRefused(
            Problem("E-UP-DISK", "the server's disk is full; what has arrived is kept", session.filename,
                    remedy="Try again later, and tell the organizers."), status=507, received=session.received,
        ) from error  # fmt: skip


def _write(session: UploadSession, offset: int, chunk: bytes) -> bool:
    """Write the chunk; False where the bytes before it are not there, and a hole would come about."""
    with _full_disk_said(session):
        descriptor = os.open(part_path(session), os.O_WRONLY | os.O_CREAT, 0o600)
        try:
            if os.fstat(descriptor).st_size < offset:
                return False
            written = 0
            while written < len(chunk):
                written += os.pwrite(descriptor, chunk[written:], offset + written)
            os.ftruncate(descriptor, offset + len(chunk))
        finally:
            os.close(descriptor)
    return True


def complete(*, session: UploadSession) -> UploadSession:
    """Store the whole file under its digest; raises UploadRefused where it is not what was announced or is taken.

    Safe to run twice, and twice at once: whoever comes second finds the upload complete.
    """
    path = part_path(session)
    try:
        with path.open("rb") as file:
            head = file.read(PROBE)
            file.seek(0)
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        size = path.stat().st_size
        if size != session.size:
            _restart(session)
            raise _lost(session)
        if session.expected_digest not in ("", digest):
            _restart(session)
            raise UploadRefused(
                Problem("E-UP-DIGEST", "what arrived is not what was sent: the sha256 differs", session.filename,
                        remedy="Send the file again."), status=409, received=0,
            )  # fmt: skip
        if not looks_right(head):
            abandon(session=session)
            raise UploadRefused(
                Problem("E-UP-TYPE", "the file is neither a zip or tar archive nor JSON", session.filename,
                        remedy="Pack the folder as a zip or tar.gz."), status=415, received=0,
            )  # fmt: skip
        _store(session, path, digest)
    except FileNotFoundError:
        session.refresh_from_db()
        if session.state == UploadSession.State.OPEN:
            _restart(session)
            raise _lost(session) from None
    session.refresh_from_db()
    return session


def looks_right(head: bytes) -> bool:
    """Whether a file that begins so can be a zip, a tar (packed or not) or JSON; the intake looks closer."""
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06", b"\x1f\x8b")) or head[257:262] == b"ustar":
        return True
    return head.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] in (b"{", b"[")


def _restart(session: UploadSession) -> None:
    """Nothing of it can be used: the same session begins again."""
    UploadSession.objects.filter(pk=session.pk, state=UploadSession.State.OPEN).update(received=0)
    part_path(session).unlink(missing_ok=True)


def keep(path: Path, digest: str, size: int) -> Artifact:
    """Keep the bytes once under their digest, shared by whoever hands in the same; inside a transaction.

    The artifact's row is the lock against `forget`, which removes what nobody refers to any more: whoever keeps
    something refers to it before the transaction ends. The file at `path` may have moved away.
    """
    storage = storages["artifacts"]
    name = f"{digest[:2]}/{digest}"
    artifact, _ = Artifact.objects.select_for_update().get_or_create(
        digest=digest, defaults={"size": size, "storage_name": name}
    )
    if not storage.exists(artifact.storage_name):
        with path.open("rb") as file:
            artifact.storage_name = storage.save(name, _Part(file, name=str(path)))
        artifact.save(update_fields=["storage_name"])
    return artifact


def keep_document(document: bytes, *, size: int) -> Artifact:
    """Keep a small document like any other artifact, `size` being that of what it stands for; in a transaction."""
    with tempfile.NamedTemporaryFile(dir=settings.FILE_UPLOAD_TEMP_DIR, delete=False) as file:
        file.write(document)
    path = Path(file.name)
    try:
        return keep(path, hashlib.sha256(document).hexdigest(), size)
    finally:
        path.unlink(missing_ok=True)


def _store(session: UploadSession, path: Path, digest: str) -> None:
    """Keep the bytes, and say so on the session."""
    with transaction.atomic():
        with _full_disk_said(session):
            artifact = keep(path, digest, session.size)
        UploadSession.objects.filter(pk=session.pk, state=UploadSession.State.OPEN).update(
            state=UploadSession.State.COMPLETE, artifact=artifact, updated_at=timezone.now()
        )
    path.unlink(missing_ok=True)


def store_whole(
    *, user: User, challenge: Challenge, filename: str, size: int, chunks: Iterable[bytes]
) -> UploadSession:
    """The same for a file that came with a plain form, without JavaScript; raises UploadRefused."""
    session = create(user=user, challenge=challenge, filename=filename, size=size)
    for chunk in chunks:
        session = append(session=session, offset=session.received, chunk=chunk)
    return session


def abandon(*, session: UploadSession) -> None:
    """Give an upload up and free its bytes; one that was handed in stays as it is."""
    with transaction.atomic():
        session = UploadSession.objects.select_for_update().get(pk=session.pk)
        if session.state not in HELD:
            return
        artifact = session.artifact
        session.state, session.artifact = UploadSession.State.ABANDONED, None
        session.save(update_fields=["state", "artifact", "updated_at"])
        if artifact is not None:
            forget(artifact)
    part_path(session).unlink(missing_ok=True)


def forget(artifact: Artifact) -> None:
    """Remove an artifact that no submission and no upload refers to; inside a transaction."""
    artifact = Artifact.objects.select_for_update().get(pk=artifact.pk)
    if (
        Submission.objects.filter(artifact=artifact).exists()
        or SubmissionFile.objects.filter(artifact=artifact).exists()
        or UploadSession.objects.filter(artifact=artifact).exists()
    ):
        return
    artifact.delete()
    storages["artifacts"].delete(artifact.storage_name)


def abandon_stale() -> int:
    """Give up uploads that nobody went on with, or handed in, for days; returns how many."""
    stale = UploadSession.objects.filter(state__in=HELD, updated_at__lt=timezone.now() - ABANDONED_AFTER)
    count = 0
    for session in stale:
        abandon(session=session)
        count += 1
    return count
