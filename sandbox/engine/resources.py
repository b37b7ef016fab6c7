"""What an attempt used, read from its control group after its end; None where it can't be read, never a guess."""

import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from sandbox.interface import EngineInfo

ROOT = Path("/sys/fs/cgroup")
FOLDER = "proctor"  # the group above all of ours


@dataclass(frozen=True, slots=True)
class Used:
    """CPU seconds, bytes of memory at the peak (page cache and tmpfs included) and written to disks, and counts."""

    cpu_seconds: float | None = None
    peak_memory: int | None = None
    disk_bytes: int | None = None
    peak_pids: int | None = None
    oom_kills: int | None = None


class Accounting:
    """A control group above one container.

    The container's own group is gone with its program, so only what the kernel adds up in the group above it counts.
    """

    def __init__(self, name: str, *, root: Path, unified: bool) -> None:
        self.parent = f"/{FOLDER}/{name}"
        self._name = name
        self._root = root
        self._unified = unified

    @classmethod
    def prepare(cls, info: EngineInfo, *, root: Path = ROOT) -> "Accounting | None":
        """Name a group for one attempt, which the engine makes; None where the host's groups are out of reach."""
        if info.cgroup_driver != "cgroupfs":
            return None
        unified = info.cgroup_version != "1"
        needed = (root,) if unified else (root / "cpuacct", root / "memory")
        if not all(folder.is_dir() and os.access(folder, os.W_OK) for folder in needed):
            return None
        return cls(secrets.token_hex(10), root=root, unified=unified)

    def read(self) -> Used:
        """Read the counters; the container has ended and is not removed yet."""
        return self._read_unified() if self._unified else self._read_old()

    def _read_unified(self) -> Used:
        group = self._root / FOLDER / self._name
        microseconds = _counters(group / "cpu.stat").get("usage_usec")
        return Used(
            cpu_seconds=None if microseconds is None else microseconds / 1e6,
            peak_memory=_number(group / "memory.peak"),
            disk_bytes=_written(group / "io.stat"),
            peak_pids=_number(group / "pids.peak"),
            oom_kills=_counters(group / "memory.events").get("oom_kill"),
        )

    def _read_old(self) -> Used:
        # Version 1 adds up neither writes to disk nor kills for memory above the container's own group.
        nanoseconds = _number(self._group("cpuacct") / "cpuacct.usage")
        return Used(
            cpu_seconds=None if nanoseconds is None else nanoseconds / 1e9,
            peak_memory=_number(self._group("memory") / "memory.max_usage_in_bytes"),
            peak_pids=_number(self._group("pids") / "pids.peak"),
        )

    def _group(self, controller: str) -> Path:
        return self._root / controller / FOLDER / self._name

    def remove(self) -> None:
        """Remove the group in every hierarchy, once its container is gone."""
        for group in _everywhere(self._root, self._name):
            _remove(group)


def remove_empty(*, older_than: float, root: Path = ROOT) -> int:
    """Remove attempts' groups that nothing has changed for since `older_than`, in seconds since 1970; say how many.

    A group of an attempt that is starting, or whose counters are still to be read, is younger.
    """
    return sum(_remove(group) for group in _everywhere(root, "*") if group.is_dir() and _changed(group) < older_than)


def _everywhere(root: Path, name: str) -> list[Path]:
    return [*root.glob(f"{FOLDER}/{name}"), *root.glob(f"*/{FOLDER}/{name}")]


def _changed(group: Path) -> float:
    try:
        return group.stat().st_mtime
    except OSError:  # removed by another just now
        return float("inf")


def _remove(group: Path) -> bool:
    try:
        group.rmdir()
    except OSError:  # gone, in use, or not ours to remove: the engine may still hold it
        return False
    return True


def _number(path: Path) -> int | None:
    try:
        return int(path.read_text())
    except (OSError, ValueError):
        return None


def _counters(path: Path) -> dict[str, int]:
    """Return a file of `name number` lines; empty where it can't be read."""
    try:
        return {name: int(value) for name, value in (line.split() for line in path.read_text().splitlines())}
    except (OSError, ValueError):
        return {}


def _written(path: Path) -> int | None:
    """Return the bytes written to all devices, from lines like `8:0 rbytes=1 wbytes=2 rios=3`."""
    try:
        pairs = [pair.partition("=") for line in path.read_text().splitlines() for pair in line.split()[1:]]
        return sum(int(value) for name, _, value in pairs if name == "wbytes")
    except (OSError, ValueError):
        return None
