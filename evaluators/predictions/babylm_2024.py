"""`babylm-2024`: one JSON object, task → subtask → {"predictions": [{"id": "<subtask>_<k>", "pred": "the sentence"}]}.

Only the suite's own part is read. A suite names it by its key: `blimp…` reads "blimp", `blimp-supplement` its own part.
"""

import re
from typing import Any

from evaluators.predictions.answers import Answers, chosen
from evaluators.protocol.items import ChoiceItem
from evaluators.protocol.lines import parse_json
from evaluators.protocol.problems import Problem, ProblemsFound
from evaluators.suites.folder import Suite

PREDICTION_ID = re.compile(r"^(?P<subtask>.+)_(?P<number>\d{1,9})$")
# The longest matching beginning of a suite's key names its part of the file.
PARTS = {"blimp": "blimp", "blimp-supplement": "blimp_supplement", "ewok": "ewok"}


def part_of(suite: Suite) -> str:
    """The name of the suite's part in the file; raises ProblemsFound where the format has none for it."""
    matching = [key for key in PARTS if suite.manifest.key == key or suite.manifest.key.startswith(f"{key}-")]
    if not matching:
        raise ProblemsFound(
            [
                Problem(
                    "E-PRED-KIND",
                    f"the format babylm-2024 has no part for the suite {suite.name}",
                    remedy="Use the format native.",
                )
            ]
        )
    return PARTS[max(matching, key=len)]


def _same(text: str) -> str:
    """Sentences are compared as the official scorer does: stripped and in lower case."""
    return text.strip().lower()


def _positions(item: ChoiceItem, prediction: str) -> list[int]:
    """Which candidates the predicted sentence is: one, none, or several that read the same."""
    wanted = _same(prediction)
    texts = [_same(choice.context + choice.continuation) for choice in item.choices]
    return [position for position, text in enumerate(texts) if text == wanted]


def read(data: bytes, suite: Suite, file: str) -> Answers:
    """The file's answers to the suite; the other parts of the file are listed as ignored."""
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise ProblemsFound([Problem("E-PRED-FORMAT", "the file is not UTF-8", file)]) from error
    document = _parsed(text, file)
    part = part_of(suite)
    answers = Answers(ignored={str(name) for name in document if name != part})
    subtasks = document.get(part)
    if not isinstance(subtasks, dict):
        raise ProblemsFound(
            [
                Problem(
                    "E-PRED-FORMAT",
                    f"the file has no part {part!r}",
                    file,
                    field=part,
                    remedy=f"{suite.name} is read from the part {part!r}.",
                )
            ]
        )
    items = {item.id: item for item in suite.items}
    every = frozenset(suite.all_ids)
    for subtask, value in subtasks.items():
        field = f"{part}.{subtask}.predictions"
        predictions = value.get("predictions") if isinstance(value, dict) else None
        if not isinstance(predictions, list):
            answers.refuse(Problem("E-PRED-FORMAT", "a list of predictions is required", file, field=field))
            continue
        for index, prediction in enumerate(predictions):
            _take(answers, prediction, items, every, suite.name, file, f"{field}[{index}]", subtask)
    return answers.finish()


def _parsed(text: str, file: str) -> dict[str, Any]:
    value = parse_json(text, file=file, code="E-PRED-FORMAT", allow_nan=True)
    if not isinstance(value, dict):
        raise ProblemsFound([Problem("E-PRED-FORMAT", "the file must be one JSON object", file, 1)])
    return value


def _take(
    answers: Answers,
    prediction: Any,
    items: dict[str, ChoiceItem],
    every: frozenset[str],
    suite: str,
    file: str,
    field: str,
    subtask: str,
) -> None:
    """Read one prediction into `answers`, or note what is wrong with it."""
    identifier = prediction.get("id") if isinstance(prediction, dict) else None
    match = PREDICTION_ID.match(identifier) if isinstance(identifier, str) else None
    item_id = f"{match['subtask']}/{int(match['number'])}" if match else ""
    if match is None or match["subtask"] != subtask or item_id not in every:
        answers.refuse(
            Problem(
                "E-PRED-UNKNOWN-ID",
                f"{suite} has no item for the id {str(identifier)[:80]!r}",
                file,
                None,
                field,
                "Ids are `<file>_<k>`, counted from 0 within each file.",
            )
        )
        return
    if item_id in answers.by_item:
        answers.refuse(
            Problem(
                "E-PRED-DUPLICATE",
                f"the id {identifier!r} stands twice",
                file,
                None,
                field,
                "Keep one prediction for each id.",
            )
        )
        return
    item = items.get(item_id)
    if item is None:
        return  # an item of another split than the one that is asked
    text = prediction.get("pred")
    positions = _positions(item, text) if isinstance(text, str) else []
    if not positions:
        answers.refuse(
            Problem(
                "E-PRED-VALUE",
                f"the prediction for {identifier!r} is none of the item's sentences",
                file,
                None,
                field,
                "Predict one of the two sentences, word for word.",
            )
        )
        return
    answers.by_item[item_id] = chosen(item, positions)
