"""The sandbox that this process uses, and the names of what it keeps there."""

import hashlib
import hmac
from functools import lru_cache
from pathlib import Path

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
