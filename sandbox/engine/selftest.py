"""The sandbox's self-test: hostile probes in real containers, each measured against what must hold."""

import json
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import docker

from sandbox.engine import volumes
from sandbox.engine.connection import connect
from sandbox.engine.containers import Container, Ended
from sandbox.engine.names import new_name, new_user
from sandbox.engine.options import PREDICT_ENVIRONMENT, Plan, VolumeMount
from sandbox.engine.predicting import judge
from sandbox.images.build import find
from sandbox.interface import Verdict
from sandbox.limits import Limits, MiB

LABELS = {"proctor.stage": "selftest"}
LIMITS = Limits(cpus=1, memory=96 * MiB, pids=32, wall=30, disk=16 * MiB, tmp=8 * MiB)
TIME_LIMIT = 1.0  # seconds given to a program that never ends by itself
TIME_SLACK = 10.0  # seconds from the deadline until it has to be gone; a busy engine takes its time


@dataclass(frozen=True, slots=True)
class Check:
    """One property of the sandbox: whether it holds, and what was measured."""

    ok: bool
    measured: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Run:
    ended: Ended
    lines: Sequence[str]
    seconds: float


def selftest() -> dict[str, Check]:
    """Run every check on the base image; raises SandboxUnavailable, ImageMissing."""
    client = connect()
    image = find(client, "base")
    with ExitStack() as stack:
        stack.callback(client.close)
        found = _probe(_run(client, image, [], LIMITS.wall))
        memory = _run(client, image, ["memory"], LIMITS.wall)
        endless = _run(client, image, ["time"], TIME_LIMIT)
    return {
        "network": Check(found["network"] == {"interfaces": ["lo"], "reached": []}, found["network"]),
        "read-only root": Check(found["root"] == {"written": [], "root": "ro"}, found["root"]),
        "pids": Check(found["pids"]["refused"] and found["pids"]["forked"] < LIMITS.pids, found["pids"]),
        "memory": Check(
            judge(memory.ended, cancelled=False) is Verdict.MEMORY,
            {"limit": LIMITS.memory, "exit_code": memory.ended.exit_code, "oom_killed": memory.ended.oom_killed},
        ),
        "disk": Check(0 < found["disk"]["written"] <= LIMITS.disk and not found["disk"]["program_ran"], found["disk"]),
        "time": Check(
            endless.ended.killed and endless.seconds < TIME_LIMIT + TIME_SLACK,
            {"limit": TIME_LIMIT, "seconds": round(endless.seconds, 3)},
        ),
        "privileges": Check(
            found["privileges"]["uid"] >= 1000
            and found["privileges"]["capabilities"] == 0
            and found["privileges"]["no_new_privs"] == "1"
            and found["privileges"]["seccomp"] == "2"
            and not found["privileges"]["became_root"],
            found["privileges"],
        ),
        "system calls": Check(found["system_calls"]["let_through"] == [], found["system_calls"]),
    }


def _probe(run: _Run) -> dict[str, dict[str, Any]]:
    """Return the probes' findings by name; a probe that said nothing fails its check by an empty finding."""
    found: dict[str, dict[str, Any]] = {
        "network": {},
        "root": {},
        "pids": {"refused": False, "forked": -1},
        "disk": {"written": 0, "program_ran": None},
        "privileges": {"uid": 0, "capabilities": -1, "no_new_privs": "", "seccomp": "", "became_root": None},
        "system_calls": {"let_through": None},
    }
    for line in run.lines:
        if line.startswith("{"):
            finding = json.loads(line)
            found[finding.pop("probe")] = finding
    return found


def _run(client: docker.APIClient, image: str, arguments: list[str], wall: float) -> _Run:
    user, volume = new_user(), new_name()
    with ExitStack() as stack:
        stack.callback(volumes.remove, client, volume)
        volumes.create_bounded(client, volume, LABELS, size=LIMITS.disk, user=user)
        plan = Plan(
            image_id=image,
            command=["python3", "-m", "sandbox.inside.probes", *arguments],
            user=user,
            mounts=[VolumeMount(volume, "/eval/responses", read_only=False)],
            limits=LIMITS,
            labels=LABELS,
            environment=PREDICT_ENVIRONMENT,
        )
        container = Container.create(client, plan)
        stack.callback(container.remove)
        container.start()
        began = time.monotonic()
        ended = container.wait(began + wall)
        seconds = time.monotonic() - began
        return _Run(ended, [text for _, text in container.log_lines(tail=100)], seconds)
