"""The prediction files of every BabyLM year: joined on id, faults counted by task."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from evaluators.predictions import score_predictions
from evaluators.predictions.parts import PARTS, YEARS
from evaluators.protocol.problems import ProblemsFound
from evaluators.suites import Suite

MakeSuite = Callable[..., Suite]
LABELS = {"labels": {"all": [0, 1, 2]}}


def classes(make: MakeSuite, sizes: dict[str, int], key: str = "glue") -> Suite:
    items = [{"id": f"{name}/{k}", "group": name, "text": "x"} for name, n in sizes.items() for k in range(n)]
    gold = [{"id": one["id"], "label": 1} for one in items]
    return make(items, gold, key=key, task="classification", chance=None, options=LABELS)


def lists(subtasks: dict[str, list[Any]]) -> dict[str, Any]:
    return {
        name: {"predictions": [{"id": f"{name}_{k}", "pred": one} for k, one in enumerate(preds)]}
        for name, preds in subtasks.items()
    }


def refused(suite: Suite, data: bytes, format: str) -> list[Any]:  # noqa: A002
    with pytest.raises(ProblemsFound) as caught:
        score_predictions(suite, data, format=format)
    return list(caught.value.problems)


def test_a_line_of_2023_is_a_subtask_whatever_type_its_classes_have(make_suite: MakeSuite) -> None:
    suite = classes(make_suite, {"mnli": 2, "rte": 1})
    lines = [
        {
            "task": "glue",
            "sub_task": "mnli",
            "predictions": [{"id": "mnli_1", "pred": "0"}, {"id": "mnli_0", "pred": 1}],
        },
        {"task": "blimp", "sub_task": "x", "predictions": []},
    ]
    data = "\n".join(map(json.dumps, lines)).encode()
    document = score_predictions(suite, data, format="babylm-2023").document
    assert (document.groups["mnli"]["accuracy"].value, document.gaps) == (0.5, {"rte": 1})
    assert document.ignored == ("blimp",)


def test_faults_are_told_by_task_with_their_number(make_suite: MakeSuite) -> None:
    part = lists({"mnli": [1] * 5, "rte": [1, 1, 1]})
    part["mnli"]["predictions"] += [{"id": "mnli_0", "pred": 1}] * 3
    problems = refused(classes(make_suite, {"mnli": 2, "rte": 1}), json.dumps({"glue": part}).encode(), "babylm-2024")
    found = {(one.code, one.field) for one in problems}
    assert found == {
        ("E-PRED-UNKNOWN-ID", "glue.mnli.predictions[2]"),
        ("E-PRED-DUPLICATE", "glue.mnli.predictions[5]"),
        ("E-PRED-UNKNOWN-ID", "glue.rte.predictions[1]"),
    }
    assert "and 2 more in mnli" in problems[0].message


def test_names_of_subtasks_are_compared_without_case_and_continuations_alone_count(make_suite: MakeSuite) -> None:
    items = [{"id": "vqa/0", "choices": [{"context": "Which?", "continuation": " Red"}, {"continuation": " blue"}]}]
    suite = make_suite(items, [{"id": "vqa/0", "gold": 0}], key="vqa-filtered")
    for text in ("red", "which? RED "):
        data = json.dumps({"vqa": lists({"VQA": [text]})}).encode()
        assert score_predictions(suite, data, format="babylm-2025").document.metrics["accuracy"].value == 1


def test_examples_are_joined_on_their_own_ids(make_suite: MakeSuite) -> None:
    items = [{"id": "global_piqa_parallel/ex_7", "choices": [{"continuation": "a"}, {"continuation": "b"}]}]
    suite = make_suite(items, [{"id": "global_piqa_parallel/ex_7", "gold": 1}], key="global-piqa-parallel-eng")
    data = json.dumps({"global_piqa_parallel": {"ex_7": {"predictions": [{"id": "ex_7_0", "pred": " b"}]}}}).encode()
    assert score_predictions(suite, data, format="babylm-2025").document.metrics["accuracy"].value == 1


def test_a_probability_is_that_of_the_first_form(make_suite: MakeSuite) -> None:
    items = [{"id": f"wug_adj/{k}", "choices": [{"continuation": "a"}, {"continuation": "b"}]} for k in range(4)]
    gold = [{"id": f"wug_adj/{k}", "probability": k / 4} for k in range(4)]
    suite = make_suite(items, gold, key="wug-adj", task="probability", metric="spearman", chance=None, range=[-1, 1])
    preds = [{"id": f"wug_adj_nominalization_{k}", "pred": "a", "prob": 0.1 + k / 8} for k in range(4)]
    part = {"wug_adj": {"wug_adj_nominalization": {"predictions": preds}}}
    document = score_predictions(suite, json.dumps(part).encode(), format="babylm-2025").document
    assert document.metrics["spearman"].value == pytest.approx(1)
    preds[0]["prob"] = float("nan")
    assert refused(suite, json.dumps(part).encode(), "babylm-2025")[0].code == "E-PRED-VALUE"


def reading(make: MakeSuite) -> Suite:
    items = [
        {"id": f"reading/{k}", "words": list("abcd"), "covariates": {"row": [None, *rows], "length": [1, 2, 3, 5]}}
        for k, rows in enumerate([(2, 0, 1), (5, 4, 3)])
    ]
    gold = [{"id": f"reading/{k}", "measures": {"time": [None, 1.0, 4.0 + k, 2.0]}} for k in range(2)]
    options = {"measures": ["time"], "baseline": ["length"], "previous": ["surprisal"], "products": False}
    return make(items, gold, key="reading", task="surprisal", metric="partial_r2", chance=None, range=[0, 100],
                options=options)  # fmt: skip


def words(**changes: Any) -> bytes:
    preds: list[dict[str, Any]] = [{"id": k, "pred": 1.0 + k % 3, "prev_pred": float("nan")} for k in range(6)]
    preds[5].update(changes)
    return json.dumps({"reading": {"reading": {"predictions": preds}}}).encode()


def test_words_are_joined_on_their_row_and_only_the_previous_surprisal_may_be_nan(make_suite: MakeSuite) -> None:
    suite = reading(make_suite)
    scored = score_predictions(suite, words(), format="babylm-2025")
    assert scored.items[0].values[1:] == (3.0, 1.0, 2.0)  # type: ignore[index]
    assert scored.document.complete
    for changes, code in (
        ({"pred": float("nan")}, "E-PRED-VALUE"),
        ({"pred": -1.0}, "E-PRED-VALUE"),
        ({"id": 0}, "E-PRED-DUPLICATE"),
        ({"id": 77}, "E-PRED-UNKNOWN-ID"),
    ):
        assert refused(suite, words(**changes), "babylm-2025")[0].code == code


def acquisition(make: MakeSuite) -> Suite:
    items = [{"id": word, "word": word, "contexts": ["the ", "a "]} for word in ("dog", "cat")]
    gold = [{"id": word, "months": [10, 20], "known": [0.1, 0.9]} for word in ("dog", "cat")]
    return make(items, gold, key="aoa", task="acquisition", metric="pearson", chance=None, range=[-1, 1])


def results(**changes: Any) -> list[dict[str, Any]]:
    rows = [
        {"step": step, "target_word": word, "context_id": k, "context": "x", "surprisal": 5.0 - k}
        for step in ("chck_10M", "chck_1M")
        for word in ("dog", "cat")
        for k in range(2)
    ]
    rows[-1].update(changes)
    return rows


@pytest.mark.parametrize("part", ["aoa", "aoa_surprisals"])
def test_surprisals_of_words_are_joined_on_checkpoint_word_and_context(make_suite: MakeSuite, part: str) -> None:
    suite = acquisition(make_suite)
    scored = score_predictions(suite, json.dumps({part: {"results": results()}}).encode(), format="babylm-2025")
    assert scored.document.complete
    assert scored.items[0].values == (4.5, 4.5)
    for changes, code in (
        ({"step": "last"}, "E-PRED-CHECKPOINT"),
        ({"target_word": "cow"}, "E-PRED-UNKNOWN-ID"),
        ({"context_id": 2}, "E-PRED-UNKNOWN-ID"),
        ({"context_id": 0}, "E-PRED-DUPLICATE"),
        ({"surprisal": float("nan")}, "E-PRED-VALUE"),
    ):
        data = json.dumps({part: {"results": results(**changes)}}).encode()
        assert refused(suite, data, "babylm-2025")[0].code == code


@pytest.mark.parametrize(
    ("taken", "sentence"),
    [(("chck_1M", "chck_10M", "chck_20M"), "no answers: chck_20M"), (("chck_1M",), "no checkpoint is called chck_10M")],
)
def test_nobody_chooses_the_checkpoints_of_the_curve_that_is_scored(
    make_suite: MakeSuite, taken: tuple[str, ...], sentence: str
) -> None:
    suite, data = acquisition(make_suite), json.dumps({"aoa": {"results": results()}}).encode()
    assert score_predictions(suite, data, format="babylm-2025", checkpoints=("chck_1M", "chck_10M")).document.complete
    with pytest.raises(ProblemsFound, match=sentence) as found:
        score_predictions(suite, data, format="babylm-2025", checkpoints=taken)
    assert found.value.problems[0].code == "E-PRED-CHECKPOINT"


@pytest.mark.parametrize(("format", "name"), [("babylm-2024", "gram-trog"), ("babylm-2025", "trog")])
def test_matrices_have_the_target_first_under_the_names_of_either_year(
    make_suite: MakeSuite, format: str, name: str  # noqa: A002
) -> None:  # fmt: skip
    items = [
        {"id": f"gram-trog/{k}", "rows": [{"text": "r"}], "cols": [{"text": f"{j}"} for j in range(3)]}
        for k in range(2)
    ]
    gold = [{"id": f"gram-trog/{k}", "matrix": [[0.2, 0.6, 0.2]], "target": [k + 1]} for k in range(2)]
    suite = make_suite(items, gold, key="devbench-grammatical", task="similarity", chance=None)
    matrix: list[Any] = [[[0.9], [0.1], [0.2]], [[0.3], [0.5], [0.1]]]
    part = {"devbench": {name: {"predictions": matrix}, "sem-things": {"predictions": []}}}
    scored = score_predictions(suite, json.dumps(part).encode(), format=format)
    assert [one.values for one in scored.items] == [(0.1, 0.9, 0.2), (0.5, 0.1, 0.3)]
    assert [one.score for one in scored.items] == [1, 0]
    assert scored.document.ignored == ("devbench.sem-things",)
    matrix.append([[0.0]] * 3)
    assert refused(suite, json.dumps(part).encode(), format)[0].code == "E-PRED-UNKNOWN-ID"
    matrix[2:] = []
    matrix[0][0] = [float("inf")]
    assert refused(suite, json.dumps(part).encode(), format)[0].code == "E-PRED-VALUE"


def test_scores_that_a_team_computed_itself_are_kept_apart(make_suite: MakeSuite) -> None:
    suite = classes(make_suite, {"rte": 1})
    fast = {"glue": [{"rte": 0.9}, None, {"rte": float("nan")}], "blimp": [{"x": 1}]}
    data = json.dumps({"glue": lists({"rte": [1]}), "fast_eval_results": fast}).encode()
    document = score_predictions(suite, data, format="babylm-2025").document
    assert document.self_reported == {"fast_eval_results.glue[0].rte": 0.9, "fast_eval_results.glue[2].rte": None}
    assert list(document.metrics) == ["accuracy", "f1", "macro-f1", "mcc", "by-group"]


def test_a_suite_without_a_part_in_the_format_is_refused(make_suite: MakeSuite) -> None:
    assert refused(classes(make_suite, {"x": 1}, key="msgs"), b"{}", "babylm-2024")[0].code == "E-PRED-KIND"
    assert refused(classes(make_suite, {"x": 1}), b'{"glue": null}', "babylm-2025")[0].code == "E-PRED-FORMAT"
    assert (
        refused(classes(make_suite, {"x": 1}), b'{"task": "blimp", "sub_task": "x"}', "babylm-2023")[0].field == "task"
    )
    assert all(any(part.names(year) for year in YEARS) for part in PARTS.values())


@pytest.mark.data
def test_every_glue_prediction_of_a_real_submission_of_2024_is_joined(make_suite: MakeSuite, data: Path) -> None:
    file = (data / "babylm2024" / "sample_predictions.json.gz").read_bytes()
    sizes = {name: len(one["predictions"]) for name, one in json.loads(gzip.decompress(file))["glue"].items()}
    document = score_predictions(classes(make_suite, sizes), file, format="babylm-2024").document
    assert (sum(sizes.values()), document.coverage.answered, document.coverage.asked) == (38_183, 38_183, 38_183)
    assert document.complete
    assert document.ignored == ("blimp", "blimp_supplement")
