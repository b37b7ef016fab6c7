"""Native lines hold what the suite's task takes."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from evaluators.predictions import score_predictions
from evaluators.protocol.problems import ProblemsFound
from evaluators.suites import Suite

MakeSuite = Callable[..., Suite]
FORM = {"chance": None, "range": [-1, 1]}
TASKS: dict[str, tuple[dict[str, Any], dict[str, Any], dict[str, Any]]] = {
    "probability": (
        {"choices": [{"continuation": "a"}, {"continuation": "b"}]},
        {"probability": 0.5},
        FORM | {"metric": "spearman"},
    ),
    "classification": ({"text": "x"}, {"label": 1}, FORM | {"metric": "mcc", "options": {"labels": {"all": [0, 1]}}}),
    "surprisal": (
        {"words": ["a", "b"], "covariates": {"length": [1, 2]}},
        {"measures": {"time": [1.0, 2.0]}},
        {"metric": "partial_r2", "chance": None, "range": [0, 100],
         "options": {"measures": ["time"], "baseline": ["length"]}},
    ),
    "acquisition": (
        {"word": "dog", "contexts": ["the ", "a "]}, {"months": [10], "known": [0.5]}, FORM | {"metric": "pearson"},
    ),
    "similarity": (
        {"rows": [{"text": "a"}], "cols": [{"text": "b"}, {"text": "c"}]}, {"matrix": [[1.0, 2.0]]},
        FORM | {"metric": "rsa"},
    ),
}  # fmt: skip


def suite_of(make: MakeSuite, task: str) -> Suite:
    item, gold, head = TASKS[task]
    return make([{"id": "i/0", **item}], [{"id": "i/0", **gold}], task=task, **head)


@pytest.mark.parametrize(
    ("task", "answer"),
    [
        ("probability", {"probability": 0.83}),
        ("classification", {"label": 1}),
        ("classification", {"label": "1"}),
        ("surprisal", {"surprisals": [1.5, 0]}),
        ("acquisition", {"surprisals": [1.5, 0], "checkpoint": "chck_1M"}),
        ("similarity", {"matrix": [[0.5, -2]]}),
    ],
)
def test_a_line_is_an_answer_to_its_item(make_suite: MakeSuite, task: str, answer: dict[str, Any]) -> None:
    data = json.dumps({"id": "i/0", **answer}).encode()
    assert score_predictions(suite_of(make_suite, task), data, format="native").document.complete


@pytest.mark.parametrize(
    ("task", "answer", "code"),
    [
        ("probability", {"probability": 1.1}, "E-PRED-VALUE"),
        ("probability", {"choice": 1}, "E-PRED-FIELD"),
        ("classification", {"label": 1.5}, "E-PRED-VALUE"),
        ("classification", {"label": ""}, "E-PRED-VALUE"),
        ("surprisal", {"surprisals": [1.5]}, "E-PRED-VALUE"),
        ("surprisal", {"surprisals": [1.5, -1]}, "E-PRED-VALUE"),
        ("surprisal", {"surprisals": [1.5, 1], "checkpoint": "chck_1M"}, "E-PRED-CHECKPOINT"),
        ("acquisition", {"surprisals": [1.5, 1]}, "E-PRED-CHECKPOINT"),
        ("acquisition", {"surprisals": [1.5], "checkpoint": "chck_1M"}, "E-PRED-VALUE"),
        ("similarity", {"matrix": [[1, 2], [3, 4]]}, "E-PRED-VALUE"),
        ("similarity", {"matrix": [["1", 2]]}, "E-PRED-VALUE"),
    ],
)
def test_a_line_that_is_no_answer_is_refused(
    make_suite: MakeSuite, task: str, answer: dict[str, Any], code: str
) -> None:
    with pytest.raises(ProblemsFound) as caught:
        score_predictions(suite_of(make_suite, task), json.dumps({"id": "i/0", **answer}).encode(), format="native")
    assert caught.value.problems[0].code == code


def test_a_word_has_a_line_for_each_checkpoint_and_not_two(make_suite: MakeSuite) -> None:
    lines = [{"id": "i/0", "surprisals": [3.0, 2.0], "checkpoint": f"chck_{n}M"} for n in (10, 1)]
    suite = suite_of(make_suite, "acquisition")
    scored = score_predictions(suite, "\n".join(map(json.dumps, lines)).encode(), format="native")
    assert scored.items[0].values == (2.5, 2.5)
    with pytest.raises(ProblemsFound, match="line 1 too"):
        score_predictions(suite, "\n".join(map(json.dumps, [lines[0]] * 2)).encode(), format="native")
