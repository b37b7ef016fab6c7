"""What must hold for every container before the engine hears of it: said a second time, apart from where it is made."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from sandbox.engine import seccomp
from sandbox.errors import SandboxUnavailable
from sandbox.limits import MiB

# Whatever the plan says, these are what they are.
FIXED: Mapping[str, Any] = {
    "AutoRemove": False,
    "CapDrop": ["ALL"],
    "CgroupnsMode": "private",
    "Dns": ["192.0.2.1"],
    "DnsSearch": ["."],
    "Init": True,
    "IpcMode": "private",
    "LogConfig": {"Type": "local", "Config": {"max-size": "1m", "max-file": "1", "compress": "false"}},
    "NetworkMode": "none",
    "OomKillDisable": False,
    "OomScoreAdj": 500,
    "Privileged": False,
    "ReadonlyRootfs": True,
    "RestartPolicy": {"Name": "no"},
    "ShmSize": 64 * MiB,
}
TMP = re.compile(r"size=[1-9]\d*,mode=1777,nr_inodes=[1-9]\d*,nosuid,nodev,noexec")
CPUS = re.compile(r"\d+(-\d+)?(,\d+(-\d+)?)*")
GROUP = re.compile(r"/proctor/[0-9a-f]+")
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
IMAGE = re.compile(r"sha256:[0-9a-f]{64}")
USER = re.compile(r"([1-9]\d*):\1")
VARIABLES = frozenset({
    "HF_HUB_OFFLINE", "HOME", "LANG", "LOGNAME", "MKL_NUM_THREADS", "OMP_NUM_THREADS", "OMP_WAIT_POLICY", "PATH",
    "PROCTOR_SEED", "PYTHONDONTWRITEBYTECODE", "PYTHONHASHSEED", "PYTHONPATH", "PYTHONUNBUFFERED", "TMPDIR",
    "TOKENIZERS_PARALLELISM", "TRANSFORMERS_OFFLINE", "USER",
})  # fmt: skip
LABELS = ("app", "proctor.stage", "proctor.deadline")


def assert_hardened(arguments: Mapping[str, Any], *, runtime: str | None = None, apparmor: bool = False) -> None:
    """Refuse a container any of whose options is not the fixed one, or is not known here; raises SandboxUnavailable.

    `arguments` are what the client's create_container takes; `runtime` and `apparmor` are as this engine has them.
    """
    config: Mapping[str, Any] = arguments["host_config"]
    wrong = [name for name, value in FIXED.items() if config.get(name) != value]
    wrong += [name for name, holds in FIGURES.items() if not holds(config)]
    wrong += [name for name, holds in OPTIONAL.items() if name in config and not holds(config[name])]
    wrong += [name for name in config if name not in FIXED and name not in FIGURES and name not in OPTIONAL]
    if config.get("Runtime") != runtime:
        wrong.append("Runtime")
    if config.get("SecurityOpt") != demanded_security(apparmor=apparmor):
        wrong.append("SecurityOpt")
    wrong += [name for name, holds in SAID.items() if not holds(arguments)]
    if wrong:
        names = ", ".join(sorted(set(wrong)))
        raise SandboxUnavailable(f"A container option is not what the sandbox demands: {names}.")


def demanded_security(*, apparmor: bool) -> list[str]:
    """Return the security options of every container; AppArmor's only where the host has it."""
    options = ["no-new-privileges", f"seccomp={seccomp.profile()}"]
    return [*options, "apparmor=docker-default"] if apparmor else options


def _ulimits(config: Mapping[str, Any]) -> bool:
    limits = {limit["Name"]: (limit["Soft"], limit["Hard"]) for limit in config.get("Ulimits") or ()}
    fsize = limits.pop("fsize", (0, 1))
    return limits == {"core": (0, 0), "nofile": (1024, 1024)} and fsize[0] == fsize[1] > 0


def _mounts(config: Mapping[str, Any]) -> bool:
    # A volume with a driver of its own may be any folder of the host.
    return all(
        mount["Type"] == "volume"
        and NAME.fullmatch(mount["Source"])
        and set(mount) <= {"Type", "Source", "Target", "ReadOnly", "VolumeOptions"}
        and set(mount.get("VolumeOptions") or ()) <= {"NoCopy", "Labels"}
        for mount in config.get("Mounts") or ()
    )


def _tmpfs(config: Mapping[str, Any]) -> bool:
    places = config.get("Tmpfs") or {}
    return list(places) == ["/tmp"] and TMP.fullmatch(places["/tmp"]) is not None  # noqa: S108 (a mount of the container)


FIGURES: Mapping[str, Callable[[Mapping[str, Any]], bool]] = {
    "Memory": lambda config: config.get("Memory", 0) >= 16 * MiB,
    "MemorySwap": lambda config: config.get("MemorySwap") == config.get("Memory"),
    "Mounts": _mounts,
    "NanoCpus": lambda config: config.get("NanoCpus", 0) > 0,
    "PidsLimit": lambda config: 0 < (config.get("PidsLimit") or 0) <= 4096,
    "SecurityOpt": lambda config: bool(config.get("SecurityOpt")),
    "Tmpfs": _tmpfs,
    "Ulimits": _ulimits,
}
OPTIONAL: Mapping[str, Callable[[Any], bool]] = {
    "CgroupParent": lambda value: GROUP.fullmatch(value) is not None,
    "CpusetCpus": lambda value: CPUS.fullmatch(value) is not None,
    "Runtime": lambda value: NAME.fullmatch(value) is not None,
}


def _user(arguments: Mapping[str, Any]) -> bool:
    match = USER.fullmatch(arguments["user"])
    return match is not None and 1000 <= int(match[1]) < 65_534


def _labels(arguments: Mapping[str, Any]) -> bool:
    labels = arguments["labels"]
    return all(labels.get(name) for name in LABELS) and labels["proctor.deadline"].isdigit()


SAID: Mapping[str, Callable[[Mapping[str, Any]], bool]] = {
    "Entrypoint": lambda said: bool(said["entrypoint"]),
    "Environment": lambda said: set(said["environment"]) <= VARIABLES,
    "Healthcheck": lambda said: said["healthcheck"] == {"test": ["NONE"]},
    "Hostname": lambda said: said["hostname"] == "sandbox",
    "Image": lambda said: IMAGE.fullmatch(said["image"]) is not None,
    "Labels": _labels,
    "Network": lambda said: said["network_disabled"] is True,
    "OpenStdin": lambda said: said["stdin_open"] is False and said["tty"] is False,
    "Proxies": lambda said: said["use_config_proxy"] is False,
    "User": _user,
}
