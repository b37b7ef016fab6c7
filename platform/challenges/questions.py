"""Changing a track's questions once they have been answered.

Answers lie in an app above this one, which is why they are reached by the names of their relations.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from challenges.models import Track
from evaluators.protocol.questions import Question, fault_of, is_empty

REMEDY = "Ask anew under another key: what was answered stays in the history."


@dataclass(frozen=True)
class Refused:
    """Why a question can't be changed so: its place in the list, the field, and a sentence."""

    position: int
    field: str
    message: str


def refused_changes(track: Track | None, questions: Sequence[Question]) -> list[Refused]:
    """What the answers that are there forbid: another type, and the end of an option that somebody chose.

    Questions may be added, left out, reworded, and bounded otherwise.
    """
    if track is None or track.pk is None:
        return []
    before = {value["key"]: Question.model_validate(value) for value in track.questions}
    changed = [
        (position, question) for position, question in enumerate(questions)
        if question != before.get(question.key)
    ]  # fmt: skip
    return [
        refused for position, question in changed
        for refused in _refused(track, position, question, before.get(question.key))
    ]  # fmt: skip


def _refused(track: Track, position: int, question: Question, before: Question | None) -> Iterator[Refused]:
    loose = question.model_copy(update={"min": None, "max": None})
    if before is not None and before.type == question.type and set(before.options) <= set(question.options):
        return
    answers = answers_to(track, question.key)
    if before is not None and before.type != question.type and answers:
        message = f"{_count(answers)} to the {before.type} question {question.key!r} would not be of its type any more"
        yield Refused(position, "type", message)
        return
    unfit = [answer for answer in answers if fault_of(answer, loose)]
    if not unfit:
        return
    if before is None:
        yield Refused(position, "key", f"{_count(unfit)} from before to {question.key!r} do not fit this question")
    else:
        gone = [option for option in before.options if option not in question.options]
        chosen = [option for option in gone if any(option == one or option in _listed(one) for one in unfit)]
        yield Refused(position, "options", f"{_count(unfit)} to {question.key!r} chose {', '.join(chosen or gone)}")


def _listed(answer: Any) -> list[Any]:
    return answer if isinstance(answer, list) else []


def _count(answers: Sequence[Any]) -> str:
    return f"{len(answers)} answer{'' if len(answers) == 1 else 's'}"


def answers_to(track: Track, key: str) -> list[Any]:
    """The answer that holds now of each submission in the track that has one. Two queries."""
    entries = track.entries.exclude(submission__state="rejected")
    given = {
        submission: (answers or {}).get(key)
        for submission, answers in entries.values_list("submission_id", "submission__manifest__answers")
    }
    later = entries.filter(submission__method_answers__key=key).order_by("submission__method_answers__pk")
    given.update(dict(later.values_list("submission_id", "submission__method_answers__value")))
    return [answer for answer in given.values() if not is_empty(answer)]
