"""Containers and volumes of attempts that are not live any more: a worker died and left them on this host."""

from collections.abc import Iterable
from typing import Any

from docker.errors import APIError, NotFound

from evaluations.selectors import live_attempts
from sandbox.engine.connection import connect, translated
from submissions.engine import deployment

ATTEMPT = "proctor.attempt"


def remove_orphans() -> int:
    """Remove them from this host's engine; returns how many. Raises SandboxUnavailable.

    What belongs to another installation, or to no attempt, is left alone.
    """
    filters = {"label": ["app=proctor", f"proctor.deployment={deployment()}", ATTEMPT]}
    client = connect()
    try:
        with translated():
            containers = client.containers(all=True, filters=filters)
            volumes = client.volumes(filters=filters).get("Volumes") or []
        # Read after the engine: what was listed was started by an attempt that the database knows by now.
        live = live_attempts({number for thing in (*containers, *volumes) if (number := _attempt(thing)) is not None})
        return sum(_remove(client.remove_container, thing["Id"]) for thing in _dead(containers, live)) + sum(
            _remove(client.remove_volume, thing["Name"]) for thing in _dead(volumes, live)
        )
    finally:
        client.close()


def _attempt(thing: dict[str, Any]) -> int | None:
    text = (thing.get("Labels") or {}).get(ATTEMPT, "")
    return int(text) if text.isdigit() else None


def _dead(things: Iterable[dict[str, Any]], live: set[int]) -> Iterable[dict[str, Any]]:
    return (thing for thing in things if (number := _attempt(thing)) is not None and number not in live)


def _remove(remove: Any, name: str) -> bool:
    """Remove one thing by force; one that is gone, or on its way out, is no error."""
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
