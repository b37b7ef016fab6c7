"""Classification: joined on id, a gap is wrong, a constant predictor is named."""

from pathlib import Path
from typing import Any

import pytest

from evaluators.protocol.problems import ProblemsFound
from evaluators.requests import draw_requests, seed_key
from evaluators.scoring import score, score_answers
from evaluators.selftest import selftest
from evaluators.suites import Suite, check_suite, open_suite, write_suite
from evaluators.tasks.classification import ClassificationOptions
from sandbox.runner.errors import RunFailed
from sandbox.runner.finetune_settings import parse_finetuning
from tests.evaluators.conftest import manifest

GOLD = {"cola": [1, 0, 1, 1, 0, 1], "sst2": [0, 1, 0, 1, 1, 0]}


def folder(
    path: Path, *, gold: dict[str, list[Any]] | None = None, options: dict[str, Any] | None = None,
    train: list[dict[str, Any]] | None = None, metric: str = "accuracy",
) -> Path:  # fmt: skip
    """A suite of two groups, `<group>/<k>`."""
    gold = gold or GOLD
    options = options if options is not None else {"labels": {"all": [0, 1]}}
    low = -1 if metric in ("mcc", "by-group") else 0
    head = manifest(task="classification", metric=metric, chance=None, range=[low, 1], options=options)
    items = [
        {"id": f"{group}/{k}", "group": group, "text": f"{group} says {k}" + "!" * (k % 3)}
        for group, labels in gold.items()
        for k in range(len(labels))
    ]
    lines = [{"id": f"{group}/{k}", "label": one} for group, labels in gold.items() for k, one in enumerate(labels)]
    write_suite(path, head, items, lines, "Made for a test.", train or ())
    return path


def answers(labels: dict[str, list[Any]]) -> dict[str, dict[int, dict[str, Any]]]:
    return {f"{group}/{k}": {0: {"label": one}} for group, ones in labels.items() for k, one in enumerate(ones)}


def value(suite: Suite, labels: dict[str, list[Any]]) -> float | None:
    return score_answers(suite, answers(labels)).document.metrics[suite.manifest.metric].value


@pytest.mark.parametrize("metric", ["accuracy", "f1", "macro-f1", "mcc", "by-group"])
def test_a_sound_suite_meets_every_expectation(tmp_path: Path, metric: str) -> None:
    options = {"labels": {"all": [0, 1]}} | ({"metrics": {"cola": "mcc"}} if metric == "by-group" else {})
    path = folder(tmp_path / "s", metric=metric, options=options)
    assert check_suite(path).problems == []
    assert [one for one in selftest(open_suite(path)) if not one.ok] == []


def test_requests_hold_the_classes_in_order_and_no_gold(tmp_path: Path) -> None:
    suite = open_suite(folder(tmp_path / "s", options={"labels": {"cola": [1, 0], "all": [0, 1, "x"]}}))
    bodies = [{**one, "id": ""} for one in draw_requests(suite, key=seed_key(1)).requests]
    assert {tuple(one["labels"]) for one in bodies} == {(0, 1), (0, 1, "x")}
    assert {tuple(sorted(one)) for one in bodies} == {("id", "inputs", "labels", "task", "type")}


def test_classes_are_compared_as_text_and_scored_by_group(tmp_path: Path) -> None:
    suite = open_suite(folder(tmp_path / "s"))
    assert value(suite, {"cola": ["1", "0", "1", "1", "0", "0"], "sst2": GOLD["sst2"]}) == pytest.approx(
        (5 / 6 + 1) / 2
    )


def test_each_group_has_its_own_metric_where_the_suite_says_so(tmp_path: Path) -> None:
    options = {"labels": {"all": [0, 1]}, "metrics": {"cola": "mcc"}}
    suite = open_suite(folder(tmp_path / "s", metric="by-group", options=options))
    assert value(suite, {"cola": [1] * 6, "sst2": [0] * 6}) == pytest.approx((0 + 0.5) / 2)


def test_a_missing_answer_is_wrong_and_reported(tmp_path: Path) -> None:
    document = score_answers(open_suite(folder(tmp_path / "s")), answers({"cola": GOLD["cola"][:5]})).document
    assert document.metrics["accuracy"].value == pytest.approx(5 / 6 / 2)
    assert (document.gaps, document.complete, document.flags) == ({"cola": 1, "sst2": 6}, False, ("short-coverage",))


