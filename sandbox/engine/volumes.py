"""Named volumes: plain ones on the engine's disk, and bounded ones in memory."""

from collections.abc import Mapping

import docker
from docker.errors import APIError, NotFound

from sandbox.engine.connection import translated
from sandbox.engine.options import APP_LABEL, RESPONSE_INODES, deadline_label

DAY = 86_400  # seconds after which a volume may be reaped, where its labels say nothing else


def create_plain(client: docker.APIClient, name: str, labels: Mapping[str, str]) -> None:
    """Create a volume on the engine's disk, for a time."""
    with translated():
        client.create_volume(name, driver="local", labels={**deadline_label(DAY), **labels, **APP_LABEL})


def create_bounded(client: docker.APIClient, name: str, labels: Mapping[str, str], *, size: int, user: int) -> None:
    """Create a tmpfs volume of `size` bytes owned by `user`; it lives while a container mounts it."""
    bounds = f"size={size},nr_inodes={RESPONSE_INODES},uid={user},gid={user},mode=0700,nosuid,nodev,noexec"
    options = {"type": "tmpfs", "device": "tmpfs", "o": bounds}
    labels = {**deadline_label(DAY), **labels, **APP_LABEL}
    with translated():
        client.create_volume(name, driver="local", driver_opts=options, labels=labels)


def remove(client: docker.APIClient, name: str) -> None:
    """Remove a volume; one that is not there is no error."""
    with translated():
        try:
            client.remove_volume(name, force=True)
        except NotFound:
            return
        except APIError as error:
            if error.status_code != 404:
                raise


def labels_of(client: docker.APIClient, name: str) -> Mapping[str, str]:
    """Return a volume's labels; none where it has none, or is not there."""
    with translated():
        try:
            return client.inspect_volume(name).get("Labels") or {}
        except NotFound:
            return {}


def exists(client: docker.APIClient, name: str) -> bool:
    """Say whether the engine holds a volume of this name."""
    with translated():
        try:
            client.inspect_volume(name)
        except NotFound:
            return False
    return True
