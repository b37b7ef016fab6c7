"""Intake in Docker: the archive goes into a container of ours, a checked volume and a report come out."""

import json
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from typing import Any, BinaryIO

import docker
from docker.errors import APIError, NotFound

from sandbox.engine import converting, volumes
from sandbox.engine.archives import Entry
from sandbox.engine.connection import translated
from sandbox.engine.containers import Container, Ended, engine_seconds
from sandbox.engine.names import new_name, new_user
from sandbox.engine.options import GRACE, OUR_ENVIRONMENT, Plan, VolumeMount
from sandbox.errors import SandboxUnavailable, VolumeBusy
from sandbox.inside.refusals import REMEDIES
from sandbox.interface import IntakeFile, IntakeProblem, IntakeReport, IntakeRules, KeptVolume, WeightsConversion
from sandbox.limits import GiB, Limits, MiB

COMMAND = ("python3", "-S", "-m", "sandbox.inside.intake")
ABANDONED_AFTER = 20.0  # seconds from an intake's end until whoever started it counts as gone
SLOWEST_COPY = 5 * MiB  # bytes a second that an engine takes at least
BEGUN_BY = "proctor.begun-by"  # label: seconds since 1970 at which an intake that has not begun counts as abandoned
REPORT = "/intake/out/report.json"
REPORT_BYTES = 64 * MiB
READ_TIME = 60.0  # seconds that reading one file may take
SUBMISSION = "/submission"
STAGE = "proctor.stage"
FILLING = frozenset({"intake", "convert"})  # stages of containers that still work on a submission's volume
FILLED = "submission"  # the stage that the label of a submission's volume says


def take_in(
    client: docker.APIClient,
    archive: BinaryIO,
    *,
    base_image: str,
    model_image: Callable[[], str],
    volume: str,
    rules: IntakeRules,
    labels: Mapping[str, str],
) -> IntakeReport:
    """Check and unpack an archive into a new volume; where it is refused the volume is removed again.

    `model_image` is asked only where weights are to be converted.
    """
    size = archive.seek(0, os.SEEK_END)
    archive.seek(0)
    if size > rules.max_bytes:
        return refusal("E-ARC-SIZE", f"The archive is larger than {rules.max_bytes} bytes.")
    if size == 0:
        return refusal("E-ARC-EMPTY", "The archive is empty.")
    user, staging = new_user(), new_name()
    begun_by = str(int(time.time() + ABANDONED_AFTER + size / SLOWEST_COPY))
    labels = {**labels, STAGE: "intake", BEGUN_BY: begun_by}
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
            report, conversions = _report(container, ended)
            if conversions:
                # The intake container stays until the end: while it is there, the volume counts as being filled.
                staged = converting.Staged(
                    volume, staging, user, labels, conversions, rules.max_unpacked_bytes, rules.wall
                )
                report = _converted(client, staged, report, base_image=base_image, model_image=model_image())
        finally:
            container.remove()
        accepted = report.ok
    finally:
        volumes.remove(client, staging)
        if not accepted:
            volumes.remove(client, volume)
    return report


def _converted(
    client: docker.APIClient, staged: converting.Staged, report: IntakeReport, *, base_image: str, model_image: str
) -> IntakeReport:
    """The report once the pickled weights are converted, or of why they can't be."""
    made = converting.convert(client, staged, base_image=base_image, model_image=model_image)
    if made.problem is not None:
        return IntakeReport(ok=False, problems=(made.problem,))
    pickled = {path for conversion in staged.conversions for path in conversion["sources"]}
    sources = tuple(file for file in report.files if file.path in pickled)
    kept = tuple(file for file in report.files if file.path not in pickled)
    files = (*kept, *made.results)
    return replace(
        report,
        files=files,
        unpacked_bytes=sum(file.size for file in files),
        conversion=WeightsConversion(
            sources, made.results, report.conversion.left_out if report.conversion else (), made.torch, model_image
        ),
    )


