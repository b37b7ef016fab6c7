"""Many short runs of the runner in one container of the model image, and the plain answers to the same requests."""

import json
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from tests.models.blimp import as_lines
from tests.models.containers import run_in
from tests.models.runner import WORD, model_image

HERE = Path(__file__).parent
# Runs inside the image: each run has a root of its own, as the sandbox does.
SCRIPT = """
import json, shutil, sys
from pathlib import Path
from sandbox.runner.__main__ import main

for number, run in enumerate(json.loads(Path("/runs.json").read_text())):
    root = Path("/roots", str(number))
    (root / "eval").mkdir(parents=True)
    shutil.copytree(Path("/models", run["model"]), root / "submission")
    for name, changes in run["changes"].items():
        file = root / "submission" / name
        file.write_text(json.dumps(json.loads(file.read_text()) | changes))
    (root / "eval" / "media").symlink_to("/media")
    (root / "eval" / "responses").symlink_to(f"/out/{number}")
    Path("/out", str(number)).mkdir()
    suites = []
    for name, lines in run["suites"].items():
        suites.append({"checkpoint": "main", "suite": name, "seed": "0"})
        folder = root / "eval" / "requests" / "main" / name / "0"
        folder.mkdir(parents=True)
        (folder / "requests.jsonl").write_text(lines)
    job = {"kind": "model", "threads": 2, "batch_size": 32, "suites": suites} | run["job"]
    (root / "eval" / "job.json").write_text(json.dumps(job))
    print(f"@run {number}", file=sys.stderr, flush=True)
    print(f"@code {main(['--root', str(root)])}", file=sys.stderr, flush=True)
"""
Requests = list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Asking:
    """One run: a folder below the models, requests by suite, fields of job.json, and changes to the folder's JSON."""

    model: str
    suites: dict[str, Requests]
    job: dict[str, Any]
    changes: dict[str, dict[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Told:
    """How one run ended: exit code, events, and responses by suite and id."""

    code: int
    events: list[dict[str, Any]]
    suites: dict[str, dict[str, dict[str, Any]]]
    log: str

    def event(self, name: str) -> dict[str, Any]:
        """Return the last event of that name."""
        return [event for event in self.events if event["event"] == name][-1]

    def values(self, suite: str, name: str) -> dict[str, Any]:
        """Return one field of a suite's responses, by id; raises where the run failed."""
        if self.code:
            raise AssertionError(self.log)
        return {key: response[name] for key, response in self.suites[suite].items()}


def tell(models: Path, asked: Sequence[Asking], media: dict[str, bytes] | None = None) -> list[Told]:
    """Do runs one after another in one container; `media` are images by digest."""
    runs = [
        {
            "model": one.model,
            "job": one.job,
            "changes": one.changes,
            "suites": {name: as_lines(requests).decode() for name, requests in one.suites.items()},
        }
        for one in asked
    ]
    ran = run_in(
        model_image(),
        ["python3", "/many.py"],
        files={"/many.py": SCRIPT.encode(), "/runs.json": json.dumps(runs).encode(), **_models(models, asked)}
        | _media(media),
    )
    if ran.code:
        raise AssertionError(ran.log)
    logs = ran.log.split("@run ")[1:]
    return [_told(number, one, log, ran.out) for number, (one, log) in enumerate(zip(asked, logs, strict=True))]


def plainly(
    models: Path, asked: Sequence[tuple[str, str, Requests]], media: dict[str, bytes] | None = None
) -> list[dict[str, Any]]:
    """Return what transformers alone answers to (model, way, requests), by id, one request at a time."""
    jobs = [{"model": f"/models/{model}", "way": way, "requests": requests} for model, way, requests in asked]
    scripts = {f"/{name}.py": (HERE / f"{name}.py").read_bytes() for name in ("plain_backends", "plain_scores")}
    ran = run_in(
        model_image(),
        ["python3", "/plain_backends.py", "/jobs.json", "/out/result.json"],
        files={
            "/jobs.json": json.dumps(jobs).encode(),
            **scripts,
            **_models(models, [Asking(one[0], {}, {}) for one in asked]),
        }
        | _media(media),
    )
    if ran.code:
        raise AssertionError(ran.log)
    answers: list[dict[str, Any]] = json.loads(ran.out["result.json"])
    return answers


def furthest(values: dict[str, Any], expected: dict[str, Any]) -> float:
    """Return the largest difference between two answers to the same requests, number by number."""
    assert set(values) == set(expected)
    return max(
        abs(one - other)
        for key in expected
        for one, other in zip(numbers(values[key]), numbers(expected[key]), strict=True)
    )


def numbers(value: Any) -> list[float]:
    """Return the numbers of a number, a list or a matrix, in order."""
    return [number for entry in value for number in numbers(entry)] if isinstance(value, list) else [value]


def picture(seed: int, *, width: int = 24, height: int = 20) -> bytes:
    """Return a small PNG of a colour of its own and stripes of another."""
    colours = [bytes((seed * 83 + shift * 57 + channel * 31) % 256 for channel in range(3)) for shift in (0, 3)]
    rows = [
        b"".join(colours[(row // 4 + column // (3 + seed)) % 2] for column in range(width)) for row in range(height)
    ]
    data = zlib.compress(b"".join(b"\0" + row for row in rows))
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
        for kind, content in ((b"IHDR", header), (b"IDAT", data), (b"IEND", b""))
    )


def pictures(count: int) -> dict[str, bytes]:
    """Return so many different images by digest."""
    made = [picture(seed, width=20 + 4 * seed) for seed in range(count)]
    return {sha256(content).hexdigest(): content for content in made}


def _models(models: Path, asked: Sequence[Asking]) -> dict[str, bytes | Path]:
    return {f"/models/{name}": models / name for name in sorted({one.model for one in asked})}


def _media(media: dict[str, bytes] | None) -> dict[str, bytes | Path]:
    return {f"/media/{digest}": content for digest, content in (media or {}).items()}


def _told(number: int, one: Asking, log: str, out: Any) -> Told:
    events = [json.loads(line.removeprefix(WORD)) for line in log.splitlines() if line.startswith(WORD)]
    code = next(int(line.removeprefix("@code ")) for line in log.splitlines() if line.startswith("@code "))
    suites = {}
    for name in one.suites:
        lines = out.get(f"{number}/main/{name}/0/responses.jsonl", b"").decode().splitlines()
        suites[name] = {entry["id"]: entry for entry in map(json.loads, lines)}
    return Told(code, events, suites, log)
