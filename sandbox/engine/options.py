"""Every container option, explicit: the flags are fixed here and nowhere else, the figures come from Limits."""

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import docker
from docker.types import LogConfig, Mount, Ulimit

from sandbox.engine.hardening import assert_hardened, demanded_security
from sandbox.errors import SandboxUnavailable
from sandbox.interface import EngineInfo
from sandbox.limits import Limits, MiB

APP_LABEL = {"app": "proctor"}
HOSTNAME = "sandbox"
NOWHERE = "192.0.2.1"  # RFC 5737: never routed. Without it /etc/resolv.conf would name the host's resolver
SHARED_MEMORY = 64 * MiB
TMP_INODES = 65_536
OPEN_FILES = 1024
RESPONSE_INODES = 16_384
DEADLINE = "proctor.deadline"  # label: seconds since 1970 by which it must be gone, whatever became of its worker
GRACE = 60  # seconds beyond its time that a container may need to start, end and be read
RUNTIME_VARIABLE = "PROCTOR_SANDBOX_RUNTIME"
ENVIRONMENT = {
    "HOME": "/tmp",  # noqa: S108 (a mount of the container)
    "LANG": "C.UTF-8",
    "LOGNAME": "sandbox",
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTHONUNBUFFERED": "1",
    "TMPDIR": "/tmp",  # noqa: S108
    "USER": "sandbox",
}
PREDICT_ENVIRONMENT = {
    "HF_HUB_OFFLINE": "1",
    # Threads that wait sleep instead of spinning: on cores that others use too, spinning costs ten times the speed.
    "OMP_WAIT_POLICY": "PASSIVE",
    "PYTHONHASHSEED": "0",
    "PYTHONPATH": "/opt/proctor:/opt/transformers:/opt/site",
    "TOKENIZERS_PARALLELISM": "false",
    "TRANSFORMERS_OFFLINE": "1",
}
OUR_ENVIRONMENT = {"PYTHONPATH": "/opt/proctor"}


@dataclass(frozen=True, slots=True)
class VolumeMount:
    """A named volume at a place in the container."""

    volume: str
    target: str
    read_only: bool = True
    mode_of_image: bool = False  # a new volume takes over the mode of the image's folder
    labels: Mapping[str, str] | None = None  # of a volume that comes into being with the container


@dataclass(frozen=True, slots=True)
class Plan:
    """One container to be: what it runs, as whom, with which volumes, under which limits."""

    image_id: str
    command: Sequence[str]
    user: int
    mounts: Sequence[VolumeMount]
    limits: Limits
    labels: Mapping[str, str]
    environment: Mapping[str, str]
    cgroup_parent: str | None = None
    lives: float | None = None  # seconds until it must be gone; its wall limit and a grace where not said


@dataclass(frozen=True, slots=True)
class Traits:
    """What differs between engines: the runtime that was chosen, and whether the host has AppArmor."""

    runtime: str | None = None
    apparmor: bool = False


def traits(info: EngineInfo) -> Traits:
    """Return this engine's traits; raises SandboxUnavailable where it lacks the runtime that was asked for."""
    runtime = os.environ.get(RUNTIME_VARIABLE, "").strip() or None
    if runtime is not None and runtime not in info.runtimes:
        raise SandboxUnavailable(
            f"The Docker engine has no runtime '{runtime}', which {RUNTIME_VARIABLE} asks for; it has: "
            f'{", ".join(info.runtimes)}. Add it under "runtimes" in /etc/docker/daemon.json and restart the '
            f"engine, or unset {RUNTIME_VARIABLE}."
        )
    apparmor = any("apparmor" in option for option in info.security_options)
    return Traits(runtime, apparmor)


def deadline_label(seconds: float) -> dict[str, str]:
    """Return the label that says when something must be gone, `seconds` from now."""
    return {DEADLINE: str(int(time.time() + seconds))}


def host_config(client: docker.APIClient, plan: Plan, engine: Traits) -> dict[str, Any]:
    """Return the engine's HostConfig for a plan; the flags don't depend on the plan."""
    limits = plan.limits
    tmp = f"size={limits.tmp},mode=1777,nr_inodes={TMP_INODES},nosuid,nodev,noexec"
    config: dict[str, Any] = client.create_host_config(
        network_mode="none",
        dns=[NOWHERE],
        dns_search=["."],
        read_only=True,
        tmpfs={"/tmp": tmp},  # noqa: S108
        shm_size=SHARED_MEMORY,
        cap_drop=["ALL"],
        security_opt=demanded_security(apparmor=engine.apparmor),
        ipc_mode="private",
        cgroupns="private",
        mem_limit=limits.memory,
        memswap_limit=limits.memory,
        nano_cpus=int(limits.cpus * 1_000_000_000),
        cpuset_cpus=limits.cpuset or None,
        pids_limit=limits.pids,
        ulimits=[
            Ulimit(name="core", soft=0, hard=0),
            Ulimit(name="nofile", soft=OPEN_FILES, hard=OPEN_FILES),
            Ulimit(name="fsize", soft=limits.disk, hard=limits.disk),
        ],
        init=True,
        oom_score_adj=500,
        restart_policy={"Name": "no"},
        log_config=LogConfig(type="local", config={"max-size": "1m", "max-file": "1", "compress": "false"}),
        mounts=[
            Mount(
                target=mount.target,
                source=mount.volume,
                type="volume",
                read_only=mount.read_only,
                no_copy=not mount.mode_of_image,
                labels=None if mount.labels is None else {**mount.labels, **APP_LABEL},
            )
            for mount in plan.mounts
        ],
        cgroup_parent=plan.cgroup_parent,
        runtime=engine.runtime,
    )
    # Said out loud: the client leaves out what is false.
    return {**config, "Privileged": False, "AutoRemove": False, "OomKillDisable": False}


def create_arguments(client: docker.APIClient, plan: Plan, engine: Traits) -> dict[str, Any]:
    """Return what the client's create_container takes; raises SandboxUnavailable where an option was weakened."""
    lives = plan.limits.wall + GRACE if plan.lives is None else plan.lives
    arguments = {
        "image": plan.image_id,
        "entrypoint": [plan.command[0]],
        "command": list(plan.command[1:]),
        "user": f"{plan.user}:{plan.user}",
        "hostname": HOSTNAME,
        "working_dir": "/tmp",  # noqa: S108
        "environment": {**ENVIRONMENT, **plan.environment},
        "labels": {**plan.labels, **APP_LABEL, **deadline_label(lives)},
        "network_disabled": True,
        "stdin_open": False,
        "tty": False,
        "healthcheck": {"test": ["NONE"]},
        "use_config_proxy": False,  # else proxies of the user who runs the worker, passwords included, would go in
        "host_config": host_config(client, plan, engine),
    }
    assert_hardened(arguments, runtime=engine.runtime, apparmor=engine.apparmor)
    return arguments