def is_complete(client: docker.APIClient, volume: str) -> bool:
    """Say whether the volume is there and no intake is, or was when its worker died, still filling it."""
    # One without the label is not ours: the engine makes an empty one where a container asks for a name it lacks.
    return volumes.labels_of(client, volume).get(STAGE) == FILLED and not _fillers(client, volume)


def require_complete(client: docker.APIClient, volume: str) -> None:
    """Make sure that a volume is filled; asked once a container mounts it, so that it can't be removed any more.

    Raises SandboxUnavailable where it was removed, or is filled anew, since somebody last looked.
    """
    if not is_complete(client, volume):
        raise SandboxUnavailable("The submission's volume was removed meanwhile; it has to be unpacked again.")


def kept(client: docker.APIClient, labels: Mapping[str, str]) -> list[KeptVolume]:
    """Return the submission volumes that bear these labels, the newest first."""
    wanted = [f"{name}={value}" for name, value in {**labels, STAGE: FILLED}.items()]
    with translated():
        found = client.volumes(filters={"label": wanted}).get("Volumes") or []
    volumes_found = [KeptVolume(one["Name"], one["Labels"], str(one.get("CreatedAt") or "")) for one in found]
    return sorted(volumes_found, key=lambda one: one.created, reverse=True)


def release(client: docker.APIClient, volume: str) -> bool:
    """Remove a submission volume unless a container, running or not, has it; say whether it is gone."""
    with translated():
        try:
            client.remove_volume(volume)
        except NotFound:
            return True
        except APIError as error:
            if error.status_code != 409:
                raise
            return False
    return True


def _fillers(client: docker.APIClient, volume: str) -> list[Mapping[str, Any]]:
    with translated():
        found = client.containers(all=True, filters={"volume": volume, "label": STAGE})
    return [container for container in found if container["Labels"].get(STAGE) in FILLING]


def _is_abandoned(client: docker.APIClient, filler: Mapping[str, Any]) -> bool:
    """Say of a container, as the engine lists it, whether whoever made it counts as gone."""
    begun_by = filler["Labels"].get(BEGUN_BY, "")
    if filler["State"] == "created" and begun_by.isdigit():
        # The archive is being copied into it, or its worker died meanwhile.
        return int(begun_by) < time.time()
    return Container(client, filler["Id"]).seconds_since_end() >= ABANDONED_AFTER


def _clear(client: docker.APIClient, volume: str) -> None:
    """Remove what an earlier intake left; raises VolumeBusy while another one is at work on the volume."""
    fillers = _fillers(client, volume)
    if not all(_is_abandoned(client, filler) for filler in fillers):
        raise VolumeBusy("Another worker is unpacking this submission.")
    left = [Container(client, filler["Id"]) for filler in fillers]
    mounted = {name for container in left for name in container.volumes()}
    for container in left:
        container.remove()
    for staging in mounted - {volume}:
        volumes.remove(client, staging)
    volumes.remove(client, volume)


def remove_abandoned(client: docker.APIClient, labels: Mapping[str, str]) -> int:
    """Remove what intakes left behind whose worker died; returns how many. Raises SandboxUnavailable.

    `labels` narrow it down to one installation. An intake that still runs, that has just ended, or that may still
    begin, is left alone.
    """
    gone = 0
    for intake in _abandoned_intakes(client, labels):
        for volume in intake.volumes():
            if volumes.labels_of(client, volume).get(STAGE) == FILLED:
                try:
                    _clear(client, volume)
                except SandboxUnavailable:
                    # Its weights are being converted, or another worker is taking it in again.
                    continue
                gone += 1
    return gone + sum(release(client, name) for name in _lone_staging(client, labels))


def _abandoned_intakes(client: docker.APIClient, labels: Mapping[str, str]) -> list[Container]:
    wanted = [f"{name}={value}" for name, value in {**labels, STAGE: "intake"}.items()]
    with translated():
        found = client.containers(all=True, filters={"label": wanted, "status": ["created", "exited"]})
    return [Container(client, one["Id"]) for one in found if _is_abandoned(client, one)]


