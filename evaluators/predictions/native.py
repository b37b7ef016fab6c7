"""`native`: JSON lines, one an item: {"suite": "blimp-filtered", "id": "adjunct_island/0", "choice": 1}.

The field that holds the answer depends on the suite's task; tasks that go over checkpoints have a line for each.
"""

from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

from evaluators.predictions import acquisition
from evaluators.predictions.answers import Answers, chosen
from evaluators.predictions.taking import Taken
from evaluators.protocol.lines import MAX_LINE_BYTES, parse_lines
from evaluators.protocol.problems import Problem, ProblemsFound
from evaluators.responses import RESPONSES
from evaluators.suites.folder import Suite
from evaluators.tasks.interface import Step

# The one checkpoint of a submission that is scored, where the task does not go over them.
MAIN = "main"
COMMON = frozenset({"suite", "id", "checkpoint"})
# By task: the field that holds the answer. Acquisition has one number for each context.
ANSWER = {
    "choice": "choice",
    "probability": "probability",
    "classification": "label",
    "surprisal": "surprisals",
    "acquisition": "surprisals",
    "similarity": "matrix",
}
# A matrix of 1,854 × 1,854 numbers takes about 70 MB; no other answer is as long.
MAX_MATRIX_BYTES = 128_000_000


class Fault(NamedTuple):
    """What is wrong with a line."""

    code: str
    message: str
    field: str
    remedy: str = ""


def read(data: bytes, suite: Suite, file: str) -> Answers:
    """The file's answers to the suite; lines that name another suite are ignored, and that suite is listed."""
    field = ANSWER.get(suite.manifest.task)
    if field is None:
        sentence = f"a suite of the task {suite.manifest.task!r} takes no prediction files"
        raise ProblemsFound([Problem("E-PRED-KIND", sentence, file, remedy="Hand in a model or code.")])
    items = {item.id: item for item in suite.items}
    every = frozenset(suite.all_ids)
    answers = Answers()
    first: dict[tuple[str, str], int] = {}
    found: acquisition.Found = {}
    longest = MAX_MATRIX_BYTES if field == "matrix" else MAX_LINE_BYTES
    for number, line in parse_lines(data, file=file, code="E-PRED-FORMAT", max_line_bytes=longest):
        name = line.get("suite", suite.manifest.key)
        if name not in (suite.manifest.key, suite.name):
            answers.ignore(str(name))
            continue
        fault = _fault(line, suite, every, first, field)
        if fault is None:
            identifier, checkpoint = str(line["id"]), str(line.get("checkpoint", MAIN))
            first[identifier, checkpoint] = number
            item = items.get(identifier)
            if item is None:
                continue  # an item of another split than the one that is asked
            taken = _taken(item, line, suite.manifest.task)
            if not isinstance(taken, str):
                if suite.manifest.task == "acquisition":
                    values = enumerate(taken[0]["surprisals"])
                    found.update({(checkpoint, identifier, context): float(value) for context, value in values})
                else:
                    answers.by_item[identifier] = taken
                continue
            fault = Fault("E-PRED-VALUE", taken, field)
        answers.refuse(Problem(fault.code, fault.message, file, number, fault.field, fault.remedy))
    if suite.manifest.task == "acquisition":
        steps = {step: acquisition.words_of(step) or 0 for step, _, _ in found}
        answers.steps = tuple(Step(*one) for one in sorted(steps.items(), key=lambda one: one[1]))
        answers.by_item = acquisition.by_item(suite, found, answers.steps)
    return answers.finish()


def _fault(
    line: Mapping[str, Any], suite: Suite, every: Collection[str], first: Mapping[tuple[str, str], int], field: str
) -> Fault | None:
    """What is wrong with a line's fields, id or checkpoint."""
    identifier, checkpoint = line.get("id"), line.get("checkpoint", MAIN)
    unknown = sorted(line.keys() - COMMON - {field})
    if unknown:
        sentence = f"the field {unknown[0]!r} is not known here"
        return Fault("E-PRED-FIELD", sentence, unknown[0], f"A {suite.manifest.task} suite takes `id` and `{field}`.")
    if suite.manifest.task == "acquisition":
        if acquisition.words_of(checkpoint) is None:
            sentence = f"{str(checkpoint)[:80]!r} says no words seen, and this suite is asked over checkpoints"
            return Fault("E-PRED-CHECKPOINT", sentence, "checkpoint", "Name it as in chck_10M.")
    elif checkpoint != MAIN:
        sentence = f"the checkpoint {str(checkpoint)[:80]!r} is not scored here"
        return Fault("E-PRED-CHECKPOINT", sentence, "checkpoint", f"Leave the field out, or write {MAIN}.")
    if not isinstance(identifier, str) or identifier not in every:
        sentence = f"{suite.name} has no item {str(identifier)[:80]!r}"
        return Fault("E-PRED-UNKNOWN-ID", sentence, "id", "Use the ids of the suite's items.jsonl.")
    if (identifier, checkpoint) in first:
        sentence = f"the item {identifier!r} stands on line {first[identifier, checkpoint]} too"
        return Fault("E-PRED-DUPLICATE", sentence, "id", "Keep one line for each item.")
    return None


def _taken(item: Any, line: Mapping[str, Any], task: str) -> Taken:
    """The line's answer as responses, checked as a response of that type is; or what is wrong with it."""
    if task == "choice":
        choice = line.get("choice")
        if isinstance(choice, int) and not isinstance(choice, bool) and 0 <= choice < len(item.choices):
            return chosen(item, [choice])
        return f"the item {item.id!r} takes a choice from 0 to {len(item.choices) - 1}"
    if task == "probability":
        value = line.get("probability")
        if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1:
            return {0: {"probability": float(value)}}
        return f"the item {item.id!r} takes the probability of its first candidate, from 0 to 1"
    if task == "classification":
        return _checked("classify", {"label": line.get("label")}, {}, item.id)
    if task == "similarity":
        return _checked("similarity", {"matrix": line.get("matrix")}, {"rows": item.rows, "cols": item.cols}, item.id)
    words = item.words if task == "surprisal" else item.contexts
    return _checked("surprisal", {"surprisals": line.get("surprisals")}, {"words": words}, item.id)


def _checked(type: str, answer: Mapping[str, Any], asked: Mapping[str, Any], item: str) -> Taken:  # noqa: A002
    fault = RESPONSES[type][1](answer, asked)
    return f"the item {item!r}: {fault[1]}" if fault else {0: answer}
