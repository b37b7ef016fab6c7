"""The part `reading`: a surprisal for each measured word, by the row that holds it, in nats."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from evaluators.predictions.answers import Answers
from evaluators.predictions.taking import finite
from evaluators.protocol.items import SurprisalItem
from evaluators.protocol.problems import Problem, ProblemsFound
from evaluators.suites.folder import Suite

# The covariate that says which row holds a word; null where none does, as for the first word of a sentence.
ROW = "row"
SHOWN = 80


def rows_of(item: SurprisalItem) -> list[int | None]:
    """The row of each word; without the covariate, words are counted from the number that the item's id is."""
    if ROW in item.covariates:
        return [None if value is None else int(value) for value in item.covariates[ROW]]
    if not (item.id.isdigit() and item.id.isascii() and len(item.id) < 10):
        sentence = f"nothing says which predictions the words of {item.id!r} are"
        remedy = "Use the format native, or a suite whose words have the covariate `row`."
        raise ProblemsFound([Problem("E-PRED-KIND", sentence, field=f"covariates.{ROW}", remedy=remedy)])
    return list(range(int(item.id), int(item.id) + len(item.words)))


def read(part: Mapping[str, Any], suite: Suite, file: str, name: str) -> Answers:
    """The answers to the suite's texts; a text with a word that is not predicted is a gap.

    A word that no row holds takes the `prev_pred` of the word after it, and NaN where that is none.
    """
    if suite.manifest.task != "surprisal":
        sentence = f"the part {name!r} holds no answers to a suite of the task {suite.manifest.task!r}"
        raise ProblemsFound([Problem("E-PRED-KIND", sentence, file, field=name, remedy="Use the format native.")])
    answers = Answers()
    surprisals: dict[int, tuple[float, float]] = {}
    for subtask, entry in part.items():
        field = f"{name}.{str(subtask)[:SHOWN]}.predictions"
        predictions = entry.get("predictions") if isinstance(entry, dict) else None
        if isinstance(predictions, list):
            _collect(predictions, surprisals, answers, field, file)
        else:
            answers.refuse(Problem("E-PRED-FORMAT", "a list of predictions is required", file, field=field))
    places = {item.id: rows_of(item) for item in suite.items}
    known = {row for rows in places.values() for row in rows}
    if len(suite.items) == len(suite.all_ids):
        # Where a phase asks some splits only, the other rows are those of texts that lie elsewhere.
        for row in sorted(surprisals.keys() - known):
            message = f"{suite.name} has no word for the id {row}"
            remedy = "Ids are the rows of the reading data, from 0."
            answers.count(name, Problem("E-PRED-UNKNOWN-ID", message, file, field=name, remedy=remedy))
    for identifier, rows in places.items():
        values = _surprisals(rows, surprisals)
        if values is not None:
            answers.by_item[identifier] = {0: {"surprisals": values}}
    return answers.finish()


def _collect(
    predictions: Sequence[Any], surprisals: dict[int, tuple[float, float]], answers: Answers, field: str, file: str
) -> None:
    for index, prediction in enumerate(predictions):
        row = prediction.get("id") if isinstance(prediction, dict) else None
        place = f"{field}[{index}]"
        if not isinstance(row, int) or isinstance(row, bool):
            message, remedy = f"the id {str(row)[:SHOWN]!r} is no row", "Ids are whole numbers from 0."
            answers.count(field, Problem("E-PRED-UNKNOWN-ID", message, file, field=place, remedy=remedy))
        elif row in surprisals:
            remedy = "Keep one prediction for each word."
            answers.count(field, Problem("E-PRED-DUPLICATE", f"the id {row} stands twice", file, field=place,
                                         remedy=remedy))  # fmt: skip
        else:
            surprisals[row] = (math.nan, math.nan)
            value, before = prediction.get("pred"), prediction.get("prev_pred", math.nan)
            # The one field that may be NaN: nothing stands before a sentence's first measured word.
            missing = before is None or (isinstance(before, float) and math.isnan(before))
            if not finite(value) or value < 0 or not (missing or (finite(before) and before >= 0)):
                message = f"the prediction for the word {row} is no surprisal"
                remedy = "`pred` is a number of nats from 0; `prev_pred` too, or NaN."
                answers.count(field, Problem("E-PRED-VALUE", message, file, field=place, remedy=remedy))
            else:
                surprisals[row] = (float(value), math.nan if missing else float(before))


def _surprisals(rows: Sequence[int | None], found: Mapping[int, tuple[float, float]]) -> list[float] | None:
    """The words' surprisals; None where a word that has a row has no prediction."""
    if any(row is not None and row not in found for row in rows):
        return None
    values = []
    for place, row in enumerate(rows):
        following = rows[place + 1] if place + 1 < len(rows) else None
        if row is not None:
            values.append(found[row][0])
        else:
            values.append(math.nan if following is None else found[following][1])
    return values
