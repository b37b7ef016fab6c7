"""BabyLM 2023 from the tables that its organizers published: 205 models in three tracks.

`model_summary.csv` holds a row a model: scores, flags and the form that teams filled in; `paper_summary.csv` a row a
paper; `subtask_scores.csv.gz` the scores by subtask, of which the last row per model, task and subtask counts.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from evaluators.protocol.results import ResultsDocument
from evaluators.results.babylm_2023_form import APPROACHES, QUESTIONS, answers_of, approaches_of, forms_in_words
from evaluators.results.sources import Record, flag, number, read_records, refused

FILES = ("model_summary.csv", "paper_summary.csv", "subtask_scores.csv.gz")
TRACKS = {"Strict": "strict", "Strict-Small": "strict-small", "Loose": "loose"}
WORDS = {
    "strict": "The corpus of 100 million words that the organizers gave, and nothing else.",
    "strict-small": "The corpus of 10 million words that the organizers gave, and nothing else.",
    "loose": "At most 100 million words of text from anywhere; other data than text beside it.",
}
# The column of the summary, the data sets of its subtasks, and how many those are.
PARTS = {
    "blimp": ("blimp", ("blimp-loose", "blimp-strict", "blimp-strict-small", "supplement"), 17),
    "glue": ("glue", ("glue-loose", "glue-strict", "glue-strict_small"), 11),
    "msgs": ("msgs_test", ("msgs_test",), 11),
}
COLUMNS: list[dict[str, Any]] = [
    {"key": "blimp", "title": "BLiMP with its supplement", "metric": "accuracy", "chance": 0.5},
    {"key": "glue", "title": "GLUE", "metric": "mean of its metrics"},
    {"key": "msgs", "title": "MSGS", "metric": "mcc", "range": [-1, 1], "chance": 0, "suite": "msgs@2023.1"},
]
WEIGHTS = {"blimp": 0.5, "glue": 0.3, "msgs": 0.2}
NOTE = (
    "As BabyLM 2023 defined it: half BLiMP (the mean over 12 phenomena and the 5 tasks of the supplement together), "
    "three tenths GLUE (11 tasks), a fifth MSGS (the mean of 11 Matthews correlations)."
)
REQUIRED = ("model_id", "team", "model_name", "track", "official", "include", "ontime", "aggregate_score")

Groups = Mapping[str, Mapping[str, Mapping[str, float]]]


def babylm_2023(folder: Path) -> ResultsDocument:
    """The edition's three tables; raises ProblemsFound where the folder's files are not those that were published."""
    summary, papers, subtasks = (folder / name for name in FILES)
    models = read_records(summary, needed=(*REQUIRED, *(column for column, _, _ in PARTS.values()), *APPROACHES))
    links = {one.text("model_id"): one for one in read_records(papers, needed=("model_id", "checkpoint", "code"))}
    groups = _groups(read_records(subtasks, needed=("model_id", "dataset", "task", "sub_task", "performance")))
    rows: dict[str, list[dict[str, Any]]] = {key: [] for key in TRACKS.values()}
    seen: dict[str, int] = {}
    for model in models:
        if model.text("track") not in TRACKS:
            raise refused(model, "track", f"{model.text('track')!r} is none of: {', '.join(TRACKS)}")
        name = model.text("model_id")
        seen[name] = seen.get(name, 0) + 1
        key = name if seen[name] == 1 else f"{name}-{seen[name]}"
        entry = _entry(model, key, links.get(name), groups.get(name, {}))
        rows[TRACKS[model.text("track")]].append(entry)
    return ResultsDocument.from_value(_document(rows, models), file=summary.name)


def _document(rows: Mapping[str, Sequence[dict[str, Any]]], models: Sequence[Record]) -> dict[str, Any]:
    ranking = {"counts": "best", "aggregate": {"weights": WEIGHTS, "note": NOTE}}
    return {
        "schema": "results/1",
        "key": "babylm-2023",
        "title": "BabyLM 2023",
        "year": 2023,
        "summary": "Language models from as much text as a child meets: the tables that were published.",
        "source": "babylm/submissions2023: the submissions of the BabyLM Challenge 2023",
        "url": "https://github.com/babylm/submissions2023",
        "license": "none stated",
        "notes": [
            "Ranked is each team's best model that is marked official and include; those handed in late are marked.",
            forms_in_words(models),
        ],
        "tracks": [
            {
                "key": key, "title": title, "description": WORDS[key], "columns": COLUMNS, "questions": QUESTIONS,
                "ranking": ranking, "decimals": 3, "closes": "2023-07-22T23:59:00", "entries": rows[key],
            }
            for title, key in TRACKS.items()
        ],
    }  # fmt: skip


def _groups(records: Iterable[Record]) -> Groups:
    """By model and column, each subtask's score; rows that name no subtask can't be told apart and are left out."""
    columns = {dataset: key for key, (_, datasets, _) in PARTS.items() for dataset in datasets}
    found: dict[str, dict[str, dict[str, float]]] = {}
    for record in records:
        key, subtask = columns.get(record.text("dataset")), record.text("sub_task")
        value = number(record, "performance")
        if key is not None and subtask and value is not None:
            found.setdefault(record.text("model_id"), {}).setdefault(key, {})[subtask] = value
    return found


def _entry(model: Record, key: str, paper: Record | None, groups: Mapping[str, Mapping[str, float]]) -> dict[str, Any]:
    status, reason = _status(model)
    answers, unread = answers_of(model)
    declared = {name: model.text(column) for name, column in (("paper", "Title"), ("description", "description"))}
    declared["paper"] = " ".join(declared["paper"].split())
    link = paper.text("checkpoint") or paper.text("code") if paper is not None else ""
    return {
        "key": key,
        "name": model.text("model_name")[:200],
        "team": model.text("team"),
        "status": status,
        "reason": reason,
        "scores": {
            part: {"value": number(model, column), "groups": _whole(groups.get(part, {}), many)}
            for part, (column, _, many) in PARTS.items()
        },
        "aggregate": number(model, "aggregate_score"),
        "approaches": approaches_of(model),
        "backbone": model.text("architecture") if model.text("architecture") != "?" else "",
        "answers": answers,
        "unread": unread,
        "declared": {name: text for name, text in declared.items() if text},
        **({"link": link} if link else {}),
    }


def _whole(groups: Mapping[str, float], many: int) -> dict[str, float]:
    """The subtasks' scores, in alphabetical order; none where some are missing, so that no mean is over a part."""
    return dict(sorted(groups.items())) if len(groups) == many else {}


def _status(model: Record) -> tuple[str, str]:
    """The entry's status by the organizers' flags, and why it is not ranked.

    Baselines and skylines come first; ranked is what its team named `official` and the organizers `include`.
    """
    official, include = flag(model, "official"), flag(model, "include")
    reference = next((name for name in ("Baseline", "Skyline") if flag(model, name)), "")
    if reference:
        return reference.lower(), "" if official and include else f"a {reference.lower()} that was not kept"
    if official and include:
        return ("official" if flag(model, "ontime") else "late"), ""
    if official:
        return "not_eligible", "not included by the organizers"
    return "not_eligible", "included, but not the team's official one" if include else "not an official model"
