"""Questions about methods: what a document may ask, and what fits as an answer."""

import math
from typing import Any

import pytest

from evaluators.protocol.challenge import ChallengeDocument
from evaluators.protocol.problems import ProblemsFound
from evaluators.protocol.questions import Question, fault_of, in_words, is_empty, normal

CHOICE = {"key": "a", "type": "choice", "options": ["red", "blue"]}
PHASE = {"key": "dev", "opens": "2030-01-01T00:00", "closes": "2030-02-01T00:00"}


def question(**changes: Any) -> Question:
    """A question of text with changes."""
    return Question.from_value({"key": "a", "type": "text", **changes}, file="")


def test_a_question_comes_back_as_it_was_written() -> None:
    value = {
        "key": "approaches", "type": "multi", "title": "Approaches", "help": "All that apply.",
        "required": "by-deadline", "options": ["curriculum", "distillation"],
        "explain": {"curriculum": "Texts in an order of difficulty"},
    }  # fmt: skip
    read = Question.from_value(value, file="")
    assert read.to_value() == value
    assert Question.from_yaml(read.to_yaml(), file="") == read


@pytest.mark.parametrize("required", [True, False, "by-deadline"])
def test_an_answer_is_required_at_the_hand_in_by_the_deadline_or_not(required: bool | str) -> None:
    assert question(required=required).required == required


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"required": "later"}, "required"),
        ({"required": 1}, "required"),
        ({"options": ["red"]}, ""),
        ({"type": "choice"}, ""),
        ({"type": "choice", "options": ["red", "red"]}, "options"),
        ({"type": "choice", "options": [""]}, "options[0]"),
        ({"type": "choice", "options": ["red\nblue"]}, "options[0]"),
        ({"type": "choice", "options": ["red"], "explain": {"blue": "Like the sky"}}, ""),
        ({"min": 0}, ""),
        ({"type": "integer", "min": 3, "max": 2}, ""),
        ({"title": "two\nlines"}, "title"),
        ({"key": "Not A Key"}, "key"),
    ],
)
def test_a_question_that_means_nothing_is_refused(changes: dict[str, Any], field: str) -> None:
    with pytest.raises(ProblemsFound) as found:
        question(**changes)
    assert [problem.field for problem in found.value.problems] == [field]


@pytest.mark.parametrize(
    ("asked", "answer", "fits"),
    [
        ({"type": "integer"}, 3, True),
        ({"type": "integer"}, 3.0, False),
        ({"type": "integer"}, True, False),
        ({"type": "integer"}, 10**400, False),
        ({"type": "integer", "min": 1, "max": 5}, 0, False),
        ({"type": "integer", "min": 1, "max": 5}, 6, False),
        ({"type": "integer", "min": 1, "max": 5}, 5, True),
        ({"type": "number"}, 0.5, True),
        ({"type": "number"}, math.nan, False),
        ({"type": "number"}, "0.5", False),
        ({"type": "boolean"}, False, True),
        ({"type": "boolean"}, 0, False),
        ({"type": "text"}, "x" * 10_000, True),
        ({"type": "text"}, "x" * 10_001, False),
        ({"type": "text"}, "a\0b", False),
        (CHOICE, "red", True),
        (CHOICE, "green", False),
        (CHOICE, ["red"], False),
        ({**CHOICE, "type": "multi"}, ["blue", "red"], True),
        ({**CHOICE, "type": "multi"}, ["green"], False),
        ({**CHOICE, "type": "multi"}, "red", False),
    ],
)
def test_an_answer_fits_its_question_or_is_told_why_not(asked: dict[str, Any], answer: Any, fits: bool) -> None:
    assert (fault_of(answer, question(**asked)) == "") is fits


def test_no_and_nought_are_answers() -> None:
    assert [is_empty(answer) for answer in (None, "", [], False, 0, 0.0, "no")] == [True] * 3 + [False] * 4


def test_an_answer_is_kept_in_one_form() -> None:
    assert normal(" a\r\nb\r ") == "a\nb"
    assert normal(["red", "blue", "red"]) == ["red", "blue"]
    assert normal("  ") is None
    assert normal(False) is False


@pytest.mark.parametrize(
    ("answer", "words"),
    [(True, "yes"), (False, "no"), (1_000_000, "1,000,000"), (0.0003, "0.0003"), (["a", "b"], "a, b"), (None, "")],
)
def test_answers_read_as_people_write_them(answer: Any, words: str) -> None:
    assert in_words(answer) == words


def document(**track: Any) -> ChallengeDocument:
    """A challenge of one track, in Berlin."""
    whole = {"key": "strict", "kinds": ["model"], "phases": [PHASE], **track}
    value = {
        "schema": "challenge/1", "key": "heron", "title": "Heron", "timezone": "Europe/Berlin", "tracks": [whole],
    }  # fmt: skip
    return ChallengeDocument.from_value(value, file="")


def test_the_deadline_for_answers_is_in_the_challenges_zone() -> None:
    plain, moved = document(metadata_until="2030-03-01T12:00"), document(metadata_until="2030-03-01T11:00:00Z")
    assert plain == moved
    assert plain.to_value()["tracks"][0]["metadata_until"] == "2030-03-01T12:00:00"


def test_a_deadline_for_answers_before_anybody_can_enter_is_refused() -> None:
    with pytest.raises(ProblemsFound, match="metadata_until"):
        document(metadata_until="2029-12-31T12:00")
