"""GLUE and SuperGLUE as the BabyLM evaluation pipelines filter them (glue_filtered).

Layout: <subtask>.train.jsonl and <subtask>.valid.jsonl; the valid file is asked. `mnli-mm` is learnt from mnli's.
What a classifier reads of each subtask, and in which order, is as in the pipeline of 2025.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from evaluators.importers.classification import FINETUNING, Inputs, build, named
from evaluators.importers.interface import Counts, Imported, Importer, Options
from evaluators.importers.sources import Row, files
from evaluators.protocol.problems import Problem, ProblemsFound

COUNTS_2025: Counts = {
    "boolq": 1635, "mnli": 4908, "mrpc": 204, "multirc": 2424, "qqp": 20_215, "rte": 139, "wsc": 52,
}  # fmt: skip
COUNTS_2024: Counts = {**COUNTS_2025, "cola": 522, "mnli-mm": 4916, "qnli": 2732, "sst2": 436}


def _multirc(row: Row) -> Mapping[str, str]:
    question = f"Question: {row.text('question')} Answer: {row.text('answer', empty=True)}"
    return {"question": question, "paragraph": row.text("paragraph")}


def _wsc(row: Row) -> Mapping[str, str]:
    question = f'Does "{row.text("span2_text")}" refer to "{row.text("span1_text")}" in this passage?'
    return {"question": question, "text": row.text("text")}


INPUTS: dict[str, Inputs] = {
    "boolq": named("question", "passage"),
    "cola": named("sentence"),
    "mnli": named("premise", "hypothesis"),
    "mnli-mm": named("premise", "hypothesis"),
    "mrpc": named("sentence1", "sentence2"),
    "multirc": _multirc,
    "qnli": named("question", "sentence"),
    "qqp": named("question1", "question2"),
    "rte": named("sentence1", "sentence2"),
    "sst2": named("sentence"),
    "wsc": _wsc,
}
# The pipeline of 2025, which trains for a fixed number of epochs and keeps the last.
FINETUNING_2025: Mapping[str, Any] = {
    "epochs": 10, "learning_rate": 3e-5, "batch_size": 32, "max_length": 512, "seed": 42, "schedule": "cosine",
    "warmup": 0.06, "floor": 0.1, "weight_decay": 0.01, "head": "mlp", "dropout": 0.1,
}  # fmt: skip
OF_TASKS_2025: Mapping[str, Mapping[str, int]] = {
    "wsc": {"epochs": 30}, "boolq": {"batch_size": 16}, "multirc": {"batch_size": 16},
}  # fmt: skip
LEARNT_FROM = {"mnli-mm": "mnli"}
ENDING = ".valid.jsonl"


def _inputs(subtask: str) -> Inputs:
    if subtask not in INPUTS:
        remedy = f"Known are: {', '.join(INPUTS)}."
        raise ProblemsFound([Problem("E-IMPORT-FORMAT", f"{subtask!r} is no task of GLUE here", remedy=remedy)])
    return INPUTS[subtask]


def _read(source: Path, options: Options, wanted: Counts, settings: Mapping[str, Any]) -> Imported:
    asked = {path.name.removesuffix(ENDING): path for path in files(source, ENDING)}
    parts = []
    for subtask, path in asked.items():
        if subtask not in wanted and subtask in INPUTS:
            continue  # a subtask of another year that lies beside
        learnt = path.with_name(f"{LEARNT_FROM.get(subtask, subtask)}.train.jsonl")
        parts.append((subtask, path, learnt if learnt.is_file() else None))
    return build(parts, _inputs, options, suite_options=settings, cluster="paragraph")


def read_2025(source: Path, options: Options) -> Imported:
    """The seven subtasks of 2025 and 2026."""
    present = _present(source)
    tasks = {task: dict(own) for task, own in OF_TASKS_2025.items() if task in present}
    return _read(
        source, options, COUNTS_2025, {"finetuning": {**FINETUNING_2025, **({"tasks": tasks} if tasks else {})}}
    )


def read_2024(source: Path, options: Options) -> Imported:
    """The eleven subtasks of 2023 and 2024: MCC for CoLA, F1 for MRPC and QQP, accuracy elsewhere."""
    present = _present(source)
    metrics = {task: metric for task, metric in (("cola", "mcc"), ("mrpc", "f1"), ("qqp", "f1")) if task in present}
    return _read(source, options, COUNTS_2024, {"metrics": metrics, "finetuning": dict(FINETUNING)})


def _present(source: Path) -> set[str]:
    return {path.name.removesuffix(ENDING) for path in files(source, ENDING)}


CITATION = (
    "@inproceedings{wang2019superglue, title={{SuperGLUE}: A Stickier Benchmark for General-Purpose Language "
    "Understanding "
    "Systems}, author={Wang, Alex and others}, booktitle={NeurIPS}, year={2019}}"
)
SOURCE = "Wang et al. 2018 and 2019, GLUE and SuperGLUE, as filtered in the BabyLM evaluation pipelines"
LICENSE = "each part has its own; not stated by the source"
FORM = (
    "Texts to classify, with lines to learn from. An item's id is `<subtask>/<k>`, the k-th line of its valid file; "
    "the "
    "score is the mean over the subtasks of {metric}."
)
IMPORTER = Importer(
    name="glue",
    title="(Super)GLUE, BabyLM 2025",
    source=SOURCE,
    license=LICENSE,
    form=FORM.format(metric="the accuracy, as the code of 2025 computes it"),
    read=read_2025,
    manifest={
        "task": "classification", "metric": "accuracy", "range": [0, 1], "direction": "higher", "items": "public",
        "version": "2025.1",
    },
    citation=CITATION,
    expected=COUNTS_2025,
)  # fmt: skip
IMPORTER_2024 = Importer(
    name="glue-2024",
    title="(Super)GLUE, BabyLM 2024",
    source=SOURCE,
    license=LICENSE,
    form=FORM.format(metric="its metric: MCC for CoLA, F1 for MRPC and QQP, accuracy elsewhere"),
    read=read_2024,
    manifest={
        "task": "classification", "metric": "by-group", "range": [-1, 1], "direction": "higher", "items": "public",
        "version": "2024.1",
    },
    citation=CITATION,
    expected=COUNTS_2024,
)  # fmt: skip
