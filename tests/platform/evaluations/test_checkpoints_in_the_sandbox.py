"""Checkpoints and replicates in the real sandbox: each model is loaded once, and what is finished is kept."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from challenges.models import Phase, Track
from evaluations import execution, leases, selectors, services
from evaluations.models import Evaluation, ResponseSet, Run
from sandbox.docker_sandbox import DockerSandbox
from sandbox.engine.workspace import DockerWorkspace
from sandbox.images.build import build
from sandbox.interface import Job, Outcome
from submissions.models import Submission
from suites.models import PhaseSuite
from tests.platform.evaluations.conftest import code_manifest
from tests.platform.evaluations.test_resuming import in_thread, kill_predict, wait_until

pytestmark = [pytest.mark.docker, pytest.mark.django_db(transaction=True)]

# Reads how good it is from its checkpoint's own folder, and says which it loads.
READER = """import os, sys, time
class Model:
    def __init__(self, folder):
        self.skill = float(open(os.path.join(folder, "skill.txt")).read())
        self.slow = float(open("slow.txt").read()) if os.path.exists("slow.txt") else 0
        print("loads", os.path.basename(folder), file=sys.stderr, flush=True)
    def loglikelihood(self, requests):
        time.sleep(self.slow)
        return [self.answer(one["continuation"]) for one in requests]
    def answer(self, text):
        if text.startswith(" word"):
            return -7.0 if self.skill * 10 < int(text[5:]) else -0.1
        good = -1.0 if "good" in text else -2.0
        return good if hash_of(text) < self.skill else -3.0 - good
def hash_of(text):
    digits = "".join(mark for mark in text if mark.isdigit())
    return (int(digits) * 37 % 100) / 100
"""
WORDS = {"chck_1M": 0.1, "chck_10M": 0.4, "chck_30M": 0.6, "chck_100M": 0.8}


@pytest.fixture(scope="session", autouse=True)
def _base_image() -> None:
    build(["base"], say=lambda _: None)


@pytest.fixture
def phase(
    make_phase: Callable[..., Phase], make_track: Callable[..., Track], make_suite_version: Callable[..., Any],
    make_acquisition: Callable[..., Any],
) -> Phase:  # fmt: skip
    """One suite of the finished model, a small sample of another at each checkpoint, and one over the checkpoints."""
    rule = {"names": list(WORDS), "required": True}
    phase = make_phase(make_track(image="base", memory=256 * 1024**2, pids=64, wall=60, checkpoints=rule))
    make_suite_version(phase, key="whole", pairs=20)
    version = make_suite_version(phase, key="quick", pairs=20, sample=10)
    PhaseSuite.objects.filter(suite_version=version).update(checkpoints="all", position=1)
    make_acquisition(phase, position=2)
    return phase


def files(slow: str = "0", **more: str) -> dict[str, str]:
    """A submission with a folder for each checkpoint and for one replicate."""
    skills = {**WORDS, "second": 0.7}
    folders = {f"{name}/skill.txt": str(skill) for name, skill in skills.items()}
    return {"model.py": READER, "skill.txt": "0.9", "slow.txt": slow, **folders, **more}


def manifest(**more: Any) -> dict[str, Any]:
    return {**code_manifest("Reader"), "checkpoints": [{"name": name, "path": name} for name in WORDS], **more}


class Recorder(DockerSandbox):
    """The sandbox, with a note of every job that it was given."""

    def __init__(self) -> None:
        super().__init__()
        self.jobs: list[list[tuple[str, str, str]]] = []

    def open_attempt(self, **options: Any) -> DockerWorkspace:
        workspace = super().open_attempt(**options)
        predict = workspace.predict

        def noted(job: Job, *rest: Any, **more: Any) -> Outcome:
            names = ("checkpoint", "suite", "seed")
            self.jobs.append([tuple(suite[name] for name in names) for suite in job.runner["suites"]])
            return predict(job, *rest, **more)

        workspace.predict = noted  # type: ignore[method-assign]
        return workspace


def documents() -> list[str]:
    found = Evaluation.objects.order_by("response_set__checkpoint", "response_set__suite_version__suite__key")
    return [json.dumps(one.document, sort_keys=True) for one in found]


def test_each_model_is_loaded_once_and_every_checkpoint_gets_its_own_scores(
    phase: Phase, hand_in: Callable[..., Submission]
) -> None:
    seeds = [{"seed": 5, "path": "second"}]
    submission = hand_in(phase, files=files(), manifest=manifest(train_seeds=seeds))
    services.plan(submission)
    execution.drain(worker="one", queue="cpu")
    run = Run.objects.get()
    assert (run.state, run.code) == (Run.State.DONE, ""), (run.detail, run.attempts.get().log_tail)
    loads = [line for line in run.attempts.get().log_tail.splitlines() if line.startswith("loads")]
    assert loads == ["loads submission", *[f"loads {name}" for name in WORDS], "loads second"]

    points = selectors.curve(submission, "quick")
    assert [(point.checkpoint, point.words, point.n) for point in points] == [
        ("chck_1M", 10**6, 10), ("chck_10M", 10**7, 10), ("chck_30M", 3 * 10**7, 10), ("chck_100M", 10**8, 10),
    ]  # fmt: skip
    values = [point.value for point in points]
    assert values == sorted(values, key=float)  # type: ignore[arg-type]
    assert len(set(values)) > 2
    (row,) = selectors.scored_entries(phase)
    assert set(row.scores) == {"whole", "quick", "acquisition"}
    assert (row.scores["whole"].trainings, row.scores["acquisition"].trainings) == (2, 1)
    assert row.complete
    assert row.scores["acquisition"].coverage == 1
    over = ResponseSet.objects.get(checkpoint="all")
    assert (over.asked, over.parts, len(over.steps)) == (6, {}, 4)
    assert over.evaluations.get().document["checkpoint"] == "all"


def test_a_run_cut_off_between_checkpoints_goes_on_with_what_is_left(
    phase: Phase, hand_in: Callable[..., Submission]
) -> None:
    first = hand_in(phase, files=files(), manifest=manifest())
    services.plan(first)
    execution.drain(worker="undisturbed", queue="cpu")
    expected = documents()
    Evaluation.objects.all().delete()
    Run.objects.all().delete()
    ResponseSet.objects.all().delete()

    services.plan(hand_in(phase, files=files(slow="0.7"), manifest=manifest()))
    run, sandbox = Run.objects.get(), Recorder()
    attempt = leases.claim(worker="one", queue="cpu")
    assert attempt is not None
    worker = in_thread(lambda: execution.execute(attempt, sandbox=sandbox))
    # Acquisition is the last at each checkpoint: its first part is kept while the rest is still asked.
    wait_until(lambda: bool(ResponseSet.objects.get(checkpoint="all").parts))
    kill_predict(run)
    worker.join(20)
    assert not worker.is_alive()
    kept = set(ResponseSet.objects.get(checkpoint="all").parts)
    assert kept
    assert kept < set(WORDS)

    again = leases.claim(worker="one", queue="cpu")
    assert again is not None
    execution.execute(again, sandbox=sandbox)
    run.refresh_from_db()
    assert run.state == Run.State.DONE, run.detail
    one, two = sandbox.jobs
    assert len(one) == 2 + 2 * len(WORDS)
    assert set(two) < set(one)
    assert kept.isdisjoint({checkpoint for checkpoint, suite, _ in two if suite == "acquisition"})
    assert documents() == expected
