"""From accepted to scored in the real sandbox: honest, constant, crashing, cheating and withdrawn submissions."""

import re
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import docker
import pyarrow.parquet as pq
import pytest
from django.conf import LazySettings
from django.core.files.storage import storages
from django.db import connection

from challenges.models import Phase, Track
from evaluations import execution, leases, scorer, scoring, services
from evaluations.models import Attempt, Evaluation, ResponseSet, Run, Score
from evaluations.orphans import remove_orphans
from evaluations.scorer import TooCostly
from evaluators.protocol.problems import Problem, ProblemsFound
from sandbox.docker_sandbox import DockerSandbox
from sandbox.errors import SandboxUnavailable
from sandbox.images.build import build
from sandbox.limits import Limits
from submissions.engine import deployment
from submissions.models import QuotaCharge, Submission
from suites import services as suite_services
from tests.platform.evaluations.conftest import CONSTANT, LENGTH

pytestmark = [pytest.mark.docker, pytest.mark.django_db(transaction=True)]


@pytest.fixture(scope="session", autouse=True)
def _base_image() -> None:
    build(["base"], say=lambda _: None)


@pytest.fixture(autouse=True)
def _nothing_left_behind() -> Any:
    """Whatever a test did, no container and no volume of an attempt is left."""
    yield
    client = docker.APIClient(version="auto")
    try:
        mine = {"label": [f"proctor.deployment={deployment()}", "proctor.attempt"]}
        assert client.containers(all=True, filters=mine) == []
        assert not client.volumes(filters=mine)["Volumes"]
    finally:
        client.close()


@pytest.fixture
def phase(
    make_phase: Callable[..., Phase], make_track: Callable[..., Track], make_suite_version: Callable[..., Any]
) -> Phase:
    phase = make_phase(make_track(image="base", memory=256 * 1024**2, pids=64, wall=60, disk=16 * 1024**2))
    make_suite_version(phase, pairs=24)
    make_suite_version(phase, pairs=6)
    return phase


def run_of(submission: Submission) -> Run:
    """Plan and work through the queue; the submission's run afterwards."""
    services.plan(submission)
    execution.drain(worker="one", queue="cpu")
    return Run.objects.get(entry__submission=submission)


def scores(run: Run) -> list[float | None]:
    rows = Score.objects.filter(evaluation__response_set__runs=run, group="", tag="")
    return list(rows.order_by("evaluation__response_set__run_response_sets__position").values_list("value", flat=True))


def test_a_constant_scorer_gets_exactly_chance(phase: Phase, hand_in: Callable[..., Submission]) -> None:
    run = run_of(hand_in(phase, files={"model.py": CONSTANT}))
    assert (run.state, run.code) == (Run.State.DONE, "")
    assert scores(run) == [0.5, 0.5]
    charge = QuotaCharge.objects.get()
    assert (charge.state, charge.active) == (QuotaCharge.State.SETTLED, False)
    attempt = run.attempts.get()
    assert attempt.state == Attempt.State.ENDED
    assert attempt.outcome["verdict"] == "completed"
    assert attempt.resources["wall"]["total"] > 0
    told = list(run.events.order_by("pk").values_list("new", flat=True))
    assert told == ["queued", "preparing", "running", "scoring", "done"]


def test_what_is_recorded_is_sealed_complete_and_digested(phase: Phase, hand_in: Callable[..., Submission]) -> None:
    run = run_of(hand_in(phase, files={"model.py": LENGTH}))
    for response_set in run.response_sets.all():
        assert response_set.complete
        assert (response_set.asked, response_set.answered) == (response_set.suite_version.items,) * 2
        assert re.fullmatch("[0-9a-f]{64}", response_set.digest)
        evaluation = response_set.evaluations.get()
        assert evaluation.complete
        assert evaluation.suite_digest == response_set.suite_version.digest
        with storages["sealed"].open(evaluation.items_name) as file:
            items = pq.read_table(file)
        assert items.num_rows == response_set.asked
        assert set(items.column_names) >= {"item_id", "group", "score", "gold_rank", "margin"}


