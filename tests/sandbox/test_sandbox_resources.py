"""Measured resources: the counters of both versions of control groups, and null for whatever can't be read."""

import os
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from sandbox.docker_sandbox import DockerSandbox
from sandbox.engine.connection import connect
from sandbox.engine.containers import Container
from sandbox.engine.names import new_user
from sandbox.engine.options import Plan
from sandbox.engine.resources import ROOT, Accounting, Used, remove_empty
from sandbox.interface import EngineInfo, Limits, MiB, Outcome, Verdict, Wall

NEW = EngineInfo("28.0", "2", "cgroupfs", 2, 1)
OLD = replace(NEW, cgroup_version="1")
UNIFIED = {
    "cpu.stat": "usage_usec 1113004\nuser_usec 1000001\nsystem_usec 113003\nnr_periods 12\nnr_throttled 3\n",
    "memory.peak": "161374208\n",
    "io.stat": "8:0 rbytes=180224 wbytes=4096 rios=3 wios=1 dbytes=0 dios=0\n"
    "253:1 rbytes=0 wbytes=1048576 rios=0 wios=9 dbytes=0 dios=0\n7:0 \n",
    "pids.peak": "12\n",
    "memory.events": "low 0\nhigh 0\nmax 17\noom 2\noom_kill 1\noom_group_kill 0\n",
}
V1 = {
    "cpuacct": {"cpuacct.usage": "1113004000\n"},
    "memory": {"memory.max_usage_in_bytes": "161374208\n"},
    "pids": {"pids.peak": "12\n"},
    "blkio": {"blkio.throttle.io_service_bytes_recursive": "8:0 Read 0\n8:0 Write 999\nTotal 999\n"},
}


