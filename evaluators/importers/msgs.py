"""MSGS: does a model that was shown a surface and a linguistic rule at once generalize by the linguistic one?

Layout: that of the BabyLM evaluation pipeline of 2023: for each of the 11 subtasks a file to learn from and one that is
asked, <subtask>.train.json[l] and <subtask>.test.json[l] (validation, where there is no test file), JSON lines with
sentence and label; or that of the source (github.com/nyu-mll/msgs): a folder for each subtask with train.jsonl and
test.jsonl, whose lines have sentence and linguistic_feature_label.
"""

from pathlib import Path

from evaluators.importers.classification import FINETUNING, Inputs, build, named
from evaluators.importers.interface import UNSTATED, Imported, Importer, Options
from evaluators.importers.sources import json_lines
from evaluators.protocol.problems import Problem, ProblemsFound

SUBTASKS = (
    "control_raising_control", "control_raising_lexical_content_the", "control_raising_relative_token_position",
    "lexical_content_the_control", "main_verb_control", "main_verb_lexical_content_the",
    "main_verb_relative_token_position", "relative_position_control", "syntactic_category_control",
    "syntactic_category_lexical_content_the", "syntactic_category_relative_position",
)  # fmt: skip
ASKED = ("test", "valid", "validation", "inference")
FIELDS = ("label", "linguistic_feature_label")


def read(source: Path, options: Options) -> Imported:
    """Every subtask that is there; item `<subtask>/<k>`."""
    parts = []
    for subtask in SUBTASKS:
        asked = next((path for name in ASKED if (path := _file(source, subtask, name))), None)
        if asked is not None:
            parts.append((subtask, asked, _file(source, subtask, "train")))
    if not parts:
        remedy = "Name the folder that holds <subtask>.train.jsonl and <subtask>.test.jsonl."
        raise ProblemsFound(
            [Problem("E-IMPORT-COUNT", "the folder has no subtask of MSGS", str(source), remedy=remedy)]
        )
    learnt = all(path is not None for _, _, path in parts)
    settings = {"finetuning": dict(FINETUNING)} if learnt else None
    return build(parts, _inputs, options, label=_field(parts[0][1]), suite_options=settings)


def _file(source: Path, subtask: str, name: str) -> Path | None:
    places = (f"{subtask}.{name}.jsonl", f"{subtask}.{name}.json", f"{subtask}/{name}.jsonl", f"{subtask}/{name}.json")
    return next((source / place for place in places if (source / place).is_file()), None)


def _field(path: Path) -> str:
    """Under which name the lines of the source say the class."""
    first = next(iter(json_lines(path)), None)
    return next((name for name in FIELDS if first is not None and first.has(name)), FIELDS[0])


def _inputs(_subtask: str) -> Inputs:
    return named("sentence")


IMPORTER = Importer(
    name="msgs",
    title="MSGS, BabyLM 2023",
    source="Warstadt et al. 2020, MSGS, github.com/nyu-mll/msgs, as in the BabyLM evaluation pipeline of 2023",
    license=UNSTATED,
    form="Sentences to classify, with lines to learn from. An item's id is `<subtask>/<k>`, the k-th line of its "
    "test file; "
    "the score is the mean over the subtasks of Matthews' correlation.",
    read=read,
    manifest={
        "task": "classification", "metric": "mcc", "range": [-1, 1], "chance": 0, "direction": "higher",
        "items": "public", "version": "2023.1",
    },
    citation="@inproceedings{warstadt-etal-2020-learning, title={Learning Which Features Matter: {RoBERTa} Acquires a "
    "Preference for Linguistic Generalizations (Eventually)}, author={Warstadt, Alex and Zhang, Yian and Li, "
    "Xiaocheng and "
    "Liu, Haokun and Bowman, Samuel R.}, booktitle={Proceedings of EMNLP}, year={2020}}",
    expected=dict.fromkeys(SUBTASKS),
)  # fmt: skip
