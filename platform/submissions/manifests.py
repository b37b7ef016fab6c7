"""A manifest against a track's rules. Pure: the form, the check of an archive and a client all ask this."""

from collections.abc import Mapping, Sequence
from typing import Any

from challenges.models import Track
from evaluators.budgets import budget_problems
from evaluators.protocol.challenge import Budget
from evaluators.protocol.problems import Problem
from evaluators.protocol.questions import Question, fault_of, is_empty
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
        if is_empty(answers.get(key)):
            if question.required is True:
                problems.append(
                    Problem("E-SUB-ANSWER", f"the question {question.title or key!r} must be answered",
                            field=f"answers.{key}", remedy="Answer it under `answers`, or on the form.")
                )  # fmt: skip
        else:
            fault = fault_of(answers[key], question)
            if fault:
                problems.append(Problem("E-SUB-ANSWER", fault, field=f"answers.{key}"))
    return problems
