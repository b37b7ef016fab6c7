"""`native`: JSON lines, one an item: {"suite": "blimp-filtered", "id": "adjunct_island/0", "choice": 1}."""

from evaluators.predictions.answers import Answers, chosen
from evaluators.protocol.lines import parse_lines
from evaluators.protocol.problems import Problem
from evaluators.suites.folder import Suite

FIELDS = frozenset({"suite", "id", "choice", "checkpoint"})


def read(data: bytes, suite: Suite, file: str) -> Answers:
    """The file's answers to the suite; lines that name another suite are ignored, and that suite is listed."""
    items = {item.id: item for item in suite.items}
    every = frozenset(suite.all_ids)
    answers = Answers()
    first: dict[str, int] = {}
    for number, line in parse_lines(data, file=file, code="E-PRED-FORMAT"):
        name = line.get("suite", suite.manifest.key)
        if name not in (suite.manifest.key, suite.name):
            answers.ignored.add(str(name))
            continue
        identifier = line.get("id")
        unknown = sorted(line.keys() - FIELDS)
        if unknown:
            answers.refuse(
                Problem(
                    "E-PRED-FIELD",
                    f"the field {unknown[0]!r} is not known here",
                    file,
                    number,
                    unknown[0],
                    "A choice suite takes `id` and `choice`.",
                )
            )
        elif not isinstance(identifier, str) or identifier not in every:
            answers.refuse(
                Problem(
                    "E-PRED-UNKNOWN-ID",
                    f"{suite.name} has no item {str(identifier)[:80]!r}",
                    file,
                    number,
                    "id",
                    "Use the ids of the suite's items.jsonl.",
                )
            )
        elif identifier in first:
            answers.refuse(
                Problem(
                    "E-PRED-DUPLICATE",
                    f"the item {identifier!r} stands on line {first[identifier]} too",
                    file,
                    number,
                    "id",
                    "Keep one line for each item.",
                )
            )
        else:
            first[identifier] = number
            item = items.get(identifier)
            if item is None:
                continue  # an item of another split than the one that is asked
            choice = line.get("choice")
            if isinstance(choice, bool) or not isinstance(choice, int) or not 0 <= choice < len(item.choices):
                answers.refuse(
                    Problem(
                        "E-PRED-VALUE",
                        f"the item {identifier!r} takes a choice from 0 to {len(item.choices) - 1}",
                        file,
                        number,
                        "choice",
                    )
                )
                continue
            answers.by_item[identifier] = chosen(item, [choice])
    return answers.finish()
