"""Answers and files that are in order and mean harm: no score for free, no scorer that ends by them."""

import gzip
import io
import json
import math
import tarfile
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evaluators.predictions import score_predictions, unpacked, unpacked_size
from evaluators.protocol.items import SimilarityGold
from evaluators.protocol.problems import ProblemsFound
from evaluators.protocol.submission import SubmissionManifest
from evaluators.requests import Draw, draw_requests, seed_key
from evaluators.responses import checked
from evaluators.scoring import Scored, score, score_answers
from evaluators.suites import Suite, check_suite, open_suite, write_suite
from evaluators.tasks.interface import Step
from tests.evaluators.conftest import manifest

STEPS = tuple(Step(f"chck_{number}M", number * 10**6) for number in (1, 2, 10, 30, 100))
RANGES = {"accuracy": [0, 1], "response-similarity": [0, 1], "partial_r2": [0, 100], "macro-f1": [0, 1], "f1": [0, 1]}


@pytest.fixture(scope="module")
def _base_image() -> None:
    """No container is needed here."""


@pytest.fixture(scope="module", autouse=True)
def surroundings(_base_image: None) -> None:
    """Nothing outside of this process is touched."""


def suite_of(
    folder: Path, task: str, metric: str, items: list[dict[str, Any]], gold: list[dict[str, Any]], **head: Any
) -> Suite:
    """A suite of this task."""
    bounds = RANGES.get(metric, [-1, 1])
    write_suite(folder, manifest(task=task, metric=metric, chance=None, range=bounds, **head), items, gold, "A test.")
    return open_suite(folder)


def similarity(folder: Path, metric: str) -> Suite:
    """Four rows whose people are divided among four columns."""
    shares = [[0.7, 0.1, 0.1, 0.1], [0.1, 0.6, 0.2, 0.1], [0.25, 0.25, 0.25, 0.25], [0.1, 0.2, 0.1, 0.6]]
    seen = [{"text": text} for text in "abcd"]
    items = [{"id": f"i{k}", "rows": [{"text": f"row {k}"}], "cols": seen} for k in range(4)]
    gold = [{"id": f"i{k}", "matrix": [shares[k]], "target": [k]} for k in range(4)]
    return suite_of(folder, "similarity", metric, items, gold)


def classification(folder: Path, metric: str, count: int = 12) -> Suite:
    """Items of two classes by turns."""
    items = [{"id": f"g/{k}", "group": "g", "text": f"text {k}"} for k in range(count)]
    gold = [{"id": f"g/{k}", "label": k % 2} for k in range(count)]
    return suite_of(folder, "classification", metric, items, gold, options={"labels": {"all": [0, 1]}})


def surprisal(folder: Path) -> Suite:
    """Two texts of eight words with reading times."""
    items = [
        {"id": f"t{k}", "words": list("abcdefgh"), "covariates": {"length": [1, 3, 2, 5, 4, 2, 6, k]}} for k in range(2)
    ]
    gold = [{"id": f"t{k}", "measures": {"rt": [200, 250, 230, 300, 280, 210, 330 + k, 240]}} for k in range(2)]
    options = {"measures": ["rt"], "baseline": ["length"], "previous": ["surprisal"]}
    return suite_of(folder, "surprisal", "partial_r2", items, gold, options=options)


def acquisition(folder: Path, words: int = 6, contexts: int = 2) -> Suite:
    """Words that children learn one after another."""
    items = [{"id": f"w{k}", "word": f"w{k}", "contexts": [f"c{j}" for j in range(contexts)]} for k in range(words)]
    gold = [{"id": f"w{k}", "months": [10, 20 + k / 10, 60], "known": [0.1, 0.4, 0.9]} for k in range(words)]
    return suite_of(folder, "acquisition", "pearson", items, gold, options={"least_words": 3})


def probability(folder: Path, metric: str) -> Suite:
    """Two forms between which people are divided; the answers are divided by tokens."""
    items = [{"id": f"p{k}", "choices": [{"continuation": f"a{k}"}, {"continuation": f"b{k}"}]} for k in range(5)]
    gold = [{"id": f"p{k}", "probability": k / 4} for k in range(5)]
    return suite_of(folder, "probability", metric, items, gold, length_norm="tokens")


