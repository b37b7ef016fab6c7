"""Code that takes all it can get: it gets what the track allows, ends with a true reason, and nobody else notices."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from challenges.models import Phase, Track
from evaluations.models import Attempt, Run
from submissions.models import QuotaCharge
from tests.attacks.attacker import Attacker, assert_canary_unseen, log_of
from tests.attacks.conftest import MIB
from tests.attacks.hostile import MARK, answering

pytestmark = [pytest.mark.docker, pytest.mark.django_db(transaction=True)]

SCORED = (Run.State.DONE, "")
KILLED = (Run.State.FAILED, "E-RUN-EXIT")
DEAF = "for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP): signal.signal(number, signal.SIG_IGN)"
HOG = "hog = []\nwhile True: hog.append(bytearray(b'x' * 8_000_000))"
DAEMON = f"""
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        {DEAF}
        os.execv(sys.executable, [sys.executable, "-c", "while True: open('/eval/responses/{MARK}', 'a').write('x')"])
    os._exit(0)
"""
FILL_TMP = "for number in range(40): open('/tmp/fill%d' % number, 'wb').write(bytes(8_000_000))"
KILL_OTHERS = "if os.fork() == 0: time.sleep(60)\nos.kill(-1, signal.SIGKILL)\nos.wait()"
FORKS = """
def bomb():
    while True:
        try:
            os.fork()
        except OSError:
            if os.getpid() != first:
                continue
            return
first = os.getpid()
bomb()
"""

ENDS: list[tuple[str, str, tuple[str, str]]] = [
    ("takes memory without end", HOG, (Run.State.FAILED, "E-RUN-OOM")),
    ("does so while it is loaded", f"{HOG} # load", (Run.State.FAILED, "E-RUN-OOM")),
    ("fills /tmp, which is memory", FILL_TMP, (Run.State.FAILED, "E-RUN-OOM")),
    ("lets a grandchild take the memory", f"if os.fork() == 0:\n{HOG}\nos.wait()".replace("\n", "\n    ", 2), SCORED),
    ("forks in all its children", FORKS, SCORED),
    ("leaves a daemon behind that writes on", DAEMON, SCORED),
    ("kills all but itself", KILL_OTHERS, SCORED),
    (
        "kills itself through a child",
        "if os.fork() == 0: os.kill(-1, signal.SIGKILL)\ntime.sleep(9)",
        KILLED,
    ),
    ("stops itself", "os.kill(os.getpid(), signal.SIGSEGV)", (Run.State.FAILED, "E-RUN-EXIT")),
    ("says that it was killed", "os._exit(137)", KILLED),
    ("says that it is done", "os._exit(0)", (Run.State.FAILED, "E-OUT-MISSING")),
]


@pytest.mark.parametrize(("body", "ends"), [pytest.param(*rest, id=name) for name, *rest in ENDS])
def test_greedy_code_ends_as_it_must_and_is_charged_once(
    attacker: Attacker, phase: Phase, body: str, ends: tuple[str, str]
) -> None:
    code = answering("pass", load=body) if body.endswith("# load") else answering(body)
    run = attacker.run_code(code, phase)
    assert (run.state, run.code) == ends, run.detail
    # Status 137 is what a disturbed engine leaves too, so it is tried once more before anybody is blamed.
    assert [attempt.outcome["exit_code"] for attempt in run.attempts.all()][1:] == ([137] if ends is KILLED else [])
    assert attacker.charge(run) == (QuotaCharge.State.SETTLED, False)
    assert_canary_unseen(attacker, run.entry.submission)
    if ends == SCORED:
        assert attacker.score(run) == 0.5


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(f"{DEAF}\ntime.sleep(600)", id="sleeps and hears no signal"),
        pytest.param("while True: pass", id="computes without end"),
        pytest.param("import threading\nthreading.Thread(target=time.sleep, args=(600,)).start()", id="never lets go"),
        pytest.param("os.kill(os.getpid(), signal.SIGSTOP)", id="stops"),
    ],
)
def test_code_that_does_not_end_is_ended_at_its_time(attacker: Attacker, phase: Phase, body: str) -> None:
    Track.objects.update(wall=2)
    run = attacker.run_code(answering(body), Phase.objects.get())
    assert (run.state, run.code) == (Run.State.FAILED, "E-RUN-TIMEOUT")
    assert 2 <= Attempt.objects.get().resources["wall"]["total"] < 4


BOUNDS = answering("""
def filled(folder, block, most):
    taken, files, path = 0, [], folder
    try:
        while taken < most:
            path = folder + "/fill" + str(len(files))
            with open(path, "wb", buffering=0) as file:
                files.append(path)
                while file.tell() < 8_000_000 and block:
                    taken += file.write(bytes(block))
                taken += not block
        return "no bound"
    except OSError as error:
        return errno.errorcode[error.errno], taken
    finally:
        for path in files:
            os.unlink(path)