def test_a_constant_predictor_is_named_with_its_class(tmp_path: Path) -> None:
    suite = open_suite(folder(tmp_path / "s"))
    document = score_answers(suite, answers({"cola": [1] * 6, "sst2": GOLD["sst2"]})).document
    assert document.flags == ("constant-predictor", "constant-predictor cola: 1")
    assert score_answers(suite, answers(GOLD)).document.flags == ()


def test_the_interval_holds_the_value_and_does_not_depend_on_the_order_of_items(tmp_path: Path) -> None:
    gold = {"cola": [k % 2 for k in range(60)]}
    labels = {"cola": [k % 2 if k % 5 else 1 for k in range(60)]}
    suite = open_suite(folder(tmp_path / "s", gold=gold, metric="mcc"))
    measure = score_answers(suite, answers(labels)).document.metrics["mcc"]
    assert measure.low < measure.value < measure.high  # type: ignore[operator]
    assert measure.high - measure.low < 0.5  # type: ignore[operator]


def test_responses_are_scored_through_the_draw(tmp_path: Path) -> None:
    suite = open_suite(folder(tmp_path / "s"))
    draw = draw_requests(suite, key=seed_key(3))
    lines = [{"id": one["id"], "label": suite.gold[draw.resolve(one["id"])[0]].label} for one in draw.requests]
    assert score(suite, lines, draw=draw).document.metrics["accuracy"].value == 1


@pytest.mark.parametrize(
    ("changes", "code", "word"),
    [
        ({"options": {"labels": {"cola": [0, 1]}}}, "E-SUITE-LABELS", "'sst2'"),
        ({"options": {"labels": {"all": [0, 2]}}}, "E-SUITE-LABELS", "class 1"),
        ({"train": [{"id": "t/0", "group": "cola", "text": "x", "label": 1}]}, "E-SUITE-LABELS", "no line"),
        ({"train": [{"id": f"t/{g}", "group": g, "text": "x", "label": 7} for g in GOLD]}, "E-SUITE-LABELS", "class 7"),
        ({"metric": "f1", "options": {"labels": {"all": [0, 1, 2]}}}, "E-SUITE-METRIC", "f1"),
        ({"options": {"labels": {"all": [0, 1]}, "metrics": {"cola": "f1"}}}, "E-SUITE-METRIC", "'cola'"),
    ],
)
def test_a_suite_whose_classes_or_metric_do_not_fit_is_refused(
    tmp_path: Path, changes: dict[str, Any], code: str, word: str
) -> None:
    problems = check_suite(folder(tmp_path / "s", **changes)).problems
    assert problems[0].code == code
    assert word in str(problems[0])


@pytest.mark.parametrize(
    "options", [{}, {"labels": {"all": [1, "1"]}}, {"labels": {"all": [0, 1]}, "finetuning": {"epoch": 3}}]
)
def test_options_that_are_not_the_tasks_are_refused_by_field(tmp_path: Path, options: dict[str, Any]) -> None:
    with pytest.raises(ProblemsFound) as caught:
        open_suite(folder(tmp_path / "s", options=options))
    assert caught.value.problems[0].field.startswith("options.")


@pytest.mark.parametrize(
    ("finetuning", "ok"),
    [
        ({"patience": 3}, False),
        ({"patience": 3, "held_out": 0.1}, True),
        ({"held_out": 0.1, "tasks": {"cola": {"patience": 3}}}, True),
        ({"patience": 3, "held_out": 0.1, "tasks": {"cola": {"held_out": 0}}}, False),
        ({"tasks": {"cola": {"patience": 3}}}, False),
        ({"patience": 0}, True),
    ],
)
def test_training_stops_early_by_held_out_lines_alone(finetuning: dict[str, Any], ok: bool) -> None:
    """The runner refuses the same: patience without held-out lines would choose by the lines that are scored."""
    value = {"labels": {"all": [0, 1]}, "finetuning": finetuning}
    if ok:
        assert ClassificationOptions.model_validate(value).finetuning is not None
        parse_finetuning(finetuning)
        return
    with pytest.raises(ValueError, match="patience needs held_out"):
        ClassificationOptions.model_validate(value)
    with pytest.raises(RunFailed, match="patience"):
        parse_finetuning(finetuning)