ALL: dict[str, Callable[[Path], Suite]] = {
    "rsa": lambda folder: similarity(folder, "rsa"),
    "response-similarity": lambda folder: similarity(folder, "response-similarity"),
    "matrix accuracy": lambda folder: similarity(folder, "accuracy"),
    "macro-f1": lambda folder: classification(folder, "macro-f1"),
    "f1": lambda folder: classification(folder, "f1"),
    "mcc": lambda folder: classification(folder, "mcc"),
    "partial_r2": surprisal,
    "aoa": acquisition,
    "spearman": lambda folder: probability(folder, "spearman"),
    "pearson": lambda folder: probability(folder, "pearson"),
}
LARGEST = 1.7976931348623157e308
ANY = st.one_of(
    st.sampled_from([0.0, -0.0, 5e-324, 1e-300, 1.0, 1e308, LARGEST, 10**39, 0, 1]),
    st.floats(allow_nan=False, allow_infinity=False),
)
LABELS = st.one_of(st.integers(-(10**39), 10**39), st.text(min_size=1, max_size=120), st.sampled_from([0, 1, "0", "1"]))


def answer(asked: dict[str, Any], data: st.DataObject) -> dict[str, Any]:
    """Whatever the check of responses may let through."""
    own: dict[str, Any] = {"id": asked["id"]}
    if asked["type"] == "classify":
        return own | {"label": data.draw(LABELS.filter(lambda label: str(label).isprintable()))}
    if asked["type"] == "surprisal":
        return own | {"surprisals": [abs(data.draw(ANY)) for _ in asked["words"]]}
    if asked["type"] == "similarity":
        return own | {"matrix": [[data.draw(ANY) for _ in asked["cols"]] for _ in asked["rows"]]}
    return own | {"logprob": -abs(data.draw(ANY)), "tokens": data.draw(st.sampled_from([1, 2, 9_999_999]))}


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Suite, Draw]]:
    """Every suite and its requests."""
    folder = tmp_path_factory.mktemp("suites")
    suites = {name: make(folder / str(place)) for place, (name, make) in enumerate(ALL.items())}
    return {
        name: (one, draw_requests(one, key=seed_key(1), steps=STEPS if name == "aoa" else ()))
        for name, one in suites.items()
    }


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("name", ALL)
@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(data=st.data())
def test_whatever_passes_the_check_of_responses_is_scored_within_the_range(
    name: str, drawn: dict[str, tuple[Suite, Draw]], data: st.DataObject
) -> None:
    one, draw = drawn[name]
    scored = score(one, [answer(asked, data) for asked in draw.requests], draw=draw)
    low, high = one.manifest.range
    for part in (scored.document.metrics, *scored.document.groups.values()):
        value = part[one.manifest.metric].value
        assert value is None or (math.isfinite(value) and low <= value <= high)


BAD: list[tuple[str, dict[str, Any]]] = [
    ("macro-f1", {"label": True}),
    ("macro-f1", {"label": 1.0}),
    ("macro-f1", {"label": "x" * 100_000}),
    ("macro-f1", {"label": "\ud800"}),
    ("macro-f1", {"label": None}),
    ("macro-f1", {"label": [1]}),
    ("rsa", {"matrix": [[1.0, 2.0, 3.0]]}),
    ("rsa", {"matrix": [[1.0, 2.0, 3.0, True]]}),
    ("rsa", {"matrix": [[1.0, 2.0, 3.0, math.nan]]}),
    ("rsa", {"matrix": [[1.0, 2.0, 3.0, 10**400]]}),
    ("rsa", {"matrix": [1.0, 2.0, 3.0, 4.0]}),
    ("rsa", {"matrix": [[1.0] * 4] * 2}),
    ("partial_r2", {"surprisals": [1.0] * 1_000_000}),
    ("partial_r2", {"surprisals": [1.0] * 7 + [-1.0]}),
    ("partial_r2", {"surprisals": [1.0] * 7 + [math.inf]}),
    ("partial_r2", {"surprisals": [1.0] * 7 + [False]}),
    ("spearman", {"logprob": -(10**400), "tokens": 1}),
    ("spearman", {"logprob": -1.0, "tokens": True}),
    ("spearman", {"logprob": -1.0, "tokens": 10**30}),
]


