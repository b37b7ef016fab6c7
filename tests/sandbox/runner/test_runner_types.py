"""Types of requests, training lines, images, checkpoints: the runner as a program, with participants' classes."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from sandbox.runner.errors import RunFailed
from sandbox.runner.exchange import Responses, read_suite

ROOT = Path(__file__).resolve().parents[3]
DIGEST = "0123456789abcdef" * 4
LOGLIKELIHOOD = {"id": "l", "type": "loglikelihood", "context": "", "continuation": "Dogs bark."}
SURPRISAL = {"id": "s", "type": "surprisal", "words": ["Dogs", "bark."]}
CLASSIFY = {"id": "c", "type": "classify", "task": "rte", "inputs": {"text": "Dogs bark."}, "labels": [0, 1]}
SIMILARITY = {"id": "m", "type": "similarity", "rows": [{"text": "dog"}, {"image": DIGEST}], "cols": [{"text": "cat"}]}
TRAIN = {"id": "t", "task": "rte", "inputs": {"text": "Cats bark."}, "label": 1}
Suites = dict[tuple[str, str], list[dict[str, Any]]]


def stage(root: Path, suites: Suites, *, train: dict[str, list[dict[str, Any]]] | None = None, **job: Any) -> None:
    """Lay out a job of (checkpoint, suite) with their requests, and training lines by suite."""
    for (checkpoint, suite), requests in suites.items():
        folder = root / "eval" / "requests" / checkpoint / suite / "0"
        folder.mkdir(parents=True)
        (folder / "requests.jsonl").write_text("".join(json.dumps(request) + "\n" for request in requests))
        if train and suite in train:
            (folder / "train.jsonl").write_text("".join(json.dumps(line) + "\n" for line in train[suite]))
    named = [{"checkpoint": checkpoint, "suite": suite, "seed": "0"} for checkpoint, suite in suites]
    (root / "eval" / "job.json").write_text(json.dumps({"kind": "code", "suites": named} | job))


def run(root: Path, source: str, *, limit: int | None = None) -> tuple[int, list[dict[str, Any]]]:
    """Run `python -m sandbox.runner`, where no file may be larger than `limit` bytes; return exit code and events."""
    (root / "submission").mkdir(exist_ok=True)
    (root / "submission" / "model.py").write_text(source)
    bound = [] if limit is None else ["prlimit", f"--fsize={limit}"]
    done = subprocess.run(
        [*bound, sys.executable, "-m", "sandbox.runner", "--root", str(root)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, [json.loads(line[9:]) for line in done.stderr.splitlines() if line.startswith("@proctor ")]


def responses(root: Path, checkpoint: str, suite: str) -> list[dict[str, Any]]:
    file = root / "eval" / "responses" / checkpoint / suite / "0" / "responses.jsonl"
    return [json.loads(line) for line in file.read_text().splitlines()]


def method(signature: str, body: str) -> str:
    return f"class Model:\n    media = ''\n    def {signature}:\n        {body}\n"


EVERY = """
class Model:
    def loglikelihood(self, requests):
        return [-1.5 for request in requests]

    def surprisal(self, requests):
        return [[float(len(word)) for word in request["words"]] for request in requests]

    def classify(self, requests, train):
        return [train[0]["label"] for request in requests]

    def similarity(self, requests):
        return [[[0.5 for col in request["cols"]] for row in request["rows"]] for request in requests]
