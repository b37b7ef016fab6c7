"""`babylm-2024` and `babylm-2025`: one JSON object, task → subtask → {"predictions": [{"id", "pred"}]}.

Only the suite's own part is read. The file of 2026 is that of 2025 with other names for some parts.
"""

from collections.abc import Callable, Mapping
from typing import Any

from evaluators.predictions import acquisition, matrices, words
from evaluators.predictions.answers import Answers
from evaluators.predictions.joining import Join
from evaluators.predictions.parts import Part, part_of
from evaluators.predictions.taking import finite
from evaluators.protocol.lines import parse_json
from evaluators.protocol.problems import Problem, ProblemsFound
from evaluators.suites.folder import Suite

# Scores that a team computed itself at its checkpoints.
FAST = "fast_eval_results"
MAX_REPORTED, MAX_DEPTH, SHOWN = 5000, 4, 80


def reader(format: str) -> Callable[[bytes, Suite, str], Answers]:  # noqa: A002
    """What reads files of this format: babylm-2024 or babylm-2025."""

    def read(data: bytes, suite: Suite, file: str) -> Answers:
        """The file's answers to the suite; the other parts of the file are listed as ignored."""
        part = part_of(suite, format)
        document = _parsed(data, file)
        names = part.names(format)
        name = next((one for one in names if isinstance(document.get(one), dict)), None)
        if name is None:
            sentence, remedy = f"the file has no part {names[0]!r}", f"{suite.name} is read from the part {names[0]!r}."
            raise ProblemsFound([Problem("E-PRED-FORMAT", sentence, file, field=names[0], remedy=remedy)])
        answers = _part(part, name, document[name], suite, file)
        for other in document:
            if other not in (name, FAST):
                answers.ignore(str(other))
        answers.self_reported = reported(document, [*names, name])
        return answers

    return read


def _part(part: Part, name: str, value: Mapping[str, Any], suite: Suite, file: str) -> Answers:
    if part.form == "words":
        return words.read(value, suite, file, name)
    if part.form == "steps":
        return acquisition.read(value, suite, file, name)
    if part.form == "matrices":
        return matrices.read(value, suite, file, name)
    join = Join(suite, file, name)
    for subtask, entry in value.items():
        field = f"{name}.{str(subtask)[:SHOWN]}.predictions"
        predictions = entry.get("predictions") if isinstance(entry, dict) else None
        if part.form == "examples":
            join.example(str(subtask), predictions, field=field)
        else:
            join.subtask(str(subtask), predictions, field=field, prefix=part.subtask)
    return join.answers.finish()


def _parsed(data: bytes, file: str) -> dict[str, Any]:
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise ProblemsFound([Problem("E-PRED-FORMAT", "the file is not UTF-8", file)]) from error
    value = parse_json(text, file=file, code="E-PRED-FORMAT", allow_nan=True)
    if not isinstance(value, dict):
        raise ProblemsFound([Problem("E-PRED-FORMAT", "the file must be one JSON object", file, 1)])
    return value


def reported(document: Mapping[str, Any], names: list[str]) -> dict[str, float | None]:
    """The team's own numbers for this part, by their path in the file; what is no number is null, and never an error.

    They are for show: no score is computed from them.
    """
    found: dict[str, float | None] = {}
    fast = document.get(FAST)
    for name in sorted(set(names)):
        if isinstance(fast, dict):
            _numbers(fast.get(name), f"{FAST}.{name}", found, 0)
        if name == "aoa" and isinstance(document.get("aoa_surprisals"), dict):
            _numbers(document.get(name), name, found, 0)
    return found


def _numbers(value: Any, path: str, found: dict[str, float | None], depth: int) -> None:
    if len(found) >= MAX_REPORTED or depth > MAX_DEPTH:
        return
    if isinstance(value, dict):
        for name, one in value.items():
            _numbers(one, f"{path}.{str(name)[:SHOWN]}", found, depth + 1)
    elif isinstance(value, list):
        for position, one in enumerate(value):
            _numbers(one, f"{path}[{position}]", found, depth + 1)
    elif value is not None:
        found[path] = float(value) if finite(value) else None