def filled(folder: Path, files: Mapping[str, str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text)


def prepared(info: EngineInfo, root: Path) -> tuple[Accounting, str]:
    accounting = Accounting.prepare(info, root=root)
    assert accounting is not None
    return accounting, accounting.parent.rpartition("/")[2]


def test_unified_groups_are_read(tmp_path: Path) -> None:
    accounting, name = prepared(NEW, tmp_path)
    filled(tmp_path / "proctor" / name, UNIFIED)
    assert accounting.read() == Used(1.113004, 161_374_208, 1_052_672, 12, 1)


def test_groups_of_version_1_are_read_by_controller(tmp_path: Path) -> None:
    for controller in V1:
        (tmp_path / controller).mkdir()
    accounting, name = prepared(OLD, tmp_path)
    for controller, files in V1.items():
        filled(tmp_path / controller / "proctor" / name, files)
    # What version 1 does not add up above the container's own group is unknown, not zero.
    assert accounting.read() == Used(1.113004, 161_374_208, None, 12, None)


@pytest.mark.parametrize("missing", UNIFIED)
def test_counter_that_this_kernel_lacks_is_unknown(tmp_path: Path, missing: str) -> None:
    accounting, name = prepared(NEW, tmp_path)
    filled(tmp_path / "proctor" / name, {file: text for file, text in UNIFIED.items() if file != missing})
    field = {
        "cpu.stat": "cpu_seconds",
        "memory.peak": "peak_memory",
        "io.stat": "disk_bytes",
        "pids.peak": "peak_pids",
        "memory.events": "oom_kills",
    }[missing]
    full = Used(1.113004, 161_374_208, 1_052_672, 12, 1)
    assert accounting.read() == replace(full, **{field: None})


@pytest.mark.parametrize("text", ["", "many\n", "usage_usec\n", "max\n", "8:0 wbytes=many\n"])
def test_garbled_counter_is_unknown(tmp_path: Path, text: str) -> None:
    accounting, name = prepared(NEW, tmp_path)
    filled(tmp_path / "proctor" / name, dict.fromkeys(UNIFIED, text))
    used = accounting.read()
    assert (used.cpu_seconds, used.peak_memory, used.peak_pids, used.oom_kills) == (None, None, None, None)
    assert used.disk_bytes in (0, None)


def test_attempt_without_any_group_reads_nothing(tmp_path: Path) -> None:
    accounting, _ = prepared(NEW, tmp_path)
    assert accounting.read() == Used()
    accounting.remove()


@pytest.mark.parametrize("info", [replace(NEW, cgroup_driver="systemd"), replace(NEW, cgroup_version="1")])
def test_groups_out_of_reach_are_not_asked_for(tmp_path: Path, info: EngineInfo) -> None:
    assert Accounting.prepare(info, root=tmp_path) is None


@pytest.mark.parametrize("info", [NEW, OLD])
def test_attempts_group_is_removed_everywhere(tmp_path: Path, info: EngineInfo) -> None:
    for controller in V1:
        (tmp_path / controller).mkdir()
    accounting, name = prepared(info, tmp_path)
    groups = [tmp_path / "proctor" / name] if info is NEW else [tmp_path / one / "proctor" / name for one in V1]
    for group in groups:
        group.mkdir(parents=True)
    accounting.remove()
    assert [group for group in groups if group.exists()] == []


def test_only_old_empty_groups_are_removed(tmp_path: Path) -> None:
    now = time.time()
    for name, age, inner in (("old", 500, None), ("young", 5, None), ("busy", 500, "container")):
        for parent in (tmp_path / "proctor", tmp_path / "memory" / "proctor"):
            (parent / name / (inner or "")).mkdir(parents=True)
            os.utime(parent / name, (now - age, now - age))
    (tmp_path / "proctor" / "cgroup.procs").write_text("")
    assert remove_empty(older_than=now - 120, root=tmp_path) == 2
    assert sorted(path.name for path in (tmp_path / "memory" / "proctor").iterdir()) == ["busy", "young"]


def test_outcome_is_ready_for_json_with_null_for_the_unknown() -> None:
    outcome = Outcome(Verdict.COMPLETED, 0, None, Wall(0.1, None, None, 2.0), 1.5, None, "log", oom_event=False)
    assert outcome.resources() == {
        "wall": {"start": 0.1, "load": None, "answer": None, "total": 2.0},
        "cpu_seconds": 1.5,
        "peak_memory": None,
        "oom_event": False,
        "response_bytes": None,
        "disk_bytes": None,
        "peak_pids": None,
        "oom_kills": None,
    }


BUSY = """
import os, time
taken = bytearray(os.urandom(60_000_000))
for _ in range(12):
    if os.fork() == 0:
        time.sleep(0.5)
        os._exit(0)
until = time.process_time() + 0.5
while time.process_time() < until:
    pass
for _ in range(12):
    os.wait()
"""


@pytest.mark.docker
def test_this_hosts_counters_say_what_a_program_used(sandbox: DockerSandbox, labels: dict[str, str]) -> None:
    info = sandbox.ping()
    accounting = Accounting.prepare(info)
    if accounting is None:
        assert info.cgroup_driver != "cgroupfs" or not os.access(ROOT / "memory", os.W_OK)
        return
    client = connect()
    plan = Plan(
        image_id=sandbox.image_id("base"),
        command=["python3", "-c", BUSY],
        user=new_user(),
        mounts=[],
        limits=Limits(cpus=2, memory=256 * MiB, pids=32, wall=30, tmp=1 * MiB),
        labels={**labels, "proctor.stage": "predict"},
        environment={},
        cgroup_parent=accounting.parent,
    )
    container = Container.create(client, plan)
    try:
        container.start()
        ended = container.wait(time.monotonic() + 30)
        used = accounting.read()
    finally:
        container.remove()
        client.close()
        accounting.remove()
    assert ended.exit_code == 0
    assert used.cpu_seconds is not None
    assert 0.5 <= used.cpu_seconds < 5
    assert used.peak_memory is not None
    assert 60_000_000 < used.peak_memory <= 256 * MiB
    # The init, the program and its children; older kernels keep no peak.
    assert used.peak_pids is None or 13 <= used.peak_pids <= 14
    assert not list(ROOT.glob(f"*{accounting.parent}"))
