"""The fixed flags, as the engine is told them, and the refusal to create a container without them."""

import docker
import pytest

from sandbox.engine.options import Plan, VolumeMount, assert_hardened, create_arguments, host_config
from sandbox.errors import SandboxUnavailable
from sandbox.limits import Limits, MiB

PLAN = Plan(
    image_id="sha256:" + "0" * 64,
    command=["python3", "-m", "sandbox.runner"],
    user=20_001,
    mounts=[VolumeMount("in", "/eval"), VolumeMount("out", "/eval/responses", read_only=False)],
    limits=Limits(cpus=1.5, memory=256 * MiB, pids=64, disk=16 * MiB, tmp=8 * MiB),
    labels={"attempt": "7"},
    environment={"PYTHONHASHSEED": "0"},
)


@pytest.fixture
def client() -> docker.APIClient:
    return docker.APIClient(version="1.41")  # it makes documents only: no engine is asked


def test_every_flag_is_said_to_the_engine(client: docker.APIClient) -> None:
    config = host_config(client, PLAN)
    assert config["NetworkMode"] == "none"
    assert config["ReadonlyRootfs"] is True
    assert config["CapDrop"] == ["ALL"]
    assert config["SecurityOpt"] == ["no-new-privileges"]
    assert config["Privileged"] is False
    assert config["IpcMode"] == "private"
    assert (config["Memory"], config["MemorySwap"]) == (256 * MiB, 256 * MiB)
    assert config["NanoCpus"] == 1_500_000_000
    assert config["PidsLimit"] == 64
    assert config["Init"] is True
    assert config["ShmSize"] == 64 * MiB
    assert config["RestartPolicy"] == {"Name": "no"}
    assert config["LogConfig"] == {"Type": "local", "Config": {"max-size": "1m", "max-file": "1", "compress": "false"}}
    assert {(limit["Name"], limit["Soft"], limit["Hard"]) for limit in config["Ulimits"]} == {
        ("core", 0, 0),
        ("nofile", 1024, 1024),
        ("fsize", 16 * MiB, 16 * MiB),
    }
    assert config["Tmpfs"] == {"/tmp": f"size={8 * MiB},mode=1777,nr_inodes=65536,nosuid,nodev,noexec"}
    assert "Binds" not in config
    assert not config.get("AutoRemove")
    assert [(mount["Source"], mount["Target"], mount["ReadOnly"]) for mount in config["Mounts"]] == [
        ("in", "/eval", True),
        ("out", "/eval/responses", False),
    ]


def test_container_is_ours_in_every_word(client: docker.APIClient) -> None:
    arguments = create_arguments(client, PLAN)
    assert arguments["entrypoint"] == ["python3"]
    assert arguments["command"] == ["-m", "sandbox.runner"]
    assert arguments["user"] == "20001:20001"
    assert arguments["hostname"] == "sandbox"
    assert arguments["healthcheck"] == {"test": ["NONE"]}
    assert arguments["labels"] == {"attempt": "7", "app": "proctor"}
    assert arguments["environment"]["HOME"] == "/tmp"


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("Privileged", True),
        ("NetworkMode", "host"),
        ("NetworkMode", "bridge"),
        ("ReadonlyRootfs", False),
        ("CapDrop", []),
        ("CapAdd", ["SYS_ADMIN"]),
        ("Binds", ["/:/host"]),
        ("Devices", [{"PathOnHost": "/dev/kvm"}]),
        ("PidMode", "host"),
        ("IpcMode", "host"),
        ("UsernsMode", "host"),
        ("SecurityOpt", ["seccomp=unconfined"]),
        ("MemorySwap", -1),
    ],
)
def test_weakened_flag_is_refused(client: docker.APIClient, option: str, value: object) -> None:
    config = host_config(client, PLAN)
    assert_hardened(PLAN, config)
    with pytest.raises(SandboxUnavailable):
        assert_hardened(PLAN, {**config, option: value})


@pytest.mark.parametrize("change", [{"user": 0}, {"user": 65_534}, {"image_id": "proctor/base:latest"}])
def test_root_nobody_and_image_by_name_are_refused(client: docker.APIClient, change: dict[str, object]) -> None:
    fields = {name: getattr(PLAN, name) for name in Plan.__dataclass_fields__}
    plan = Plan(**(fields | change))
    with pytest.raises(SandboxUnavailable):
        assert_hardened(plan, host_config(client, plan))


@pytest.mark.parametrize("change", [{"cpus": 0}, {"memory": 1}, {"wall": -1}, {"disk": 0}, {"gpus": 1}])
def test_limit_that_makes_no_sense_is_refused(change: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="The limit"):
        Limits(**change)
