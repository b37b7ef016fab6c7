"""The form of BabyLM 2023: which cells can be read as answers, and which stay the text that they are.

A number is read where nothing has to be guessed: `10`, `1e-4`, a count of parameters with its unit (`125M`, `1.5B`,
`94m`, `92 Million`) or without (`97737216`). `457-458` and `1or42, because …` stay text and count as not given.
"""

import re
from collections.abc import Sequence
from typing import Any

from evaluators.results.sources import Record, flag

APPROACHES = {
    "Data processing": "data processing",
    "Hyperparameters": "hyper-parameters",
    "Curriculum": "curriculum",
    "Training objective": "training objective",
    "Architecture": "architecture",
    "Multimodal": "multimodal",
    "Teacher / Expert / Aux model": "teacher or auxiliary model",
    "Linguistic bias": "linguistic bias",
    "Data augmentation": "data augmentation",
}
TYPES = {
    "enc": "encoder", "encoder": "encoder", "dec": "decoder", "decoder": "decoder", "enc-dec": "encoder-decoder",
    "encoder-decoder": "encoder-decoder",
}  # fmt: skip
# By column of the form: the question's key, type and title.
ASKED = {
    "enc/enc-dec/dec/other": ("model_type", "choice", "Encoder, decoder or both"),
    "# of epochs": ("epochs", "number", "Epochs of training"),
    "# of params": ("parameters", "integer", "Parameters"),
    "learning rate": ("learning_rate", "number", "Learning rate"),
    "lr schedule": ("schedule", "text", "Schedule of the learning rate"),
    "optimizer": ("optimizer", "text", "Optimizer"),
    "batch size": ("batch_size", "text", "Batch size"),
    "other HPs": ("other", "text", "Other hyper-parameters"),
}
QUESTIONS: list[dict[str, Any]] = [
    {"key": "approaches", "type": "multi", "title": "Approaches", "required": True,
     "options": list(APPROACHES.values())},
    *(
        {"key": key, "type": kind, "title": title, "required": key in ("epochs", "parameters")}
        | ({"options": list(dict.fromkeys(TYPES.values()))} if kind == "choice" else {})
        for key, kind, title in ASKED.values()
    ),
]  # fmt: skip

NUMBER = re.compile(r"\d+(\.\d+)?([eE][+-]?\d+)?")
COUNT = re.compile(r"(?P<number>\d+(\.\d+)?)\s*(?P<unit>[kmb]|thousand|million|billion)?", re.IGNORECASE)
UNITS = {"": 1, "k": 10**3, "m": 10**6, "b": 10**9}


def read_number(text: str) -> float | None:
    """`10` and `1e-4`; None for what is no plain number."""
    return float(text) if NUMBER.fullmatch(text) else None


def read_count(text: str) -> int | None:
    """`125M`, `1.5B`, `92 Million` and `97737216` as a whole number; None for what is none."""
    match = COUNT.fullmatch(text)
    if match is None:
        return None
    unit = (match["unit"] or "")[:1].lower().replace("t", "k")
    value = float(match["number"]) * UNITS[unit]
    return round(value) if unit or value.is_integer() else None


def answers_of(model: Record) -> tuple[dict[str, Any], dict[str, str]]:
    """The form's answers by question, and as they were written those that can't be read."""
    answers: dict[str, Any] = {}
    unread: dict[str, str] = {}
    for column, (key, kind, _) in ASKED.items():
        text = model.text(column)
        if not text:
            continue
        answer = _read(text, kind)
        if answer is None:
            unread[key] = text
        else:
            answers[key] = answer
    return answers, unread


def _read(text: str, kind: str) -> Any:
    if kind == "number":
        value = read_number(text)
        return int(value) if value is not None and value.is_integer() else value
    if kind == "integer":
        return read_count(text)
    return TYPES.get(text.lower()) if kind == "choice" else text


def approaches_of(model: Record) -> list[str]:
    """The approaches that are ticked, in the order of the form; several may be."""
    return [name for column, name in APPROACHES.items() if flag(model, column)]


def forms_in_words(models: Sequence[Record]) -> str:
    """How much of the form was filled in, as a sentence with its counts: by what can be read, and where a paper is."""
    epochs, counts = "# of epochs", "# of params"
    read = sum(read_number(model.text(epochs)) is not None for model in models)
    known = sum(read_count(model.text(counts)) is not None for model in models)
    papers = [model for model in models if model.text("Title")]
    wrote = {column: sum(bool(model.text(column)) for model in papers) for column in (epochs, counts)}
    unread = sum(bool(model.text(epochs)) for model in models) - read
    return (
        f"Of {len(models)} models, {read} give their epochs as a number ({unread} more as a text) and {known} a count "
        f"of parameters; of the {len(papers)} with a paper, {wrote[epochs]} wrote of their epochs and {wrote[counts]} "
        "of their parameters."
    )
