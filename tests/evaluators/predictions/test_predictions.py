"""Prediction files are joined on id, and say what is missing."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from evaluators.importers.blimp import import_blimp
from evaluators.predictions import score_predictions
from evaluators.protocol.problems import ProblemsFound
from evaluators.suites import Suite, open_suite, select

MakeSuite = Callable[..., Suite]


def native(*lines: dict[str, Any]) -> bytes:
    return "".join(json.dumps(line) + "\n" for line in lines).encode()


RIGHT = [{"id": "a/0", "choice": 0}, {"id": "a/1", "choice": 1}, {"id": "b/0", "choice": 0}, {"id": "b/1", "choice": 1}]


def test_native_lines_are_joined_on_id_in_any_order(make_suite: MakeSuite) -> None:
    document = score_predictions(make_suite(), native(*reversed(RIGHT)), format="native").document
    assert (document.metrics["accuracy"].value, document.complete) == (1, True)


def test_the_main_checkpoint_may_be_named(make_suite: MakeSuite) -> None:
    lines = [{**line, "checkpoint": "main"} for line in RIGHT]
    assert score_predictions(make_suite(), native(*lines), format="native").document.complete


def test_a_gap_counts_as_wrong_and_is_reported_by_group(make_suite: MakeSuite) -> None:
    document = score_predictions(make_suite(), native(*RIGHT[:3]), format="native").document
    assert (document.metrics["accuracy"].value, document.gaps, document.complete) == (0.75, {"b": 1}, False)


def test_other_suites_lines_are_ignored_and_listed(make_suite: MakeSuite) -> None:
    lines = [*RIGHT, {"suite": "other", "id": "x", "choice": 7}]
    assert score_predictions(make_suite(), native(*lines), format="native").document.ignored == ("other",)


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ({"id": "a/7", "choice": 0}, "E-PRED-UNKNOWN-ID"),
        ({"id": "a/0", "choice": 0}, "E-PRED-DUPLICATE"),
        ({"id": "b/1", "choice": 2}, "E-PRED-VALUE"),
        ({"id": "b/1", "choice": True}, "E-PRED-VALUE"),
        ({"id": "b/1", "choise": 0}, "E-PRED-FIELD"),
        ({"id": "b/1", "choice": 0, "checkpoint": "100M"}, "E-PRED-CHECKPOINT"),
        ({"id": "b/1", "choice": 0, "checkpoint": None}, "E-PRED-CHECKPOINT"),
    ],
)
def test_a_line_that_is_no_answer_is_refused_with_its_number(
    make_suite: MakeSuite, line: dict[str, Any], code: str
) -> None:
    with pytest.raises(ProblemsFound) as caught:
        score_predictions(make_suite(), native(*RIGHT[:3], line), format="native")
    assert (caught.value.problems[0].code, caught.value.problems[0].line) == (code, 4)


def test_an_answer_to_an_item_that_is_not_asked_here_is_no_error(make_suite: MakeSuite) -> None:
    items = [
        {"id": f"a/{n}", "choices": [{"continuation": "x"}, {"continuation": "y"}], "split": split}
        for n, split in enumerate(("dev", "private"))
    ]
    suite = select(make_suite(items, [{"id": "a/0", "gold": 0}, {"id": "a/1", "gold": 1}]), splits=["dev"])
    document = score_predictions(suite, native(*RIGHT[:2]), format="native").document
    assert (document.coverage.asked, document.metrics["accuracy"].value) == (1, 1)


@pytest.mark.parametrize(
    "data",
    [gzip.compress(native(*RIGHT))[:-12], b"\x1f\x8bnot gzip", b"\x1f\x8b\x08", gzip.compress(b"{}") + b"junk"],
    ids=["cut off", "no gzip", "header only", "junk behind"],
)
def test_a_broken_gzip_is_refused(make_suite: MakeSuite, data: bytes) -> None:
    with pytest.raises(ProblemsFound, match="gzip"):
        score_predictions(make_suite(), data, format="native")


def test_every_member_of_a_gzip_counts(make_suite: MakeSuite) -> None:
    data = gzip.compress(native(*RIGHT[:2])) + gzip.compress(native(*RIGHT[2:]))
    assert score_predictions(make_suite(), data, format="native").document.complete


def test_a_line_may_name_the_suite_with_its_version(make_suite: MakeSuite) -> None:
    lines = [line | {"suite": "tiny@1"} for line in RIGHT]
    assert score_predictions(make_suite(), native(*lines), format="native").document.complete


def test_candidates_that_read_the_same_share_the_point(make_suite: MakeSuite) -> None:
    same = {"id": "island/0", "group": "island", "choices": [{"continuation": "Same."}, {"continuation": "same. "}]}
    suite = make_suite([same], [{"id": "island/0", "gold": 1}], key="blimp")
    data = babylm({"id": "island_0", "pred": "Same."})
    assert score_predictions(suite, data, format="babylm-2024").document.metrics["accuracy"].value == 0.5


def blimp_like(make_suite: MakeSuite) -> Suite:
    items = [
        {
            "id": f"island/{n}",
            "group": "island",
            "choices": [{"continuation": f"Good {n}."}, {"continuation": f"Bad {n}."}],
        }
        for n in range(2)
    ]
    return make_suite(items, [{"id": f"island/{n}", "gold": 0} for n in range(2)], key="blimp-filtered")


def babylm(*predictions: dict[str, Any], **more: Any) -> bytes:
    return json.dumps({"blimp": {"island": {"predictions": list(predictions)}}, **more}).encode()


def test_babylm_sentences_are_compared_stripped_and_in_lower_case(make_suite: MakeSuite) -> None:
    data = babylm({"id": "island_0", "pred": " good 0."}, {"id": "island_1", "pred": "Bad 1. "}, glue={"x": 1})
    document = score_predictions(blimp_like(make_suite), data, format="babylm-2024").document
    assert (document.metrics["accuracy"].value, document.ignored) == (0.5, ("glue",))


@pytest.mark.parametrize(
    ("prediction", "code"),
    [
        ({"id": "island_2", "pred": "Good 0."}, "E-PRED-UNKNOWN-ID"),
        ({"id": "other_0", "pred": "Good 0."}, "E-PRED-UNKNOWN-ID"),
        ({"id": "island_0", "pred": "Neither."}, "E-PRED-VALUE"),
        ({"id": "island_0", "pred": 1}, "E-PRED-VALUE"),
        ("island_0", "E-PRED-UNKNOWN-ID"),
    ],
)
def test_a_babylm_prediction_that_is_no_answer_is_refused(make_suite: MakeSuite, prediction: Any, code: str) -> None:
    with pytest.raises(ProblemsFound) as caught:
        score_predictions(blimp_like(make_suite), babylm(prediction), format="babylm-2024")
    assert caught.value.problems[0].code == code


@pytest.fixture(scope="session")
def filtered(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Suite:
    folder = tmp_path_factory.mktemp("suites") / "blimp-filtered"
    assert import_blimp(data / "blimp", folder, index=data / "babylm2024" / "blimp_filtered_index.json") == 59_875
    return open_suite(folder)


@pytest.mark.data
def test_a_real_submission_of_2024_scores_what_its_organizers_published(filtered: Suite, data: Path) -> None:
    file = data / "babylm2024" / "sample_predictions.json.gz"
    document = score_predictions(filtered, file.read_bytes(), format="babylm-2024").document
    assert document.metrics["accuracy"].value == pytest.approx(0.6535, abs=0.0001)
    assert (document.coverage.answered, document.coverage.asked) == (59_875, 59_875)
    assert document.ignored == ("blimp_supplement", "glue")
    assert len(document.groups) == 67


def test_names_of_other_suites_are_listed_only_so_many_and_so_long(make_suite: MakeSuite) -> None:
    lines = [{"suite": f"{number:04}" + "x" * 1000, "id": "a/0", "choice": 0} for number in range(200)]
    ignored = score_predictions(make_suite(), native(*lines), format="native").document.ignored
    assert len(ignored) == 50
    assert max(map(len, ignored)) == 80
