"""How much of the machine one attempt may use; the figures come from the track, the flags are fixed."""

import re
from dataclasses import dataclass

KiB = 1024
MiB = 1024 * KiB
GiB = 1024 * MiB
CPUSET = re.compile(r"\d+(-\d+)?(,\d+(-\d+)?)*")


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one attempt: sizes in bytes, `wall` in seconds, `disk` for the response volume, `tmp` for /tmp.

    `cpuset` names the cores that it may use, such as 0-1 or 0,2; any where it is empty.
    """

    cpus: float = 2.0
    memory: int = 8 * GiB
    pids: int = 256
    gpus: int = 0
    wall: float = 7200.0
    disk: int = 2 * GiB
    tmp: int = 256 * MiB
    cpuset: str = ""

    def __post_init__(self) -> None:
        for name in ("cpus", "memory", "pids", "wall", "disk", "tmp"):
            if getattr(self, name) <= 0:
                raise ValueError(f"The limit {name} must be more than 0.")
        if self.memory < 16 * MiB:
            raise ValueError("The limit memory must be at least 16 MiB.")
        if self.cpuset and not CPUSET.fullmatch(self.cpuset):
            raise ValueError("The limit cpuset must look like 0-1 or 0,2.")
        if self.gpus:
            raise ValueError("The limit gpus must be 0: this sandbox lends no GPUs.")