@pytest.mark.parametrize(("name", "body"), BAD)
def test_what_is_no_answer_is_refused_by_its_own_line(
    name: str, body: dict[str, Any], drawn: dict[str, tuple[Suite, Draw]]
) -> None:
    _, draw = drawn[name]
    with pytest.raises(ProblemsFound) as found:
        checked([{"id": draw.requests[0]["id"], **body}], asked=draw)
    assert [(one.code, one.line) for one in found.value.problems] == [("E-OUT-FORMAT", 1)]
    assert len(str(found.value)) < 500


def test_numbers_too_far_apart_for_a_difference_are_no_answer_left_out(tmp_path: Path) -> None:
    """Such cells once counted as columns that the item doesn't have, and what is left out can't be wrong."""
    suite = similarity(tmp_path / "s", "response-similarity")
    forged = {f"i{k}": {0: {"matrix": [[LARGEST, -LARGEST, -LARGEST, -LARGEST]]}} for k in range(4)}
    plain = {f"i{k}": {0: {"matrix": [[1e4, 0.0, 0.0, 0.0]]}} for k in range(4)}
    values = [score_answers(suite, one).document.metrics["response-similarity"].value for one in (forged, plain)]
    assert values[0] is not None
    assert values[1] is not None
    assert values[0] <= values[1] < 0.9


def test_a_thousand_invented_classes_cost_no_more_than_one(tmp_path: Path) -> None:
    suite = classification(tmp_path / "s", "macro-f1", count=2000)
    tracemalloc.start()
    begin = time.monotonic()
    scored = score_answers(suite, {f"g/{k}": {0: {"label": f"class {k}"}} for k in range(2000)})
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # A table of all pairs of them holds 4 million numbers, and is made anew for each draw of the interval.
    assert peak < 60 * 1024**2
    assert time.monotonic() - begin < 20
    assert scored.document.metrics["macro-f1"].value == 0.0


def test_an_invented_class_is_as_wrong_as_it_was_and_the_response_is_kept(tmp_path: Path) -> None:
    suite = classification(tmp_path / "s", "macro-f1", count=4)

    def scored(*labels: Any) -> Scored:
        return score_answers(suite, {f"g/{k}": {0: {"label": label}} for k, label in enumerate(labels)})

    # Class 0: F1 1, class 1: F1 2/3, the invented one: 0.
    assert scored(0, 1, 0, "none").document.metrics["macro-f1"].value == pytest.approx((1 + 2 / 3) / 3)
    assert scored(0, 1, 0, "none").items[3].response == "none"


def test_one_answer_at_each_of_many_checkpoints_is_soon_read(tmp_path: Path) -> None:
    """What is asked at 3,000 checkpoints is 30 million requests: more than any scorer goes through."""
    suite = acquisition(tmp_path / "s", words=100, contexts=100)
    lines = [
        json.dumps({"id": "w0", "checkpoint": f"chck_{number + 1}M", "surprisals": [1] * 100}) for number in range(3000)
    ]
    begin = time.monotonic()
    scored = score_predictions(suite, "\n".join(lines).encode(), format="native")
    assert time.monotonic() - begin < 20
    assert scored.document.metrics["pearson"].value is None
    assert scored.document.coverage.answered == 1


def header(kind: bytes, size: int) -> bytes:
    """A tar header of this kind."""
    info = tarfile.TarInfo("x")
    info.type, info.size = kind, size
    return info.tobuf(tarfile.USTAR_FORMAT)


RECORD = b"11 path=a/b\n"
FILES = {
    "3,000 extended headers": (header(b"x", len(RECORD)) + RECORD.ljust(512, b"\0")) * 3000 + bytes(1024),
    "3,000 long names": (header(b"L", 3) + b"abc".ljust(512, b"\0")) * 3000 + bytes(1024),
    "a map of a sparse file": header(b"x", 30) + b"30 GNU.sparse.map=1,2,3,4,xx5\n".ljust(512, b"\0") + bytes(1024),
    "half a tar": header(b"0", 10**6) + bytes(512),
    "20,000 members": header(b"5", 0) * 20_000 + bytes(1024),
}


