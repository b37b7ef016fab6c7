"""Conversion of pickled weights in Docker: PyTorch reads them in a container of its own, the base image checks.

Three containers touch the submission: intake has filled it; this one reads it and writes elsewhere; the last, ours
again, looks at what came out and puts it in place. Should the weights get hold of the second, it has no network, no
write access to the submission, and nobody who believes it.
"""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import docker

from sandbox.engine import volumes
from sandbox.engine.archives import Entry
from sandbox.engine.containers import Container, Ended
from sandbox.engine.names import new_name, new_user
from sandbox.engine.options import OUR_ENVIRONMENT, PREDICT_ENVIRONMENT, Plan, VolumeMount
from sandbox.errors import SandboxUnavailable
from sandbox.inside import strict_json
from sandbox.inside.refusals import REMEDIES
from sandbox.interface import IntakeFile, IntakeProblem
from sandbox.limits import GiB, Limits, MiB

CONVERT = ("python3", "-m", "sandbox.inside.convert")
PLACE = ("python3", "-S", "-m", "sandbox.inside.convert_place")
CONVERTED = "/converted"
REPORT = f"{CONVERTED}/out/report.json"
PLACED = "/intake/out/placed.json"
REPORT_BYTES = 64 * 1024
MEMORY = 4 * GiB  # weights are mapped, not read into memory, unless they are in PyTorch's oldest format
ENVIRONMENT = {**PREDICT_ENVIRONMENT, "OMP_NUM_THREADS": "1"}
# Sentences for what the container says of itself: it may choose among the codes, and say nothing else.
SENTENCES = {
    "E-WEIGHTS-UNSAFE": "The file holds something else than tensors: loading it could run code.",
    "E-WEIGHTS-DAMAGED": "The file of weights is damaged or broken off.",
    "E-WEIGHTS-FORM": "The file of weights does not hold plain tensors by name, and them alone.",
    "E-WEIGHTS-SIZE": "The tensors are more than twice as large as their files.",
    "E-WEIGHTS-COSTLY": "Converting the weights took too much memory.",
}


@dataclass(frozen=True, slots=True)
class Staged:
    """A submission that intake has filled and whose weights are still pickled; `most` bounds the result in bytes."""

    volume: str
    staging: str
    user: int
    labels: Mapping[str, str]
    conversions: Sequence[Mapping[str, Any]]
    most: int
    wall: float


@dataclass(frozen=True, slots=True)
class Converted:
    """The files that took the weights' place, or why there are none."""

    results: tuple[IntakeFile, ...] = ()
    torch: str = ""
    problem: IntakeProblem | None = None


def convert(client: docker.APIClient, staged: Staged, *, base_image: str, model_image: str) -> Converted:
    """Convert a submission's pickled weights; raises SandboxUnavailable, and then nothing is lost."""
    labels = {**staged.labels, "proctor.stage": "convert"}
    made = new_name()
    deadline = time.monotonic() + staged.wall
    try:
        volumes.create_plain(client, made, labels)
        torch, problem = _read(client, staged, made, labels, model_image, deadline)
        if problem is not None:
            return Converted(problem=problem)
        return _place(client, staged, made, labels, base_image, deadline, torch)
    finally:
        volumes.remove(client, made)


def _read(
    client: docker.APIClient, staged: Staged, made: str, labels: Mapping[str, str], image: str, deadline: float
) -> tuple[str, IntakeProblem | None]:
    """Let PyTorch read the weights; return its version, and what it refused."""
    user = new_user()
    container = Container.create(client, reading_plan(staged, made, labels, image, user))
    try:
        # It may write these files and make no other: the limit on a file's size then bounds them all.
        files = ["report.json", *(str(number) for number in range(len(staged.conversions)))]
        container.put(
            CONVERTED, [Entry("out", None, mode=0o755), *(Entry(f"out/{name}", b"", uid=user) for name in files)]
        )
        container.start()
        ended = container.wait(deadline)
        problem = _verdict(ended)
        if problem is not None:
            return "", problem
        return _said(container)
    finally:
        container.remove()


