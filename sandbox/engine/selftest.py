"""The self-test of the sandbox in Docker: the contract of every sandbox, and what only the engine can be asked."""

import secrets
from collections.abc import Mapping
from typing import Any

import docker

from sandbox.docker_sandbox import DockerSandbox
from sandbox.engine.connection import connect, known, translated
from sandbox.engine.containers import Container
from sandbox.engine.hardening import FIXED, demanded_security
from sandbox.engine.names import new_user
from sandbox.engine.options import Plan, traits
from sandbox.self_check import LIMITS, Check, self_check

STAGE = "proctor.stage"


def selftest() -> dict[str, Check]:
    """Run every check on the base image; raises SandboxUnavailable, ImageMissing."""
    sandbox = DockerSandbox()
    labels = {"proctor.origin": "selftest", "proctor.selftest": secrets.token_hex(8)}
    checks = self_check(sandbox, labels=labels)
    client = connect()
    try:
        checks["engine's word"] = _engines_word(client, sandbox.image_id("base"), labels)
        checks["leftovers"] = _leftovers(client, labels)
    finally:
        client.close()
    return checks


def _engines_word(client: docker.APIClient, image_id: str, labels: Mapping[str, str]) -> Check:
    """Ask the engine what it took down of a container's options: what it passed over would not be there."""
    plan = Plan(
        image_id=image_id,
        command=["true"],
        user=new_user(),
        mounts=[],
        limits=LIMITS,
        labels={**labels, STAGE: "selftest"},
        environment={},
    )
    container = Container.create(client, plan)
    try:
        with translated():
            facts: Mapping[str, Any] = client.inspect_container(container.id)
    finally:
        container.remove()
    config = facts["HostConfig"]
    chosen = traits(known(client))
    other = [name for name, value in FIXED.items() if not _agrees(config.get(name), value)]
    if sorted(config.get("SecurityOpt") or ()) != sorted(demanded_security(apparmor=chosen.apparmor)):
        other.append("SecurityOpt")
    if chosen.runtime and config.get("Runtime") != chosen.runtime:
        other.append("Runtime")
    return Check(not other, {"other_than_asked": other, "runtime": config.get("Runtime"), "apparmor": chosen.apparmor})


def _agrees(noted: Any, asked: Any) -> bool:
    """Say whether the engine noted what was asked: it adds defaults to groups, and writes null for false."""
    if isinstance(asked, dict):
        return isinstance(noted, dict) and all(_agrees(noted.get(name), value) for name, value in asked.items())
    return bool(noted is None and asked is False) or noted == asked


def _leftovers(client: docker.APIClient, labels: Mapping[str, str]) -> Check:
    filters = {"label": [f"{name}={value}" for name, value in labels.items()]}
    with translated():
        containers = len(client.containers(all=True, filters=filters))
        volumes = len(client.volumes(filters=filters).get("Volumes") or [])
    return Check(containers == volumes == 0, {"containers": containers, "volumes": volumes})