@pytest.mark.parametrize("name", FILES)
def test_a_hostile_tar_is_refused_in_words(name: str, tmp_path: Path) -> None:
    suite = classification(tmp_path / "s", "accuracy")
    with pytest.raises(ProblemsFound) as found:
        score_predictions(suite, FILES[name], format="babylm-2026-finetune")
    assert {one.code for one in found.value.problems} == {"E-PRED-FORMAT"}


def test_lines_without_end_are_refused_before_they_fill_the_memory(tmp_path: Path) -> None:
    suite = classification(tmp_path / "s", "accuracy")
    data = b"index\tprediction\n" + b"\n" * 5_000_000
    tracemalloc.start()
    with pytest.raises(ProblemsFound) as found:
        score_predictions(suite, data, format="babylm-2026-finetune")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert [one.code for one in found.value.problems] == ["E-PRED-SIZE"]
    assert peak < 100 * 1024**2


def test_whose_fault_a_costly_file_is_shows_by_what_it_unpacks_to() -> None:
    data = gzip.compress(bytes(20_000_000)) + gzip.compress(b"more")
    assert len(data) < 100_000
    assert unpacked_size(data, file="f") == len(unpacked(data, file="f")) == 20_000_004
    assert unpacked_size(b"plain", file="f") == 5


def test_a_tar_that_is_in_order_is_still_read(tmp_path: Path) -> None:
    suite = classification(tmp_path / "s", "accuracy")
    text = "index\tprediction\n" + "".join(f"{k}\t{k % 2}\n" for k in range(12))
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        info = tarfile.TarInfo("g/predictions.txt")
        info.size = len(text)
        archive.addfile(info, io.BytesIO(text.encode()))
    scored = score_predictions(suite, out.getvalue(), format="babylm-2026-finetune")
    assert scored.document.metrics["accuracy"].value == 1.0


@pytest.mark.parametrize(
    "make", [lambda path: classification(path, "mcc"), acquisition, lambda path: similarity(path, "rsa")]
)
def test_a_range_that_leaves_out_scores_is_found_before_a_submission_meets_it(
    make: Callable[[Path], Suite], tmp_path: Path
) -> None:
    """A score outside of the range is refused as the organizers' fault, and their track stands still."""
    make(tmp_path / "s")
    file = tmp_path / "s" / "suite.yaml"
    assert check_suite(tmp_path / "s").problems == []
    text = file.read_text()
    narrow = text.replace("- -1.0", "- 0.0").replace("- -1\n", "- 0\n").replace("[-1.0, 1.0]", "[0.0, 1.0]")
    assert narrow != text
    file.write_text(narrow)
    assert [(one.code, one.field) for one in check_suite(tmp_path / "s").problems] == [("E-SUITE-METRIC", "range")]


def test_a_checkpoint_can_not_be_said_to_have_seen_other_words_than_its_name_says() -> None:
    """The team's own words are the axis along which its ages of acquisition are measured."""
    value = {
        "schema": "submission/1",
        "kind": "model",
        "model": {"path": ".", "backend": "causal"},
        "checkpoints": [{"name": "chck_1M", "words": 7, "path": "a"}],
    }
    with pytest.raises(ProblemsFound) as found:
        SubmissionManifest.from_value(value, file="submission.yaml")
    assert any("million words" in one.message for one in found.value.problems)


@pytest.mark.parametrize("name", ALL)
def test_requests_hold_no_gold_no_tags_no_groups_of_theirs_and_no_ids(
    name: str, drawn: dict[str, tuple[Suite, Draw]]
) -> None:
    """A new field of an item must not cross the wall by itself."""
    fields = {
        "loglikelihood": {"id", "type", "context", "continuation"},
        "surprisal": {"id", "type", "words"},
        "classify": {"id", "type", "task", "inputs", "labels"},
        "similarity": {"id", "type", "rows", "cols"},
    }
    suite, draw = drawn[name]
    assert all(set(request) == fields[draw.type] for request in draw.requests)
    assert not {str(request["id"]) for request in draw.requests} & set(map(str, suite.all_ids))
    if draw.type == "classify":
        assert {tuple(request["labels"]) for request in draw.requests} == {(0, 1)}
    if draw.type == "similarity":
        targets = [gold.target for gold in suite.gold.values() if isinstance(gold, SimilarityGold)]
        assert len(set(targets)) == len(suite.items)
        assert len({json.dumps(request["cols"]) for request in draw.requests}) == 1
