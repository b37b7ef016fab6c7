"""One submission run from folder to folder, without the platform: intake, predict, collect."""

import json
import tarfile
import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import yaml

from sandbox.docker_sandbox import DockerSandbox
from sandbox.errors import SubmissionFailed
from sandbox.interface import Collected, CollectRules, IntakeReport, IntakeRules, Job, Outcome, Progress, Verdict
from sandbox.limits import Limits

LABELS = {"proctor.origin": "command"}
TRAIN, MEDIA = "train.jsonl", "media"
NUMBER_BYTES = 32  # a number in an answer that is a list of them, with what stands between


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
    folder's name, and 0. Training lines beside a requests.jsonl, and the folder media, hold no requests.
    """
    found: dict[Path, tuple[str, str, str]] = {}
    for file in sorted(folder.rglob("*.jsonl")):
        parts = list(file.relative_to(folder).parts[:-1])
        if parts[:1] == [MEDIA] or (file.name == TRAIN and file.with_name("requests.jsonl").is_file()):
            continue
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
    document |= {name: value for name, value in options.items() if value and name not in ("kind", "checkpoints")}
    paths = _checkpoints(manifest) | dict(options.get("checkpoints") or {})
    if paths:
        paths = {"main": document.get("path", "."), **paths}
        document["checkpoints"] = {name: {"path": path} for name, path in paths.items()}
    return document


def _checkpoints(manifest: Mapping[str, Any]) -> dict[str, str]:
    """Return the folders of the checkpoints that submission.yaml names."""
    listed = manifest.get("checkpoints")
    entries = [entry for entry in listed if isinstance(entry, dict)] if isinstance(listed, list) else []
    return {str(entry["name"]): str(entry["path"]) for entry in entries if {"name", "path"} <= entry.keys()}


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
    chosen = options or {}
    asked = find_requests(requests)
    contents = {file: (requests / file).read_bytes() for file in asked}
    volume = sandbox.new_volume_name()
    try:
        code = chosen.get("kind") != "model"
        report = _take_in(sandbox, submission, volume, code=code, auto_map=code or bool(chosen.get("remote_code")))
        runner = runner_document(report, chosen)
        _require_checkpoints(runner, asked.values())
        runner["suites"] = [
            {"checkpoint": checkpoint, "suite": suite, "seed": seed} for checkpoint, suite, seed in asked.values()
        ]
        image_id = sandbox.image_id(image or ("model" if runner["kind"] == "model" else "base"))
        with sandbox.open_attempt(labels=LABELS, limits=limits) as workspace:
            workspace.put_requests(_staged(requests, asked, contents))
            media = sorted(path for path in (requests / MEDIA).glob("*") if path.is_file())
            if media:
                workspace.put_media({path.name: path.read_bytes() for path in media})
            outcome = workspace.predict(Job(image_id, volume, runner), on_progress)
            collected = workspace.collect(
                {f"{'/'.join(key)}/responses.jsonl": _ids(contents[file]) for file, key in asked.items()},
                rules=CollectRules(max_line_bytes=max(map(_longest_answer, contents.values()))),
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


def _staged(
    requests: Path, asked: Mapping[Path, tuple[str, str, str]], contents: Mapping[Path, bytes]
) -> dict[str, bytes]:
    """Return the files of every suite: its requests, and what may be learnt from where that lies beside them."""
    files = {}
    for file, key in asked.items():
        folder = "/".join(key)
        files[f"{folder}/requests.jsonl"] = contents[file]
        train = requests / file.with_name(TRAIN)
        if file.name == "requests.jsonl" and train.is_file():
            files[f"{folder}/{TRAIN}"] = train.read_bytes()
    return files


def _require_checkpoints(runner: Mapping[str, Any], asked: Iterable[tuple[str, str, str]]) -> None:
    """Refuse requests for a checkpoint that nobody named, where some are named; raises SubmissionFailed."""
    known = runner.get("checkpoints")
    for checkpoint, _, _ in asked:
        if known and checkpoint not in known:
            raise SubmissionFailed("E-RUN-JOB", f"There are requests for a checkpoint {checkpoint}, which has no path.")


def _lines(content: bytes) -> list[dict[str, Any]]:
    try:
        lines = [json.loads(line) for line in content.splitlines() if line.strip()]
    except ValueError as error:
        raise SubmissionFailed("E-RUN-JOB", f"A request is not JSON: {error}.") from error
    if not all(isinstance(line, dict) and isinstance(line.get("id"), str) for line in lines):
        raise SubmissionFailed("E-RUN-JOB", "A request is not an object with an id.")
    return lines


def _longest_answer(content: bytes) -> int:
    """Return how many bytes the longest honest answer to a suite's requests may take."""
    lines = _lines(content)
    numbers = (len(line.get("words", ())) + len(line.get("rows", ())) * len(line.get("cols", ())) for line in lines)
    return CollectRules().max_line_bytes + NUMBER_BYTES * max(numbers, default=0)


def _ids(content: bytes) -> frozenset[str]:
    return frozenset(line["id"] for line in _lines(content))


def _take_in(sandbox: DockerSandbox, folder: Path, volume: str, *, code: bool, auto_map: bool) -> IntakeReport:
    with tempfile.TemporaryFile() as packed:
        with tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive:
            for path in sorted(folder.rglob("*")):
                archive.add(path, arcname=path.relative_to(folder).as_posix(), recursive=False)
        size = packed.tell()
        rules = IntakeRules(max_bytes=size + 1, max_unpacked_bytes=size + 1, allow_pickle=code, allow_auto_map=auto_map)
        report = sandbox.intake(packed, volume=volume, rules=rules, labels=LABELS)
    if not report.ok:
        first = report.problems[0]
        raise SubmissionFailed(first.code, f"{first.file}: {first.message} {first.remedy}")
    return report
