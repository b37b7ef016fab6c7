"""The contract of every sandbox: Docker's passes it, and one with holes does not."""

from typing import Any

import docker
import pytest

from sandbox.docker_sandbox import DockerSandbox
from sandbox.engine import options
from sandbox.engine.options import Plan, Traits, host_config
from sandbox.self_check import PROBES, Check, judge_probes, self_check

CHECKS = {"intake", "answers", "time", "kill", "memory", "outputs", "volumes", *PROBES}


@pytest.mark.docker
def test_docker_passes_the_contract(sandbox: DockerSandbox, labels: dict[str, str]) -> None:
    checks = self_check(sandbox, labels=labels)
    assert set(checks) == CHECKS
    assert {name: check.measured for name, check in checks.items() if not check.ok} == {}


@pytest.fixture
def holes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Containers with a writable root, capabilities and no filter of system calls."""

    def leaky(client: docker.APIClient, plan: Plan, engine: Traits) -> dict[str, Any]:
        config = host_config(client, plan, engine)
        weak = {"ReadonlyRootfs": False, "SecurityOpt": ["seccomp=unconfined"], "CapDrop": []}
        return {**config, **weak}

    monkeypatch.setattr(options, "host_config", leaky)
    monkeypatch.setattr(options, "assert_hardened", lambda *_, **__: None)


@pytest.mark.docker
@pytest.mark.usefixtures("holes")
def test_sandbox_with_holes_does_not_pass(sandbox: DockerSandbox, labels: dict[str, str]) -> None:
    checks = self_check(sandbox, labels=labels)
    failed = {name for name, check in checks.items() if not check.ok}
    assert failed >= {"read-only root", "privileges", "system calls", "sockets", "processes"}
    assert checks["answers"].ok


def test_probe_that_said_nothing_fails_its_check() -> None:
    assert not any(check.ok for check in judge_probes({}).values())


@pytest.mark.parametrize(
    ("name", "probe", "finding"),
    [
        ("network", "network", {"interfaces": ["eth0", "lo"], "reached": []}),
        ("network", "network", {"interfaces": ["lo"], "reached": ["169.254.169.254"]}),
        ("kernel files", "kernel_files", {"wrote": ["/proc/sysrq-trigger"], "read": []}),
        ("pids", "pids", {"refused": False, "forked": 5000}),
        ("surroundings", "surroundings", {"environment": ["AWS_SECRET_ACCESS_KEY"], "sockets": []}),
        ("surroundings", "surroundings", {"environment": ["PATH"], "sockets": ["/run/docker.sock"]}),
        ("system calls", "system_calls", {"died": "SIGSYS"}),
        ("sockets", "sockets", {"opened": ["AF_VSOCK by its low bits"], "tried": 15}),
        ("other interfaces", "other_interfaces", {"reached": ["i386"]}),
        ("kill -1", "kill", {"survived": True, "collected": False}),
    ],
)
def test_finding_is_judged(name: str, probe: str, finding: dict[str, Any]) -> None:
    assert judge_probes({probe: finding})[name] == Check(ok=False, measured=finding)
