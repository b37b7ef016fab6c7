"""Uploads in chunks: each byte is taken once, at its offset, and none is lost when a connection or a page is."""

import errno
import hashlib
import os
from collections.abc import Iterable
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
from submissions.models import Artifact, UploadSession

MAX_OPEN_SESSIONS = 10
ABANDONED_AFTER = timedelta(days=3)


def part_path(session: UploadSession) -> Path:
    """Where the bytes lie until the file is whole."""
    folder = Path(settings.VAR) / "artifacts" / "uploads"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder / f"{session.pk}.part"


def create(*, user: User, challenge: Challenge, filename: str, size: int, digest: str = "") -> UploadSession:
    """Open an upload; raises UploadRefused where it is too large or the user has too many open ones."""
    largest = max((track.max_bytes for track in challenge.tracks.all()), default=settings.UPLOAD_MAX_BYTES)
    largest = min(largest, settings.UPLOAD_MAX_BYTES)
    if size <= 0:
        raise UploadRefused(Problem("E-UP-EMPTY", "the file is empty", filename, remedy="Choose the file again."))
    if size > largest:
        raise UploadRefused(
            Problem("E-UP-SIZE", f"the file has {size:,} bytes; this challenge takes {largest:,}", filename,
                    remedy="Leave out optimizer states, logs and duplicate weights."), status=413,
        )  # fmt: skip
    open_ones = UploadSession.objects.filter(user=user, state=UploadSession.State.OPEN)
    if open_ones.count() >= MAX_OPEN_SESSIONS:
        for stale in open_ones.order_by("updated_at")[: open_ones.count() - MAX_OPEN_SESSIONS + 1]:
            abandon(session=stale)
    name = Path(filename.replace("\\", "/")).name[:200] or "upload"
    name = "".join(character for character in name if character.isprintable()) or "upload"
    return UploadSession.objects.create(
        user=user, challenge=challenge, filename=name, size=size, expected_digest=digest.lower()
    )


def append(*, session: UploadSession, offset: int, chunk: bytes) -> UploadSession:
    """Take one chunk at its offset; raises UploadRefused with the right offset where another was expected.

    The bytes are written before the row says so: after a crash the same chunk is simply written again.
    """
    with transaction.atomic():
        session = UploadSession.objects.select_for_update().get(pk=session.pk)
        if session.state != UploadSession.State.OPEN:
            raise UploadRefused(
                Problem("E-UP-CLOSED", f"this upload is {session.get_state_display().lower()}", session.filename),
                status=409, received=session.received,
            )  # fmt: skip
        if offset != session.received:
            raise UploadRefused(
                Problem("E-UP-OFFSET", f"the next byte is {session.received:,}, not {offset:,}", session.filename,
                        remedy="Go on from there."), status=409, received=session.received,
            )  # fmt: skip
        if offset + len(chunk) > session.size:
            raise UploadRefused(
                Problem("E-UP-SIZE", f"more than the announced {session.size:,} bytes arrived", session.filename,
                        remedy="The file has changed meanwhile: start again."), status=409, received=session.received,
            )  # fmt: skip
        try:
            _write(part_path(session), offset, chunk)
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            raise UploadRefused(
                Problem("E-UP-DISK", "the server's disk is full; what has arrived is kept", session.filename,
                        remedy="Try again later, and tell the organizers."), status=507, received=session.received,
            ) from error  # fmt: skip
        session.received = offset + len(chunk)
        session.save(update_fields=["received", "updated_at"])
    if session.received == session.size:
        complete(session=session)
    return session


def _write(path: Path, offset: int, chunk: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        written = 0
        while written < len(chunk):
            written += os.pwrite(descriptor, chunk[written:], offset + written)
        os.ftruncate(descriptor, offset + len(chunk))
    finally:
        os.close(descriptor)


def complete(*, session: UploadSession) -> UploadSession:
    """Store the whole file under its digest; raises UploadRefused where it is not what the sender announced."""
    path = part_path(session)
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if path.stat().st_size != session.size or session.expected_digest not in ("", digest):
        UploadSession.objects.filter(pk=session.pk, state=UploadSession.State.OPEN).update(received=0)
        path.unlink(missing_ok=True)
        raise UploadRefused(
            Problem("E-UP-DIGEST", "what arrived is not what was sent: the sha256 differs", session.filename,
                    remedy="Send the file again."), status=409, received=0,
        )  # fmt: skip
    artifact = _stored(path, digest, session.size)
    UploadSession.objects.filter(pk=session.pk, state=UploadSession.State.OPEN).update(
        state=UploadSession.State.COMPLETE, artifact=artifact, updated_at=timezone.now()
    )
    session.refresh_from_db()
    return session


def _stored(path: Path, digest: str, size: int) -> Artifact:
    """The artifact of these bytes: made once, shared by whoever hands in the same."""
    there = Artifact.objects.filter(digest=digest).first()
    if there is not None:
        path.unlink(missing_ok=True)
        return there
    storage = storages["artifacts"]
    name = f"{digest[:2]}/{digest}"
    if not storage.exists(name):
        with path.open("rb") as file:
            name = storage.save(name, File(file))
    path.unlink(missing_ok=True)
    artifact, _ = Artifact.objects.get_or_create(digest=digest, defaults={"size": size, "storage_name": name})
    return artifact


def store_whole(*, user: User, challenge: Challenge, filename: str, size: int, chunks: Iterable[bytes]) -> UploadSession:
    """The same for a file that came with a plain form, without JavaScript."""
    session = create(user=user, challenge=challenge, filename=filename, size=size)
    offset = 0
    for chunk in chunks:
        session = append(session=session, offset=offset, chunk=chunk)
        offset += len(chunk)
    session.refresh_from_db()
    return session


def abandon(*, session: UploadSession) -> None:
    """Give an upload up and free its bytes; a used or complete one stays as it is."""
    changed = UploadSession.objects.filter(pk=session.pk, state=UploadSession.State.OPEN).update(
        state=UploadSession.State.ABANDONED
    )
    if changed:
        part_path(session).unlink(missing_ok=True)


def abandon_stale() -> int:
    """Give up uploads that nobody went on with for days; returns how many."""
    stale = UploadSession.objects.filter(
        state=UploadSession.State.OPEN, updated_at__lt=timezone.now() - ABANDONED_AFTER
    )
    count = 0
    for session in stale:
        abandon(session=session)
        count += 1
    return count
