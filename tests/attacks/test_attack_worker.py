"""The worst of the attacks against a real worker process: it lives on, keeps to its size, and scores the next team."""

import resource
from collections.abc import Callable
from pathlib import Path

import pytest

from challenges.models import Phase, Track
from evaluations import services
from evaluations.models import Run
from evaluations.states import FINISHED
from submissions.models import Submission
from tests.attacks.attacker import Attacker, packed
from tests.attacks.conftest import HONEST_SCORE, MIB
from tests.attacks.hostile import answering
from tests.platform.evaluations.conftest import LENGTH
from tests.platform.evaluations.test_worker_processes import Processes, processes, wait_for  # noqa: F401 - a fixture

pytestmark = [pytest.mark.docker, pytest.mark.django_db(transaction=True)]

HOG = "hog = []\nwhile True: hog.append(bytearray(b'x' * 8_000_000))"
BOMB = """
first = os.getpid()
while True:
    try:
        os.fork()
    except OSError:
        if os.getpid() == first:
            break
"""
PIPE = """
os.makedirs("/eval/responses/main/birds/0", exist_ok=True)
os.mkfifo("/eval/responses/main/birds/0/responses.jsonl")
os._exit(0)
"""
WORST: list[tuple[str, str, str]] = [
    ("memory", HOG, "E-RUN-OOM"),
    ("forks", BOMB, ""),
    ("output", "for _ in range(20): os.write(1, b'x' * 1_000_000)\nos.write(2, b'@proctor {' * 100_000)", ""),
    ("time", "signal.signal(signal.SIGTERM, signal.SIG_IGN)\ntime.sleep(600)", "E-RUN-TIMEOUT"),
    ("murder", "if os.fork() == 0: os.kill(-1, signal.SIGKILL)\ntime.sleep(9)", "E-RUN-EXIT"),
    ("answers", PIPE, "E-OUT-FILE"),
    ("honest", "", ""),
]
MOST_MEMORY, MOST_FILES = 500 * MIB, 100


def family_of(pid: int) -> list[Path]:
    """The process and its children, as folders of /proc."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [Path(f"/proc/{pid}"), *(process for child in children for process in family_of(int(child)))]


def test_a_worker_outlives_every_attack_and_scores_the_honest_team(
    make_attacker: Callable[[], Attacker],
    phase: Phase,
    processes: Processes,  # noqa: F811
) -> None:
    Track.objects.update(wall=8)
    worker = processes.start("worker")
    submissions: dict[str, Submission] = {}
    for name, body, _ in WORST:
        code = LENGTH if name == "honest" else answering(body)
        submissions[name] = make_attacker().hand_in(packed({"model.py": code}), phase)
        services.plan(submissions[name])
    wait_for(lambda: Run.objects.filter(state__in=FINISHED).count() == len(WORST), seconds=120)
    assert worker.poll() is None, "the worker is the process that was started"
    ended = {name: Run.objects.get(entry__submission=submission) for name, submission in submissions.items()}
    assert {name: run.code for name, run in ended.items()} == {name: code for name, _, code in WORST}
    # Status 137 is what a disturbed engine leaves too, so it is tried once more before anybody is blamed.
    assert {name for name, run in ended.items() if run.attempts.count() != 1} == {"murder"}
    assert Attacker.score(ended["honest"]) == HONEST_SCORE
    for process in family_of(worker.pid):
        resident = int(process.joinpath("statm").read_text().split()[1]) * resource.getpagesize()
        assert resident < MOST_MEMORY
        assert len(list(process.joinpath("fd").iterdir())) < MOST_FILES
