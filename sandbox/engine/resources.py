"""What an attempt used, read from its control group after its end; None where it can't be read, never a guess."""

import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from sandbox.interface import EngineInfo

ROOT = Path("/sys/fs/cgroup")


@dataclass(frozen=True, slots=True)
class Used:
    """CPU seconds, and the control group's peak memory in bytes, page cache and tmpfs included."""

    cpu_seconds: float | None = None
    peak_memory: int | None = None


class Accounting:
    """A control group above one container."""

    def __init__(self, parent: str, *, cpu: Path, memory: Path, unified: bool) -> None:
        self.parent = parent
        self._cpu = cpu
        self._memory = memory
        self._unified = unified

    @classmethod
    def prepare(cls, info: EngineInfo) -> "Accounting | None":
        """Name a group for one attempt, which the engine makes; None where the host's groups are out of reach."""
        name = secrets.token_hex(10)
        if info.cgroup_driver != "cgroupfs":
            return None
        roots = (ROOT / "cpuacct", ROOT / "memory") if info.cgroup_version == "1" else (ROOT, ROOT)
        if not all(root.is_dir() and os.access(root, os.W_OK) for root in roots):
            return None
        cpu, memory = (root / "proctor" / name for root in roots)
        return cls(f"/proctor/{name}", cpu=cpu, memory=memory, unified=info.cgroup_version != "1")

    def read(self) -> Used:
        """Read the counters; the container has ended and is not removed yet."""
        if self._unified:
            return Used(_usage_usec(self._cpu / "cpu.stat"), _number(self._memory / "memory.peak"))
        cpu = _number(self._cpu / "cpuacct.usage")
        peak = _number(self._memory / "memory.max_usage_in_bytes")
        return Used(None if cpu is None else cpu / 1e9, peak)

    def remove(self) -> None:
        """Remove the group in every hierarchy, once its container is gone."""
        groups = [self._cpu] if self._unified else list(ROOT.glob(f"*{self.parent}"))
        for group in groups:
            try:
                group.rmdir()
            except OSError:  # gone, or not ours to remove: the engine may still hold it
                continue


def _number(path: Path) -> int | None:
    try:
        return int(path.read_text())
    except (OSError, ValueError):
        return None


def _usage_usec(path: Path) -> float | None:
    try:
        lines = dict(line.split(maxsplit=1) for line in path.read_text().splitlines())
        return int(lines["usage_usec"]) / 1e6
    except (OSError, ValueError, KeyError):
        return None
