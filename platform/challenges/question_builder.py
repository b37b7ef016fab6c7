"""A track's questions as rows of a form in the admin, added, removed and put in order one by one."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.forms.formsets import BaseFormSet, formset_factory
from django.template.loader import render_to_string
from django.utils.safestring import SafeString, mark_safe
from unfold.widgets import (
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanWidget,
)

from evaluators.protocol.problems import ProblemsFound
from evaluators.protocol.questions import BY_DEADLINE, Question

TYPES = [
    ("text", "Text"), ("integer", "Whole number"), ("number", "Number"), ("boolean", "Yes or no"),
    ("choice", "One of the options"), ("multi", "Any of the options"),
]  # fmt: skip
REQUIRED = [("", "Optional"), ("true", "At the hand-in"), (BY_DEADLINE, "By the deadline")]


def written_options(options: Sequence[str], explain: dict[str, str]) -> str:
    """One option a line, with what explains it after a bar; bars and backslashes of its own are escaped."""
    return "\n".join(
        _escaped(option) + (f" | {_escaped(explain[option])}" if explain.get(option) else "") for option in options
    )


def read_options(text: str) -> tuple[list[str], dict[str, str]]:
    """The options of `written_options`, and what explains them."""
    options, explain = [], {}
    for line in text.splitlines():
        option, explanation = (part.strip() for part in _split(line))
        if option:
            options.append(option)
            if explanation:
                explain[option] = explanation
    return options, explain


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("|", "\\|")


def _split(line: str) -> tuple[str, str]:
    """What stands before and after the first bar that is not escaped."""
    parts, escaped = ["", ""], False
    side = 0
    for character in line:
        if escaped or character not in "\\|":
            parts[side] += character
            escaped = False
        elif character == "\\":
            escaped = True
        elif side == 0:
            side = 1
        else:
            parts[side] += character
    return parts[0], parts[1]


class NumberAsWritten(forms.FloatField):
    """A number in a plain box, shown without a decimal that says nothing."""

    widget = UnfoldAdminTextInputWidget

    def prepare_value(self, value: Any) -> Any:
        """`0.0` reads 0."""
        return int(value) if isinstance(value, float) and value.is_integer() else value


class QuestionRow(forms.Form):
    """One question; what challenge.yaml would refuse of it, it refuses on the field in question."""

    key = forms.CharField(
        max_length=60, widget=UnfoldAdminTextInputWidget(attrs={"spellcheck": "false"}),
        help_text="Lower-case letters, digits and _.",
    )  # fmt: skip
    type = forms.ChoiceField(choices=TYPES, initial="text", widget=UnfoldAdminSelectWidget)
    required = forms.ChoiceField(choices=REQUIRED, required=False, label="Answer", widget=UnfoldAdminSelectWidget)
    title = forms.CharField(required=False, widget=UnfoldAdminTextInputWidget, help_text="Empty: the key in words.")
    help = forms.CharField(required=False, strip=False, widget=UnfoldAdminTextareaWidget(attrs={"rows": 2}))
    options = forms.CharField(
        required=False, widget=UnfoldAdminTextareaWidget(attrs={"rows": 5}),
        help_text="One a line; after a bar what it means: curriculum | texts in an order of difficulty",
    )  # fmt: skip
    min = NumberAsWritten(required=False, label="Least")
    max = NumberAsWritten(required=False, label="Most")

    def clean(self) -> dict[str, Any]:
        """Read the question; raises nothing, faults land on their fields."""
        cleaned = super().clean() or {}
        if self.errors:
            return cleaned
        options, explain = read_options(cleaned["options"])
        value = {
            "key": cleaned["key"],
            "type": cleaned["type"],
            "title": cleaned["title"],
            "help": cleaned["help"].replace("\r\n", "\n"),
            "required": cleaned["required"] if cleaned["required"] == BY_DEADLINE else cleaned["required"] == "true",
            "options": options,
            "explain": explain,
            "min": cleaned["min"],
            "max": cleaned["max"],
        }
        try:
            cleaned["question"] = Question.from_value(value, file="")
        except ProblemsFound as error:
            for problem in error.problems:
                field = problem.field.partition("[")[0].partition(".")[0]
                field = "options" if field == "explain" or "`options`" in problem.message else field
                self.add_error(field if field in self.fields else None, problem.message)
        return cleaned

    def has_changed(self) -> bool:
        """Whether anything is asked: a number or a tick alone asks nothing."""
        return any(name not in ("ORDER", "DELETE") for name in self.changed_data)

    @staticmethod
    def of(value: Any) -> dict[str, Any]:
        """A question as the row takes it, also one that would be refused: it has to be seen to be mended."""
        told = value if isinstance(value, dict) else {}
        options = [str(option) for option in told["options"]] if isinstance(told.get("options"), list) else []
        explained = told["explain"] if isinstance(told.get("explain"), dict) else {}
        explain = {str(option): str(text) for option, text in explained.items()}
        required = told.get("required") or ""
        return {
            "key": told.get("key", ""), "type": told.get("type", "text"),
            "required": "true" if required is True else required, "title": told.get("title", ""),
            "help": told.get("help", ""), "options": written_options(options, explain),
            "min": told.get("min"), "max": told.get("max"),
        }  # fmt: skip


class QuestionRows(BaseFormSet):  # type: ignore[type-arg]
    """The rows, in the order that their numbers say."""

    deletion_widget = UnfoldBooleanWidget
    ordering_widget = UnfoldAdminTextInputWidget

    def initial_form_count(self) -> int:
        """What was sent is judged by itself: a row that was emptied asks nothing."""
        return 0 if self.is_bound else int(super().initial_form_count())

    def clean(self) -> None:
        """No key twice."""
        keys: set[str] = set()
        for row in self.rows():
            key = row.cleaned_data.get("key", "")
            if key in keys:
                row.add_error("key", f"Another question has the key {key} already.")
            keys.add(key)

    def rows(self) -> list[forms.Form]:
        """What is filled in and not removed, in its order."""
        kept = [
            (row.cleaned_data.get("ORDER") or position + 1, position, row) for position, row in enumerate(self.forms)
            if row.has_changed() and not row.cleaned_data.get("DELETE")
        ]  # fmt: skip
        return [row for _, _, row in sorted(kept, key=lambda one: one[:2])]

    def faults(self) -> list[str]:
        """Each fault with the row and the field it is in."""
        sentences = [str(fault) for fault in self.non_form_errors()]
        for number, row in enumerate(self.rows(), start=1):
            for field, faults in row.errors.items():
                named = row.fields[field].label or field.capitalize() if field in row.fields else ""
                place = f"Question {number} ({row.data.get(row.add_prefix('key')) or 'without a key'})"
                sentences += [f"{place}{', ' if named else ''}{named}: {fault}" for fault in faults]
        return sentences


Rows = formset_factory(QuestionRow, formset=QuestionRows, extra=1, can_order=True, can_delete=True, max_num=200)


class QuestionsWidget(forms.Widget):
    """Shows the rows; without JavaScript, an empty one at the end adds a question, and numbers order them."""

    class Media:
        js = ("challenges/questions.js",)
        css = {"all": ("challenges/questions.css",)}

    def value_from_datadict(self, data: Any, files: Any, name: str) -> Any:
        """The rows as they were sent; where there are none, YAML as it stands in challenge.yaml."""
        return Rows(data, prefix=name) if f"{name}-TOTAL_FORMS" in data else data.get(name)

    def value_omitted_from_data(self, data: Any, files: Any, name: str) -> bool:
        """Whether the form did not hold the questions at all."""
        return name not in data and f"{name}-TOTAL_FORMS" not in data

    def id_for_label(self, id_: str | None) -> str:
        """There is no one box that a label could lead to."""
        return ""

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        """The rows, those that were sent with their faults."""
        rows = value if isinstance(value, QuestionRows) else Rows(
            initial=[QuestionRow.of(one) for one in value] if isinstance(value, list) else [], prefix=name
        )  # fmt: skip
        if rows.is_bound:
            rows.is_valid()  # the rows say their faults once they have been compared with each other
        return mark_safe(render_to_string("challenges/question_rows.html", {"rows": rows}))  # noqa: S308 - a template
