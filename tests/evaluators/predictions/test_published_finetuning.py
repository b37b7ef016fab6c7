"""The fine-tuning accuracies of BabyLM 2026, as they were published and as they are."""

import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from evaluators.predictions import score_predictions
from evaluators.protocol.problems import ProblemsFound
from evaluators.suites import Suite, open_suite, write_suite
from tests.evaluators.conftest import manifest

pytestmark = pytest.mark.data
FORMAT = "babylm-2026-finetune"
TASKS = ("arc", "belebele", "bmlama", "mnli", "sib200", "truthfulqa", "xnli")
BATCH = 8
Finetuned = Callable[..., Suite]


def gold_lines(data: Path, task: str) -> list[str]:
    """The task's lines; texts hold characters that are line ends to `splitlines` alone."""
    return (data / f"babylm2026_finetune/gold/{task}_en.valid.jsonl").read_text().rstrip("\n").split("\n")


@pytest.fixture(scope="session")
def finetuned(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Finetuned:
    """`finetuned(task, …)`: the suite of these English tasks."""

    def make(*tasks: str) -> Suite:
        gold = {task: list(map(json.loads, gold_lines(data, task))) for task in tasks}
        labels = {task: sorted({line["label"] for line in lines}, key=str) for task, lines in gold.items()}
        head = manifest(task="classification", chance=None, options={"labels": labels})
        items = [{"id": f"{task}/{k}", "group": task, "text": f"{k}"} for task in tasks for k in range(len(gold[task]))]
        lines = [{"id": f"{task}/{k}", "label": one["label"]} for task in tasks for k, one in enumerate(gold[task])]
        folder = tmp_path_factory.mktemp("finetuned") / "suite"
        write_suite(folder, head, items, lines, "Made for a test.")
        return open_suite(folder)

    return make


def results(data: Path) -> list[tuple[str, Path, float]]:
    """Task, predictions and published accuracy of each baseline's English tasks."""
    found = sorted((data / "babylm2026_finetune/results").glob("*/en/*/eval_results.json"))
    return [
        (one.parent.name, one.parent / "predictions.txt", json.loads(one.read_text())["eval_accuracy"]) for one in found
    ]


def test_every_published_english_accuracy_is_reproduced_without_the_last_batch(
    data: Path, finetuned: Finetuned
) -> None:
    suites = {task: finetuned(task) for task in TASKS}
    short = constant = 0
    compared = results(data)
    for task, file, published in compared:
        content = file.read_bytes()
        theirs = score_predictions(suites[task], content, format=FORMAT, drop_last_batch=BATCH).document
        honest = score_predictions(suites[task], content, format=FORMAT).document
        assert theirs.metrics["accuracy"].value == pytest.approx(published, abs=1e-6), file
        assert (theirs.complete, theirs.flags[0]) == (False, "compatibility")
        assert (theirs.coverage, theirs.gaps) == (honest.coverage, honest.gaps)
        scored = honest.metrics["accuracy"].value or 0.0
        asked, answered = honest.coverage.asked, honest.coverage.answered
        assert scored * asked == pytest.approx(published * answered, abs=0.01)
        assert ("short-coverage" in honest.flags) == (answered < asked) == (not honest.complete)
        short += answered < asked
        constant += "constant-predictor" in honest.flags
    assert (len(compared), short, constant) == (31, 27, 6)


def test_the_batch_that_was_dropped_is_of_eight_and_no_other_size_explains_the_files(data: Path) -> None:
    sizes = set()
    for task, file, _ in results(data):
        sizes.add((len(gold_lines(data, task)), len(file.read_text().splitlines()) - 1))
    explained = [size for size in range(2, 129) if all(asked // size * size == found for asked, found in sizes)]
    assert explained == [BATCH]


def test_a_tar_of_all_tasks_is_one_hand_in(data: Path, finetuned: Finetuned) -> None:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for task in TASKS:
            name = f"en/{task}/predictions.txt"
            archive.add(data / "babylm2026_finetune/results/gpt2-baseline-en_zho_equal" / name, name)
    document = score_predictions(finetuned("arc", "sib200"), packed.getvalue(), format=FORMAT).document
    assert {name: part["accuracy"].n for name, part in document.groups.items()} == {"arc": 482, "sib200": 201}
    assert document.gaps == {"arc": 2, "sib200": 1}
    assert document.flags == ("short-coverage", "constant-predictor", "constant-predictor sib200: science/technology")
    assert document.ignored == ("belebele", "bmlama", "mnli", "truthfulqa", "xnli")


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"id\tlabel\n0\tC\n", "E-PRED-FORMAT"),
        (b"index\tprediction\n482\tC\n", "E-PRED-UNKNOWN-ID"),
        (b"index\tprediction\n0\tC\n0\tC\n", "E-PRED-DUPLICATE"),
        (b"index\tprediction\n0\n", "E-PRED-VALUE"),
        (b"index\tprediction\n0\t\xff\n", "E-PRED-FORMAT"),
    ],
)
def test_a_file_that_can_not_be_joined_is_refused(finetuned: Finetuned, content: bytes, code: str) -> None:
    with pytest.raises(ProblemsFound) as caught:
        score_predictions(finetuned("arc"), content, format=FORMAT)
    assert caught.value.problems[0].code == code
