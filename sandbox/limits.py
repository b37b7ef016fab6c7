"""How much of the machine one attempt may use; the figures come from the track, the flags are fixed."""

from dataclasses import dataclass

KiB = 1024
MiB = 1024 * KiB
GiB = 1024 * MiB


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one attempt: sizes in bytes, `wall` in seconds, `disk` for the response volume, `tmp` for /tmp."""

    cpus: float = 2.0
    memory: int = 8 * GiB
    pids: int = 256
    gpus: int = 0
    wall: float = 7200.0
    disk: int = 2 * GiB
    tmp: int = 256 * MiB

    def __post_init__(self) -> None:
        for name in ("cpus", "memory", "pids", "wall", "disk", "tmp"):
            if getattr(self, name) <= 0:
                raise ValueError(f"The limit {name} must be more than 0.")
        if self.memory < 16 * MiB:
            raise ValueError("The limit memory must be at least 16 MiB.")
        if self.gpus:
            raise ValueError("The limit gpus must be 0: this sandbox lends no GPUs.")
