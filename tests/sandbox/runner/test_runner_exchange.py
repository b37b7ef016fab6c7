"""The job, the requests, and the growing file of responses."""

import io
import json
from pathlib import Path
from typing import Any

import pytest

from sandbox.runner.errors import RunFailed
from sandbox.runner.exchange import Responses, read_requests
from sandbox.runner.job import RunnerJob, SuiteJob, parse_job, read_job
from sandbox.runner.progress import Reporter
from sandbox.runner.values import logprob

SUITE = {"checkpoint": "main", "suite": "blimp", "seed": "0"}


def test_a_job_has_the_defaults_of_a_causal_model() -> None:
    assert parse_job({"kind": "model", "suites": [SUITE]}) == RunnerJob(
        kind="model",
        suites=(SuiteJob("main", "blimp", "0"),),
        path=".",
        backend="causal",
        bos="tokenizer",
        entry="model.py:Model",
        precision="fp32",
        batch_size=32,
        threads=2,
    )


@pytest.mark.parametrize(
    ("document", "field"),
    [
        ({}, "kind"),
        ({"kind": "image"}, "kind"),
        ({"kind": "model", "backend": "rnn"}, "backend"),
        ({"kind": "model", "precision": "int8"}, "precision"),
        ({"kind": "model", "batch_size": 0}, "batch_size"),
        ({"kind": "model", "threads": True}, "threads"),
        ({"kind": "model", "bos": ""}, "bos"),
        ({"kind": "model", "colour": "red"}, "colour"),
        ({"kind": "model", "suites": [{"suite": "blimp"}]}, "suite"),
        ({"kind": "model", "suites": [SUITE | {"suite": ".."}]}, "suite"),
        ({"kind": "model", "suites": [SUITE | {"seed": "a/b"}]}, "seed"),
        ([], "object"),
    ],
)
def test_a_malformed_job_is_refused_with_its_field(document: Any, field: str) -> None:
    with pytest.raises(RunFailed, match=field) as caught:
        parse_job(document)
    assert caught.value.code == "E-RUN-JOB"


def test_a_missing_job_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RunFailed, match="E-RUN-JOB"):
        read_job(tmp_path / "job.json")


def write(folder: Path, *requests: Any) -> None:
    (folder / "requests.jsonl").write_text("".join(json.dumps(request) + "\n" for request in requests))


def request(key: str, **changes: Any) -> dict[str, Any]:
    return {"id": key, "type": "loglikelihood", "context": "", "continuation": "Dogs bark."} | changes


def test_requests_are_read_in_order(tmp_path: Path) -> None:
    write(tmp_path, request("b"), request("a"))
    assert [entry["id"] for entry in read_requests(tmp_path)] == ["b", "a"]


@pytest.mark.parametrize(
    "bad", [request("a", type="act"), request("a", context=None), request("a", id=7), ["a"], {"id": "a"}]
)
def test_a_malformed_request_is_refused_with_its_line(tmp_path: Path, bad: Any) -> None:
    write(tmp_path, request("b"), bad)
    with pytest.raises(RunFailed, match=r"requests\.jsonl:2"):
        read_requests(tmp_path)


def test_a_request_that_stands_twice_is_refused(tmp_path: Path) -> None:
    write(tmp_path, request("a"), request("a"))
    with pytest.raises(RunFailed, match="twice"):
        read_requests(tmp_path)


def test_responses_get_their_name_only_when_complete(tmp_path: Path) -> None:
    responses = Responses(tmp_path / "main")
    with responses:
        responses.write([{"id": "a", "logprob": -1.5}])
        assert not responses.complete
        responses.finish()
    assert responses.complete
    assert [path.name for path in (tmp_path / "main").iterdir()] == ["responses.jsonl"]
    assert (tmp_path / "main" / "responses.jsonl").read_text() == '{"id": "a", "logprob": -1.5}\n'


def test_a_run_that_was_cut_off_goes_on_after_the_last_whole_line(tmp_path: Path) -> None:
    (tmp_path / "responses.jsonl.part").write_text('{"id": "a", "logprob": -1}\n{"id": "b", "logp')
    responses = Responses(tmp_path)
    with responses:
        assert responses.answered() == {"a"}
        responses.write([{"id": "b", "logprob": -2}])
        responses.finish()
    lines = (tmp_path / "responses.jsonl").read_text().splitlines()
    assert [json.loads(line)["id"] for line in lines] == ["a", "b"]


def test_a_damaged_part_is_begun_again(tmp_path: Path) -> None:
    (tmp_path / "responses.jsonl.part").write_text('{"id": "a", "logprob": -1}\n}{\n')
    with Responses(tmp_path) as responses:
        assert responses.answered() == set()
    assert (tmp_path / "responses.jsonl.part").read_text() == ""


@pytest.mark.parametrize(
    "value", [float("nan"), float("inf"), float("-inf"), 0.5, True, "1", None, 10**400, -(10**400)]
)
def test_what_is_not_a_log_probability_is_refused(value: object) -> None:
    with pytest.raises(RunFailed, match="E-RUN-VALUE"):
        logprob(value)


def test_a_sum_that_rounding_lifted_above_zero_is_zero() -> None:
    assert logprob(1e-7) == 0.0
    assert logprob(-3) == -3.0


def test_progress_is_written_at_most_twice_a_second_and_always_at_the_ends() -> None:
    now = 0.0
    stream = io.StringIO()
    reporter = Reporter(stream, clock=lambda: now)
    for done in range(11):
        reporter.progress(suite="blimp", position=1, of=1, done=done, total=10)
        now += 0.1
    lines = [json.loads(line.removeprefix("@proctor ")) for line in stream.getvalue().splitlines()]
    assert [line["done"] for line in lines] == [0, 5, 10]
