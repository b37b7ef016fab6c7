"""One submission run from folder to folder, without the platform: intake, predict, collect."""

import json
import tarfile
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import yaml

from sandbox.docker_sandbox import DockerSandbox
from sandbox.errors import SubmissionFailed
from sandbox.interface import Collected, IntakeReport, IntakeRules, Job, Outcome, Progress, Verdict
from sandbox.limits import Limits

LABELS = {"proctor.origin": "command"}


@dataclass(frozen=True, slots=True)
class FolderRun:
    """What a run left: its outcome, the collected responses, and the files written."""

    outcome: Outcome
    collected: Collected
    written: Mapping[str, int]

    @property
    def ok(self) -> bool:
        """The container ended well and every response file was accepted."""
        return self.outcome.verdict is Verdict.COMPLETED and not self.collected.problems

    def document(self) -> dict[str, Any]:
        """Return it JSON-ready, without the responses themselves."""
        return {
            "ok": self.ok,
            "outcome": {**asdict(self.outcome), "response_bytes": self.collected.response_bytes},
            "responses": dict(self.written),
            "problems": [asdict(problem) for problem in self.collected.problems],
        }


def find_requests(folder: Path) -> dict[Path, tuple[str, str, str]]:
    """Return each request file below a folder with its checkpoint, suite and seed; raises SubmissionFailed.

    `<checkpoint>/<suite>/<seed>/requests.jsonl` is taken as it stands; missing levels are main, the file's or
    folder's name, and 0.
    """
    found: dict[Path, tuple[str, str, str]] = {}
    for file in sorted(folder.rglob("*.jsonl")):
        parts = list(file.relative_to(folder).parts[:-1])
        if file.stem != "requests":
            parts.append(file.stem)
        padded = {
            0: ["main", "suite", "0"],
            1: ["main", *parts, "0"],
            2: [*parts, "0"],
            3: parts,
        }.get(len(parts))
        if padded is None:
            raise SubmissionFailed("E-RUN-JOB", f"{file} lies deeper than checkpoint/suite/seed.")
        found[file.relative_to(folder)] = (padded[0], padded[1], padded[2])
    if not found or len(set(found.values())) != len(found):
        raise SubmissionFailed("E-RUN-JOB", f"{folder} holds no requests, or two files for one suite.")
    return found


def runner_document(report: IntakeReport, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the runner's job: from submission.yaml, else from what the folder holds; options win."""
    manifest: dict[str, Any] = {}
    if report.manifest_text is not None:
        loaded = yaml.safe_load(report.manifest_text)
        manifest = loaded if isinstance(loaded, dict) else {}
    kind = options.get("kind") or manifest.get("kind") or ("model" if report.config_text is not None else "code")
    if kind not in ("model", "code"):
        raise SubmissionFailed("E-RUN-JOB", f"A submission of kind {kind} is not run in a sandbox.")
    part = manifest.get(kind)
    document = {"kind": kind, **(part if isinstance(part, dict) else {})}
    document |= {name: value for name, value in options.items() if value is not None and name != "kind"}
    return document


def run_folder(
    submission: Path,
    requests: Path,
    responses: Path,
    *,
    limits: Limits,
    image: str | None = None,
    options: Mapping[str, Any] | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> FolderRun:
    """Run a submission folder on a folder of requests; raises SubmissionFailed, SandboxError."""
    sandbox = DockerSandbox()
    sandbox.ping()
    asked = find_requests(requests)
    contents = {file: (requests / file).read_bytes() for file in asked}
    volume = sandbox.new_volume_name()
    try:
        report = _take_in(sandbox, submission, volume, code=(options or {}).get("kind") != "model")
        runner = runner_document(report, options or {})
        runner["suites"] = [
            {"checkpoint": checkpoint, "suite": suite, "seed": seed} for checkpoint, suite, seed in asked.values()
        ]
        image_id = sandbox.image_id(image or ("model" if runner["kind"] == "model" else "base"))
        with sandbox.open_attempt(labels=LABELS, limits=limits) as workspace:
            workspace.put_requests({f"{'/'.join(key)}/requests.jsonl": contents[file] for file, key in asked.items()})
            outcome = workspace.predict(Job(image_id, volume, runner), on_progress)
            collected = workspace.collect(
                {f"{'/'.join(key)}/responses.jsonl": _ids(contents[file]) for file, key in asked.items()}
            )
    finally:
        sandbox.remove_volume(volume)
    written = {}
    for file, key in asked.items():
        records = collected.responses.get(f"{'/'.join(key)}/responses.jsonl")
        if records is not None:
            target = responses / (file.with_name("responses.jsonl") if file.stem == "requests" else file)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
            written[str(target)] = len(records)
    return FolderRun(outcome, collected, written)


def _ids(content: bytes) -> frozenset[str]:
    return frozenset(json.loads(line)["id"] for line in content.splitlines() if line.strip())


def _take_in(sandbox: DockerSandbox, folder: Path, volume: str, *, code: bool) -> IntakeReport:
    with tempfile.TemporaryFile() as packed:
        with tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive:
            for path in sorted(folder.rglob("*")):
                archive.add(path, arcname=path.relative_to(folder).as_posix(), recursive=False)
        size = packed.tell()
        rules = IntakeRules(max_bytes=size + 1, max_unpacked_bytes=size + 1, allow_pickle=code, allow_auto_map=code)
        report = sandbox.intake(packed, volume=volume, rules=rules, labels=LABELS)
    if not report.ok:
        first = report.problems[0]
        raise SubmissionFailed(first.code, f"{first.file}: {first.message} {first.remedy}")
    return report
