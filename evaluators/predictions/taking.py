"""One prediction as an item's answers, by task; what is not one is said in a sentence."""

import math
from collections.abc import Callable, Mapping
from typing import Any, TypeGuard

from evaluators.predictions.answers import chosen
from evaluators.protocol.items import ChoiceItem, Item
from evaluators.protocol.problems import Problem, ProblemsFound
from evaluators.responses import is_class
from evaluators.suites.folder import Suite

ItemAnswers = dict[int, Mapping[str, Any]]
# An item's answers, or what is wrong with the prediction.
Taken = ItemAnswers | str
Taker = Callable[[Any, Mapping[str, Any]], Taken]

REMEDIES = {
    "choice": "Predict one of the item's candidates, word for word.",
    "probability": "Give `prob`, the probability of the item's first form, from 0 to 1.",
    "classification": "Give `pred`, a class: a whole number, or a short text.",
}


def taker_of(suite: Suite, part: str) -> Taker:
    """What reads one prediction of such a suite; raises ProblemsFound where its task takes none of that form."""
    taker = TAKERS.get(suite.manifest.task)
    if taker is None:
        sentence = f"the part {part!r} holds no answers to a suite of the task {suite.manifest.task!r}"
        raise ProblemsFound([Problem("E-PRED-KIND", sentence, field=part, remedy="Use the format native.")])
    return taker


def _same(text: str) -> str:
    """Sentences are compared as the official scorer does: stripped and in lower case."""
    return text.strip().lower()


def _positions(item: ChoiceItem, prediction: str) -> list[int]:
    """Which candidates the predicted text is: one, none, or several that read the same.

    Some tasks write the whole sentence, others the continuation alone.
    """
    wanted = _same(prediction)
    found = [place for place, one in enumerate(item.choices) if _same(one.context + one.continuation) == wanted]
    return found or [place for place, one in enumerate(item.choices) if _same(one.continuation) == wanted]


def take_choice(item: ChoiceItem, prediction: Mapping[str, Any]) -> Taken:
    """The chosen candidate by its text."""
    text = prediction.get("pred")
    positions = _positions(item, text) if isinstance(text, str) else []
    return chosen(item, positions) if positions else f"the prediction for {item.id!r} is none of the item's sentences"


def take_probability(item: Item, prediction: Mapping[str, Any]) -> Taken:
    """The probability of the first candidate."""
    value = prediction.get("prob")
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        return f"the prediction for {item.id!r} has no probability between 0 and 1"
    return {0: {"probability": float(value)}}


def take_label(item: Item, prediction: Mapping[str, Any]) -> Taken:
    """The class."""
    value = prediction.get("pred")
    if isinstance(value, str):
        value = value.strip()
    if not is_class(value):
        return f"the prediction for {item.id!r} is no class"
    return {0: {"label": value}}


TAKERS: dict[str, Taker] = {
    "choice": take_choice,
    "probability": take_probability,
    "classification": take_label,
}


def finite(value: Any) -> TypeGuard[float]:
    """Whether it is a number other than NaN and the infinities."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
