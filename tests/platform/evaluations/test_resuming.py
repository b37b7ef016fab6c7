"""Suites are sealed one by one as they are answered; a run that is cut off goes on where it was, to the same result."""

import json
import os
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import docker
import pytest
from django.conf import LazySettings
from django.db import connection
from django.utils import timezone

from challenges.models import Phase, Track
from evaluations import answers, collection, execution, leases, scoring, services
from evaluations.models import Attempt, ResponseSet, Run
from evaluations.orphans import remove_orphans
from sandbox.docker_sandbox import DockerSandbox
from sandbox.engine.workspace import DockerWorkspace
from sandbox.images.build import build
from sandbox.interface import Job, Outcome
from submissions.models import QuotaCharge, Submission

pytestmark = [pytest.mark.docker, pytest.mark.django_db(transaction=True)]
SUITES = 10
# Scores by the sum of its characters; slow enough that a suite can be seen to be finished before the next one is.
STEADY = """import time
class Model:
    def loglikelihood(self, requests):
        time.sleep(0.6)
        return [-float(sum(map(ord, one["context"] + one["continuation"])) % 97) for one in requests]
"""


@pytest.fixture(scope="session", autouse=True)
def _base_image() -> None:
    build(["base"], say=lambda _: None)


@pytest.fixture
def phase(
    make_phase: Callable[..., Phase], make_track: Callable[..., Track], make_suite_version: Callable[..., Any]
) -> Phase:
    phase = make_phase(make_track(image="base", memory=256 * 1024**2, pids=64, wall=60, disk=16 * 1024**2))
    for number in range(SUITES):
        make_suite_version(phase, key=f"suite-{number}-{os.getpid()}-{phase.pk}", pairs=4 + number)
    return phase


class Recorder(DockerSandbox):
    """The sandbox, with a note of every job that it was given."""

    def __init__(self) -> None:
        super().__init__()
        self.jobs: list[list[str]] = []

    def open_attempt(self, **options: Any) -> DockerWorkspace:
        workspace = super().open_attempt(**options)
        predict = workspace.predict

        def noted(job: Job, *rest: Any, **more: Any) -> Outcome:
            self.jobs.append([suite["suite"] for suite in job.runner["suites"]])
            return predict(job, *rest, **more)

        workspace.predict = noted  # type: ignore[method-assign]
        return workspace


def documents() -> list[str]:
    """Every scores document of the one submission there is, in the order of its suites."""
    sets = ResponseSet.objects.order_by("suite_version__suite__key")
    return [json.dumps(one.evaluations.get().document, sort_keys=True) for one in sets]


def sealed() -> list[str]:
    return list(
        ResponseSet.objects.filter(complete=True).order_by("pk").values_list("suite_version__suite__key", flat=True)
    )


def wait_until(ready: Callable[[], bool], seconds: float = 30) -> None:
    deadline, pause = timezone.now() + timedelta(seconds=seconds), threading.Event()
    while not ready():
        assert timezone.now() < deadline, "it did not happen in time"
        pause.wait(0.05)


def in_thread(work: Callable[[], None]) -> threading.Thread:
    def run() -> None:
        try:
            work()
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def kill_predict(run: Run) -> None:
    """Kill the run's container as an operator or a broken host would."""
    client = docker.APIClient(version="auto")
    try:
        (container,) = client.containers(filters={"label": [f"proctor.run={run.pk}", "proctor.stage=predict"]})
        client.kill(container["Id"])
    finally:
        client.close()


def undisturbed(phase: Phase, hand_in: Callable[..., Submission]) -> list[str]:
    """What the same submission of another team scores in one go."""
    services.plan(hand_in(phase, files={"model.py": STEADY.replace("time.sleep(0.6)", "")}))
    execution.drain(worker="undisturbed", queue="cpu")
    assert Run.objects.get().state == Run.State.DONE
    found = documents()
    Run.objects.all().delete()
    for response_set in ResponseSet.objects.all():
        for evaluation in response_set.evaluations.all():
            evaluation.delete()
        response_set.delete()
    return found


def test_a_run_cut_off_among_ten_suites_is_resumed_and_no_suite_is_answered_twice(
    phase: Phase, hand_in: Callable[..., Submission]
) -> None:
    expected = undisturbed(phase, hand_in)
    services.plan(hand_in(phase, files={"model.py": STEADY}))
    run, sandbox = Run.objects.get(), Recorder()
    attempt = leases.claim(worker="one", queue="cpu")
    assert attempt is not None
    worker = in_thread(lambda: execution.execute(attempt, sandbox=sandbox))
    wait_until(lambda: len(sealed()) >= 3)
    kill_predict(run)
    worker.join(20)
    assert not worker.is_alive()
    run.refresh_from_db()
    assert run.state == Run.State.QUEUED, "nobody can say who ended the container"
    assert Attempt.objects.get(pk=attempt.pk).outcome["fault"]["class"] == "unclear"
    kept, digests = sealed(), dict(ResponseSet.objects.filter(complete=True).values_list("pk", "digest"))
    assert 3 <= len(kept) < SUITES

    again = leases.claim(worker="one", queue="cpu")
    assert again is not None
    execution.execute(again, sandbox=sandbox)
    run.refresh_from_db()
    assert run.state == Run.State.DONE
    first, second = sandbox.jobs
    assert len(first) == SUITES
    assert second == [suite for suite in first if suite not in kept]
    assert documents() == expected
    assert digests.items() <= dict(ResponseSet.objects.values_list("pk", "digest")).items(), "what was sealed stayed"
    assert QuotaCharge.objects.filter(entry=run.entry).count() == 1


