"""Every container option, explicit: the flags are fixed here and nowhere else, the figures come from Limits."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import docker
from docker.types import LogConfig, Mount, Ulimit

from sandbox.errors import SandboxUnavailable
from sandbox.limits import Limits, MiB

APP_LABEL = {"app": "proctor"}
HOSTNAME = "sandbox"
NOWHERE = "192.0.2.1"  # RFC 5737: never routed. Without it /etc/resolv.conf would name the host's resolver
SHARED_MEMORY = 64 * MiB
TMP_INODES = 65_536
OPEN_FILES = 1024
RESPONSE_INODES = 16_384
# A seccomp profile of our own, as inline JSON; None leaves the engine's default, which is never switched off.
SECCOMP_PROFILE: str | None = None
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
    "PYTHONPATH": "/opt/proctor:/opt/site",
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


def security_options() -> list[str]:
    """Return the security options that every container gets."""
    options = ["no-new-privileges"]
    if SECCOMP_PROFILE is not None:
        options.append(f"seccomp={SECCOMP_PROFILE}")
    return options


def host_config(client: docker.APIClient, plan: Plan) -> dict[str, Any]:
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
        security_opt=security_options(),
        ipc_mode="private",
        mem_limit=limits.memory,
        memswap_limit=limits.memory,
        nano_cpus=int(limits.cpus * 1_000_000_000),
        pids_limit=limits.pids,
        ulimits=[
            Ulimit(name="core", soft=0, hard=0),
            Ulimit(name="nofile", soft=OPEN_FILES, hard=OPEN_FILES),
            Ulimit(name="fsize", soft=limits.disk, hard=limits.disk),
        ],
        init=True,
        oom_score_adj=500,
        auto_remove=False,
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
    )
    config["Privileged"] = False  # said out loud; the client leaves it out
    return config


def create_arguments(client: docker.APIClient, plan: Plan) -> dict[str, Any]:
    """Return what the client's create_container takes; raises SandboxUnavailable where a flag was weakened."""
    config = host_config(client, plan)
    assert_hardened(plan, config)
    return {
        "image": plan.image_id,
        "entrypoint": [plan.command[0]],
        "command": list(plan.command[1:]),
        "user": f"{plan.user}:{plan.user}",
        "hostname": HOSTNAME,
        "working_dir": "/tmp",  # noqa: S108
        "environment": {**ENVIRONMENT, **plan.environment},
        "labels": {**plan.labels, **APP_LABEL},
        "network_disabled": True,
        "stdin_open": False,
        "tty": False,
        "healthcheck": {"test": ["NONE"]},
        "host_config": config,
    }


def assert_hardened(plan: Plan, config: Mapping[str, Any]) -> None:
    """Refuse to create a container whose flags are not the fixed ones."""
    wanted = {
        "Privileged": False,
        "NetworkMode": "none",
        "ReadonlyRootfs": True,
        "CapDrop": ["ALL"],
        "IpcMode": "private",
        "MemorySwap": config.get("Memory"),
    }
    wrong = [name for name, value in wanted.items() if config.get(name) != value]
    forbidden = ("Devices", "CapAdd", "Binds", "PidMode", "UsernsMode", "UTSMode", "VolumesFrom", "PortBindings")
    wrong += [name for name in forbidden if config.get(name)]
    if "no-new-privileges" not in (config.get("SecurityOpt") or ()):
        wrong.append("SecurityOpt")
    if plan.user <= 0 or plan.user >= 65_534:
        wrong.append("User")
    if not plan.image_id.startswith("sha256:"):
        wrong.append("Image")
    if wrong:
        raise SandboxUnavailable(f"A container option is not what the sandbox demands: {', '.join(sorted(wrong))}.")
