"""`native`: JSON lines, one an item: {"suite": "blimp-filtered", "id": "adjunct_island/0", "choice": 1}."""

from collections.abc import Collection, Mapping
from typing import Any

from evaluators.predictions.answers import Answers, chosen
from evaluators.protocol.lines import parse_lines
from evaluators.protocol.problems import Problem
from evaluators.suites.folder import Suite

FIELDS = frozenset({"suite", "id", "choice", "checkpoint"})
# The one checkpoint of a submission that is scored.
MAIN = "main"


def read(data: bytes, suite: Suite, file: str) -> Answers:
    """The file's answers to the suite; lines that name another suite are ignored, and that suite is listed."""
    items = {item.id: item for item in suite.items}
    every = frozenset(suite.all_ids)
    answers = Answers()
    first: dict[str, int] = {}
    for number, line in parse_lines(data, file=file, code="E-PRED-FORMAT"):
        name = line.get("suite", suite.manifest.key)
        if name not in (suite.manifest.key, suite.name):
            answers.ignore(str(name))
            continue
        fault = _fault(line, suite.name, every, first)
        identifier = str(line.get("id"))
        if fault is None:
            first[identifier] = number
            item = items.get(identifier)
            if item is None:
                continue  # an item of another split than the one that is asked
            choice = line.get("choice")
            if isinstance(choice, int) and not isinstance(choice, bool) and 0 <= choice < len(item.choices):
                answers.by_item[identifier] = chosen(item, [choice])
                continue
            most = len(item.choices) - 1
            fault = ("E-PRED-VALUE", f"the item {identifier!r} takes a choice from 0 to {most}", "choice", "")
        code, message, field, remedy = fault
        answers.refuse(Problem(code, message, file, number, field, remedy))
    return answers.finish()


def _fault(
    line: Mapping[str, Any], suite: str, every: Collection[str], first: Mapping[str, int]
) -> tuple[str, str, str, str] | None:
    """Code, sentence, field and remedy of what is wrong with a line's fields or id; None where nothing is."""
    identifier = line.get("id")
    unknown = sorted(line.keys() - FIELDS)
    if unknown:
        sentence = f"the field {unknown[0]!r} is not known here"
        return "E-PRED-FIELD", sentence, unknown[0], "A choice suite takes `id` and `choice`."
    if line.get("checkpoint", MAIN) != MAIN:
        sentence = f"the checkpoint {str(line['checkpoint'])[:80]!r} is not scored here"
        return "E-PRED-CHECKPOINT", sentence, "checkpoint", f"Leave the field out, or write {MAIN}."
    if not isinstance(identifier, str) or identifier not in every:
        sentence = f"{suite} has no item {str(identifier)[:80]!r}"
        return "E-PRED-UNKNOWN-ID", sentence, "id", "Use the ids of the suite's items.jsonl."
    if identifier in first:
        sentence = f"the item {identifier!r} stands on line {first[identifier]} too"
        return "E-PRED-DUPLICATE", sentence, "id", "Keep one line for each item."
    return None