def test_a_scorer_by_length_scores_the_same_whatever_the_draw(phase: Phase, hand_in: Callable[..., Submission]) -> None:
    first = hand_in(phase, files={"model.py": LENGTH})
    second = hand_in(phase, files={"model.py": LENGTH})
    runs = [run_of(first), run_of(second)]
    keys = ResponseSet.objects.values_list("draw_key", flat=True)
    assert len({bytes(key) for key in keys}) == 4
    assert scores(runs[0]) == scores(runs[1]) != [0.5, 0.5]


def test_answers_that_are_there_are_not_asked_for_again(phase: Phase, hand_in: Callable[..., Submission]) -> None:
    first = hand_in(phase, files={"model.py": LENGTH})
    run_of(first)
    second = hand_in(phase, files={"model.py": LENGTH}, registration=first.registration)
    run = run_of(second)
    assert run.state == Run.State.DONE
    assert run.attempts.get().outcome == {}, "no container was needed"
    assert (ResponseSet.objects.count(), Evaluation.objects.count()) == (2, 2)


def test_a_crash_is_the_submissions_fault_and_stays_charged(phase: Phase, hand_in: Callable[..., Submission]) -> None:
    crash = "class Model:\n    def loglikelihood(self, requests):\n        raise KeyError('a secret sentence')\n"
    run = run_of(hand_in(phase, files={"model.py": crash}))
    assert (run.state, run.code, run.stage) == (Run.State.FAILED, "E-RUN-CODE", "running")
    assert "a secret sentence" in run.attempts.get().log_tail
    charge = QuotaCharge.objects.get()
    assert (charge.state, charge.active) == (QuotaCharge.State.SETTLED, False)
    assert not Evaluation.objects.exists()


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        pytest.param("return [-1.0 for _ in requests][:-1]", "E-RUN-CODE", id="too few answers"),
        pytest.param("return [float('nan') for _ in requests]", "E-RUN-VALUE", id="not a number"),
        pytest.param("return [bytearray(10**9) for _ in requests]", "E-RUN-OOM", id="too much memory"),
        pytest.param("import os; os._exit(137)", "E-RUN-EXIT", id="forged exit code"),
        pytest.param("import os; os._exit(0)", "E-OUT-MISSING", id="forged success"),
    ],
)
def test_each_fault_of_the_submission_has_its_code(
    phase: Phase, hand_in: Callable[..., Submission], code: str, expected: str
) -> None:
    model = f"class Model:\n    def loglikelihood(self, requests):\n        {code}\n"
    run = run_of(hand_in(phase, files={"model.py": model}))
    assert (run.state, run.code) == (Run.State.FAILED, expected), run.detail


def test_a_run_over_its_time_is_stopped(phase: Phase, hand_in: Callable[..., Submission]) -> None:
    Track.objects.update(wall=2)
    sleeper = "import time\nclass Model:\n    def loglikelihood(self, requests):\n        time.sleep(600)\n"
    run = run_of(hand_in(Phase.objects.get(), files={"model.py": sleeper}))
    assert (run.state, run.code) == (Run.State.FAILED, "E-RUN-TIMEOUT")


def test_a_claim_to_be_the_platforms_fault_is_not_believed(phase: Phase, hand_in: Callable[..., Submission]) -> None:
    liar = """import os, sys
print('@proctor {"event": "error", "code": "E-RUN-JOB", "message": "not me"}', file=sys.stderr, flush=True)
os._exit(3)
"""
    run = run_of(hand_in(phase, files={"model.py": liar}))
    assert (run.state, run.code) == (Run.State.FAILED, "E-RUN-EXIT")


