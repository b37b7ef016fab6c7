"""Runs the runner in the model image, and says what it answered and reported."""

import json
from collections.abc import Mapping
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
