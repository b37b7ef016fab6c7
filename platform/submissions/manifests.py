"""A manifest against a track's rules. Pure: the form, the check of an archive and a client all ask this."""

from collections.abc import Mapping
from typing import Any

from challenges.models import Track
from evaluators.protocol.challenge import Budget, Question
from evaluators.protocol.problems import Problem
from evaluators.protocol.submission import SubmissionManifest


def check_against_track(manifest: SubmissionManifest, track: Track) -> list[Problem]:
    """What the track does not take in this manifest: kind, backend, answers, budget."""
    problems = []
    if manifest.kind not in track.kinds:
        problems.append(
            Problem("E-SUB-KIND", f"the track {track.title} does not take the kind {manifest.kind!r}", field="kind",
                    remedy=f"It takes: {', '.join(track.kinds)}.")
        )  # fmt: skip
    if manifest.model is not None and track.backends and manifest.model.backend not in track.backends:
        problems.append(
            Problem("E-SUB-BACKEND", f"the track {track.title} does not take the backend {manifest.model.backend!r}",
                    field="model.backend", remedy=f"It takes: {', '.join(track.backends)}.")
        )  # fmt: skip
    if manifest.checkpoints or manifest.train_seeds:
        field = "checkpoints" if manifest.checkpoints else "train_seeds"
        problems.append(
            Problem("E-SUB-CHECKPOINTS", f"the track {track.title} scores one model, not several", field=field,
                    remedy=f"Leave {field} out.")
        )  # fmt: skip
    problems += _answers(manifest.answers, [Question.model_validate(value) for value in track.questions])
    problems += _budget(manifest, Budget.model_validate(track.budget))
    return problems


def _answers(answers: Mapping[str, Any], questions: list[Question]) -> list[Problem]:
    problems = []
    known = {question.key: question for question in questions}
    for key in answers:
        if key not in known:
            problems.append(
                Problem("E-SUB-ANSWER", f"the track asks no question {key!r}", field=f"answers.{key}",
                        remedy=f"It asks: {', '.join(known) or 'none'}.")
            )  # fmt: skip
    for key, question in known.items():
        if answers.get(key) in (None, "", []):
            if question.required:
                problems.append(
                    Problem("E-SUB-ANSWER", f"the question {question.title or key!r} must be answered",
                            field=f"answers.{key}", remedy="Required means required.")
                )  # fmt: skip
        else:
            fault = _fault(answers[key], question)
            if fault:
                problems.append(Problem("E-SUB-ANSWER", fault, field=f"answers.{key}"))
    return problems


def _fault(answer: Any, question: Question) -> str:
    """What is wrong with an answer; empty where nothing is."""
    number = isinstance(answer, int | float) and not isinstance(answer, bool)
    if question.type in ("integer", "number"):
        if not number or (question.type == "integer" and not isinstance(answer, int)):
            return f"{question.key} takes {'a whole number' if question.type == 'integer' else 'a number'}"
        if question.min is not None and answer < question.min:
            return f"{question.key} must be at least {question.min:g}"
        if question.max is not None and answer > question.max:
            return f"{question.key} must be at most {question.max:g}"
        return ""
    if question.type == "boolean":
        return "" if isinstance(answer, bool) else f"{question.key} takes true or false"
    if question.type == "text":
        return "" if isinstance(answer, str) and len(answer) <= 10_000 else f"{question.key} takes a text"
    chosen = answer if question.type == "multi" else [answer]
    if not isinstance(chosen, list) or any(option not in question.options for option in chosen):
        return f"{question.key} takes {'some' if question.type == 'multi' else 'one'} of: {', '.join(question.options)}"
    return ""


def _budget(manifest: SubmissionManifest, budget: Budget) -> list[Problem]:
    """Declared figures against the track's budget, with both numbers."""
    problems = []
    data = manifest.data
    words = sum(corpus.words or 0 for corpus in data.corpora) if data else None
    declared = {
        "words": (words, budget.words, "data.corpora"),
        "words seen": (data.words_seen if data else None, budget.words_seen, "data.words_seen"),
        "epochs": (manifest.answers.get("epochs"), budget.epochs, "answers.epochs"),
    }
    for name, (value, most, field) in declared.items():
        if most is not None and isinstance(value, int | float) and value > most:
            problems.append(
                Problem("E-SUB-BUDGET", f"{value:,} {name} are over the track's budget of {most:,}", field=field,
                        remedy="Enter a track with a larger budget.")
            )  # fmt: skip
    return problems