def test_answers_written_past_the_runner_are_checked(phase: Phase, hand_in: Callable[..., Submission]) -> None:
    forger = """import glob, json, os
for path in glob.glob("/eval/requests/*/*/*/requests.jsonl"):
    target = path.replace("requests", "responses")
    os.makedirs(os.path.dirname(target), exist_ok=True)
    with open(target, "w") as out:
        for line in list(open(path))[:-1]:
            out.write(json.dumps({"id": json.loads(line)["id"], "logprob": -1.0}) + "\\n")
os._exit(0)
"""
    run = run_of(hand_in(phase, files={"model.py": forger}))
    assert (run.state, run.code) == (Run.State.FAILED, "E-OUT-MISSING")
    assert "47 of 48" in run.detail["message"]
    assert not ResponseSet.objects.filter(complete=True).exists()


@pytest.mark.parametrize("how", ["cancel", "withdraw"])
def test_a_run_that_is_taken_back_loses_its_container_within_five_seconds(
    phase: Phase, hand_in: Callable[..., Submission], how: str
) -> None:
    sleeper = "import time\nclass Model:\n    def loglikelihood(self, requests):\n        time.sleep(600)\n"
    submission = hand_in(phase, files={"model.py": sleeper})
    services.plan(submission)
    run = Run.objects.get()

    def work() -> None:
        try:
            execution.drain(worker="one", queue="cpu")
        finally:
            connection.close()

    worker = threading.Thread(target=work)
    worker.start()
    pause = threading.Event()
    client = docker.APIClient(version="auto")
    predict = {"label": [f"proctor.run={run.pk}", "proctor.stage=predict"]}
    while not client.containers(filters=predict):
        assert worker.is_alive()
        pause.wait(0.05)
    began = time.monotonic()
    if how == "cancel":
        assert services.cancel(run)
    else:
        services.withdraw(submission=submission, user=submission.submitted_by)
    while client.containers(all=True, filters=predict):
        assert time.monotonic() - began < 5, "the container was not gone within 5 s"
        pause.wait(0.05)
    worker.join(5)
    assert not worker.is_alive()
    client.close()
    run.refresh_from_db()
    assert run.state == Run.State.CANCELLED


def test_predictions_are_scored_without_a_container_of_theirs(
    make_phase: Callable[..., Phase], make_suite_version: Callable[..., Any], hand_in: Callable[..., Submission]
) -> None:
    phase = make_phase()
    version = make_suite_version(phase, pairs=8)
    manifest = {
        "schema": "submission/1", "kind": "predictions", "method": {"name": "Elsewhere"},
        "predictions": {"file": "answers.jsonl"},
    }  # fmt: skip

    def lines(pairs: int) -> str:
        return "".join(f'{{"id": "pair/{number}", "choice": {number % 2}}}\n' for number in range(pairs))

    whole = run_of(hand_in(phase, files={"answers.jsonl": lines(8)}, manifest=manifest))
    assert (whole.state, scores(whole), whole.attempts.get().outcome) == (Run.State.DONE, [1.0], {})
    part = run_of(hand_in(phase, files={"answers.jsonl": lines(4)}, manifest=manifest))
    evaluation = Evaluation.objects.get(response_set__runs=part)
    assert (part.state, evaluation.complete, scores(part)) == (Run.State.DONE, False, [0.5])
    wrong = run_of(hand_in(phase, files={"answers.jsonl": '{"id": "pair/99", "choice": 0}\n'}, manifest=manifest))
    assert (wrong.state, wrong.code) == (Run.State.FAILED, "E-PRED-UNKNOWN-ID")
    assert wrong.detail["line"] == 1
    assert version.unsealings.filter(reason__startswith="scoring run").count() == 3


class AwaySandbox(DockerSandbox):
    """An engine that goes away when the attempt is opened."""

    def open_attempt(self, **_: Any) -> Any:
        raise SandboxUnavailable("The Docker engine does not answer.")


