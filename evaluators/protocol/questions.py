"""A track's questions about the method: typed, required where the track says, and what fits as an answer."""

import math
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, model_validator

from evaluators.protocol.documents import MAX_INTEGER, Document
from evaluators.protocol.values import distinct

QuestionType = Literal["integer", "number", "text", "boolean", "choice", "multi"]
BY_DEADLINE: Literal["by-deadline"] = "by-deadline"
MAX_TEXT = 10_000


def _one_line(value: str) -> str:
    if "\n" in value or "\r" in value:
        raise ValueError("write it on one line")
    return value


def _when(value: Any) -> Any:
    if isinstance(value, bool) or value == BY_DEADLINE:
        return value
    raise ValueError(f"write true, false or {BY_DEADLINE}")


# Whether an answer is needed at the hand-in, or may follow until the track's metadata deadline.
Required = Annotated[bool | Literal["by-deadline"], BeforeValidator(_when)]
Option = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200), AfterValidator(_one_line)
]
Line = Annotated[str, StringConstraints(strip_whitespace=True, max_length=300), AfterValidator(_one_line)]


class Question(Document):
    """A question of the track's own about the method, answered in the manifest under `answers`, or on its page later.

    `required`: true asks for an answer at the hand-in, `by-deadline` until the track's metadata deadline. `explain`
    says of options what they mean.
    """

    key: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,59}$")]
    type: QuestionType
    title: Line = ""
    help: Annotated[str, StringConstraints(max_length=2_000)] = ""
    required: Required = False
    options: Annotated[tuple[Option, ...], AfterValidator(distinct)] = ()
    explain: dict[Option, Line] = Field(default_factory=dict)
    min: float | None = None
    max: float | None = None

    @model_validator(mode="after")
    def _options_where_chosen(self) -> Self:
        if (self.type in ("choice", "multi")) != bool(self.options):
            raise ValueError("`options` belong to the types choice and multi, and only to these")
        return self

    @model_validator(mode="after")
    def _explains_its_options(self) -> Self:
        strange = next((option for option in self.explain if option not in self.options), None)
        if strange is not None:
            raise ValueError(f"`explain` names {strange!r}, which is none of the options")
        return self

    @model_validator(mode="after")
    def _bounds_of_numbers(self) -> Self:
        if (self.min is not None or self.max is not None) and self.type not in ("integer", "number"):
            raise ValueError("`min` and `max` belong to the types integer and number, and only to these")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError("`min` is above `max`, so that no answer fits")
        return self

    @property
    def label(self) -> str:
        """The title, or the key in words."""
        return self.title or self.key.replace("_", " ").capitalize()


def is_empty(answer: Any) -> bool:
    """Whether this is no answer: nothing, an empty text, no option."""
    return answer is None or answer in ("", [])


def normal(answer: Any) -> Any:
    """An answer in the form in which it is kept: line breaks of one kind, no option twice, None for none."""
    if isinstance(answer, list) and all(isinstance(option, str) for option in answer):
        answer = list(dict.fromkeys(answer))
    if isinstance(answer, str):
        answer = answer.replace("\r\n", "\n").replace("\r", "\n").strip()
    return None if is_empty(answer) else answer


def fault_of(answer: Any, question: Question) -> str:
    """What is wrong with an answer, as a sentence without a full stop; empty where nothing is."""
    if question.type in ("integer", "number"):
        return _number_fault(answer, question)
    if question.type == "boolean":
        return "" if isinstance(answer, bool) else f"{question.key} takes true or false"
    if question.type == "text":
        fits = isinstance(answer, str) and len(answer) <= MAX_TEXT and "\0" not in answer
        return "" if fits else f"{question.key} takes a text"
    chosen = answer if question.type == "multi" else [answer]
    if not isinstance(chosen, list) or any(option not in question.options for option in chosen):
        return f"{question.key} takes {'some' if question.type == 'multi' else 'one'} of: {', '.join(question.options)}"
    return ""


def _number_fault(answer: Any, question: Question) -> str:
    number = isinstance(answer, int | float) and not isinstance(answer, bool)
    number = number and (abs(answer) < MAX_INTEGER if isinstance(answer, int) else math.isfinite(answer))
    if not number or (question.type == "integer" and not isinstance(answer, int)):
        return f"{question.key} takes {'a whole number' if question.type == 'integer' else 'a number'}"
    if question.min is not None and answer < question.min:
        return f"{question.key} must be at least {question.min:g}"
    if question.max is not None and answer > question.max:
        return f"{question.key} must be at most {question.max:g}"
    return ""


def in_words(answer: Any) -> str:
    """An answer as people read it: `yes`, `1,000,000`, `curriculum, distillation`; empty for none."""
    if is_empty(answer):
        return ""
    if isinstance(answer, bool):
        return "yes" if answer else "no"
    if isinstance(answer, int):
        return f"{answer:,}"
    if isinstance(answer, float):
        return f"{answer:,.10g}"
    if isinstance(answer, list):
        return ", ".join(in_words(one) for one in answer)
    if isinstance(answer, Mapping):
        return ", ".join(f"{name}: {in_words(one)}" for name, one in answer.items())
    return str(answer)
