"""The fixed options, as the engine is told them, and the refusal to create a container with any of them weakened."""

import json
import time
from pathlib import Path
from typing import Any

import docker
import pytest

from sandbox.engine.hardening import assert_hardened
from sandbox.engine.options import Plan, Traits, VolumeMount, create_arguments, traits
from sandbox.engine.seccomp import profile
from sandbox.errors import SandboxUnavailable
from sandbox.interface import EngineInfo
from sandbox.limits import Limits, MiB

PLAN = Plan(
    image_id="sha256:" + "0" * 64,
    command=["python3", "-m", "sandbox.runner"],
    user=20_001,
    mounts=[VolumeMount("in", "/eval"), VolumeMount("out", "/eval/responses", read_only=False)],
    limits=Limits(cpus=1.5, memory=256 * MiB, pids=64, disk=16 * MiB, tmp=8 * MiB, wall=100, cpuset="0-1"),
    labels={"proctor.attempt": "7", "proctor.stage": "predict"},
    environment={"PYTHONHASHSEED": "0"},
    cgroup_parent="/proctor/0a1b",
)
INFO = EngineInfo("28.0", "2", "cgroupfs", 2, 1, ("name=seccomp,profile=builtin",), ("runc",))


@pytest.fixture
def client() -> docker.APIClient:
    return docker.APIClient(version="1.41")  # it makes documents only: no engine is asked


@pytest.fixture
def arguments(client: docker.APIClient) -> dict[str, Any]:
    return create_arguments(client, PLAN, Traits())


def test_every_flag_is_said_to_the_engine(arguments: dict[str, Any]) -> None:
    assert arguments["host_config"] == {
        "AutoRemove": False,
        "CapDrop": ["ALL"],
        "CgroupParent": "/proctor/0a1b",
        "CgroupnsMode": "private",
        "CpusetCpus": "0-1",
        "Dns": ["192.0.2.1"],
        "DnsSearch": ["."],
        "Init": True,
        "IpcMode": "private",
        "LogConfig": {"Type": "local", "Config": {"max-size": "1m", "max-file": "1", "compress": "false"}},
        "Memory": 256 * MiB,
        "MemorySwap": 256 * MiB,
        "Mounts": [
            {"Target": "/eval", "Source": "in", "Type": "volume", "ReadOnly": True, "VolumeOptions": {"NoCopy": True}},
            {
                "Target": "/eval/responses",
                "Source": "out",
                "Type": "volume",
                "ReadOnly": False,
                "VolumeOptions": {"NoCopy": True},
            },
        ],
        "NanoCpus": 1_500_000_000,
        "NetworkMode": "none",
        "OomKillDisable": False,
        "OomScoreAdj": 500,
        "PidsLimit": 64,
        "Privileged": False,
        "ReadonlyRootfs": True,
        "RestartPolicy": {"Name": "no"},
        "SecurityOpt": ["no-new-privileges", f"seccomp={profile()}"],
        "ShmSize": 64 * MiB,
        "Tmpfs": {"/tmp": f"size={8 * MiB},mode=1777,nr_inodes=65536,nosuid,nodev,noexec"},
        "Ulimits": [
            {"Name": "core", "Soft": 0, "Hard": 0},
            {"Name": "nofile", "Soft": 1024, "Hard": 1024},
            {"Name": "fsize", "Soft": 16 * MiB, "Hard": 16 * MiB},
        ],
    }


def test_container_is_ours_in_every_word(arguments: dict[str, Any]) -> None:
    assert arguments["entrypoint"] == ["python3"]
    assert arguments["command"] == ["-m", "sandbox.runner"]
    assert arguments["user"] == "20001:20001"
    assert arguments["hostname"] == "sandbox"
    assert arguments["healthcheck"] == {"test": ["NONE"]}
    assert arguments["environment"]["HOME"] == "/tmp"
    assert arguments["use_config_proxy"] is False
    labels = arguments["labels"]
    assert (labels["app"], labels["proctor.attempt"], labels["proctor.stage"]) == ("proctor", "7", "predict")