def test_a_suite_is_sealed_while_the_next_ones_are_answered(phase: Phase, hand_in: Callable[..., Submission]) -> None:
    services.plan(hand_in(phase, files={"model.py": STEADY}))
    run = Run.objects.get()
    attempt = leases.claim(worker="one", queue="cpu")
    assert attempt is not None
    worker = in_thread(lambda: execution.execute(attempt))
    wait_until(lambda: len(sealed()) >= 2)
    assert Run.objects.get().state == Run.State.RUNNING
    assert services.cancel(run)
    worker.join(10)
    assert not worker.is_alive()


def test_a_file_that_is_changed_after_it_was_sealed_changes_nothing(
    phase: Phase, hand_in: Callable[..., Submission]
) -> None:
    turncoat = """import glob, time
class Model:
    calls = 0
    def loglikelihood(self, requests):
        self.calls += 1
        if self.calls == 6:
            time.sleep(3)  # by now the first suites are sealed
            for path in glob.glob("/eval/responses/*/*/*/responses.jsonl"):
                open(path, "w").write("changed, and no JSON at all")
        return [-float(len(one["continuation"])) for one in requests]
"""
    services.plan(hand_in(phase, files={"model.py": turncoat}))
    execution.drain(worker="one", queue="cpu")
    run = Run.objects.get()
    assert (run.state, len(sealed())) == (Run.State.DONE, SUITES), run.detail
    for response_set in ResponseSet.objects.all():
        assert len(answers.read(response_set)) == 2 * response_set.suite_version.items


def test_a_lie_about_what_is_finished_is_only_a_reason_to_look(
    phase: Phase, hand_in: Callable[..., Submission], monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[str] = []
    look = collection.Collection._look
    monkeypatch.setattr(collection.Collection, "_look", lambda self, one: (looks.append(one.file), look(self, one))[1])
    liar = """import sys, time
line = '@proctor {"event": "progress", "suite": "x", "position": 10, "of": 10, "done": %d, "total": 999, "rate": 1}'
class Model:
    lied = False
    def loglikelihood(self, requests):
        if not self.lied:
            self.lied = True
            for done in range(8):
                print(line % done, file=sys.stderr, flush=True)
                time.sleep(0.6)
        return [-1.0 for _ in requests]
"""
    services.plan(hand_in(phase, files={"model.py": liar}))
    execution.drain(worker="one", queue="cpu")
    assert Run.objects.get().state == Run.State.DONE
    assert looks
    assert max(looks.count(file) for file in looks) <= collection.LOOKS


def test_a_worker_that_dies_leaves_what_it_sealed_to_the_next(
    phase: Phase, hand_in: Callable[..., Submission], settings: LazySettings
) -> None:
    settings.LEASE_SECONDS, settings.HEARTBEAT_SECONDS = 3, 0.5
    services.plan(hand_in(phase, files={"model.py": STEADY}))
    sandbox = Recorder()
    attempt = leases.claim(worker="one", queue="cpu")
    assert attempt is not None
    worker = in_thread(lambda: execution.execute(attempt, sandbox=sandbox))
    wait_until(lambda: len(sealed()) >= 2)
    # As the sweeper does for a worker that is not heard of any more.
    assert leases.give_back(worker="one") == 1
    kept = sealed()
    worker.join(20)
    assert not worker.is_alive()
    execution.drain(worker="two", queue="cpu")
    assert Run.objects.get().state == Run.State.DONE
    assert set(kept) <= set(sealed())
    assert len(sandbox.jobs) == 1
    assert remove_orphans() == 0


def test_scoring_again_what_was_resumed_gives_the_same_document(
    phase: Phase, hand_in: Callable[..., Submission]
) -> None:
    services.plan(hand_in(phase, files={"model.py": STEADY.replace("time.sleep(0.6)", "")}))
    execution.drain(worker="one", queue="cpu")
    before = documents()
    for response_set in ResponseSet.objects.all():
        response_set.evaluations.get().delete()
        answers.score(response_set, scoring.stored(response_set), reason="again", within=lambda compute: compute())
    assert documents() == before