"""


def test_a_class_answers_every_type_by_a_method_of_its_name(tmp_path: Path) -> None:
    suites: Suites = {
        ("main", "loglikelihood"): [LOGLIKELIHOOD],
        ("main", "surprisal"): [SURPRISAL],
        ("main", "classify"): [CLASSIFY],
        ("main", "similarity"): [SIMILARITY],
    }
    stage(tmp_path, suites, train={"classify": [TRAIN]})
    code, events = run(tmp_path, EVERY)
    assert code == 0, events
    assert responses(tmp_path, "main", "loglikelihood") == [{"id": "l", "logprob": -1.5}]
    assert responses(tmp_path, "main", "surprisal") == [{"id": "s", "surprisals": [4.0, 5.0]}]
    assert responses(tmp_path, "main", "classify") == [{"id": "c", "label": 1}]
    assert responses(tmp_path, "main", "similarity") == [{"id": "m", "matrix": [[0.5], [0.5]]}]


def test_each_task_is_classified_at_once_with_its_own_training_lines(tmp_path: Path) -> None:
    requests = [CLASSIFY | {"id": f"{task}{n}", "task": task} for n in range(2) for task in ("rte", "cola")]
    train = [TRAIN | {"id": f"t{n}", "task": task} for n, task in enumerate(("rte", "cola", "cola"))]
    stage(tmp_path, {("main", "glue"): requests}, train={"glue": train})
    # A label that says how many of each were given: 1 where they are its own two requests and its one line, or two.
    lines = "[line for line in train if line['task'] == requests[0]['task']]"
    body = f"return [int(len(requests) == 2 and {lines} == train and len(train) == 1)] * len(requests)"
    code, events = run(tmp_path, method("classify(self, requests, train)", body))
    assert code == 0, events
    assert {entry["id"]: entry["label"] for entry in responses(tmp_path, "main", "glue")} == {
        "rte0": 1,
        "rte1": 1,
        "cola0": 0,
        "cola1": 0,
    }


@pytest.mark.parametrize(
    ("request_", "signature", "body", "code", "detail"),
    [
        (SURPRISAL, "surprisal(self, requests)", "return [[1.0]]", "E-RUN-CODE", "1 surprisals for 2 words"),
        (SURPRISAL, "surprisal(self, requests)", "return [1.0]", "E-RUN-CODE", "TypeError"),
        (SURPRISAL, "surprisal(self, requests)", "return [[1.0, -0.5]]", "E-RUN-VALUE", "-0.5"),
        (SURPRISAL, "surprisal(self, requests)", "return [[1.0, float('inf')]]", "E-RUN-VALUE", "inf"),
        (SURPRISAL, "surprisal(self, requests)", "return [[1.0, True]]", "E-RUN-VALUE", "bool"),
        (CLASSIFY, "classify(self, requests, train)", "return [2]", "E-RUN-VALUE", "'2' is not one of the labels"),
        (CLASSIFY, "classify(self, requests, train)", "return [True]", "E-RUN-VALUE", "not one of the labels"),
        (CLASSIFY, "classify(self, requests, train)", "return []", "E-RUN-CODE", "0 answers to 1 requests"),
        (CLASSIFY, "classify(self, requests)", "return [1]", "E-RUN-CODE", "TypeError"),
        (SIMILARITY, "similarity(self, requests)", "return [[[1.0, 2.0]]]", "E-RUN-CODE", "2 rows and 1 columns"),
        (SIMILARITY, "similarity(self, requests)", "return [[[1.0], ['a']]]", "E-RUN-VALUE", "str"),
        (SIMILARITY, "similarity(self, requests)", "return [[[1.0], [float('nan')]]]", "E-RUN-VALUE", "nan"),
        (SIMILARITY, "loglikelihood(self, requests)", "return []", "E-RUN-CODE", "no method similarity(requests)"),
        (CLASSIFY, "loglikelihood(self, requests)", "return []", "E-RUN-CODE", "no method classify(requests, train)"),
    ],
)
def test_an_answer_of_another_shape_fails_with_its_code(
    tmp_path: Path, request_: dict[str, Any], signature: str, body: str, code: str, detail: str
) -> None:
    stage(tmp_path, {("main", "one"): [request_]})
    exit_code, events = run(tmp_path, method(signature, body))
    assert (exit_code, events[-1]["code"]) == (3, code)
    assert detail in events[-1]["detail"]


def test_rounding_below_zero_is_no_surprisal_of_its_own(tmp_path: Path) -> None:
    stage(tmp_path, {("main", "one"): [SURPRISAL]})
    code, _ = run(tmp_path, method("surprisal(self, requests)", "return [[-1e-6, 2]]"))
    assert code == 0
    assert responses(tmp_path, "main", "one") == [{"id": "s", "surprisals": [0.0, 2.0]}]


def test_a_class_that_declares_media_finds_the_images_there(tmp_path: Path) -> None:
    stage(tmp_path, {("main", "one"): [LOGLIKELIHOOD | {"images": [DIGEST]}]})
    (tmp_path / "eval" / "media").mkdir()
    (tmp_path / "eval" / "media" / DIGEST).write_bytes(b"12345")
    body = "return [-float(len(open(self.media + '/' + r['images'][0], 'rb').read())) for r in requests]"
    code, events = run(tmp_path, method("loglikelihood(self, requests)", body))
    assert code == 0, events
    assert responses(tmp_path, "main", "one") == [{"id": "l", "logprob": -5.0}]


CHECKPOINT = """
import gc, weakref

