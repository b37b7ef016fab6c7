"""Runs the runner in the model image, and says what it answered and reported."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sandbox.images.build import build
from tests.models.blimp import as_lines
from tests.models.containers import run_in

WORD = "@proctor "
SUITE = {"checkpoint": "main", "suite": "blimp", "seed": "0"}


@dataclass(frozen=True, slots=True)
class Answered:
    """The runner's exit code, its events, and the responses by id."""

    code: int
    events: list[dict[str, Any]]
    responses: Mapping[str, dict[str, Any]]
    log: str

    def event(self, name: str) -> dict[str, Any]:
        """Return the last event of that name."""
        return [event for event in self.events if event["event"] == name][-1]


def model_image() -> str:
    """Return the model image, built where its content changed."""
    return build(["model"], say=lambda _: None)[0].image_id


def answer_suites(
    model: Path,
    suites: dict[tuple[str, str], list[dict[str, Any]]],
    files: dict[str, bytes] | None = None,
    *,
    program: Sequence[str] = ("python3", "-m", "sandbox.runner"),
    **job: Any,
) -> tuple[Answered, dict[tuple[str, str], dict[str, dict[str, Any]]]]:
    """Answer several suites, by (checkpoint, suite), in one run; return how it ended, and each suite's responses by id.

    `files` lie below /eval as well; `program` runs the job; `job` sets fields of job.json.
    """
    named = [{"checkpoint": checkpoint, "suite": suite, "seed": "0"} for checkpoint, suite in suites]
    document = {"kind": "model", "threads": 2, "batch_size": 32, "suites": named} | job
    staged = {
        f"/eval/requests/{checkpoint}/{suite}/0/requests.jsonl": as_lines(requests)
        for (checkpoint, suite), requests in suites.items()
    }
    staged |= {f"/eval/{name}": content for name, content in (files or {}).items()}
    ran = run_in(
        model_image(),
        program,
        files={"/submission": model, "/eval/job.json": json.dumps(document).encode(), **staged},
        out="/eval/responses",
    )
    events = [json.loads(line.removeprefix(WORD)) for line in ran.log.splitlines() if line.startswith(WORD)]
    answers = {}
    for checkpoint, suite in suites:
        lines = ran.out.get(f"{checkpoint}/{suite}/0/responses.jsonl", b"").decode().splitlines()
        answers[checkpoint, suite] = {entry["id"]: entry for entry in map(json.loads, lines)}
    return Answered(ran.code, events, {}, ran.log), answers


def answer(model: Path, requests: list[dict[str, Any]], **job: Any) -> Answered:
    """Answer requests with a model folder; `job` sets fields of job.json."""
    document = {"kind": "model", "threads": 2, "batch_size": 32, "suites": [SUITE]} | job
    ran = run_in(
        model_image(),
        ["python3", "-m", "sandbox.runner"],
        files={
            "/submission": model,
            "/eval/job.json": json.dumps(document).encode(),
            "/eval/requests/main/blimp/0/requests.jsonl": as_lines(requests),
        },
        out="/eval/responses",
    )
    lines = ran.out.get("main/blimp/0/responses.jsonl", b"").decode().splitlines()
    events = [json.loads(line.removeprefix(WORD)) for line in ran.log.splitlines() if line.startswith(WORD)]
    return Answered(ran.code, events, {entry["id"]: entry for entry in map(json.loads, lines)}, ran.log)
