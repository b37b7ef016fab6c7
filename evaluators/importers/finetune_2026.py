"""The multilingual fine-tuning tasks of BabyLM 2026: one language is one suite, or one of its tasks.

Layout: files <task>_<language>.train.jsonl and <task>_<language>.valid.jsonl, in the folder or below it: idx, label,
and sentence, or premise and hypothesis. The valid file is asked. Without train files the suite takes predictions
only.
"""

from pathlib import Path

from evaluators.importers.classification import FINETUNING, Inputs, build, named
from evaluators.importers.interface import Counts, Imported, Importer, Options
from evaluators.importers.sources import json_lines, plain
from evaluators.protocol.problems import Problem, ProblemsFound

ENDING = ".valid.jsonl"
ENGLISH: Counts = {
    "arc": 482, "belebele": 180, "bmlama": 1213, "mnli": 1777, "sib200": 201, "truthfulqa": 118, "xnli": 2000,
}  # fmt: skip


def read(source: Path, options: Options) -> Imported:
    """Every task of the language; item `<task>/<k>` is the k-th line of the task's valid file."""
    found = [source] if source.is_file() else sorted(source.rglob(f"*{ENDING}"))
    if options.language:
        found = [path for path in found if path.name.endswith(f"_{options.language}{ENDING}")]
    languages = {path.name.removesuffix(ENDING).rpartition("_")[2] for path in found}
    if len(languages) != 1:
        message = f"files of one language are required, here are {', '.join(sorted(languages)) or 'none'}"
        remedy = "Say --language, as in en."
        raise ProblemsFound([Problem("E-IMPORT-COUNT", message, str(source), remedy=remedy)])
    language = languages.pop()
    asked = {path.name.removesuffix(ENDING).rpartition("_")[0]: path for path in found}
    parts = [(task, path, _learnt(path)) for task, path in asked.items()]
    known = ENGLISH if language == "en" else {}
    suite = plain("-".join([next(iter(asked)), language] if len(asked) == 1 else [language]))
    return build(
        parts, lambda task: _inputs(asked[task]), options,
        manifest={"key": f"finetune-2026-{suite}", "title": f"Fine-tuning tasks of BabyLM 2026, {suite}"},
        suite_options={"finetuning": dict(FINETUNING)} if all(learnt for _, _, learnt in parts) else None,
        expected={task: known.get(task) for task in asked} if known else None,
    )  # fmt: skip


def _learnt(asked: Path) -> Path | None:
    path = asked.with_name(asked.name.replace(ENDING, ".train.jsonl"))
    return path if path.is_file() else None


def _inputs(path: Path) -> Inputs:
    first = next(iter(json_lines(path)), None)
    return named("premise", "hypothesis") if first is not None and first.has("premise") else named("sentence")


IMPORTER = Importer(
    name="finetune-2026",
    title="Fine-tuning tasks of BabyLM 2026",
    source="github.com/babylm-org/babylm-eval, multilingual fine-tuning; licences of the upstream data not restated "
    "there",
    license="Apache-2.0",
    form="Texts to classify, with lines to learn from. An item's id is `<task>/<k>`, the k-th line of its valid "
    "file; the "
    "score is the mean over the tasks of the accuracy over all lines.",
    read=read,
    manifest={
        "task": "classification", "metric": "accuracy", "range": [0, 1], "direction": "higher", "items": "public",
        "version": "2026.1",
    },
)  # fmt: skip
