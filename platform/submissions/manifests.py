"""A manifest against a track's rules. Pure: the form, the check of an archive and a client all ask this."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from challenges.models import Track
from evaluators.budgets import budget_problems
from evaluators.protocol.challenge import Budget, Question
from evaluators.protocol.problems import Problem
from evaluators.protocol.submission import SubmissionManifest
from submissions import checkpoint_rules

# What a track with a budget of epochs asks where it has no question of that key itself.
EPOCHS = Question(key="epochs", type="number", title="Epochs of training", required=True, min=0,
                  help="Passes over the training text.")  # fmt: skip


def check_against_tracks(manifest: SubmissionManifest, tracks: Sequence[Track]) -> list[Problem]:
    """What the tracks that a submission enters together do not take in its manifest; each fault once."""
    found = [problem for track in tracks for problem in check_against_track(manifest, track, beside=tracks)]
    return list(dict.fromkeys(found))


def check_against_track(manifest: SubmissionManifest, track: Track, *, beside: Sequence[Track] = ()) -> list[Problem]:
    """What the track does not take in this manifest: kind, backend, answers, budget.

    A submission has one manifest for all tracks it enters: an answer may be to a question of those `beside`.
    """
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
    problems += checkpoint_rules.check(manifest, track, beside=beside)
    problems += _unasked(manifest.answers, [track, *beside])
    problems += _answers(manifest.answers, questions_of(track))
    problems += budget_problems(manifest.data, manifest.answers.get(EPOCHS.key), Budget.model_validate(track.budget))
    return problems


def questions_of(track: Track) -> list[Question]:
    """The track's own typed questions; a budget of epochs asks for them, whether or not the track does."""
    questions = [Question.model_validate(value) for value in track.questions]
    if Budget.model_validate(track.budget).epochs is None:
        return questions
    if all(question.key != EPOCHS.key for question in questions):
        return [*questions, EPOCHS]
    return [
        question.model_copy(update={"required": True}) if question.key == EPOCHS.key else question
        for question in questions
    ]


def _unasked(answers: Mapping[str, Any], tracks: Sequence[Track]) -> list[Problem]:
    known = dict.fromkeys(question.key for track in tracks for question in questions_of(track))
    return [
        Problem("E-SUB-ANSWER", f"no question {key!r} is asked", field=f"answers.{key}",
                remedy=f"Asked are: {', '.join(known) or 'none'}.")
        for key in answers if key not in known
    ]  # fmt: skip


def _answers(answers: Mapping[str, Any], questions: Sequence[Question]) -> list[Problem]:
    problems = []
    for question in questions:
        key = question.key
        if answers.get(key) in (None, "", []):
            if question.required:
                problems.append(
                    Problem("E-SUB-ANSWER", f"the question {question.title or key!r} must be answered",
                            field=f"answers.{key}", remedy="Answer it under `answers`, or on the form.")
                )  # fmt: skip
        else:
            fault = _fault(answers[key], question)
            if fault:
                problems.append(Problem("E-SUB-ANSWER", fault, field=f"answers.{key}"))
    return problems


def _fault(answer: Any, question: Question) -> str:
    """What is wrong with an answer; empty where nothing is."""
    number = isinstance(answer, int | float) and not isinstance(answer, bool) and math.isfinite(answer)
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
