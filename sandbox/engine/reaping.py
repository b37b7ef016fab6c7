"""The second enforcer: whatever is past its own deadline goes, whatever became of the worker that started it."""

from collections.abc import Callable, Mapping
from typing import Any

import docker
from docker.errors import APIError, NotFound

from sandbox.engine.connection import connect, translated
from sandbox.engine.options import APP_LABEL, DEADLINE
from sandbox.engine.resources import remove_empty
from sandbox.engine.taking_in import remove_abandoned

SLACK = 30.0  # seconds past the deadline that the first enforcer, the worker, gets
GROUP_AGE = 120.0  # seconds that an empty control group stays: its counters may still be read
STAGE = "proctor.stage"
KEPT = "submission"  # volumes of this stage outlive the containers that read them
FILLING = frozenset({"intake", "convert"})  # what these leave half done is of no use


def reap(client: docker.APIClient | None, *, labels: Mapping[str, str], now: float) -> int:
    """Kill and remove the containers whose deadline passed, with their volumes; returns how many things went.

    `labels` narrow it down to one installation; `now` is in seconds since 1970. Empty control groups of attempts go
    too, and are not counted. Raises SandboxUnavailable.
    """
    if client is None:
        client = connect()
        try:
            return _reap(client, labels, now)
        finally:
            client.close()
    return _reap(client, labels, now)


def _reap(client: docker.APIClient, labels: Mapping[str, str], now: float) -> int:
    wanted = [f"{name}={value}" for name, value in {**labels, **APP_LABEL}.items()]
    filters = {"label": [*wanted, DEADLINE]}
    with translated():
        containers = [one for one in client.containers(all=True, filters=filters) if _late(one, now)]
    gone = 0
    for container in containers:
        gone += _remove(client.remove_container, container["Id"])
        for volume in _volumes_of(container):
            if _may_go(client, volume, container):
                gone += _remove(client.remove_volume, volume)
    with translated():
        volumes = client.volumes(filters=filters).get("Volumes") or []
    gone += sum(_remove(client.remove_volume, volume["Name"]) for volume in volumes if _late(volume, now))
    gone += remove_abandoned(client, {**labels, **APP_LABEL})
    remove_empty(older_than=now - GROUP_AGE)
    return gone


def _late(thing: Mapping[str, Any], now: float) -> bool:
    deadline = (thing.get("Labels") or {}).get(DEADLINE, "")
    return deadline.isdigit() and int(deadline) + SLACK < now


def _volumes_of(container: Mapping[str, Any]) -> list[str]:
    return [mount["Name"] for mount in container["Mounts"] if mount["Type"] == "volume"]


def _may_go(client: docker.APIClient, volume: str, container: Mapping[str, Any]) -> bool:
    """Say whether a late container's volume goes with it: one of ours, and no submission that others may read."""
    with translated():
        try:
            labels = client.inspect_volume(volume).get("Labels") or {}
        except NotFound:
            return False
    if labels.get("app") != APP_LABEL["app"]:
        return False
    return labels.get(STAGE) != KEPT or container["Labels"].get(STAGE) in FILLING


def _remove(remove: Callable[..., None], name: str) -> bool:
    """Remove one thing by force; one that is gone, on its way out or still in use is no error."""
    with translated():
        try:
            remove(name, force=True)
        except NotFound:
            return False
        except APIError as error:
            if error.status_code != 409:
                raise
            return False
    return True