@pytest.mark.parametrize(("lives", "seconds"), [(None, 160), (4000.0, 4000)])
def test_every_container_says_when_it_must_be_gone(client: docker.APIClient, lives: float | None, seconds: int) -> None:
    fields = {name: getattr(PLAN, name) for name in Plan.__dataclass_fields__}
    labels = create_arguments(client, Plan(**{**fields, "lives": lives}), Traits())["labels"]
    assert int(labels["proctor.deadline"]) == pytest.approx(time.time() + seconds, abs=5)


def test_proxies_of_the_workers_user_stay_outside(
    arguments: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxies = {"proxies": {"default": {"httpProxy": "http://name:secret@proxy.example"}}}
    (tmp_path / "config.json").write_text(json.dumps(proxies))
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    client = docker.APIClient(version="1.41")
    asked: list[str] = []
    monkeypatch.setattr(client, "create_container_from_config", lambda config, *_: asked.extend(config["Env"]))
    client.create_container(**{**arguments, "use_config_proxy": True})
    assert "http_proxy=http://name:secret@proxy.example" in asked
    asked.clear()
    client.create_container(**arguments)
    assert asked
    assert not [line for line in asked if "proxy" in line.lower()]


HOST_CONFIG = [
    ("AutoRemove", True),
    ("Binds", ["/:/host"]),
    ("CapAdd", ["SYS_ADMIN"]),
    ("CapDrop", []),
    ("CapDrop", ["NET_RAW"]),
    ("CgroupParent", "/"),
    ("CgroupParent", "/proctor/../system"),
    ("CgroupnsMode", "host"),
    ("CpusetCpus", "all"),
    ("DeviceCgroupRules", ["a *:* rwm"]),
    ("DeviceRequests", [{"Count": -1, "Capabilities": [["gpu"]]}]),
    ("Devices", [{"PathOnHost": "/dev/kvm"}]),
    ("Dns", ["8.8.8.8"]),
    ("ExtraHosts", ["metadata:169.254.169.254"]),
    ("GroupAdd", ["0"]),
    ("Init", False),
    ("IpcMode", "host"),
    ("LogConfig", {"Type": "json-file", "Config": {}}),
    ("LogConfig", {"Type": "local", "Config": {"max-size": "100g", "max-file": "1", "compress": "false"}}),
    ("MaskedPaths", []),
    ("Memory", 0),
    ("MemorySwap", -1),
    ("Mounts", [{"Type": "bind", "Source": "/", "Target": "/host"}]),
    ("Mounts", [{"Type": "volume", "Source": "/etc", "Target": "/host"}]),
    (
        "Mounts",
        [{"Type": "volume", "Source": "a", "Target": "/h", "VolumeOptions": {"DriverConfig": {"Name": "local"}}}],
    ),
    ("NanoCpus", 0),
    ("NetworkMode", "bridge"),
    ("NetworkMode", "host"),
    ("OomKillDisable", True),
    ("OomScoreAdj", -1000),
    ("PidMode", "host"),
    ("PidsLimit", -1),
    ("PidsLimit", None),
    ("PortBindings", {"80/tcp": [{"HostPort": "80"}]}),
    ("Privileged", True),
    ("PublishAllPorts", True),
    ("ReadonlyPaths", []),
    ("ReadonlyRootfs", False),
    ("RestartPolicy", {"Name": "always"}),
    ("Runtime", "kata"),
    ("SecurityOpt", ["no-new-privileges"]),
    ("SecurityOpt", ["no-new-privileges", "seccomp=unconfined"]),
    ("SecurityOpt", [f"seccomp={profile()}"]),
    ("ShmSize", 8 << 30),
    ("Sysctls", {"net.ipv4.ip_forward": "1"}),
    ("Tmpfs", {"/tmp": "size=8m"}),
    ("Tmpfs", {"/tmp": "size=0,mode=1777,nr_inodes=65536,nosuid,nodev,noexec"}),
    ("UTSMode", "host"),
    ("Ulimits", []),
    ("Ulimits", [{"Name": "core", "Soft": 0, "Hard": 0}, {"Name": "nofile", "Soft": 1024, "Hard": 1024}]),
    ("UsernsMode", "host"),
    ("VolumesFrom", ["another"]),
    ("WhateverComesNext", True),
]


@pytest.mark.parametrize(("option", "value"), HOST_CONFIG)
def test_weakened_option_is_refused(arguments: dict[str, Any], option: str, value: object) -> None:
    assert_hardened(arguments)
    with pytest.raises(SandboxUnavailable, match=option):
        assert_hardened({**arguments, "host_config": {**arguments["host_config"], option: value}})


@pytest.mark.parametrize("option", sorted({option for option, _ in HOST_CONFIG}))
def test_option_left_to_the_engine_is_refused(arguments: dict[str, Any], option: str) -> None:
    config = {name: value for name, value in arguments["host_config"].items() if name != option}
    optional = {"CgroupParent", "CpusetCpus", "Mounts"}
    if option in arguments["host_config"] and option not in optional:
        with pytest.raises(SandboxUnavailable, match=option):
            assert_hardened({**arguments, "host_config": config})
    else:
        assert_hardened({**arguments, "host_config": config})


@pytest.mark.parametrize(
    ("word", "value", "named"),
    [
        ("user", "0:0", "User"),
        ("user", "root", "User"),
        ("user", "20001:0", "User"),
        ("user", "65534:65534", "User"),
        ("user", "33:33", "User"),
        ("image", "proctor/base:latest", "Image"),
        ("hostname", "worker-7", "Hostname"),
        ("healthcheck", None, "Healthcheck"),
        ("healthcheck", {"test": ["CMD", "true"]}, "Healthcheck"),
        ("network_disabled", False, "Network"),
        ("stdin_open", True, "OpenStdin"),
        ("tty", True, "OpenStdin"),
        ("use_config_proxy", True, "Proxies"),
        ("environment", {"PROCTOR_SECRET_KEY": "s"}, "Environment"),
        ("entrypoint", None, "Entrypoint"),
        ("labels", {"app": "proctor", "proctor.stage": "predict"}, "Labels"),
        ("labels", {"app": "proctor", "proctor.deadline": "1"}, "Labels"),
        ("labels", {"app": "proctor", "proctor.stage": "predict", "proctor.deadline": "soon"}, "Labels"),
    ],
)
def test_word_that_is_not_ours_is_refused(arguments: dict[str, Any], word: str, value: object, named: str) -> None:
    with pytest.raises(SandboxUnavailable, match=named):
        assert_hardened({**arguments, word: value})


def test_apparmor_is_explicit_where_the_host_has_it(client: docker.APIClient) -> None:
    info = EngineInfo("28.0", "2", "systemd", 2, 1, ("name=apparmor", "name=seccomp,profile=builtin"), ("runc",))
    chosen = traits(info)
    arguments = create_arguments(client, PLAN, chosen)
    assert arguments["host_config"]["SecurityOpt"][-1] == "apparmor=docker-default"
    with pytest.raises(SandboxUnavailable, match="SecurityOpt"):
        assert_hardened(arguments, apparmor=False)
    assert traits(INFO).apparmor is False


def test_runtime_is_chosen_by_the_environment(client: docker.APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROCTOR_SANDBOX_RUNTIME", "runc")
    arguments = create_arguments(client, PLAN, traits(INFO))
    assert arguments["host_config"]["Runtime"] == "runc"
    monkeypatch.setenv("PROCTOR_SANDBOX_RUNTIME", "")
    assert "Runtime" not in create_arguments(client, PLAN, traits(INFO))["host_config"]


def test_unknown_runtime_is_refused_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROCTOR_SANDBOX_RUNTIME", "runsc")
    with pytest.raises(SandboxUnavailable, match=r"no runtime 'runsc'.*it has: runc\. .*daemon\.json"):
        traits(INFO)


@pytest.mark.parametrize(
    "change",
    [{"cpus": 0}, {"memory": 1}, {"wall": -1}, {"disk": 0}, {"gpus": 1}, {"cpuset": "all"}, {"cpuset": "0-1\n"}],
)
def test_limit_that_makes_no_sense_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="The limit"):
        Limits(**change)
