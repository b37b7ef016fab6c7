"""The predict container: run to its end, watched by a poller that can't hold it up, judged by evidence."""

import json
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import docker

from sandbox.engine.archives import Entry
from sandbox.engine.connection import connect
from sandbox.engine.containers import Container, Ended, engine_seconds, kill_from_anywhere, parse_events
from sandbox.engine.options import PREDICT_ENVIRONMENT, Plan, VolumeMount
from sandbox.engine.resources import Accounting, Used
from sandbox.errors import SandboxError
from sandbox.interface import EngineInfo, Job, Outcome, Progress, Verdict, Wall
from sandbox.limits import Limits

RUNNER = ("python3", "-m", "sandbox.runner")
ALLOWED_ENVIRONMENT = frozenset({"OMP_NUM_THREADS", "MKL_NUM_THREADS", "PROCTOR_SEED"})
POLL_SECONDS = 0.5
POLL_TAIL = 200
FINAL_TAIL = 2000
TAIL_CHARACTERS = 16_384
OOM_EXIT = 137


def job_entry(job: Job, limits: Limits) -> Entry:
    """Return /eval/job.json: the runner's part of the job, with the thread count where it says none."""
    document = {"threads": max(1, int(limits.cpus)), **job.runner}
    return Entry("job.json", json.dumps(document, sort_keys=True).encode(), mode=0o644)


class Prediction:
    """One predict container."""

    def __init__(
        self,
        client: docker.APIClient,
        info: EngineInfo,
        *,
        job: Job,
        user: int,
        mounts: Sequence[VolumeMount],
        limits: Limits,
        labels: Mapping[str, str],
        killed: threading.Event,
    ) -> None:
        foreign = set(job.environment) - ALLOWED_ENVIRONMENT
        if foreign:
            raise ValueError(f"Not on the list of a container's variables: {', '.join(sorted(foreign))}")
        self._limits = limits
        self._accounting = Accounting.prepare(info)
        self._killed = killed
        plan = Plan(
            image_id=job.image_id,
            command=RUNNER,
            user=user,
            mounts=mounts,
            limits=limits,
            labels=labels,
            environment={**PREDICT_ENVIRONMENT, **job.environment},
            cgroup_parent=self._accounting.parent if self._accounting else None,
        )
        self.container = Container.create(client, plan)

    def run(
        self,
        *,
        began: float,
        on_progress: Callable[[Progress], None] | None,
        response_bytes: Callable[[], int | None] = lambda: None,
    ) -> Outcome:
        """Start it, wait for its end or its deadline, and say what became of it.

        `response_bytes` is asked for what it left where nobody will collect that: the collector says it anyway.
        """
        watch = Watch(self.container.id, on_progress)
        if not self._killed.is_set():
            self.container.start()
        deadline = time.monotonic() + self._limits.wall
        watch.start()
        try:
            if self._killed.is_set():  # between the check above and the start
                self.container.kill()
            ended = self.container.wait(deadline)
        finally:
            watch.stop()
        total = time.monotonic() - began
        used = self._accounting.read() if self._accounting else Used()
        lines = self.container.log_lines(tail=FINAL_TAIL)
        events = parse_events(lines)
        verdict = judge(ended, cancelled=self._killed.is_set())
        return Outcome(
            verdict=verdict,
            exit_code=ended.exit_code,
            error=_typed_error(events) if ended.exit_code else None,
            wall=_wall(ended, watch.loaded_at or _loaded_at(events), total),
            cpu_seconds=used.cpu_seconds,
            peak_memory=used.peak_memory,
            log_tail="\n".join(text for _, text in lines if not text.startswith("@proctor "))[-TAIL_CHARACTERS:],
            oom_event=ended.oom_killed,
            response_bytes=None if verdict is Verdict.COMPLETED else response_bytes(),
            disk_bytes=used.disk_bytes,
            peak_pids=used.peak_pids,
            oom_kills=used.oom_kills,
        )

    def kill(self) -> None:
        """Kill it, from any thread."""
        kill_from_anywhere(self.container.id)

    def remove(self) -> None:
        """Remove it and its control group."""
        self.container.remove()
        if self._accounting:
            self._accounting.remove()


