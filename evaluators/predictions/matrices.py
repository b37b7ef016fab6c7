"""The part `devbench`: for each of three tasks a matrix, under the names of 2024 or those of 2025 and later."""

from collections.abc import Mapping, Sequence
from typing import Any

from evaluators.predictions.answers import Answers
from evaluators.protocol.items import SimilarityGold, SimilarityItem
from evaluators.protocol.problems import Problem, ProblemsFound
from evaluators.responses import RESPONSES
from evaluators.suites.folder import Suite

# What the items' ids begin with, and the names that files have for it.
TASKS = {
    "lex-viz_vocab": ("lex-viz_vocab", "lex-viz_visual", "viz_vocab"),
    "gram-trog": ("gram-trog", "trog"),
    "sem-things": ("sem-things", "things"),
}
# This task's one item is the whole matrix; the others have an item, or several, for each row.
WHOLE = "sem-things"


def read(part: Mapping[str, Any], suite: Suite, file: str, name: str) -> Answers:
    """The answers to the suite's items `<task>/<k>`, or `<task>/<k>/<more>` where several share a row of the file."""
    if suite.manifest.task != "similarity":
        sentence = f"the part {name!r} holds no answers to a suite of the task {suite.manifest.task!r}"
        raise ProblemsFound([Problem("E-PRED-KIND", sentence, file, field=name, remedy="Use the format native.")])
    answers = Answers()
    wanted = {str(identifier).split("/")[0] for identifier in suite.all_ids}
    for task, names in TASKS.items():
        there = [one for one in names if one in part]
        for one in there if task not in wanted else there[1:]:
            answers.ignore(f"{name}.{one}")
        if task in wanted and there:
            entry = part[there[0]]
            rows = entry.get("predictions") if isinstance(entry, dict) else None
            field = f"{name}.{there[0]}.predictions"
            if isinstance(rows, list):
                _take(rows, task, suite, answers, file, field)
            else:
                answers.refuse(Problem("E-PRED-FORMAT", "a matrix is required", file, field=field))
    for one in part.keys() - {alias for names in TASKS.values() for alias in names}:
        answers.ignore(f"{name}.{one}")
    return answers.finish()


def _take(rows: Sequence[Any], task: str, suite: Suite, answers: Answers, file: str, field: str) -> None:
    _, fault_of = RESPONSES["similarity"]
    numbers = {_row(identifier) for identifier in suite.all_ids if str(identifier).split("/")[0] == task}
    if task != WHOLE and len(rows) > (most := 1 + max(numbers, default=-1)):
        message, remedy = f"{suite.name} has {most} rows, the file {len(rows):,}", "Give a row for each trial."
        answers.count(task, Problem("E-PRED-UNKNOWN-ID", message, file, field=f"{field}[{most}]", remedy=remedy))
    for item in suite.items:
        if item.id.split("/")[0] != task or (task != WHOLE and _row(item.id) >= len(rows)):
            continue
        matrix = list(rows) if task == WHOLE else [_flat(rows[_row(item.id)])]
        fault = fault_of({"matrix": matrix}, {"rows": item.rows, "cols": item.cols})
        if fault:
            place = field if task == WHOLE else f"{field}[{_row(item.id)}]"
            message = f"the prediction for {item.id!r}: {fault[1]}"
            remedy = "Give one finite number for each column."
            answers.count(task, Problem("E-PRED-VALUE", message, file, field=place, remedy=remedy))
        else:
            answers.by_item[item.id] = {0: {"matrix": _placed(matrix, item, suite.gold.get(item.id))}}


def _row(identifier: str) -> int:
    parts = identifier.split("/")
    return int(parts[1]) if len(parts) > 1 and parts[1].isdigit() and parts[1].isascii() else -1


def _flat(row: Any) -> Any:
    """A row whose numbers stand in lists of one, as the pipeline saves them."""
    if isinstance(row, list) and all(isinstance(value, list) and len(value) == 1 for value in row):
        return [value[0] for value in row]
    return row


def _placed(matrix: list[list[float]], item: SimilarityItem, gold: SimilarityGold | None) -> list[list[float]]:
    """Files have the target's number first; in the item it stands where the gold says, the others in their order."""
    if gold is None or gold.target is None:
        return matrix
    placed = []
    for row, target in zip(matrix, gold.target, strict=True):
        others = row[1:]
        placed.append([*others[:target], row[0], *others[target:]])
    return placed