def _lone_staging(client: docker.APIClient, labels: Mapping[str, str]) -> list[str]:
    """Volumes that were made for an intake whose container never came into being."""
    wanted = [f"{name}={value}" for name, value in {**labels, STAGE: "intake"}.items()]
    with translated():
        found = client.volumes(filters={"label": wanted, "dangling": True}).get("Volumes") or []
    oldest = time.time() - ABANDONED_AFTER
    made = [(str(one["Name"]), engine_seconds(str(one.get("CreatedAt") or ""))) for one in found]
    return [name for name, created in made if created is not None and created < oldest]


def _plan(base_image: str, user: int, staging: str, volume: str, rules: IntakeRules, labels: Mapping[str, str]) -> Plan:
    # The volume comes into being with the container: one that no intake container mounts is complete.
    kept = {**labels, STAGE: FILLED}
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
        # It stays while its weights are converted, which may take as long again.
        lives=2 * rules.wall + GRACE,
    )


def _report(container: Container, ended: Ended) -> tuple[IntakeReport, list[Mapping[str, Any]]]:
    """What intake found, and which weights are still to be converted."""
    if ended.killed:
        return refusal("E-ARC-COSTLY", "Checking the archive took too long."), []
    if ended.oom_killed:
        return refusal("E-ARC-COSTLY", "Checking the archive took too much memory."), []
    if ended.exit_code:
        tail = " | ".join(text for _, text in container.log_lines(tail=5))
        raise SandboxUnavailable(f"Intake ended with exit code {ended.exit_code}: {tail}")
    document: dict[str, Any] = json.loads(container.get(REPORT, max_bytes=REPORT_BYTES))
    left_out = tuple(IntakeFile(**file) for file in document["left_out"])
    report = IntakeReport(
        ok=document["ok"],
        problems=tuple(IntakeProblem(**problem) for problem in document["problems"]),
        files=tuple(IntakeFile(**file) for file in document["files"]) if document["ok"] else (),
        manifest_text=document["manifest_text"],
        config_text=document["config_text"],
        unpacked_bytes=document["unpacked_bytes"],
        stripped_folder=document["stripped_folder"],
        conversion=WeightsConversion((), (), left_out) if left_out else None,
    )
    return report, document["weights"] if document["ok"] else []


def refusal(code: str, message: str) -> IntakeReport:
    """Return a report with one problem."""
    return IntakeReport(ok=False, problems=(IntakeProblem(code, message, "", REMEDIES[code]),))


def read_file(
    client: docker.APIClient, *, base_image: str, volume: str, path: str, max_bytes: int, labels: Mapping[str, str]
) -> bytes:
    """Return one unpacked file's bytes by way of a container that never starts."""
    with _reader(client, base_image, volume, labels) as container:
        return container.get(_inside(path), max_bytes=max_bytes)


def read_heads(
    client: docker.APIClient,
    *,
    base_image: str,
    volume: str,
    paths: Sequence[str],
    size: int,
    labels: Mapping[str, str],
) -> dict[str, bytes]:
    """Return the first bytes of some unpacked files by way of one container that never starts."""
    with _reader(client, base_image, volume, labels) as container:
        return {path: container.get_head(_inside(path), size=size) for path in paths}


def _inside(path: str) -> str:
    if any(part in ("", ".", "..") for part in path.split("/")):
        raise FileNotFoundError(path)
    return f"{SUBMISSION}/{path}"


@contextmanager
def _reader(client: docker.APIClient, base_image: str, volume: str, labels: Mapping[str, str]) -> Iterator[Container]:
    """A container that never starts, from which the files of a filled volume are copied."""
    plan = Plan(
        image_id=base_image,
        command=["true"],
        user=new_user(),
        mounts=[VolumeMount(volume, SUBMISSION)],
        limits=Limits(memory=64 * MiB, pids=8, tmp=1 * MiB),
        labels={**labels, STAGE: "read"},
        environment={},
        lives=READ_TIME,
    )
    container = Container.create(client, plan)
    try:
        require_complete(client, volume)
        yield container
    finally:
        container.remove()
