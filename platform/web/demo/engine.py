"""The demo's part of the container engine: images, the self-test, and what is to be gone when it stops."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from docker.errors import NotFound

from sandbox.engine.connection import connect, translated
from sandbox.engine.selftest import selftest
from sandbox.images.build import build
from submissions.engine import deployment


class SandboxUnsafe(Exception):
    """The self-test found a property that this engine does not hold."""


def prepare_images(say: Callable[[str], None]) -> list[str]:
    """Build what is missing; returns the ids. Raises SandboxUnavailable, ImageBuildFailed."""
    return [built.image_id for built in build(say=say)]


def check_sandbox(images: list[str], notes: Path) -> int:
    """Run the sandbox's self-test, once for these images; returns how many checks hold. Raises SandboxUnsafe."""
    note = notes / "selftest.txt"
    passed = " ".join(images)
    known = note.read_text().rpartition(" ") if note.exists() else ("", "", "")
    if known[0] == passed:
        return int(known[2])
    checks = selftest()
    failed = {name: dict(check.measured) for name, check in checks.items() if not check.ok}
    if failed:
        raise SandboxUnsafe(f"This Docker engine does not hold what the sandbox needs: {failed}")
    note.write_text(f"{passed} {len(checks)}")
    return len(checks)


def clear() -> None:
    """Remove every container and volume of this installation; to be called when its workers are gone."""
    label = {"label": f"proctor.deployment={deployment()}"}
    with translated():
        client = connect()
        for container in client.containers(all=True, filters=label):
            with suppress(NotFound):
                client.remove_container(container["Id"], force=True, v=True)
        for volume in client.volumes(filters=label)["Volumes"] or []:
            with suppress(NotFound):
                client.remove_volume(volume["Name"], force=True)
        client.close()
