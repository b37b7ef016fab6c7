"""The paired draws of a suite's score, through its own metric and aggregate."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from evaluators.drawing import draws_of_mean, draws_of_metric, group_weights, ranked_metric
from evaluators.protocol.suite import SuiteManifest
from evaluators.scoring import score_answers
from evaluators.statistics.draws import interval_of
from evaluators.statistics.intervals import wilson
from evaluators.suites import open_suite, write_suite

MANIFEST = {"task": "choice", "metric": "accuracy"}
ALONE = [str(number) for number in range(200)]
ONES = np.ones(200)
RIGHT = np.array([1.0] * 150 + [0.0] * 50)


Floats = NDArray[np.float64]


def draws(
    scores: Floats,
    *,
    aggregate: object = "micro",
    groups: list[str] | None = None,
    clusters: list[str] | None = None,
) -> NDArray[np.float32]:
    found = draws_of_mean(
        {**MANIFEST, "aggregate": aggregate}, "digest", groups or ["all"] * 200, clusters or ALONE, ONES, scores
    )
    assert found is not None
    return found


def test_the_interval_of_a_share_is_near_wilsons() -> None:
    interval, expected = interval_of(draws(RIGHT)), wilson(150, 200)
    assert interval is not None
    assert (interval.low, interval.high) == pytest.approx((expected.low, expected.high), abs=0.012)


def test_two_submissions_take_the_same_items_in_each_draw() -> None:
    better = RIGHT.copy()
    better[150:160] = 1.0
    differences = draws(better) - draws(RIGHT)
    # Whoever is better on ten items and worse on none is worse in no draw.
    assert differences.min() >= 0
    assert differences.mean() == pytest.approx(0.05, abs=0.005)


def test_items_of_a_cluster_are_drawn_together() -> None:
    clusters = [str(number // 50) for number in range(200)]
    assert draws(RIGHT, clusters=clusters).std() > 3 * draws(RIGHT).std()


def test_groups_weigh_as_the_suite_says() -> None:
    groups = ["small"] * 20 + ["large"] * 180
    right = np.array([1.0] * 20 + [0.5] * 180)
    assert draws(right, aggregate="macro", groups=groups).mean() == pytest.approx(0.75)
    weighted = draws(right, aggregate={"weights": {"small": 3, "large": 1}}, groups=groups)
    assert weighted.mean() == pytest.approx(0.875)
    assert draws(right, groups=groups).mean() == pytest.approx(0.55, abs=0.01)


def test_weights_of_groups_follow_the_manifest() -> None:
    assert group_weights("micro", ["a"]) is None
    assert group_weights("macro", ["a", "b"]) == {"a": 1.0, "b": 1.0}
    assert group_weights({"weights": {"a": 2}}, ["a", "b"]) == {"a": 2.0, "b": 1.0}


def test_an_unknown_task_or_metric_has_none() -> None:
    assert ranked_metric({"task": "none", "metric": "accuracy"}) is None
    assert ranked_metric({"task": "choice", "metric": "none"}) is None


def test_a_metric_that_is_no_mean_is_computed_anew_in_each_draw(tmp_path: Path) -> None:
    manifest = {
        "schema": "suite/1", "key": "labels", "title": "Labels", "version": "1", "task": "classification",
        "metric": "macro-f1", "range": [0, 1], "direction": "higher", "license": "CC0-1.0", "aggregate": "micro",
        "options": {"labels": {"all": [0, 1]}},
    }  # fmt: skip
    items = [{"id": f"text/{number:03}", "group": "all", "text": f"Text {number}."} for number in range(60)]
    gold = [{"id": item["id"], "label": number % 2} for number, item in enumerate(items)]
    write_suite(tmp_path, SuiteManifest.from_value(manifest, file="suite.yaml"), items, gold, readme="Made.\n")
    suite = open_suite(tmp_path)
    # Every fifth label is the wrong one.
    answers = {item["id"]: {0: {"label": (number + (number % 5 == 0)) % 2}} for number, item in enumerate(items)}
    scored = score_answers(suite, answers)
    found = draws_of_metric(suite, {item.item_id: item for item in scored.items})
    measured = scored.document.metrics["macro-f1"]
    assert found is not None
    interval = interval_of(found)
    assert interval is not None
    assert found.mean() == pytest.approx(measured.value, abs=0.02)
    assert (interval.low, interval.high) == pytest.approx((measured.low, measured.high), abs=0.05)
    assert draws_of_metric(suite, {}) is None
