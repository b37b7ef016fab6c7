"""What a sandbox offers: intake of an archive, and one attempt at a job. Implementations: docker_sandbox."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from types import TracebackType
from typing import Any, BinaryIO, Protocol, Self

from sandbox.limits import GiB, KiB, Limits, MiB


@dataclass(frozen=True, slots=True)
class EngineInfo:
    """The engine that answered."""

    version: str
    cgroup_version: str
    cgroup_driver: str
    cpus: int
    memory: int
    security_options: tuple[str, ...] = ()
    runtimes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SavedImage:
    """The archive that an image became: its size in bytes, and its SHA-256 in hex."""

    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class ListedImage:
    """An image that this release can build, its short names, what it holds, and its id where the engine has it."""

    name: str
    aliases: tuple[str, ...]
    versions: Mapping[str, str]
    image_id: str | None


@dataclass(frozen=True, slots=True)
class IntakeRules:
    """What an archive may hold; sizes in bytes.

    `single_file` is the name under which a bare file (not a zip or tar) is accepted, such as an uploaded
    predictions.json.gz; None refuses bare files. `allow_pickle` and `allow_auto_map` are for tracks whose
    submissions bring code, which runs inside predict only; `convert_weights` turns pickled weights of model folders
    into safetensors, in a container of their own.
    """

    max_bytes: int = 4 * GiB
    max_entries: int = 10_000
    max_unpacked_bytes: int = 8 * GiB
    allow_pickle: bool = False
    allow_auto_map: bool = False
    convert_weights: bool = False
    single_file: str | None = None
    wall: float = 600.0


@dataclass(frozen=True, slots=True)
class IntakeProblem:
    """One reason why an archive was refused: a code, our own fixed sentence, the file, and what to do."""

    code: str
    message: str
    file: str = ""
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class IntakeFile:
    """One extracted file; `size` in bytes, `sha256` in hex."""

    path: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class WeightsConversion:
    """Pickled weights that became safetensors: from what, to what, by what; `left_out` was never opened."""

    sources: tuple[IntakeFile, ...]
    results: tuple[IntakeFile, ...]
    left_out: tuple[IntakeFile, ...] = ()
    torch: str = ""
    image_id: str = ""


@dataclass(frozen=True, slots=True)
class IntakeReport:
    """What intake found; where `ok` is false the volume is gone and `problems` says why.

    `files` are those that predict sees: after a conversion, its results in place of its sources.
    """

    ok: bool
    problems: tuple[IntakeProblem, ...] = ()
    files: tuple[IntakeFile, ...] = ()
    manifest_text: str | None = None
    config_text: str | None = None
    unpacked_bytes: int = 0
    stripped_folder: str | None = None
    conversion: WeightsConversion | None = None


@dataclass(frozen=True, slots=True)
class KeptVolume:
    """A submission's volume on an engine, with the labels of its intake; `created` is the engine's time, as text."""

    name: str
    labels: Mapping[str, str]
    created: str


@dataclass(frozen=True, slots=True)
class Job:
    """One run of the runner in an image; `runner` becomes /eval/job.json."""

    image_id: str
    submission_volume: str | None
    runner: Mapping[str, Any]
    environment: Mapping[str, str] = field(default_factory=dict)


class Verdict(StrEnum):
    """How the predict container ended."""

    COMPLETED = "completed"
    EXIT = "exit"
    TIMEOUT = "timeout"
    MEMORY = "memory"
    KILLED = "killed"
    AMBIGUOUS = "ambiguous"


@dataclass(frozen=True, slots=True)
class Wall:
    """Seconds by stage: container start, model load, answering; `total` from create to exit. None: not known."""

    start: float | None
    load: float | None
    answer: float | None
    total: float


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a job; `error` is the runner's own typed error.

    `peak_memory` is the control group's peak in bytes, page cache and /tmp included; `response_bytes` what the
    response volume held at the end, where the run did not complete (else what is collected says it); `disk_bytes` what
    was written to the host's disks; `peak_pids` the most processes and threads at a time, those that start a container
    included; `oom_kills` how many were killed for memory. None: this host can't say.
    """

    verdict: Verdict
    exit_code: int | None
    error: Mapping[str, str] | None
    wall: Wall
    cpu_seconds: float | None
    peak_memory: int | None
    log_tail: str
    oom_event: bool
    response_bytes: int | None = None
    disk_bytes: int | None = None
    peak_pids: int | None = None
    oom_kills: int | None = None

    def resources(self) -> dict[str, Any]:
        """Return what was measured, ready for JSON."""
        names = ("cpu_seconds", "peak_memory", "oom_event", "response_bytes", "disk_bytes", "peak_pids", "oom_kills")
        return {"wall": asdict(self.wall), **{name: getattr(self, name) for name in names}}


@dataclass(frozen=True, slots=True)
class Progress:
    """Where the runner is: suite `position` (from 1) of `of`, `done` of `total` requests, `rate` a second.

    It is the submission's own word: shown, never relied upon.
    """

    suite: str
    position: int
    of: int
    done: int
    total: int
    rate: float