def judge(ended: Ended, *, cancelled: bool) -> Verdict:
    """Say how a container ended, by evidence only: exit 137 can be forged, and a restarted engine leaves it too."""
    if ended.killed:
        return Verdict.TIMEOUT
    if cancelled and (ended.exit_code != 0 or engine_seconds(ended.started_at) is None):
        return Verdict.KILLED
    if ended.exit_code == OOM_EXIT and ended.oom_killed:
        return Verdict.MEMORY
    if ended.exit_code == 0 and not ended.error:
        return Verdict.COMPLETED
    if ended.error or (ended.disturbed and ended.exit_code in (OOM_EXIT, 143, 255)):
        return Verdict.AMBIGUOUS
    return Verdict.EXIT


class Watch:
    """Polls the bounded log for progress in a thread of its own; whatever happens to it, the run goes on."""

    def __init__(self, container: str, on_progress: Callable[[Progress], None] | None) -> None:
        self._container = container
        self._on_progress = on_progress
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._poll, name="sandbox-watch", daemon=True)
        self._last: Progress | None = None
        self.loaded_at: str | None = None

    def start(self) -> None:
        """Begin to poll, where somebody listens."""
        if self._on_progress is not None:
            self._thread.start()

    def stop(self) -> None:
        """End the polling; a thread that hangs in a call is left behind, it holds nothing."""
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join(timeout=1.0)

    def _poll(self) -> None:
        if self._stopped.wait(POLL_SECONDS):
            return
        try:
            client = connect(timeout=10)
        except SandboxError:
            return
        container = Container(client, self._container)
        try:
            while not self._stopped.is_set():
                self._look(container)
                self._stopped.wait(POLL_SECONDS)
        finally:
            client.close()

    def _look(self, container: Container) -> None:
        try:
            events = parse_events(container.log_lines(tail=POLL_TAIL))
        except SandboxError:
            return
        self.loaded_at = self.loaded_at or _loaded_at(events)
        progress = next((found for _, event in reversed(events) if (found := read_progress(event))), None)
        if progress is not None and progress != self._last and self._on_progress and not self._stopped.is_set():
            self._last = progress
            self._on_progress(progress)


def read_progress(event: Mapping[str, Any]) -> Progress | None:
    """Return a progress event as Progress; None where it is another event or not well formed."""
    if event.get("event") != "progress" or not isinstance(event.get("suite"), str):
        return None
    numbers = [event.get(name) for name in ("position", "of", "done", "total")]
    if not all(isinstance(number, int) and 0 <= number <= 10**12 for number in numbers):
        return None
    rate = event.get("rate", 0.0)
    rate = float(rate) if isinstance(rate, int | float) and 0 <= rate < 1e12 else 0.0
    position, of, done, total = (int(number) for number in numbers if number is not None)
    return Progress(event["suite"][:200], position, of, done, total, rate)


def _loaded_at(events: Iterable[tuple[str, Mapping[str, Any]]]) -> str | None:
    return next((stamp for stamp, event in events if event.get("event") == "loaded"), None)


def _typed_error(events: Sequence[tuple[str, Mapping[str, Any]]]) -> dict[str, str] | None:
    for _, event in reversed(events):
        code, message = event.get("code"), event.get("message")
        if event.get("event") == "error" and isinstance(code, str) and isinstance(message, str):
            error = {"code": code[:64], "message": message[:2000]}
            if isinstance(event.get("detail"), str):
                error["detail"] = event["detail"][:4000]
            return error
    return None


def _wall(ended: Ended, loaded_at: str | None, total: float) -> Wall:
    started, finished = engine_seconds(ended.started_at), engine_seconds(ended.finished_at)
    if started is None or finished is None or finished < started:
        return Wall(start=None, load=None, answer=None, total=total)
    start = max(0.0, total - (finished - started))
    loaded = engine_seconds(loaded_at) if loaded_at else None
    if loaded is None:
        return Wall(start=start, load=None, answer=None, total=total)
    return Wall(start=start, load=max(0.0, loaded - started), answer=max(0.0, finished - loaded), total=total)
