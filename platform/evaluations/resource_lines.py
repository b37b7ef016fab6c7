"""What a run used, as exactly as a viewer may be told."""

from evaluations import states
from evaluations.models import Attempt, Run
from evaluations.visibility import Resources, Sight, memory_in_words, wall_in_words

PARTS = (("start", "starting"), ("load", "loading"), ("answer", "answering"))
SIZES = (("response_bytes", "Answers"), ("disk_bytes", "Written to disks"))


def resource_lines(run: Run, attempt: Attempt | None, seen: Sight) -> list[tuple[str, str]]:
    """Name and text of each resource that is known; buckets of time and memory where that is all that may be told."""
    if attempt is None or run.state not in states.FINISHED or seen.resources is Resources.NONE:
        return []
    if seen.guarded and run.state != Run.State.DONE:
        # Time and memory of a run that failed would say why: every fault of a participant reads the same.
        return []
    used = attempt.resources
    wall = used.get("wall") or {}
    lines = []
    if _known(wall.get("total")):
        lines.append(("Time", wall_in_words(wall["total"], seen.resources)))
    if seen.resources is Resources.EXACT:
        parts = [f"{wall[key]:,.1f} s {word}" for key, word in PARTS if _known(wall.get(key))]
        lines += [("Of it", ", ".join(parts))] if parts else []
        if _known(used.get("cpu_seconds")):
            lines.append(("CPU time", f"{used['cpu_seconds']:,.1f} s"))
    if _known(used.get("peak_memory")):
        lines.append(("Memory (cgroup peak)", memory_in_words(used["peak_memory"], seen.resources)))
    if seen.resources is Resources.EXACT:
        lines += [(title, f"{used[key]:,} bytes") for key, title in SIZES if _known(used.get(key))]
    return lines


def _known(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
