"""What the importers of classification suites share: train and valid files by subtask, classes, and what is read."""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from evaluators.importers.interface import Collector, Counts, Imported, Line, Options
from evaluators.importers.sources import Row, json_lines

Inputs = Callable[[Row], Mapping[str, str]]
# How the pipelines of 2023, 2024 and 2026 train. They choose the epoch by the very lines that are scored; here a tenth
# of the lines to learn from is held out for that.
FINETUNING: Mapping[str, Any] = {
    "epochs": 10, "learning_rate": 5e-5, "batch_size": 64, "max_length": 128, "seed": 12, "schedule": "linear",
    "warmup": 0, "floor": 0, "weight_decay": 0, "head": "linear", "held_out": 0.1, "patience": 3,
}  # fmt: skip


def class_of(row: Row, field: str = "label") -> int | str:
    """The line's class; sources write the two classes of a question as true and false too."""
    value = row.values.get(field)
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, float) and value == int(value):
        return int(value)
    return row.label(field)


def named(*names: str) -> Inputs:
    """The texts under these names, in this order."""
    return lambda row: {name: row.text(name, empty=True) for name in names}


def build(
    parts: Iterable[tuple[str, Path, Path | None]],
    inputs: Callable[[str], Inputs],
    options: Options,
    *,
    label: str = "label",
    manifest: Mapping[str, Any] | None = None,
    suite_options: Mapping[str, Any] | None = None,
    cluster: str = "",
    expected: Counts | None = None,
) -> Imported:
    """The suite of these parts: (subtask, file that is asked, file that is learnt from).

    Item `<subtask>/<k>` is the k-th line of the file that is asked. `cluster` names a field that several lines share.
    """
    collector = Collector(options)
    train: list[Line] = []
    classes: dict[str, set[int | str]] = {}
    for subtask, asked, learnt in parts:
        read, found = inputs(subtask), classes.setdefault(subtask, set())
        for row in json_lines(asked):
            identifier = collector.number(subtask)
            item = {"id": identifier, "group": subtask, "inputs": dict(read(row))}
            if cluster and row.has(cluster):
                shared = hashlib.sha256(row.text(cluster).encode()).hexdigest()[:16]
                item["cluster"] = f"{subtask}/{shared}"
            gold = class_of(row, label)
            found.add(gold)
            collector.add(item, {"id": identifier, "label": gold})
        for number, row in enumerate(json_lines(learnt) if learnt else ()):
            gold = class_of(row, label)
            found.add(gold)
            line = {"id": f"{subtask}/train/{number}", "group": subtask, "inputs": dict(read(row)), "label": gold}
            train.append(line)
    listed = {subtask: sorted(found, key=lambda one: (isinstance(one, str), one)) for subtask, found in classes.items()}
    settings = {"labels": listed, **(suite_options or {})}
    return collector.imported(train=train, manifest={**(manifest or {}), "options": settings}, expected=expected)
