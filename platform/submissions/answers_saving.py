"""Answering, and changing answers: every change is a row of the history."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from django.db import transaction

from accounts.models import User
from evaluators.budgets import budget_problems
from evaluators.protocol.challenge import Budget
from evaluators.protocol.documents import canonical_json
from evaluators.protocol.problems import Problem
from evaluators.protocol.questions import Question, fault_of, normal
from evaluators.protocol.submission import SubmissionManifest
from submissions.answers import Asked, Rights, asked, rights
from submissions.errors import SubmissionRefused
from submissions.manifests import EPOCHS, questions_of
from submissions.models import MethodAnswer, Submission


def save_answers(
    *, submission: Submission, answers: Mapping[str, Any], user: User, reason: str = ""
) -> list[MethodAnswer]:
    """Record what differs from the answers that hold now; raises SubmissionRefused, and then nothing has changed.

    Keys that are not in `answers` stay as they are; an empty answer takes one back. Of two that come at the same time
    the last one holds, and both are in the history.
    """
    with transaction.atomic():
        locked = Submission.objects.select_for_update(of=("self",)).get(pk=submission.pk)
        if locked.state != Submission.State.ACCEPTED:
            message = f"the submission is {locked.get_state_display().lower()}"
            raise SubmissionRefused([Problem("E-SUB-STATE", message, remedy="Answer once it has been accepted.")])
        may = rights(user, locked)
        open_questions = {one.question.key: one for one in asked(locked)}
        given = {key: normal(value) for key, value in answers.items()}
        changed = {key: value for key, value in given.items() if _differs(value, open_questions.get(key))}
        problems = [
            problem for key, value in changed.items()
            for problem in _problems(key, value, open_questions.get(key), may, reason.strip())
        ]  # fmt: skip
        if not problems and not may.organizer:
            problems = _over_budget(locked, changed, open_questions)
        if problems:
            raise SubmissionRefused(problems)
        return [
            MethodAnswer.objects.create(
                submission=locked, key=key, value=value, previous=open_questions[key].answer, changed_by=user,
                reason=reason.strip()[:300] if may.needs_reason(open_questions[key]) else "",
            )
            for key, value in changed.items()
        ]  # fmt: skip


def _differs(value: Any, one: Asked | None) -> bool:
    return one is None or canonical_json(value) != canonical_json(one.answer)


def _problems(key: str, value: Any, one: Asked | None, may: Rights, reason: str) -> list[Problem]:
    """What is against this one answer."""
    field = f"answers.{key}"
    if one is None:
        remedy = "Load the page anew: the questions have changed."
        return [Problem("E-SUB-ANSWER", f"no question {key!r} is asked", field=field, remedy=remedy)]
    if not may.member and not may.organizer:
        return [Problem("E-REG-MEMBER", "only the team answers for its submission", field=field)]
    if not may.may_answer(one):
        when = f" on {one.until:%-d %B %Y, %H:%M} UTC" if one.until else ""
        remedy = "Ask the organizers: they can still change an answer, with a reason."
        message = f"the time for answers ended{when}"
        return [Problem("E-SUB-METADATA", message, field=field, remedy=remedy)]
    if may.needs_reason(one) and not reason:
        remedy = "The team reads it in the history."
        return [Problem("E-SUB-METADATA", "say why the answer is changed", field="reason", remedy=remedy)]
    if value is None:
        if one.required is not True:
            return []
        message = f"the question {one.question.label!r} must be answered"
        return [Problem("E-SUB-ANSWER", message, field=field)]
    faults = [fault_of(value, question) for question in _definitions(one)]
    return [Problem("E-SUB-ANSWER", fault, field=field) for fault in dict.fromkeys(faults) if fault]


def _definitions(one: Asked) -> list[Question]:
    """The question as each of its tracks asks it."""
    return [question for track in one.tracks for question in questions_of(track) if question.key == one.question.key]


def _over_budget(
    submission: Submission, changed: Mapping[str, Any], open_questions: Mapping[str, Asked]
) -> list[Problem]:
    """A team can't answer itself over the budget by which it was let in."""
    field = f"answers.{EPOCHS.key}"
    if changed.get(EPOCHS.key) is None:
        return []
    data = SubmissionManifest.from_value(submission.manifest, file="submission.yaml").data
    found = [
        problem for track in open_questions[EPOCHS.key].tracks
        for problem in budget_problems(data, changed[EPOCHS.key], Budget.model_validate(track.budget))
        if problem.field == field
    ]  # fmt: skip
    remedy = "If it is so, tell the organizers: they can change the answer, and decide about the entry."
    return [replace(problem, remedy=remedy) for problem in found]
