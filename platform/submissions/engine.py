"""The sandbox that this process uses, and the names of what it keeps there."""

import hashlib
import hmac
from collections.abc import Callable, Collection, Mapping
from functools import lru_cache
from pathlib import Path
from uuid import UUID

from django.conf import settings

from sandbox.docker_sandbox import DockerSandbox
from submissions.models import Submission


@lru_cache(maxsize=1)
def sandbox() -> DockerSandbox:
    """One sandbox for the process; it may be shared by threads."""
    return DockerSandbox()


def volume_of(submission: Submission) -> str:
    """The volume that holds the unpacked submission on whichever host has it.

    A container can read the name, so it tells nothing: an HMAC of the id under this installation's key.
    """
    digest = hmac.digest(settings.SECRET_KEY.encode(), f"volume {submission.pk}".encode(), hashlib.sha256)
    return digest.hex()[:32]


@lru_cache(maxsize=1)
def deployment() -> str:
    """This installation's name in labels: two of them on one host leave each other's containers alone."""
    place = f"{settings.SECRET_KEY} {Path(settings.VAR)}"
    return hashlib.sha256(place.encode()).hexdigest()[:16]


def labels(**more: str) -> dict[str, str]:
    """Labels of everything that is made for this installation; keys are `proctor.<name>`."""
    return {"proctor.deployment": deployment(), **{f"proctor.{name}": value for name, value in more.items()}}


def remove_unused_volumes(*, needed: Callable[[set[UUID]], Collection[UUID]], keep_bytes: int) -> int:
    """Remove unpacked submissions from this host beyond the newest `keep_bytes`; returns how many went.

    `needed` says of some submissions which of them a queued or a running run still needs: those stay, as does what is
    still being checked. What is removed a moment too soon is noticed, and unpacked again. Raises SandboxError.
    """
    kept = [(submission, volume) for volume in sandbox().kept_volumes(labels())
            if (submission := _submission_of(volume.labels)) is not None]  # fmt: skip
    if not kept:
        return 0
    there = {pk for pk, _ in kept}
    facts = {
        pk: (state, sum(file["size"] for file in files))
        for pk, state, files in Submission.objects.filter(pk__in=there).values_list("pk", "state", "files")
    }
    checking = {pk for pk, (state, _) in facts.items() if state == Submission.State.RECEIVED}
    # Asked after the engine: whoever began a run on what was listed is known by now.
    stay = checking.union(needed(there))
    removed, total = 0, 0
    for pk, volume in kept:
        state, size = facts.get(pk, (Submission.State.REJECTED, 0))
        total += size
        if pk not in stay and (state != Submission.State.ACCEPTED or total > keep_bytes):
            total -= size
            removed += sandbox().release_volume(volume.name)
    return removed


def _submission_of(labels: Mapping[str, str]) -> UUID | None:
    """The submission that a volume's label names; None where it names none."""
    try:
        return UUID(labels.get("proctor.submission", ""))
    except ValueError:
        return None
