"""The job: what to load, how, and which suites to answer in which order."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from sandbox.runner.errors import RunFailed
from sandbox.runner.finetune_settings import Finetuning, parse_all

KINDS = ("model", "code")
BACKENDS = ("causal", "masked", "mntp", "encoder-decoder", "vision", "dual-encoder")
SCORINGS = ("prefix", "fill-in", "babylm-prefix", "babylm-mask")
PRECISIONS = ("fp32", "bf16")
# Set by the runner itself, so no field of job.json.
OURS = frozenset({"media"})
LISTS = frozenset({"suites", "modules", "checkpoints", "finetuning"})


@dataclass(frozen=True, slots=True)
class SuiteJob:
    """One response set to make: a suite at a checkpoint with a training seed."""

    checkpoint: str
    suite: str
    seed: str

    @property
    def folder(self) -> PurePosixPath:
        """Return its folder under requests/ and responses/."""
        return PurePosixPath(self.checkpoint, self.suite, self.seed)


@dataclass(frozen=True, slots=True)
class RunnerJob:
    """The content of job.json; `batch_size` counts requests of ordinary length, `threads` CPU threads.

    `checkpoints` says in which folder of the submission each checkpoint lies; where it is empty, all are `path`.
    `scoring` says how an encoder-decoder shares a text between its two parts; other backends leave it alone.
    `finetuning` says how a suite's classifiers are trained, by the suite's name; others get the defaults.
    `remote_code` lets a model folder bring code of its own, which its configuration names by `auto_map`.
    `media` is the folder of the images that requests name by digest; the runner sets it.
    """

    kind: str
    suites: tuple[SuiteJob, ...]
    path: str = "."
    backend: str = "causal"
    bos: str = "tokenizer"
    scoring: str = "prefix"
    entry: str = "model.py:Model"
    precision: str = "fp32"
    batch_size: int = 32
    threads: int = 2
    modules: tuple[str, ...] = ()
    remote_code: bool = False
    checkpoints: Mapping[str, str] = field(default_factory=dict)
    finetuning: Mapping[str, Finetuning] = field(default_factory=dict)
    media: Path = Path("/eval/media")

    def path_of(self, checkpoint: str) -> str:
        """Return the checkpoint's folder, relative to the submission."""
        return self.checkpoints.get(checkpoint, self.path)

    def by_checkpoint(self) -> dict[str, list[SuiteJob]]:
        """Return the suites of each checkpoint; suites and checkpoints keep the order in which they were given."""
        together: dict[str, list[SuiteJob]] = {}
        for suite in self.suites:
            together.setdefault(suite.checkpoint, []).append(suite)
        return together


def read_job(file: Path) -> RunnerJob:
    """Read job.json; raises RunFailed with E-RUN-JOB where it is missing or malformed."""
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RunFailed("E-RUN-JOB", f"{file.name}: {error}") from error
    return parse_job(document)


def parse_job(document: Any) -> RunnerJob:
    """Turn the parsed job.json into a job; raises RunFailed with E-RUN-JOB naming the field."""
    if not isinstance(document, dict):
        raise RunFailed("E-RUN-JOB", "job.json must hold an object")
    unknown = sorted(set(document) - (set(RunnerJob.__dataclass_fields__) - OURS))
    if unknown:
        raise RunFailed("E-RUN-JOB", f"job.json: unknown field {unknown[0]!r}")
    values = {name: value for name, value in document.items() if name not in LISTS}
    job = RunnerJob(
        **({"kind": ""} | values),
        suites=tuple(_suite(entry) for entry in _list(document, "suites")),
        modules=tuple(_list(document, "modules")),
        checkpoints=_checkpoints(document.get("checkpoints", {})),
        finetuning=parse_all(document.get("finetuning", {})),
    )
    _check(job)
    return job


def _list(document: dict[str, Any], name: str) -> list[Any]:
    value = document.get(name, [])
    if not isinstance(value, list):
        raise RunFailed("E-RUN-JOB", f"job.json: {name} must be a list")
    return value


def _suite(entry: Any) -> SuiteJob:
    if not isinstance(entry, dict) or set(entry) != {"checkpoint", "suite", "seed"}:
        raise RunFailed("E-RUN-JOB", "job.json: a suite has exactly checkpoint, suite and seed")
    names = {name: str(value) for name, value in entry.items()}
    for name, value in names.items():
        if not value or value in {".", ".."} or "/" in value or "\0" in value:
            raise RunFailed("E-RUN-JOB", f"job.json: suites: {name} is not a folder name")
    return SuiteJob(**names)


def _checkpoints(value: Any) -> dict[str, str]:
    if not isinstance(value, dict):
        raise RunFailed("E-RUN-JOB", "job.json: checkpoints must be an object")
    for name, entry in value.items():
        path = entry.get("path") if isinstance(entry, dict) and len(entry) == 1 else None
        parts = PurePosixPath(path).parts if isinstance(path, str) and path and "\0" not in path else ("..",)
        if ".." in parts or parts[:1] == ("/",):
            raise RunFailed("E-RUN-JOB", f"job.json: checkpoints: {name} has exactly a path inside the submission")
    return {name: entry["path"] for name, entry in value.items()}


def _check(job: RunnerJob) -> None:
    for name, allowed in (("kind", KINDS), ("backend", BACKENDS), ("scoring", SCORINGS), ("precision", PRECISIONS)):
        if getattr(job, name) not in allowed:
            raise RunFailed("E-RUN-JOB", f"job.json: {name} must be one of {', '.join(allowed)}")
    for name in ("path", "bos", "entry"):
        if not isinstance(getattr(job, name), str) or not getattr(job, name):
            raise RunFailed("E-RUN-JOB", f"job.json: {name} must be text")
    for name in ("batch_size", "threads"):
        value = getattr(job, name)
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise RunFailed("E-RUN-JOB", f"job.json: {name} must be a whole number of at least 1")
    if not isinstance(job.remote_code, bool):
        raise RunFailed("E-RUN-JOB", "job.json: remote_code must be true or false")
    if not all(isinstance(name, str) for name in job.modules):
        raise RunFailed("E-RUN-JOB", "job.json: modules must be a list of names")
    for suite in job.suites:
        if job.checkpoints and suite.checkpoint not in job.checkpoints:
            raise RunFailed("E-RUN-JOB", f"job.json: suites: there is no checkpoint {suite.checkpoint}")
