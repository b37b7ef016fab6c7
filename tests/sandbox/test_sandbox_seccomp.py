"""The seccomp profile: what it lets through and refuses, by its text and in real containers."""

import io
import json
import tarfile
from typing import Any

import pytest

from sandbox.docker_sandbox import DockerSandbox
from sandbox.engine import seccomp
from sandbox.images.build import build
from sandbox.interface import IntakeRules, Job, Limits, MiB, Verdict

DOCUMENT: dict[str, Any] = json.loads(seccomp.profile())
REFUSED = [
    "acct", "add_key", "bpf", "chroot", "delete_module", "fanotify_init", "finit_module", "get_mempolicy",
    "init_module", "ioperm", "iopl", "kcmp", "kexec_file_load", "kexec_load", "keyctl", "lookup_dcookie", "mbind",
    "modify_ldt", "mount", "move_pages", "name_to_handle_at", "nfsservctl", "open_by_handle_at", "perf_event_open",
    "pivot_root", "process_vm_readv", "process_vm_writev", "ptrace", "quotactl", "reboot", "request_key", "seccomp",
    "sethostname", "setns", "settimeofday", "swapoff", "swapon", "sync", "sysfs", "syslog", "umount2", "unshare",
    "uselib", "userfaultfd", "ustat", "vhangup", "vm86",
]  # fmt: skip


def rules_for(name: str) -> list[dict[str, Any]]:
    return [rule for rule in DOCUMENT["syscalls"] if name in rule["names"]]


def passes(name: str, *arguments: int) -> bool:
    """Whether an allowing rule fits the call; arguments are compared as the kernel's filter compares them."""
    return any(
        rule["action"] == "SCMP_ACT_ALLOW"
        and all(arguments[test["index"]] & test["value"] == test["valueTwo"] for test in rule["args"])
        for rule in rules_for(name)
    )


def test_what_is_not_named_is_refused() -> None:
    assert (DOCUMENT["defaultAction"], DOCUMENT["defaultErrnoRet"]) == ("SCMP_ACT_ERRNO", 1)
    assert {test["op"] for rule in DOCUMENT["syscalls"] for test in rule["args"]} == {"SCMP_CMP_MASKED_EQ"}
    assert {rule["action"] for rule in DOCUMENT["syscalls"]} == {"SCMP_ACT_ALLOW", "SCMP_ACT_ERRNO"}


def test_no_architecture_brings_another_one_with_it() -> None:
    assert DOCUMENT["archMap"] == [
        {"architecture": "SCMP_ARCH_X86_64", "subArchitectures": []},
        {"architecture": "SCMP_ARCH_AARCH64", "subArchitectures": []},
    ]


def test_names_are_sorted_and_stand_once() -> None:
    for names in (seccomp.allowed(), seccomp.absent()):
        assert list(names) == sorted(set(names))
    assert not set(seccomp.allowed()) & set(seccomp.absent())
    for rule in DOCUMENT["syscalls"]:
        assert rule["names"] == sorted(rule["names"])


@pytest.mark.parametrize("name", REFUSED)
def test_call_for_administrators_is_not_allowed(name: str) -> None:
    assert rules_for(name) == []


@pytest.mark.parametrize(
    "name", ["clone3", "io_uring_setup", "io_uring_enter", "io_uring_register", "pidfd_getfd", "move_mount", "fsopen"]
)
def test_newer_call_is_answered_as_by_an_older_kernel(name: str) -> None:
    assert [(rule["action"], rule["errnoRet"]) for rule in rules_for(name)] == [("SCMP_ACT_ERRNO", 38)]


HIGH = 1 << 32


@pytest.mark.parametrize("above", [0, HIGH, HIGH << 20])
def test_sockets_are_local_or_plain_internet_ones(above: int) -> None:
    for kind in (1, 2, 5):
        assert passes("socket", 1 | above, kind, 0)
    for family in (2, 10):
        for kind, protocol in ((1, 0), (1, 6), (2, 0), (2, 17), (0x80801, 6)):  # the last: non-blocking, close-on-exec
            assert passes("socket", family | above, kind, protocol)
        for kind, protocol in ((1, 262), (1, 132), (2, 1), (2, 136), (3, 0), (3, 255), (5, 0), (10, 0)):
            assert not passes("socket", family | above, kind, protocol)
    for family in {*range(64)} - {1, 2, 10}:
        assert not passes("socket", family | above, 1, 0)
        assert not passes("socketpair", family | above, 1, 0)
    assert passes("socketpair", 1 | above, 1, 0)
    assert not passes("socketpair", 2 | above, 1, 0)


