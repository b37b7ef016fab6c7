"""Children end with their supervisor, whatever they do about it."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from web.demo.processes import Child, ChildFailed, Processes
from web.demo.stack import ROOT, free_port

DEAF = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True); time.sleep(600)"
PARENT = (
    "import subprocess, sys, time; child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']);"
    "print(child.pid, flush=True); time.sleep(600)"
)


def alive(pid: int) -> bool:
    """Whether a process exists and is not a zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def until(condition: Callable[[], bool], *, seconds: float = 10) -> bool:
    """Whether the condition comes true in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


@contextmanager
def supervisor(folder: Path) -> Iterator[Processes]:
    with Processes(logs=folder / "log", environment=os.environ, folder=folder) as processes:
        yield processes


def said(child: Child, text: str = "\n") -> Callable[[], bool]:
    """A condition: the child's log holds the text."""
    return lambda: text in child.log.read_text()


def test_stop_ends_every_child(tmp_path: Path) -> None:
    with supervisor(tmp_path) as processes:
        children = [processes.start(name, ["sleep", "600"]) for name in ("one", "two")]
        assert all(child.running for child in children)
    assert [child.process.returncode for child in children] == [-signal.SIGTERM] * 2


def test_a_child_that_ignores_the_request_is_killed_after_its_grace(tmp_path: Path) -> None:
    with supervisor(tmp_path) as processes:
        child = processes.start("deaf", [sys.executable, "-c", DEAF], grace=0.2)
        processes.wait_until(child, said(child, "ready"), seconds=10)
    assert child.process.returncode == -signal.SIGKILL


def test_what_a_child_started_ends_with_it(tmp_path: Path) -> None:
    with supervisor(tmp_path) as processes:
        child = processes.start("parent", [sys.executable, "-c", PARENT])
        processes.wait_until(child, said(child), seconds=10)
        grandchild = int(child.log.read_text())
        assert alive(grandchild)
    assert until(lambda: not alive(grandchild))


def test_children_end_when_an_error_leaves_the_block(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="planned"), supervisor(tmp_path) as processes:  # noqa: PT012
        child = processes.start("one", ["sleep", "600"])
        raise RuntimeError("planned")
    assert not child.running


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child that its parent died")
def test_children_end_when_the_supervisor_is_killed(tmp_path: Path) -> None:
    program = (
        "import os, time; from pathlib import Path; from web.demo.processes import Processes\n"
        f"with Processes(logs=Path({str(tmp_path)!r}), environment=os.environ, folder=Path('/')) as processes:\n"
        "    print(processes.start('one', ['sleep', '600']).process.pid, flush=True); time.sleep(600)"
    )
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'platform'}"}
    with subprocess.Popen([sys.executable, "-c", program], env=environment, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        child = int(process.stdout.readline())
        assert alive(child)
        process.kill()
    assert until(lambda: not alive(child))


def test_wait_until_names_the_log_and_shows_its_end_where_the_child_fails(tmp_path: Path) -> None:
    with supervisor(tmp_path) as processes:
        child = processes.start("broken", [sys.executable, "-c", "raise SystemExit('no such luck')"])
        with pytest.raises(ChildFailed, match=r"broken ended with exit code 1(.|\n)*broken\.log(.|\n)*no such luck"):
            processes.wait_until(child, lambda: False, seconds=10)


def test_wait_until_gives_up_when_the_time_is_up(tmp_path: Path) -> None:
    with supervisor(tmp_path) as processes:
        child = processes.start("slow", ["sleep", "600"])
        with pytest.raises(ChildFailed, match="slow did not answer within 0 s"):
            processes.wait_until(child, lambda: False, seconds=0)


def test_check_raises_where_a_child_has_ended(tmp_path: Path) -> None:
    with supervisor(tmp_path) as processes:
        child = processes.start("short", ["true"])
        assert until(lambda: not child.running)
        with pytest.raises(ChildFailed, match="short ended with exit code 0"):
            processes.check()


def test_free_port_passes_over_one_in_use() -> None:
    import socket

    with socket.socket() as taken:
        first = free_port(8700)
        taken.bind(("127.0.0.1", first))
        taken.listen()
        assert free_port(first) > first
