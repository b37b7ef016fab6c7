"""The system below the images: python:3.11-slim-bookworm where it can be had, else Debian made on the spot."""

import shutil
import subprocess
from collections.abc import Callable, Iterator
from typing import IO

import docker
import requests.exceptions

from sandbox.engine.connection import connect
from sandbox.errors import ImageBuildFailed, SandboxUnavailable

OFFICIAL = "python:3.11-slim-bookworm"
OURS = "proctor/debian:bookworm"
PULL_SILENCE = 20  # seconds without a word from the registry until it counts as unreachable
MMDEBSTRAP = (
    "mmdebstrap",
    "--quiet",
    "--variant=essential",
    "--include=python3,libstdc++6",
    "--dpkgopt=path-exclude=/usr/share/man/*",
    "--dpkgopt=path-exclude=/usr/share/doc/*",
    "--dpkgopt=path-exclude=/usr/share/locale/*",
    "--format=tar",
    "bookworm",
    "-",
)
CHUNK = 1024 * 1024


def has_image(client: docker.APIClient, name: str) -> bool:
    """Say whether the engine holds an image of this name."""
    try:
        client.inspect_image(name)
    except docker.errors.ImageNotFound:
        return False
    return True


def foundation(say: Callable[[str], None]) -> str:
    """Return the name of the image to build on, fetching or making it first; raises ImageBuildFailed."""
    client = connect()
    for name in (OFFICIAL, OURS):
        if has_image(client, name):
            return name
    if _pull(say):
        return OFFICIAL
    return _make(client, say)


def _pull(say: Callable[[str], None]) -> bool:
    repository, tag = OFFICIAL.split(":")
    try:
        client = connect(timeout=PULL_SILENCE)
        for event in client.pull(repository, tag=tag, stream=True, decode=True):
            if "error" in event:
                return False
    except (docker.errors.APIError, requests.exceptions.RequestException, SandboxUnavailable):
        return False
    say(f"pulled {OFFICIAL}")
    return has_image(client, OFFICIAL)


def _make(client: docker.APIClient, say: Callable[[str], None]) -> str:
    if shutil.which("mmdebstrap") is None:
        raise ImageBuildFailed(
            f"{OFFICIAL} can't be pulled and mmdebstrap is missing. "
            "Run: docker pull python:3.11-slim-bookworm (with a network), or: apt-get install mmdebstrap"
        )
    say(f"{OFFICIAL} can't be pulled; making Debian bookworm with mmdebstrap (half a minute)")
    with subprocess.Popen(MMDEBSTRAP, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None  # noqa: S101 (Popen was asked for it)
        repository, tag = OURS.split(":")
        client.import_image_from_stream(_read(process.stdout), repository=f"{repository}-unchecked", tag=tag)
        _, errors = process.communicate()
    if process.returncode:
        client.remove_image(f"{repository}-unchecked:{tag}", force=True)
        reason = errors.decode(errors="replace").strip().splitlines()[-3:]
        raise ImageBuildFailed(
            "mmdebstrap failed (it needs root, the network and Debian's keyring: "
            f"apt-get install debian-archive-keyring): {' '.join(reason)}"
        )
    client.tag(f"{repository}-unchecked:{tag}", repository, tag)
    client.remove_image(f"{repository}-unchecked:{tag}", noprune=True)
    return OURS


def _read(pipe: IO[bytes]) -> Iterator[bytes]:
    while chunk := pipe.read(CHUNK):
        yield chunk