def test_clone_makes_threads_and_processes_and_no_namespaces() -> None:
    thread, process = 0x3D0F00, 0x1200011
    assert passes("clone", thread)
    assert passes("clone", process)
    for flag in (0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000):
        assert not passes("clone", thread | flag)
        assert not passes("clone", process | flag | HIGH)


def test_personality_stays_plain() -> None:
    assert passes("personality", 0)
    assert passes("personality", 0xFFFFFFFF)
    for value in (0x0040000, 0x0400000, 0x0008, 0x0100000):
        assert not passes("personality", value)


def test_profile_is_the_same_at_every_call() -> None:
    first = seccomp.profile()
    seccomp.profile.cache_clear()
    assert seccomp.profile() == first
    assert "\n" not in first


WORKING = b"""
import concurrent.futures
import multiprocessing
import subprocess
import socket
import threading

import numpy

def square(number):
    return number * number


class Model:
    def loglikelihood(self, requests):
        matrix = numpy.random.default_rng(1).normal(size=(200, 200))
        assert numpy.allclose(matrix @ numpy.linalg.inv(matrix), numpy.eye(200), atol=1e-6)
        for method in ("fork", "forkserver", "spawn"):
            with multiprocessing.get_context(method).Pool(2) as pool:
                assert pool.map(square, range(10)) == [number * number for number in range(10)]
        queue = multiprocessing.Queue()
        child = multiprocessing.Process(target=queue.put, args=(7,))
        child.start()
        assert queue.get(timeout=20) == 7
        child.join()
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            assert sum(pool.map(square, range(100))) == 328350
        assert subprocess.run(["uname", "-s"], capture_output=True, check=True).stdout == b"Linux\\n"
        server = socket.create_server(("127.0.0.1", 0))
        client = socket.create_connection(server.getsockname())
        client.sendall(b"loop")
        assert server.accept()[0].recv(4) == b"loop"
EXTRA
        return [-1.0 for _ in requests]
"""
TORCH = b"""
        import torch
        import transformers
        assert torch.get_num_threads() >= 1
        dataset = torch.utils.data.TensorDataset(torch.arange(64.0)[:, None])
        loader = torch.utils.data.DataLoader(dataset, batch_size=8, num_workers=2)
        assert float(sum(batch[0].sum() for batch in loader)) == 2016.0
        assert torch.ones(3).share_memory_().sum() == 3
        layer = torch.nn.Linear(256, 256)
        layer(torch.ones(64, 256)).sum().backward()
        assert layer.weight.grad is not None
        assert torch.jit.script(torch.nn.ReLU())(torch.tensor([-1.0])).item() == 0
        sizes = dict(hidden_size=32, intermediate_size=64, num_hidden_layers=1, num_attention_heads=4, vocab_size=50)
        model = transformers.LlamaForCausalLM(transformers.LlamaConfig(**sizes))
        assert model(torch.arange(10)[None]).logits.shape == (1, 10, 50)
"""
RUNNER = {"kind": "code", "entry": "model.py:Model", "suites": [{"checkpoint": "main", "suite": "demo", "seed": "0"}]}
REQUEST = {"id": "a" * 24, "type": "loglikelihood", "context": "", "continuation": "Dogs bark."}


@pytest.mark.docker
@pytest.mark.parametrize(
    ("image", "extra", "memory"),
    [("base", b"", 512 * MiB), pytest.param("model", TORCH, 2048 * MiB, marks=pytest.mark.model)],
)
def test_numpy_processes_threads_and_torch_run_under_it(
    sandbox: DockerSandbox, labels: dict[str, str], volume: str, image: str, extra: bytes, memory: int
) -> None:
    code = WORKING.replace(b"EXTRA\n", extra)
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        entry = tarfile.TarInfo("model.py")
        entry.size = len(code)
        tar.addfile(entry, io.BytesIO(code))
    assert sandbox.intake(archive, volume=volume, rules=IntakeRules(), labels=labels).ok
    image_id = build([image], say=lambda _: None)[0].image_id
    limits = Limits(cpus=2, memory=memory, pids=256, wall=120, disk=16 * MiB, tmp=64 * MiB)
    with sandbox.open_attempt(labels=labels, limits=limits) as workspace:
        workspace.put_requests({"main/demo/0/requests.jsonl": json.dumps(REQUEST).encode() + b"\n"})
        outcome = workspace.predict(Job(image_id, volume, RUNNER))
    assert outcome.verdict is Verdict.COMPLETED, outcome.log_tail