def test_a_fault_of_ours_queues_the_run_again_and_charges_nobody(
    phase: Phase, hand_in: Callable[..., Submission]
) -> None:
    services.plan(hand_in(phase, files={"model.py": CONSTANT}))
    attempt = leases.claim(worker="one", queue="cpu")
    assert attempt is not None
    execution.execute(attempt, sandbox=AwaySandbox())
    run = Run.objects.get()
    assert run.state == Run.State.QUEUED
    assert run.attempts.get().state == Attempt.State.ENDED
    assert leases.claim(worker="one", queue="cpu") is None, "it waits before it is tried again"


class BrokenSandbox(DockerSandbox):
    """One whose code has an error that nobody foresaw."""

    def open_attempt(self, **_: Any) -> Any:
        raise ZeroDivisionError("nobody foresaw it")


def test_an_error_that_nobody_foresaw_ends_the_attempt_at_once_and_pauses_the_track(
    phase: Phase, hand_in: Callable[..., Submission], caplog: pytest.LogCaptureFixture
) -> None:
    services.plan(hand_in(phase, files={"model.py": CONSTANT}))
    attempt = leases.claim(worker="one", queue="cpu")
    assert attempt is not None
    execution.execute(attempt, sandbox=BrokenSandbox())
    attempt.refresh_from_db()
    assert (Run.objects.get().state, attempt.state) == (Run.State.QUEUED, Attempt.State.ENDED)
    assert attempt.outcome["fault"]["class"] == "lasting"
    assert "ZeroDivisionError: nobody foresaw it" in attempt.outcome["fault"]["reason"]
    assert "ZeroDivisionError" in caplog.text, "with its traceback"
    assert "nobody foresaw it" in Track.objects.get().paused_reason
    assert QuotaCharge.objects.get().state == QuotaCharge.State.SETTLED
    Track.objects.update(paused_at=None)
    Run.objects.update(not_before=attempt.started_at)
    execution.drain(worker="one", queue="cpu")
    assert Run.objects.get().state == Run.State.DONE