def reading_plan(staged: Staged, made: str, labels: Mapping[str, str], image: str, user: int) -> Plan:
    """The container in which PyTorch reads the weights: the submission read-only, and one folder to write to."""
    return Plan(
        image_id=image,
        command=[*CONVERT, json.dumps(list(staged.conversions), ensure_ascii=False)],
        user=user,
        mounts=[VolumeMount(staged.volume, "/submission"), VolumeMount(made, CONVERTED, read_only=False)],
        limits=Limits(cpus=2, memory=MEMORY, pids=64, wall=staged.wall, disk=staged.most, tmp=16 * MiB),
        labels=labels,
        environment=ENVIRONMENT,
    )


def _verdict(ended: Ended) -> IntakeProblem | None:
    """What its end alone says; raises SandboxUnavailable where the end is not the weights' fault."""
    if ended.killed:
        return refusal("E-WEIGHTS-COSTLY", "Converting the weights took too long.")
    if ended.oom_killed:
        return refusal("E-WEIGHTS-COSTLY", SENTENCES["E-WEIGHTS-COSTLY"])
    if ended.error or (ended.exit_code and ended.disturbed):
        raise SandboxUnavailable(f"The conversion of weights was disturbed: {ended.error or ended.exit_code}")
    return refusal("E-WEIGHTS-DAMAGED", SENTENCES["E-WEIGHTS-DAMAGED"]) if ended.exit_code else None


def _said(container: Container) -> tuple[str, IntakeProblem | None]:
    """What the container reports, of which nothing but codes, short names and file names of ours is taken."""
    try:
        document = strict_json.loads(container.get(REPORT, max_bytes=REPORT_BYTES), max_depth=4)
        torch, problem = document["torch"], document["problem"]
        if problem is None:
            return str(torch)[:40], None
        code = problem["code"]
        return "", refusal(code, SENTENCES[code], str(problem["file"])[:200])
    except (ValueError, LookupError, TypeError, FileNotFoundError):
        return "", refusal("E-WEIGHTS-DAMAGED", SENTENCES["E-WEIGHTS-DAMAGED"])


def _place(
    client: docker.APIClient,
    staged: Staged,
    made: str,
    labels: Mapping[str, str],
    image: str,
    deadline: float,
    torch: str,
) -> Converted:
    """Check what came out and put it beside config.json, as the user to whom the submission's files belong."""
    job = {"conversions": list(staged.conversions), "most": staged.most}
    plan = Plan(
        image_id=image,
        command=[*PLACE, json.dumps(job, ensure_ascii=False)],
        user=staged.user,
        mounts=[
            VolumeMount(staged.volume, "/submission", read_only=False),
            VolumeMount(made, CONVERTED),
            VolumeMount(staged.staging, "/intake", read_only=False),
        ],
        limits=Limits(cpus=2, memory=1 * GiB, pids=32, wall=staged.wall, disk=staged.most, tmp=16 * MiB),
        labels=labels,
        environment=OUR_ENVIRONMENT,
    )
    container = Container.create(client, plan)
    try:
        container.start()
        ended = container.wait(deadline)
        if ended.killed:
            return Converted(problem=refusal("E-WEIGHTS-COSTLY", "Converting the weights took too long."))
        if ended.exit_code:
            tail = " | ".join(text for _, text in container.log_lines(tail=5))
            raise SandboxUnavailable(f"Placing converted weights ended with exit code {ended.exit_code}: {tail}")
        placed: dict[str, Any] = json.loads(container.get(PLACED, max_bytes=16 * MiB))
    finally:
        container.remove()
    if placed["problem"] is not None:
        return Converted(problem=refusal(**placed["problem"]))
    return Converted(tuple(IntakeFile(**file) for file in placed["results"]), torch)


def refusal(code: str, message: str, file: str = "") -> IntakeProblem:
    """Return a problem with its remedy."""
    shown = "".join(character if character.isprintable() else "?" for character in file)
    return IntakeProblem(code, message, shown, REMEDIES[code])
