"""Intake in Docker: the archive goes into a container of ours, a checked volume and a report come out."""

import json
import os
import time
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, BinaryIO

import docker

from sandbox.engine import volumes
from sandbox.engine.archives import Entry
from sandbox.engine.connection import translated
from sandbox.engine.containers import Container, Ended
from sandbox.engine.names import new_name, new_user
from sandbox.engine.options import OUR_ENVIRONMENT, Plan, VolumeMount
from sandbox.errors import SandboxUnavailable
from sandbox.inside.refusals import REMEDIES
from sandbox.interface import IntakeFile, IntakeProblem, IntakeReport, IntakeRules
from sandbox.limits import GiB, Limits, MiB

COMMAND = ("python3", "-S", "-m", "sandbox.inside.intake")
ABANDONED_AFTER = 20.0  # seconds from an intake's end until whoever started it counts as gone
REPORT = "/intake/out/report.json"
REPORT_BYTES = 64 * MiB
SUBMISSION = "/submission"


def take_in(
    client: docker.APIClient,
    archive: BinaryIO,
    *,
    base_image: str,
    volume: str,
    rules: IntakeRules,
    labels: Mapping[str, str],
) -> IntakeReport:
    """Check and unpack an archive into a new volume; where it is refused the volume is removed again."""
    size = archive.seek(0, os.SEEK_END)
    archive.seek(0)
    if size > rules.max_bytes:
        return refusal("E-ARC-SIZE", f"The archive is larger than {rules.max_bytes} bytes.")
    if size == 0:
        return refusal("E-ARC-EMPTY", "The archive is empty.")
    user, staging = new_user(), new_name()
    labels = {**labels, "proctor.stage": "intake"}
    accepted = False
    _clear(client, volume)
    try:
        volumes.create_plain(client, staging, labels)
        container = Container.create(client, _plan(base_image, user, staging, volume, rules, labels))
        try:
            container.put(
                "/intake",
                [Entry("out", None, mode=0o700, uid=user), Entry("archive", archive, size=size, mode=0o644)],
            )
            container.start()
            ended = container.wait(time.monotonic() + rules.wall)
            report = _report(container, ended)
        finally:
            container.remove()
        accepted = report.ok
    finally:
        volumes.remove(client, staging)
        if not accepted:
            volumes.remove(client, volume)
    return report


def is_complete(client: docker.APIClient, volume: str) -> bool:
    """Say whether the volume is there and no intake is, or was when its worker died, still filling it."""
    return volumes.exists(client, volume) and not _intakes(client, volume)


def _intakes(client: docker.APIClient, volume: str) -> list[str]:
    with translated():
        found = client.containers(all=True, filters={"volume": volume, "label": "proctor.stage=intake"})
    return [str(container["Id"]) for container in found]


def _clear(client: docker.APIClient, volume: str) -> None:
    """Remove what an earlier intake left; raises SandboxUnavailable while another one is at work on the volume."""
    for identity in _intakes(client, volume):
        container = Container(client, identity)
        if container.seconds_since_end() < ABANDONED_AFTER:
            raise SandboxUnavailable("Another worker is unpacking this submission.")
        mounted = container.volumes()
        container.remove()
        for staging in mounted - {volume}:
            volumes.remove(client, staging)
    volumes.remove(client, volume)


def _plan(base_image: str, user: int, staging: str, volume: str, rules: IntakeRules, labels: Mapping[str, str]) -> Plan:
    # The volume comes into being with the container: one that no intake container mounts is complete.
    kept = {**labels, "proctor.stage": "submission"}
    return Plan(
        image_id=base_image,
        command=[*COMMAND, json.dumps(asdict(rules))],
        user=user,
        mounts=[
            VolumeMount(staging, "/intake", read_only=False),
            VolumeMount(volume, SUBMISSION, read_only=False, mode_of_image=True, labels=kept),
        ],
        limits=Limits(
            cpus=2, memory=1 * GiB, pids=32, wall=rules.wall, disk=rules.max_unpacked_bytes + REPORT_BYTES, tmp=16 * MiB
        ),
        labels=labels,
        environment=OUR_ENVIRONMENT,
    )


def _report(container: Container, ended: Ended) -> IntakeReport:
    if ended.killed:
        return refusal("E-ARC-COSTLY", "Checking the archive took too long.")
    if ended.oom_killed:
        return refusal("E-ARC-COSTLY", "Checking the archive took too much memory.")
    if ended.exit_code:
        tail = " | ".join(text for _, text in container.log_lines(tail=5))
        raise SandboxUnavailable(f"Intake ended with exit code {ended.exit_code}: {tail}")
    document: dict[str, Any] = json.loads(container.get(REPORT, max_bytes=REPORT_BYTES))
    return IntakeReport(
        ok=document["ok"],
        problems=tuple(IntakeProblem(**problem) for problem in document["problems"]),
        files=tuple(IntakeFile(**file) for file in document["files"]) if document["ok"] else (),
        manifest_text=document["manifest_text"],
        config_text=document["config_text"],
        unpacked_bytes=document["unpacked_bytes"],
        stripped_folder=document["stripped_folder"],
    )


def refusal(code: str, message: str) -> IntakeReport:
    """Return a report with one problem."""
    return IntakeReport(ok=False, problems=(IntakeProblem(code, message, "", REMEDIES[code]),))


def read_file(client: docker.APIClient, *, base_image: str, volume: str, path: str, max_bytes: int) -> bytes:
    """Return one unpacked file's bytes by way of a container that never starts."""
    if any(part in ("", ".", "..") for part in path.split("/")):
        raise FileNotFoundError(path)
    plan = Plan(
        image_id=base_image,
        command=["true"],
        user=new_user(),
        mounts=[VolumeMount(volume, SUBMISSION)],
        limits=Limits(memory=64 * MiB, pids=8, tmp=1 * MiB),
        labels={"proctor.stage": "read"},
        environment={},
    )
    container = Container.create(client, plan)
    try:
        return container.get(f"{SUBMISSION}/{path}", max_bytes=max_bytes)
    finally:
        container.remove()
