"""A manifest against the rules of the tracks it enters."""

import math
from typing import Any

import pytest

from challenges.models import Track
from submissions.manifests import check_against_track, check_against_tracks

from .conftest import manifest

QUESTIONS: list[dict[str, Any]] = [
    {"key": "epochs", "type": "integer", "required": True, "min": 1, "max": 10},
    {"key": "hours", "type": "number", "min": 0},
    {"key": "open_data", "type": "boolean"},
    {"key": "notes", "type": "text"},
    {"key": "size", "type": "choice", "options": ["small", "large"]},
    {"key": "tricks", "type": "multi", "options": ["a", "b"]},
]
MODEL: dict[str, Any] = {"kind": "model", "code": None, "model": {"backend": "masked"}}


def track(**fields: Any) -> Track:
    return Track(**{"title": "Small", "kinds": ["model", "code"], **fields})


def found(changes: dict[str, Any], **fields: Any) -> list[tuple[str, str]]:
    return [(problem.code, problem.field) for problem in check_against_track(manifest(**changes), track(**fields))]


def test_a_kind_that_the_track_does_not_take_is_named() -> None:
    assert found({}, kinds=["model"]) == [("E-SUB-KIND", "kind")]


def test_a_backend_that_the_track_does_not_take_is_named() -> None:
    assert found(MODEL, backends=["causal"]) == [("E-SUB-BACKEND", "model.backend")]
    assert found(MODEL, backends=[]) == []


@pytest.mark.parametrize(
    "answers",
    [
        {"epochs": 1},
        {"epochs": 10, "hours": 0.5, "open_data": False, "notes": "none", "size": "small", "tricks": ["a", "b"]},
        {"epochs": 2, "hours": 3, "notes": "", "size": "", "tricks": []},
    ],
)
def test_answers_within_the_rules_are_taken(answers: dict[str, Any]) -> None:
    assert found({"answers": answers}, questions=QUESTIONS) == []


@pytest.mark.parametrize(
    ("key", "answer"),
    [
        ("epochs", 0), ("epochs", 11), ("epochs", 1.5), ("epochs", True), ("epochs", "3"), ("hours", -1),
        ("hours", "long"), ("open_data", "yes"), ("open_data", 1), ("notes", 5), ("notes", "x" * 10_001),
        ("size", "huge"), ("size", ["small"]), ("tricks", "a"), ("tricks", ["a", "c"]), ("tricks", [["a"]]),
    ],
)  # fmt: skip
def test_an_answer_outside_the_rules_is_named(key: str, answer: Any) -> None:
    answers = {"epochs": 1, key: answer}
    assert found({"answers": answers}, questions=QUESTIONS) == [("E-SUB-ANSWER", f"answers.{key}")]


def test_a_required_answer_that_is_missing_is_named() -> None:
    assert found({}, questions=QUESTIONS) == [("E-SUB-ANSWER", "answers.epochs")]


def test_an_answer_that_nobody_asked_for_is_named() -> None:
    assert found({"answers": {"flops": 1}}) == [("E-SUB-ANSWER", "answers.flops")]


def test_an_answer_may_be_to_another_track_that_is_entered_too() -> None:
    asking, silent = track(key="a", questions=QUESTIONS), track(key="b")
    assert check_against_tracks(manifest(answers={"epochs": 1}), [asking, silent]) == []
    assert [problem.field for problem in check_against_tracks(manifest(), [silent, asking])] == ["answers.epochs"]


WORDS = {"words": 100, "words_seen": 1000, "epochs": 10}
DECLARED: dict[str, Any] = {
    "data": {"words_seen": 1000, "corpora": [{"name": "a", "words": 60}, {"name": "b", "words": 40}]},
    "answers": {"epochs": 10},
}


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"data": {"words_seen": 9, "corpora": [{"name": "a", "words": 60}, {"name": "b", "words": 41}]}},
         "data.corpora"),
        ({"data": {"words_seen": 1001, "corpora": [{"name": "a", "words": 9}]}}, "data.words_seen"),
        ({"answers": {"epochs": 11}}, "answers.epochs"),
        ({"answers": {"epochs": 10.5}}, "answers.epochs"),
    ],
)  # fmt: skip
def test_declared_figures_over_the_budget_are_named(changes: dict[str, Any], field: str) -> None:
    assert found({**DECLARED, **changes}, budget=WORDS) == [("E-SUB-BUDGET", field)]


def test_declared_figures_within_the_budget_are_taken() -> None:
    assert found(DECLARED, budget={**WORDS, "teachers": ["gpt2"]}) == []


@pytest.mark.parametrize(
    ("budget", "data", "field"),
    [
        ("words", None, "data.corpora"),
        ("words", {"words_seen": 5}, "data.corpora"),
        ("words", {"corpora": [{"name": "a", "words": 1}, {"name": "b"}]}, "data.corpora"),
        ("words_seen", None, "data.words_seen"),
        ("words_seen", {"corpora": [{"name": "a", "words": 1}]}, "data.words_seen"),
    ],
)
def test_what_the_budget_bounds_must_be_declared(budget: str, data: dict[str, Any] | None, field: str) -> None:
    changes = {"data": data} if data else {}
    assert found(changes, budget={budget: 100}) == [("E-SUB-BUDGET", field)]


def test_who_has_seen_no_words_has_no_corpus_to_declare() -> None:
    assert found({"data": {"words_seen": 0}}, budget={"words": 100, "words_seen": 1000}) == []


def test_a_budget_of_epochs_asks_for_them_even_where_the_track_does_not() -> None:
    asked = [{"key": "epochs", "type": "integer"}]
    for questions in ([], asked):
        assert found({}, budget={"epochs": 10}, questions=questions) == [("E-SUB-ANSWER", "answers.epochs")]
        assert found({"answers": {"epochs": 0}}, budget={"epochs": 10}, questions=questions) == []
    assert found({"answers": {"epochs": 2.5}}, budget={"epochs": 10}) == []


def test_without_a_budget_nothing_must_be_declared() -> None:
    assert found({}, budget={"byte_premium": "table", "tolerance": 0.02, "teachers": ["gpt2"]}) == []


def test_several_checkpoints_are_refused_until_a_track_scores_them() -> None:
    checkpoints = [{"name": "1M", "words": 1_000_000, "path": "a"}]
    assert found({"checkpoints": checkpoints}) == [("E-SUB-CHECKPOINTS", "checkpoints")]


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_an_answer_that_is_no_finite_number_is_refused(number: float) -> None:
    questions = [{"key": "rate", "type": "number"}]
    assert found({"answers": {"rate": number}}, questions=questions) == [("E-SUB-ANSWER", "answers.rate")]


def test_what_is_asked_by_the_deadline_may_be_left_out_at_the_hand_in_and_not_answered_wrongly() -> None:
    questions = [{"key": "rate", "type": "number", "required": "by-deadline"}]
    assert found({}, questions=questions) == []
    assert found({"answers": {"rate": 0.5}}, questions=questions) == []
    assert found({"answers": {"rate": "fast"}}, questions=questions) == [("E-SUB-ANSWER", "answers.rate")]
