"""One attempt in Docker: a keeper of ours that holds the volumes, the predict container, the collector."""

import threading
import time
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Self

import docker

from sandbox.engine import volumes
from sandbox.engine.archives import Entry
from sandbox.engine.collecting import collect, response_bytes
from sandbox.engine.connection import connect
from sandbox.engine.containers import Container
from sandbox.engine.names import new_name, new_user
from sandbox.engine.options import OUR_ENVIRONMENT, Plan, VolumeMount, deadline_label
from sandbox.engine.predicting import Prediction, job_entry
from sandbox.engine.taking_in import require_complete
from sandbox.errors import SandboxError, SandboxUnavailable
from sandbox.interface import Collected, CollectRules, EngineInfo, Job, Outcome, Progress
from sandbox.limits import GiB, Limits, MiB

KEEPER_MARGIN = 3600  # seconds that the keeper outlives the wall limit: a worker that died leaves it no longer
KEEPER_GRACE = 600  # seconds beyond that until it, and the volumes, may be reaped
KEEPER_LIMITS = {"cpus": 2.0, "pids": 32, "tmp": 16 * MiB}


class DockerWorkspace:
    """The containers and volumes of one attempt.

    The keeper starts while the caller still prepares the requests; the volumes' removal is never skipped.
    """

    def __init__(
        self, client: docker.APIClient, info: EngineInfo, *, base_image: str, labels: Mapping[str, str], limits: Limits
    ) -> None:
        self._client = client
        self._info = info
        self._base_image = base_image
        self._labels = dict(labels)
        self._limits = limits
        self._user = new_user()
        self._input = new_name()
        self._responses = new_name()
        self._keeper: Future[Container] | None = None
        self._removal: Future[list[SandboxError]] | None = None
        # One thread for the keeper's start or the removal, and one that the removal gives its other half to.
        self._pool = ThreadPoolExecutor(max_workers=2, thread_name_prefix="sandbox")
        self._prediction: Prediction | None = None
        self._killed = threading.Event()

    def __enter__(self) -> Self:
        self._keeper = self._pool.submit(self._start_keeper)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            failures = self._removal.result() if self._removal is not None else self._remove()
        finally:
            self._pool.shutdown()
            self._client.close()
        if failures and error is None:
            raise failures[0]

    def release(self) -> None:
        """Begin to remove everything, once nothing is left to collect; the workspace's end waits for it."""
        if self._removal is None:
            self._removal = self._pool.submit(self._remove)

    def _remove(self) -> list[SandboxError]:
        """Remove containers, then volumes; what could not be removed does not keep the rest."""
        failures: list[SandboxError] = []

        def attempt(act: Callable[[], None]) -> None:
            try:
                act()
            except SandboxError as failure:
                failures.append(failure)

        removals = []
        if self._prediction is not None:
            removals.append(self._pool.submit(attempt, self._prediction.remove))
        attempt(self._remove_keeper)
        for removal in removals:
            removal.result()
        for volume in (self._responses, self._input):
            attempt(lambda volume=volume: volumes.remove(self._client, volume))  # type: ignore[misc]
        return failures

    def put_requests(self, files: Mapping[str, bytes]) -> None:
        """Stage requests by archive; keys are `<checkpoint>/<suite>/<seed>/requests.jsonl`."""
        folders = sorted({parent for name in files for parent in _parents(f"requests/{name}")})
        entries = [Entry(folder, None, mode=0o755) for folder in folders]
        entries += [Entry(f"requests/{name}", content, mode=0o644) for name, content in sorted(files.items())]
        self._require_keeper().put("/eval", entries)

    def put_media(self, files: Mapping[str, bytes]) -> None:
        """Stage what requests show, by digest; it may be called again for more."""
        entries = [Entry(f"media/{digest}", content, mode=0o644) for digest, content in sorted(files.items())]
        self._require_keeper().put("/eval", [Entry("media", None, mode=0o755), *entries])

    def predict(self, job: Job, on_progress: Callable[[Progress], None] | None = None) -> Outcome:
        """Run the job to its end, its deadline or `kill`; raises SandboxUnavailable."""
        if self._prediction is not None:
            raise RuntimeError("A workspace holds one attempt: predict was called before.")
        began = time.monotonic()
        keeper = self._require_keeper()
        keeper.put("/eval", [job_entry(job, self._limits)])
        mounts = [VolumeMount(self._input, "/eval"), VolumeMount(self._responses, "/eval/responses", read_only=False)]
        if job.submission_volume:
            mounts.append(VolumeMount(job.submission_volume, "/submission"))
        self._prediction = Prediction(
            self._client,
            self._info,
            job=job,
            user=self._user,
            mounts=mounts,
            limits=self._limits,
            labels={**self._labels, "proctor.stage": "predict"},
            killed=self._killed,
        )
        if job.submission_volume:
            require_complete(self._client, job.submission_volume)
        return self._prediction.run(began=began, on_progress=on_progress, response_bytes=self._response_bytes)

    def collect(self, expected: Mapping[str, Collection[str] | int], *, rules: CollectRules | None = None) -> Collected:
        """Read, check and rewrite the responses inside the keeper; raises CollectFailed, SandboxUnavailable.

        It may be called from another thread while `predict` goes on.
        """
        keeper = self._require_keeper()
        # Over a connection of its own: the other one waits for the predict container.
        client = connect()
        try:
            return collect(Container(client, keeper.id), expected, rules or CollectRules(), user=self._user)
        finally:
            client.close()

    def kill(self) -> None:
        """Kill the predict container, from any thread; its outcome is then KILLED."""
        self._killed.set()
        if self._prediction is not None:
            self._prediction.kill()

    def _response_bytes(self) -> int | None:
        return response_bytes(self._require_keeper(), user=self._user)

    def _require_keeper(self) -> Container:
        if self._keeper is None:
            raise RuntimeError("The workspace is not open: use it in a with statement.")
        return self._keeper.result()

    def _start_keeper(self) -> Container:
        lives = self._limits.wall + KEEPER_MARGIN + KEEPER_GRACE
        labels = {**self._labels, "proctor.stage": "keeper", **deadline_label(lives)}
        volumes.create_plain(self._client, self._input, labels)
        volumes.create_bounded(self._client, self._responses, labels, size=self._limits.disk, user=self._user)
        # What the response volume holds is memory, and may be charged to the keeper when the collector reads it.
        memory = 1 * GiB + self._limits.disk
        plan = Plan(
            image_id=self._base_image,
            command=["sleep", str(int(self._limits.wall) + KEEPER_MARGIN)],
            user=self._user,
            mounts=[
                VolumeMount(self._input, "/eval", read_only=False),
                VolumeMount(self._responses, "/eval/responses", read_only=False),
            ],
            limits=Limits(memory=memory, wall=self._limits.wall, disk=self._limits.disk, **KEEPER_LIMITS),  # type: ignore[arg-type]
            labels=labels,
            environment=OUR_ENVIRONMENT,
            lives=lives,
        )
        keeper = Container.create(self._client, plan)
        try:
            # /eval/responses must be there before predict mounts on it: its /eval is read-only.
            keeper.put("/eval", [Entry("responses", None, mode=0o755), Entry("requests", None, mode=0o755)])
            keeper.start()
        except SandboxUnavailable:
            keeper.remove()
            raise
        return keeper

    def _remove_keeper(self) -> None:
        if self._keeper is not None and self._keeper.exception() is None:
            self._keeper.result().remove()


def _parents(path: str) -> list[str]:
    parts = path.split("/")[:-1]
    return ["/".join(parts[: depth + 1]) for depth in range(len(parts))]
