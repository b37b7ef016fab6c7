"""How models are fine-tuned: the organizer's settings for one suite, checked before anything is trained.

The defaults are those that BabyLM published for 2025 (`evaluation_pipeline/finetune/run.py`, `eval_finetuning.sh`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

from sandbox.runner.errors import RunFailed

SCHEDULES = ("cosine", "linear", "constant")
HEADS = ("mlp", "linear")
# What a setting may be: whole numbers with their bounds, then fractions.
WHOLE = {
    "epochs": (1, 1_000),
    "batch_size": (1, 4_096),
    "max_length": (2, 8_192),
    "seed": (0, 2**31 - 1),
    "patience": (0, 1_000),
}
FRACTIONS = {
    "learning_rate": (0.0, 1.0),
    "weight_decay": (0.0, 1.0),
    "warmup": (0.0, 1.0),
    "floor": (0.0, 1.0),
    "dropout": (0.0, 0.9),
    "held_out": (0.0, 0.5),
}


@dataclass(frozen=True, slots=True)
class Finetuning:
    """How the model and its new head are trained, for each task apart; set by the organizer, never by a submission.

    `max_length` counts tokens; `warmup` is the share of the steps in which the learning rate rises, `floor` the share
    of it that is left at the end (constant: neither counts). `held_out` is the share of the training lines that are
    not learnt from but used to keep the best epoch, and to stop after `patience` epochs without a better one (0:
    never). `tasks` has settings that differ for a task.
    """

    epochs: int = 10
    learning_rate: float = 3e-5
    batch_size: int = 32
    max_length: int = 512
    seed: int = 42
    schedule: str = "cosine"
    warmup: float = 0.06
    floor: float = 0.1
    weight_decay: float = 0.01
    head: str = "mlp"
    dropout: float = 0.1
    held_out: float = 0.0
    patience: int = 0
    tasks: Mapping[str, "Finetuning"] = field(default_factory=dict)

    def of(self, task: str) -> "Finetuning":
        """Return the settings of one task."""
        return self.tasks.get(task, self)


def parse_all(value: Any) -> dict[str, Finetuning]:
    """Turn job.json's `finetuning`, an object by suite, into settings; raises RunFailed with E-RUN-JOB."""
    if not isinstance(value, dict):
        raise _refused("finetuning", "an object of settings by suite")
    return {str(suite): parse_finetuning(settings) for suite, settings in value.items()}


def parse_finetuning(value: Any) -> Finetuning:
    """Turn a suite's `finetuning` of job.json into settings; raises RunFailed with E-RUN-JOB naming the field."""
    settings = _parse(value, Finetuning(), "finetuning")
    tasks = value.get("tasks", {})
    if not isinstance(tasks, dict):
        raise _refused("finetuning.tasks", "an object of settings by task")
    each = {str(task): _parse(own, settings, f"finetuning.tasks.{task}") for task, own in tasks.items()}
    for task, own in tasks.items():
        if "tasks" in own:
            raise _refused(f"finetuning.tasks.{task}.tasks", "absent")
    return replace(settings, tasks=each)


def _parse(value: Any, default: Finetuning, where: str) -> Finetuning:
    if not isinstance(value, dict):
        raise _refused(where, "an object")
    unknown = sorted(set(map(str, value)) - {entry.name for entry in fields(Finetuning)})
    if unknown:
        raise RunFailed("E-RUN-JOB", f"job.json: unknown field {where}.{unknown[0]}")
    chosen = {name: _checked(name, given, where) for name, given in value.items() if name != "tasks"}
    settings = replace(default, **chosen)
    if settings.patience and not settings.held_out:
        raise _refused(f"{where}.patience", "0 where nothing is held out")
    return settings


def _checked(name: str, value: Any, where: str) -> Any:
    if name in WHOLE:
        low, high = WHOLE[name]
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise _refused(f"{where}.{name}", f"a whole number from {low} to {high}")
        return value
    if name in FRACTIONS:
        least, most = FRACTIONS[name]
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not least <= value <= most:
            raise _refused(f"{where}.{name}", f"a number from {least} to {most}")
        return float(value)
    allowed = SCHEDULES if name == "schedule" else HEADS
    if value not in allowed:
        raise _refused(f"{where}.{name}", f"one of {', '.join(allowed)}")
    return value


def _refused(where: str, what: str) -> RunFailed:
    return RunFailed("E-RUN-JOB", f"job.json: {where} must be {what}")
