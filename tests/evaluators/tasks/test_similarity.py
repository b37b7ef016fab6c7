"""Similarity: a matrix for each item, against what people answered."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from evaluators.metrics.matrices import response_similarity, rsa
from evaluators.scoring import score_answers
from evaluators.selftest import selftest
from evaluators.suites import Suite, check_suite, open_suite, write_suite
from tests.evaluators.conftest import manifest

GOLDEN = json.loads((Path(__file__).parents[2] / "golden" / "similarity.json").read_text())
RANDOM = np.random.default_rng(1)
SHARES = RANDOM.dirichlet([1, 1, 1], 12).round(4).tolist()


def trials(path: Path, metric: str, *, targets: bool = True, fixed: bool = False) -> Path:
    head = manifest(task="similarity", metric=metric, chance=None, range=[-1 if metric == "rsa" else 0, 1])
    items = [
        {"id": f"gram-trog/{k}", "group": "g", "rows": [{"text": f"row {k}"}],
         "cols": [{"text": f"{chr(97 + (7 * k + j) % 26)}{j}"} for j in range(3)]}
        for k in range(12)
    ]  # fmt: skip
    gold = [
        {"id": f"gram-trog/{k}", "matrix": [SHARES[k]], **({"target": [0 if fixed else k % 3]} if targets else {})}
        for k in range(12)
    ]
    write_suite(path, head, items, gold, "Made for a test.")
    return path


def square(path: Path, matrix: list[list[float | None]]) -> Suite:
    head = manifest(task="similarity", metric="rsa", chance=None, range=[-1, 1])
    things = [{"text": f"thing {k}"} for k in range(len(matrix))]
    write_suite(path, head, [{"id": "sem-things/0", "rows": things, "cols": things}],
                [{"id": "sem-things/0", "matrix": matrix}], "Made for a test.")  # fmt: skip
    return open_suite(path)


def answered(matrices: list[Any]) -> dict[str, Any]:
    return {f"gram-trog/{k}": {0: {"matrix": one}} for k, one in enumerate(matrices)}


@pytest.mark.parametrize("metric", ["accuracy", "response-similarity", "rsa"])
def test_a_sound_suite_meets_every_expectation(tmp_path: Path, metric: str) -> None:
    path = trials(tmp_path / "s", metric)
    assert check_suite(path).problems == []
    assert [one for one in selftest(open_suite(path)) if not one.ok] == []


@pytest.mark.parametrize("case", GOLDEN["choices"], ids=lambda case: case["name"])
def test_response_similarity_equals_devbenchs_search(case: dict[str, Any]) -> None:
    model = [np.array([row]) for row in case["model"]]
    human = [np.array([row]) for row in case["human"]]
    value = response_similarity(model, human)(np.ones(len(model)))
    assert value == pytest.approx(case["response-similarity"], abs=1e-6)


def test_rsa_equals_scipys_spearman_below_the_diagonal(tmp_path: Path) -> None:
    suite = square(tmp_path / "s", GOLDEN["pairs"]["human"])
    scored = score_answers(suite, {"sem-things/0": {0: {"matrix": GOLDEN["pairs"]["model"]}}})
    measure = scored.document.metrics["rsa"]
    assert measure.value == pytest.approx(GOLDEN["pairs"]["rsa"], abs=1e-12)
    assert (measure.low, measure.high) == (None, None)  # one item says nothing of another


def test_rsa_does_not_depend_on_how_the_cells_are_cut_into_items() -> None:
    x, y = RANDOM.random(30), RANDOM.random(30)
    whole = rsa([x], [y])(np.ones(1))
    assert rsa(np.split(x, 5), np.split(y, 5))(np.ones(5)) == pytest.approx(whole, abs=1e-12)


def test_cells_that_nobody_was_asked_do_not_count(tmp_path: Path) -> None:
    human = [[None, None, None], [0.1, None, None], [None, 0.7, None]]
    suite = square(tmp_path / "s", human)
    answers = {"sem-things/0": {0: {"matrix": [[9, 9, 9], [0.2, 9, 9], [-50.0, 0.3, 9]]}}}
    assert score_answers(suite, answers).document.metrics["rsa"].value == pytest.approx(1)


def test_ties_for_the_largest_share_the_point(tmp_path: Path) -> None:
    suite = open_suite(trials(tmp_path / "s", "accuracy"))
    matrices = [[[1.0, 1.0, 0.0]]] * 12
    assert score_answers(suite, answered(matrices)).document.metrics["accuracy"].value == pytest.approx(8 / 12 / 2)


def test_a_gap_makes_the_correlation_undefined_and_is_reported(tmp_path: Path) -> None:
    suite = open_suite(trials(tmp_path / "s", "rsa"))
    document = score_answers(suite, answered([[[0.1 * k, 0.5, 0.2]] for k in range(11)])).document
    assert (document.metrics["rsa"].value, document.gaps) == (None, {"g": 1})


@pytest.mark.parametrize(
    ("metric", "changes", "word"),
    [("accuracy", {"targets": False}, "target"), ("accuracy", {"fixed": True}, "by position")],
)
def test_gold_that_the_metric_can_not_use_is_refused(
    tmp_path: Path, metric: str, changes: dict[str, bool], word: str
) -> None:
    problems = check_suite(trials(tmp_path / "s", metric, **changes)).problems
    assert problems[0].code == "E-SUITE-GOLD"
    assert word in problems[0].message
