"""A track's own questions as fields of a form: at the hand-in, and on the page where they are answered later."""

import json
from collections.abc import Iterable, Sequence
from typing import Any

from django import forms
from django.utils.html import format_html

from evaluators.protocol.problems import Problem
from evaluators.protocol.questions import BY_DEADLINE, Question
from submissions.answers import Asked, Rights

PREFIX = "answer_"
LATER = "You can answer it later, until the track's deadline for answers."


def question_field(question: Question, asked_by: str = "", *, may_wait: bool = True) -> forms.Field:
    """The form field of one of a track's own questions; `asked_by` names a track that is not the page's.

    `may_wait`: whether to say that it can be answered later, where it can.
    """
    later = LATER if may_wait and question.required == BY_DEADLINE else ""
    help_text = " ".join(part for part in (question.help, f"Asked by {asked_by}." if asked_by else "", later) if part)
    common: dict[str, Any] = {
        "label": question.label,
        "help_text": help_text,
        "required": False,  # whether it must be answered is the manifest's rule, said in one place
    }
    options = [(option, _explained(option, question)) for option in question.options]
    if question.type == "integer":
        return forms.IntegerField(**common)
    if question.type == "number":
        return forms.FloatField(**common)
    if question.type == "boolean":
        return forms.TypedChoiceField(
            choices=[("", "—"), ("true", "Yes"), ("false", "No")], coerce=lambda value: value == "true",
            empty_value=None, **common,
        )  # fmt: skip
    if question.type == "choice" and question.explain:
        return forms.ChoiceField(choices=[("", "No answer"), *options], widget=forms.RadioSelect, **common)
    if question.type == "choice":
        return forms.ChoiceField(choices=[("", "—"), *options], **common)
    if question.type == "multi":
        return forms.MultipleChoiceField(choices=options, widget=forms.CheckboxSelectMultiple, **common)
    return forms.CharField(widget=forms.Textarea(attrs={"rows": 3}), **common)


def _explained(option: str, question: Question) -> str:
    explanation = question.explain.get(option, "")
    return format_html('<span>{} <span class="meta">{}</span></span>', option, explanation) if explanation else option


class MethodForm(forms.Form):
    """The questions that a submission is asked, with the answers that hold now.

    Each field carries the answer that the page showed: what was not touched on it is not written, so that a page that
    was left open erases nothing that was answered meanwhile.
    """

    reason = forms.CharField(
        max_length=300, required=False, label="Reason", help_text="The team, organizers and reviewers read it."
    )

    def __init__(self, *args: Any, asked: Sequence[Asked], rights: Rights, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.asked = {f"{PREFIX}{one.question.key}": one for one in asked}
        several = len({track.pk for one in asked for track in one.tracks}) > 1
        for name, one in self.asked.items():
            asked_by = ", ".join(track.title for track in one.tracks) if several else ""
            field = question_field(one.question, asked_by, may_wait=False)
            field.initial = _shown(one)
            field.show_hidden_initial = True
            field.disabled = not rights.may_answer(one)
            self.fields[name] = field
        if not any(rights.organizer and rights.needs_reason(one) for one in asked):
            del self.fields["reason"]

    def changes(self) -> dict[str, Any]:
        """What was changed on the page, by question; None takes an answer back."""
        touched = [name for name in self.changed_data if name in self.asked]
        return {name.removeprefix(PREFIX): self.cleaned_data.get(name) for name in touched}

    def report(self, problems: Iterable[Problem]) -> None:
        """Show each problem on the field it belongs to, or above the form."""
        for problem in problems:
            name = problem.field.replace("answers.", PREFIX)
            sentence = f"{problem.message[:1].upper()}{problem.message[1:]}. {problem.remedy}".strip()
            self.add_error(name if name in self.fields else None, sentence)

    def questions(self) -> list[tuple[forms.BoundField, Asked]]:
        """Each question's field, and what is known of it."""
        return [(self[name], one) for name, one in self.asked.items()]


def _shown(one: Asked) -> Any:
    """The answer as its field takes it."""
    if isinstance(one.answer, bool):
        return "true" if one.answer else "false"
    if one.answer is not None and one.question.type == "text" and not isinstance(one.answer, str):
        return json.dumps(one.answer)
    return one.answer