@dataclass(frozen=True, slots=True)
class ResponseProblem:
    """Why a response file was refused; `line` counts from 1."""

    code: str
    message: str
    file: str
    line: int | None = None


@dataclass(frozen=True, slots=True)
class Collected:
    """The accepted responses by file, and the problems of the files that were refused.

    `response_bytes` is what the response volume held; None where that is not known.
    """

    responses: Mapping[str, list[dict[str, Any]]]
    problems: tuple[ResponseProblem, ...] = ()
    response_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class CollectRules:
    """Bounds on what a response file may hold; `max_total_bytes` is over all files after rewriting."""

    max_line_bytes: int = 64 * KiB
    max_file_bytes: int = 512 * MiB
    max_total_bytes: int = 512 * MiB
    max_depth: int = 4


class Workspace(Protocol):
    """One attempt's containers and volumes; a context manager that leaves nothing behind."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def put_requests(self, files: Mapping[str, bytes]) -> None:
        """Stage requests by archive; keys are `<checkpoint>/<suite>/<seed>/requests.jsonl`; so is `train.jsonl`."""

    def put_media(self, files: Mapping[str, bytes]) -> None:
        """Stage the files that requests name by digest, as /eval/media/<digest>; more may follow."""

    def predict(self, job: Job, on_progress: Callable[[Progress], None] | None = None) -> Outcome:
        """Run the job to its end, its deadline or `kill`; raises SandboxUnavailable."""

    def collect(self, expected: Mapping[str, Collection[str] | int], *, rules: CollectRules | None = None) -> Collected:
        """Read, check and rewrite the responses; keys are `<checkpoint>/<suite>/<seed>/responses.jsonl`.

        A value is the asked ids or their number; raises CollectFailed, SandboxUnavailable.
        """

    def release(self) -> None:
        """Begin to remove everything, once nothing is left to collect; the workspace's end waits for it."""

    def kill(self) -> None:
        """Kill the predict container, from any thread; its outcome is then KILLED."""


class Sandbox(Protocol):
    """Where submissions are unpacked and run."""

    def ping(self) -> EngineInfo:
        """Ask the engine for its version; raises SandboxUnavailable with the command that mends it."""

    def image_id(self, name: str) -> str:
        """Return the id of the image of this name built from these sources; raises ImageMissing."""

    def image_versions(self, image_id: str) -> Mapping[str, str]:
        """Return what an image says it holds, by package; raises ImageMissing."""

    def has_image(self, image_id: str) -> bool:
        """Say whether this engine holds the image; where it does not, load its archive."""

    def save_image(self, image_id: str, file: BinaryIO) -> SavedImage:
        """Write an image as a gzipped archive; raises ImageMissing, SandboxUnavailable."""

    def load_image(self, file: BinaryIO, image_id: str) -> None:
        """Load a seekable archive that `save_image` wrote; raises ImageRefused where it holds another image."""

    def intake(self, archive: BinaryIO, *, volume: str, rules: IntakeRules, labels: Mapping[str, str]) -> IntakeReport:
        """Check and unpack a seekable archive into the named volume, inside a container; raises SandboxUnavailable."""

    def read_file(self, volume: str, path: str, *, max_bytes: int, labels: Mapping[str, str] | None = None) -> bytes:
        """Return the bytes of one unpacked file; raises FileNotFoundError, ValueError where it is larger."""

    def read_heads(
        self, volume: str, paths: Sequence[str], *, size: int, labels: Mapping[str, str] | None = None
    ) -> dict[str, bytes]:
        """Return the first bytes of some unpacked files; raises FileNotFoundError, SandboxUnavailable."""

    def has_volume(self, volume: str) -> bool:
        """Say whether this engine holds the volume, filled; where it does not, take the archive in again."""

    def new_volume_name(self) -> str:
        """Return a fresh, neutral name for a submission volume: a container can read it."""

    def remove_volume(self, volume: str) -> None:
        """Remove a submission volume; one that is not there is no error."""

    def kept_volumes(self, labels: Mapping[str, str]) -> list[KeptVolume]:
        """Return the submission volumes that bear these labels, the newest first."""

    def release_volume(self, volume: str) -> bool:
        """Remove a submission volume unless a container has it; say whether it is gone."""

    def open_attempt(self, *, labels: Mapping[str, str], limits: Limits) -> Workspace:
        """Return a workspace for one attempt, to be entered with `with`."""


__all__ = [
    "CollectRules",
    "Collected",
    "EngineInfo",
    "GiB",
    "IntakeFile",
    "IntakeProblem",
    "IntakeReport",
    "IntakeRules",
    "Job",
    "KeptVolume",
    "KiB",
    "Limits",
    "ListedImage",
    "MiB",
    "Outcome",
    "Progress",
    "ResponseProblem",
    "Sandbox",
    "SavedImage",
    "Verdict",
    "Wall",
    "WeightsConversion",
    "Workspace",
]
