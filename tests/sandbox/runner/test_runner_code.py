"""Kind `code`: the runner as a program, with participants' classes good and bad."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[3]
LENGTHS = "return [-float(len(r['continuation'])) for r in requests]"


def run(root: Path, source: str | None, *, entry: str = "model.py:Model", requests: int = 3) -> tuple[int, list[Any]]:
    """Lay out a job, run `python -m sandbox.runner`; return its exit code and events."""
    suites = [{"checkpoint": "main", "suite": suite, "seed": "0"} for suite in ("one", "two")]
    for suite in ("one", "two"):
        folder = root / "eval" / "requests" / "main" / suite / "0"
        folder.mkdir(parents=True, exist_ok=True)
        lines = (
            json.dumps({"id": f"{suite}{n}", "type": "loglikelihood", "context": "", "continuation": "x" * n})
            for n in range(requests)
        )
        (folder / "requests.jsonl").write_text("\n".join(lines) + "\n")
    (root / "eval" / "job.json").write_text(json.dumps({"kind": "code", "entry": entry, "suites": suites}))
    (root / "submission").mkdir(exist_ok=True)
    if source is not None:
        (root / "submission" / "model.py").write_text(source)
    done = subprocess.run(
        [sys.executable, "-m", "sandbox.runner", "--root", str(root)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    events = [json.loads(line[9:]) for line in done.stderr.splitlines() if line.startswith("@proctor ")]
    return done.returncode, events


def model(body: str, *, init: str = "") -> str:
    return f"class Model:\n    {init or 'pass'}\n    def loglikelihood(self, requests):\n        {body}\n"


def responses(root: Path, suite: str) -> list[Any]:
    file = root / "eval" / "responses" / "main" / suite / "0" / "responses.jsonl"
    return [json.loads(line) for line in file.read_text().splitlines()]


def test_a_class_answers_suite_after_suite(tmp_path: Path) -> None:
    code, events = run(tmp_path, model(LENGTHS))
    assert code == 0
    assert [event["event"] for event in events if event["event"] != "progress"] == ["started", "loaded", "finished"]
    assert events[-2] == {"event": "progress", "suite": "two", "position": 2, "of": 2, "done": 3, "total": 3}
    assert responses(tmp_path, "one") == [{"id": f"one{n}", "logprob": -float(n)} for n in range(3)]
    assert len(responses(tmp_path, "two")) == 3


def test_answers_may_be_dicts_with_a_number_of_tokens(tmp_path: Path) -> None:
    code, _ = run(tmp_path, model("return [{'logprob': -2, 'tokens': 4} for r in requests]"))
    assert code == 0
    assert responses(tmp_path, "one")[0] == {"id": "one0", "logprob": -2.0, "tokens": 4}


def test_a_class_may_take_the_submission_folder(tmp_path: Path) -> None:
    init = "def __init__(self, path):\n        self.value = -float(open(path + '/value.txt').read())"
    (tmp_path / "submission").mkdir()
    (tmp_path / "submission" / "value.txt").write_text("7")
    code, _ = run(tmp_path, model("return [self.value] * len(requests)", init=init))
    assert code == 0
    assert responses(tmp_path, "one")[0]["logprob"] == -7.0


def test_a_class_is_asked_at_most_1024_at_once(tmp_path: Path) -> None:
    code, _ = run(tmp_path, model("return [-float(len(requests))] * len(requests)"), requests=1500)
    assert code == 0
    assert {entry["logprob"] for entry in responses(tmp_path, "one")} == {-1024.0, -476.0}


def test_a_class_cannot_change_which_ids_are_answered(tmp_path: Path) -> None:
    code, _ = run(tmp_path, model("[r.update(id='z') for r in requests]; return [-1.0] * len(requests)"))
    assert code == 0
    assert [entry["id"] for entry in responses(tmp_path, "one")] == ["one0", "one1", "one2"]


@pytest.mark.parametrize(
    ("source", "detail"),
    [
        (None, "there is no file model.py"),
        ("x = 1\n", "has no class Model"),
        ("class Model:\n    pass\n", "no method loglikelihood"),
        ("def broken(:\n", "SyntaxError"),
        ("import sys\nsys.exit(0)\n", "SystemExit"),
        (model("return [-1.0]"), "1 answers to 3 requests"),
        (model("return None"), "TypeError"),
        (model("raise KeyError('lost')"), "KeyError: 'lost'"),
        (model("raise SystemExit(0)"), "SystemExit"),
        (model("return [{'score': 1}] * len(requests)"), "logprob"),
        (model("return [{'logprob': -1, 'tokens': 1.5}] * len(requests)"), "tokens"),
        (model("pass", init="def __init__(self, a, b): pass"), "TypeError"),
    ],
)
def test_code_that_does_not_keep_to_the_interface_fails_with_its_code(
    tmp_path: Path, source: str | None, detail: str
) -> None:
    code, events = run(tmp_path, source)
    assert code == 3
    assert events[-1]["event"] == "error"
    assert events[-1]["code"] == "E-RUN-CODE"
    assert detail in events[-1]["detail"]
    assert detail not in events[-1]["message"]


@pytest.mark.parametrize("value", ["float('nan')", "float('-inf')", "1.0", "'x'", "None"])
def test_an_answer_that_is_no_log_probability_fails_with_its_code(tmp_path: Path, value: str) -> None:
    code, events = run(tmp_path, model(f"return [{value}] * len(requests)"))
    assert (code, events[-1]["code"]) == (3, "E-RUN-VALUE")


def test_a_crash_keeps_the_suites_that_were_finished_and_a_second_run_goes_on(tmp_path: Path) -> None:
    failing = "if requests[0]['id'].startswith('two'): raise ValueError\n        " + LENGTHS
    code, _ = run(tmp_path, model(failing))
    assert code == 3
    kept = responses(tmp_path, "one")
    code, events = run(tmp_path, model("return [-99.0] * len(requests)"))
    assert code == 0
    assert responses(tmp_path, "one") == kept
    assert {entry["logprob"] for entry in responses(tmp_path, "two")} == {-99.0}
    assert all(event.get("suite") != "one" for event in events)


def test_a_job_that_cannot_be_read_is_said_to_be_the_platforms_fault(tmp_path: Path) -> None:
    run(tmp_path, model(LENGTHS))
    (tmp_path / "eval" / "job.json").write_text("{")
    done = subprocess.run(
        [sys.executable, "-m", "sandbox.runner", "--root", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 3
    assert "E-RUN-JOB" in done.stderr.splitlines()[-1]


def test_the_runner_imports_only_the_standard_library() -> None:
    program = (
        "import sys; before = set(sys.modules); import sandbox.runner.__main__;"
        "print(sorted({name.split('.')[0] for name in set(sys.modules) - before} - set(sys.stdlib_module_names)))"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['sandbox']"