def test_a_scorer_that_refuses_valid_responses_pauses_the_track(
    phase: Phase, hand_in: Callable[..., Submission], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> Any:
        raise ProblemsFound([Problem("E-SCORE-RANGE", "the score 2 lies outside 0 to 1")])

    monkeypatch.setattr(suite_services, "score", refuse)
    run = run_of(hand_in(phase, files={"model.py": CONSTANT}))
    assert run.state == Run.State.QUEUED
    assert "refused valid responses" in Track.objects.get().paused_reason
    assert ResponseSet.objects.filter(complete=True).count() == 2, "nothing is asked again"


def _too_costly(*_: Any, **__: Any) -> Any:
    raise TooCostly("it took more memory than it may")


def test_honest_answers_are_not_blamed_for_scoring_that_takes_too_much(
    phase: Phase, hand_in: Callable[..., Submission], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scorer, "bounded", _too_costly)
    run = run_of(hand_in(phase, files={"model.py": CONSTANT}))
    assert run.state == Run.State.QUEUED
    assert "took too much" in Track.objects.get().paused_reason


def test_answers_larger_than_any_honest_ones_are(
    phase: Phase, hand_in: Callable[..., Submission], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scorer, "bounded", _too_costly)
    monkeypatch.setattr(scoring, "HONEST_BYTES", 10)
    run = run_of(hand_in(phase, files={"model.py": CONSTANT}))
    assert (run.state, run.code, run.stage) == (Run.State.FAILED, "E-OUT-SIZE", "scoring")
    assert Track.objects.get().paused_at is None


def test_answers_are_bounded_by_what_was_asked(phase: Phase, hand_in: Callable[..., Submission]) -> None:
    flood = """import glob, json, os
for path in glob.glob("/eval/requests/*/*/*/requests.jsonl"):
    target = path.replace("requests", "responses")
    os.makedirs(os.path.dirname(target), exist_ok=True)
    with open(target, "w") as out:
        for line in open(path):
            out.write(json.dumps({"id": json.loads(line)["id"], "logprob": -1.0, "more": "x" * 60000}) + "\\n")
os._exit(0)
"""
    run = run_of(hand_in(phase, files={"model.py": flood}))
    assert (run.state, run.code, run.attempts.count()) == (Run.State.FAILED, "E-OUT-SIZE", 1)
    fault = run.attempts.get().outcome["fault"]
    assert (fault["class"], fault["whose"], fault["stage"]) == ("final", "participant", "running")


def test_a_run_is_given_up_in_the_end_where_its_image_is_nowhere(
    phase: Phase, hand_in: Callable[..., Submission], settings: LazySettings
) -> None:
    settings.BACK_OFF_SECONDS = 0
    submission = hand_in(phase, files={"model.py": CONSTANT})
    services.plan(submission)
    Run.objects.update(image_id=f"sha256:{'0' * 64}")
    execution.drain(worker="one", queue="cpu")
    run = Run.objects.get()
    assert (run.state, run.code, run.attempts.count()) == (Run.State.ERRORED, "E-PLATFORM", settings.MAX_ATTEMPTS)
    assert "ImageMissing" in run.detail["reason"]
    assert QuotaCharge.objects.get().state == QuotaCharge.State.RELEASED


def test_no_run_is_claimed_while_the_engine_is_away(
    phase: Phase, hand_in: Callable[..., Submission], monkeypatch: pytest.MonkeyPatch
) -> None:
    services.plan(hand_in(phase, files={"model.py": CONSTANT}))
    with monkeypatch.context() as away:
        away.setattr(DockerSandbox, "ping", AwaySandbox.open_attempt)
        assert execution.drain(worker="one", queue="cpu") == 0
    run = Run.objects.get()
    assert (run.state, run.attempts.count()) == (Run.State.QUEUED, 0)
    assert execution.drain(worker="one", queue="cpu") == 1


def test_what_a_lost_attempt_left_is_removed_and_what_a_live_one_has_is_not(
    phase: Phase, hand_in: Callable[..., Submission], tmp_path: Path
) -> None:
    services.plan(hand_in(phase, files={"model.py": CONSTANT}))
    attempt = leases.claim(worker="one", queue="cpu")
    assert attempt is not None
    workspace = DockerSandbox().open_attempt(labels=execution.labels_of(attempt), limits=Limits(wall=60))
    workspace.__enter__()
    workspace.put_requests({"main/suite/0/requests.jsonl": b""})
    assert remove_orphans() == 0
    leases.give_back(worker="one")
    assert remove_orphans() == 3, "the keeper and its two volumes"
    workspace.__exit__(None, None, None)


def test_a_submission_that_shuts_the_collector_out_is_charged_like_any_other(
    phase: Phase, hand_in: Callable[..., Submission]
) -> None:
    leave = "os.chmod('/eval/responses', 0)\n        os._exit(0)"
    code = f"import os\n\nclass Model:\n    def __init__(self):\n        {leave}\n"
    run = run_of(hand_in(phase, files={"model.py": code}))
    assert (run.state, run.code, run.attempts.count()) == (Run.State.FAILED, "E-OUT-FILE", 1)
    assert QuotaCharge.objects.get().state == QuotaCharge.State.SETTLED


def test_answers_that_the_suites_norm_cannot_use_are_the_submissions_fault(
    make_phase: Callable[..., Phase], make_track: Callable[..., Track], make_suite_version: Callable[..., Any],
    hand_in: Callable[..., Submission],
) -> None:  # fmt: skip
    phase = make_phase(make_track(image="base", memory=256 * 1024**2, pids=64, wall=60, disk=16 * 1024**2))
    make_suite_version(phase, length_norm="tokens")
    run = run_of(hand_in(phase, files={"model.py": CONSTANT}))  # it says no tokens
    assert (run.state, run.code, run.attempts.count()) == (Run.State.FAILED, "E-OUT-FORMAT", 1)
    assert QuotaCharge.objects.get().state == QuotaCharge.State.SETTLED