found = {
    "bytes of /tmp": filled("/tmp", 1 << 20, 1 << 33),
    "files in /tmp": filled("/tmp", 0, 1 << 20),
    "bytes of /dev/shm": filled("/dev/shm", 1 << 20, 1 << 33),
    "bytes of answers": filled("/eval/responses", 1 << 20, 1 << 33),
    "files of answers": filled("/eval/responses", 0, 1 << 20),
}
with open("/eval/responses/holes", "wb") as file:
    try:
        file.truncate(1 << 40)
        found["a sparse terabyte"] = "no bound"
    except OSError as error:
        found["a sparse terabyte"] = errno.errorcode[error.errno], 0
os.unlink("/eval/responses/holes")
held = []
try:
    while len(held) < 100_000:
        held.append(os.open("/dev/null", os.O_RDONLY))
except OSError as error:
    found["open files"] = errno.errorcode[error.errno], len(held)
for descriptor in held:
    os.close(descriptor)
os.chdir("/tmp")
child = os.fork()
if child == 0:
    os.abort()
found["a core"] = os.WCOREDUMP(os.waitpid(child, 0)[1]), os.listdir("/tmp")
print("SEEN" + json.dumps(found), file=sys.stderr, flush=True)
""")


def test_every_place_that_can_be_filled_has_a_bound(attacker: Attacker, phase: Phase) -> None:
    Track.objects.update(memory=768 * MIB)
    run = attacker.run_code(BOUNDS, Phase.objects.get())
    assert (run.state, run.code, attacker.score(run)) == (*SCORED, 0.5)
    line = next(line for line in log_of(run).splitlines() if line.startswith("SEEN"))
    found: dict[str, Any] = json.loads(line.removeprefix("SEEN"))
    assert found.pop("a core") == [False, []]
    limits = {
        "bytes of /tmp": ("ENOSPC", 256 * MIB), "files in /tmp": ("ENOSPC", 65_536),
        "bytes of /dev/shm": ("ENOSPC", 64 * MIB), "bytes of answers": ("ENOSPC", 16 * MIB),
        "files of answers": ("ENOSPC", 16_384), "a sparse terabyte": ("EFBIG", 0), "open files": ("EMFILE", 1024),
    }  # fmt: skip
    assert {name: reason for name, (reason, _) in found.items()} == {
        name: reason for name, (reason, _) in limits.items()
    }
    assert [name for name, (_, most) in limits.items() if found[name][1] > most] == []


FLOOD = """
for _ in range(30):
    os.write(1, b"x" * 1_000_000)
    os.write(2, b"y\\n" * 100_000)
os.write(2, bytes(range(256)) * 400 + b"\\xf0\\x9f\\n")
for _ in range(2000):
    os.write(2, b'@proctor {"event": "progress", "suite": "' + b"z" * 400 + b'", "position": 1, "done": 1e99}\\n')
os.write(2, b'@proctor {"event": ' + b"[" * 100_000 + b"\\n@proctor 1\\n@proctor \\xff\\n")
"""


def test_flood_of_output_is_cut_and_the_run_is_scored(attacker: Attacker, phase: Phase) -> None:
    run = attacker.run_code(answering(FLOOD), phase)
    assert (run.state, run.code, attacker.score(run)) == (*SCORED, 0.5)
    assert len(log_of(run)) <= 16_384
    assert len(attacker.sees(run.entry.submission)) < 1_000_000


def test_memory_that_a_grandchild_ran_out_of_is_noted(attacker: Attacker, phase: Phase) -> None:
    body = f"if os.fork() == 0:\n{HOG}\nos.wait()".replace("\n", "\n    ", 2)
    attacker.run_code(answering(body), phase)
    assert Attempt.objects.get().resources["oom_event"] is True


def test_an_honest_run_is_scored_after_the_greedy_ones(
    honest_run_is_scored: Callable[[Phase], None], phase: Phase
) -> None:
    honest_run_is_scored(phase)