alive = weakref.WeakSet()

class Model:
    def __init__(self, path):
        assert not alive, "the former checkpoint is still there"
        alive.add(self)
        self.itself = self  # a cycle, as models have
        self.value = -float(open(path + "/value.txt").read())

    def loglikelihood(self, requests):
        return [self.value for request in requests]
"""
ORDER: Suites = {
    ("main", "one"): [LOGLIKELIHOOD],
    ("chck_1M", "one"): [LOGLIKELIHOOD],
    ("main", "two"): [LOGLIKELIHOOD],
    ("chck_1M", "two"): [LOGLIKELIHOOD],
}
PATHS = {"main": {"path": "."}, "chck_1M": {"path": "checkpoints/chck_1M"}}


def write_values(root: Path) -> None:
    for folder, value in ((".", "9"), ("checkpoints/chck_1M", "1")):
        (root / "submission" / folder).mkdir(parents=True, exist_ok=True)
        (root / "submission" / folder / "value.txt").write_text(value)


def test_each_checkpoint_is_made_once_from_its_folder_and_freed_before_the_next(tmp_path: Path) -> None:
    stage(tmp_path, ORDER, checkpoints=PATHS)
    write_values(tmp_path)
    code, events = run(tmp_path, CHECKPOINT)
    assert code == 0, events
    assert [event["checkpoint"] for event in events if event["event"] == "loaded"] == ["main", "chck_1M"]
    for suite in ("one", "two"):
        assert responses(tmp_path, "main", suite)[0]["logprob"] == -9.0
        assert responses(tmp_path, "chck_1M", suite)[0]["logprob"] == -1.0
    done = [(event["position"], event["suite"]) for event in events if event.get("done") == 1]
    assert done == [(1, "one"), (2, "two"), (3, "one"), (4, "two")]
    assert {event["of"] for event in events if event["event"] == "progress"} == {4}


def test_a_checkpoint_whose_suites_are_finished_is_not_loaded(tmp_path: Path) -> None:
    stage(tmp_path, ORDER, checkpoints=PATHS)
    write_values(tmp_path)
    for suite in ("one", "two"):
        kept = tmp_path / "eval" / "responses" / "main" / suite / "0"
        kept.mkdir(parents=True)
        (kept / "responses.jsonl").write_text('{"id": "l", "logprob": -7.0}\n')
    (tmp_path / "submission" / "value.txt").unlink()
    code, events = run(tmp_path, CHECKPOINT)
    assert code == 0, events
    assert [event["checkpoint"] for event in events if event["event"] == "loaded"] == ["chck_1M"]
    assert {event["position"] for event in events if event["event"] == "progress"} == {3, 4}
    assert responses(tmp_path, "main", "one") == [{"id": "l", "logprob": -7.0}]


def test_what_an_earlier_attempt_answered_is_not_asked_again(tmp_path: Path) -> None:
    requests = [CLASSIFY | {"id": f"{task}{n}", "task": task} for n in range(3) for task in ("rte", "cola")]
    stage(tmp_path, {("main", "glue"): requests}, train={"glue": [TRAIN]})
    part = tmp_path / "eval" / "responses" / "main" / "glue" / "0"
    part.mkdir(parents=True)
    kept = "".join(json.dumps({"id": f"rte{n}", "label": 0}) + "\n" for n in range(3))
    (part / "responses.jsonl.part").write_text(kept)
    body = "assert {r['task'] for r in requests} == {'cola'}; return [1] * len(requests)"
    code, events = run(tmp_path, method("classify(self, requests, train)", body))
    assert code == 0, events
    assert {entry["id"]: entry["label"] for entry in responses(tmp_path, "main", "glue")} == {
        **{f"rte{n}": 0 for n in range(3)},
        **{f"cola{n}": 1 for n in range(3)},
    }


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        (SURPRISAL | {"words": []}, "words must be a list of texts"),
        (SURPRISAL | {"words": ["a", 1]}, "words must be a list of texts"),
        (CLASSIFY | {"inputs": {}}, "inputs must be texts by name"),
        (CLASSIFY | {"inputs": {"text": None}}, "inputs must be texts by name"),
        (CLASSIFY | {"labels": []}, "labels must be a list of labels"),
        (CLASSIFY | {"labels": [True]}, "labels must be a list of labels"),
        (CLASSIFY | {"task": 7}, "task must be text"),
        (SIMILARITY | {"rows": [{}]}, "rows must be a list of texts and images"),
        (SIMILARITY | {"cols": [{"image": "../../etc/passwd"}]}, "cols must be a list of texts and images"),
        (SIMILARITY | {"cols": [{"sound": DIGEST}]}, "cols must be a list of texts and images"),
        (LOGLIKELIHOOD | {"images": ["../x"]}, "images must be a list of digests"),
        ({"id": "a", "type": ["surprisal"]}, "type must be one of"),
        ({"id": "a", "type": "generate"}, "type must be one of"),
    ],
)
def test_a_request_of_another_shape_is_the_platforms_fault_and_named(
    tmp_path: Path, bad: dict[str, Any], said: str
) -> None:
    (tmp_path / "requests.jsonl").write_text(json.dumps(bad) + "\n")
    with pytest.raises(RunFailed, match=said) as caught:
        read_suite(tmp_path)
    assert caught.value.code == "E-RUN-JOB"
    assert "requests.jsonl:1" in caught.value.detail


def test_a_suite_of_two_types_is_refused(tmp_path: Path) -> None:
    (tmp_path / "requests.jsonl").write_text(json.dumps(LOGLIKELIHOOD) + "\n" + json.dumps(SURPRISAL) + "\n")
    with pytest.raises(RunFailed, match="one type, not loglikelihood, surprisal"):
        read_suite(tmp_path)


@pytest.mark.parametrize("bad", [["t"], TRAIN | {"label": 1.5}, TRAIN | {"inputs": []}, {"id": "t"}])
def test_a_training_line_of_another_shape_is_named(tmp_path: Path, bad: Any) -> None:
    (tmp_path / "requests.jsonl").write_text(json.dumps(CLASSIFY) + "\n")
    (tmp_path / "train.jsonl").write_text(json.dumps(TRAIN) + "\n" + json.dumps(bad) + "\n")
    with pytest.raises(RunFailed, match=r"train\.jsonl:2"):
        read_suite(tmp_path)


def test_responses_beyond_the_space_end_the_run_with_their_own_code(tmp_path: Path) -> None:
    stage(tmp_path, {("main", "one"): [LOGLIKELIHOOD | {"id": f"l{n}"} for n in range(3000)]})
    code, events = run(tmp_path, EVERY, limit=20_000)
    assert (code, events[-1]["code"]) == (3, "E-RUN-DISK")
    part = tmp_path / "eval" / "responses" / "main" / "one" / "0" / "responses.jsonl.part"
    assert 0 < part.stat().st_size <= 20_000


def test_an_error_that_is_no_full_disk_is_not_called_one(tmp_path: Path) -> None:
    (tmp_path / "responses.jsonl.part").mkdir()
    with pytest.raises(IsADirectoryError), Responses(tmp_path):
        pass
