"""One attempt in real containers: verdicts, bounds, what crosses the wall, and that nothing stays behind."""

import io
import json
import os
import tarfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import docker
import pytest

from sandbox.docker_sandbox import DockerSandbox
from sandbox.errors import SandboxUnavailable
from sandbox.interface import Collected, IntakeRules, Job, Limits, MiB, Outcome, Progress, Verdict

pytestmark = pytest.mark.docker

LIMITS = Limits(cpus=1, memory=128 * MiB, pids=64, wall=30, disk=16 * MiB, tmp=16 * MiB)
RUNNER = {"kind": "code", "entry": "model.py:Model", "suites": [{"checkpoint": "main", "suite": "demo", "seed": "0"}]}
REQUESTS, RESPONSES = "main/demo/0/requests.jsonl", "main/demo/0/responses.jsonl"
OUT = f"/eval/responses/{RESPONSES}"
HONEST = """
class Model:
    def loglikelihood(self, requests):
        return [-float(len(request["continuation"])) for request in requests]
"""
Ran = Callable[..., tuple[Outcome, Collected]]


def packed(code: str) -> io.BytesIO:
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        entry = tarfile.TarInfo("model.py")
        entry.size = len(code.encode())
        tar.addfile(entry, io.BytesIO(code.encode()))
    return archive


def asked(count: int) -> bytes:
    lines = (
        {
            "id": f"{number:024x}",
            "type": "loglikelihood",
            "context": "",
            "continuation": "word " * ((number - 1) % 3 + 1),
        }
        for number in range(1, count + 1)
    )
    return "".join(json.dumps(line) + "\n" for line in lines).encode()


def ids(count: int) -> set[str]:
    return {f"{number:024x}" for number in range(1, count + 1)}


@pytest.fixture
def ran(sandbox: DockerSandbox, labels: dict[str, str], volume: str) -> Ran:
    def run(
        code: str,
        limits: Limits = LIMITS,
        count: int = 3,
        on_progress: Callable[[Progress], None] | None = None,
    ) -> tuple[Outcome, Collected]:
        report = sandbox.intake(packed(code), volume=volume, rules=IntakeRules(), labels=labels)
        assert report.ok
        with sandbox.open_attempt(labels=labels, limits=limits) as workspace:
            workspace.put_requests({REQUESTS: asked(count)})
            outcome = workspace.predict(Job(sandbox.image_id("base"), volume, RUNNER), on_progress)
            collected = workspace.collect({RESPONSES: ids(count)})
        sandbox.remove_volume(volume)
        return outcome, collected

    return run


def script(body: str) -> str:
    """A submission that runs `body` when it is asked."""
    indented = "\n".join(f"        {line}" for line in body.strip().splitlines())
    return f"import os, signal, sys, time\nclass Model:\n    def loglikelihood(self, requests):\n{indented}\n"


def test_honest_submission_answers_every_request(ran: Ran) -> None:
    outcome, collected = ran(HONEST)
    assert (outcome.verdict, outcome.exit_code, outcome.error, outcome.oom_event) == (
        Verdict.COMPLETED,
        0,
        None,
        False,
    )
    assert [record["logprob"] for record in collected.responses[RESPONSES]] == [-5.0, -10.0, -15.0]
    assert collected.problems == ()
    wall = outcome.wall
    assert wall.start is not None
    assert wall.load is not None
    assert wall.answer is not None
    assert wall.start + wall.load + wall.answer == pytest.approx(wall.total, abs=0.2)


def test_used_resources_are_read_or_unknown(ran: Ran) -> None:
    outcome, _ = ran(script("data = bytearray(os.urandom(40_000_000))\nreturn [-1.0 for _ in requests]"))
    if outcome.peak_memory is not None:
        assert 40_000_000 < outcome.peak_memory <= LIMITS.memory
    if outcome.cpu_seconds is not None:
        assert 0.05 < outcome.cpu_seconds < 10
    assert outcome.peak_pids is None or outcome.peak_pids <= LIMITS.pids
    assert outcome.disk_bytes is None or outcome.disk_bytes >= 0


@pytest.mark.parametrize(("ending", "verdict"), [("", Verdict.COMPLETED), ("os._exit(1)", Verdict.EXIT)])
def test_what_the_response_volume_holds_at_the_end_is_measured(ran: Ran, ending: str, verdict: Verdict) -> None:
    body = f"open('/eval/responses/fill', 'wb').write(bytes(5_000_000))\n{ending}\nreturn [-1.0 for _ in requests]"
    outcome, collected = ran(script(body))
    assert outcome.verdict is verdict
    assert collected.response_bytes is not None
    assert 5_000_000 <= collected.response_bytes < 5_100_000
    # A run that did not complete may never be collected.
    assert outcome.response_bytes == (None if verdict is Verdict.COMPLETED else collected.response_bytes)


def test_program_that_never_ends_is_timed_out_near_its_limit(ran: Ran) -> None:
    limits = Limits(cpus=1, memory=128 * MiB, pids=64, wall=1, disk=16 * MiB, tmp=16 * MiB)
    began = time.monotonic()
    outcome, collected = ran(script("signal.signal(signal.SIGTERM, signal.SIG_IGN)\ntime.sleep(300)"), limits)
    assert outcome.verdict is Verdict.TIMEOUT
    assert outcome.wall.total < 4
    assert time.monotonic() - began < 8
    assert [problem.code for problem in collected.problems] == ["E-OUT-MISSING"]


def test_limit_of_5_seconds_ends_a_sleep_of_30_by_7(ran: Ran) -> None:
    limits = Limits(cpus=1, memory=128 * MiB, pids=64, wall=5, disk=16 * MiB, tmp=16 * MiB)
    outcome, _ = ran(script("time.sleep(30)"), limits)
    assert outcome.verdict is Verdict.TIMEOUT
    assert 5 <= outcome.wall.total < 7


def test_memory_hog_is_told_from_other_ends(ran: Ran) -> None:
    outcome, _ = ran(script("hog = []\nwhile True: hog.append(bytearray(b'x' * 8_000_000))"))
    assert (outcome.verdict, outcome.oom_event) == (Verdict.MEMORY, True)


def test_forged_exit_code_137_is_an_exit(ran: Ran) -> None:
    outcome, _ = ran(script("os._exit(137)"))
    assert (outcome.verdict, outcome.exit_code, outcome.oom_event) == (Verdict.EXIT, 137, False)


def test_exception_is_an_exit_with_the_runners_typed_error(ran: Ran) -> None:
    outcome, _ = ran(script("raise RuntimeError('my own fault')"))
    assert (outcome.verdict, outcome.exit_code) == (Verdict.EXIT, 3)
    assert outcome.error is not None
    assert outcome.error["code"].startswith("E-RUN-")


def test_kill_from_another_thread_ends_it(sandbox: DockerSandbox, labels: dict[str, str], volume: str) -> None:
    sandbox.intake(packed(script("time.sleep(300)")), volume=volume, rules=IntakeRules(), labels=labels)
    with sandbox.open_attempt(labels=labels, limits=LIMITS) as workspace:
        workspace.put_requests({REQUESTS: asked(1)})
        killer = threading.Thread(target=kill_once_running, args=(workspace.kill, labels))
        killer.start()
        outcome = workspace.predict(Job(sandbox.image_id("base"), volume, RUNNER))
        killer.join()
    sandbox.remove_volume(volume)
    assert outcome.verdict is Verdict.KILLED
    assert outcome.wall.total < LIMITS.wall


def running(labels: dict[str, str]) -> str:
    """Wait until the predict container runs; return its id."""
    client = docker.APIClient(version="auto")
    wanted = [f"{name}={value}" for name, value in labels.items()] + ["proctor.stage=predict"]
    deadline = time.monotonic() + 20
    while not (found := client.containers(filters={"label": wanted, "status": "running"})):
        assert time.monotonic() < deadline
        threading.Event().wait(0.02)
    client.close()
    return str(found[0]["Id"])


def kill_once_running(kill: Callable[[], None], labels: dict[str, str]) -> None:
    running(labels)
    kill()


def test_cancelled_container_is_gone_within_5_seconds(
    sandbox: DockerSandbox, labels: dict[str, str], volume: str
) -> None:
    stubborn = script("signal.signal(signal.SIGTERM, signal.SIG_IGN)\nwhile True: time.sleep(300)")
    sandbox.intake(packed(stubborn), volume=volume, rules=IntakeRules(), labels=labels)
    asked_at: list[float] = []

    def cancel() -> None:
        running(labels)
        asked_at.append(time.monotonic())
        workspace.kill()

    with sandbox.open_attempt(labels=labels, limits=LIMITS) as workspace:
        workspace.put_requests({REQUESTS: asked(1)})
        killer = threading.Thread(target=cancel)
        killer.start()
        outcome = workspace.predict(Job(sandbox.image_id("base"), volume, RUNNER))
        killer.join()
    seconds = time.monotonic() - asked_at[0]
    client = docker.APIClient(version="auto")
    left = client.containers(all=True, filters={"label": [f"{name}={value}" for name, value in labels.items()]})
    client.close()
    assert (outcome.verdict, left) == (Verdict.KILLED, [])
    assert seconds < 5


@pytest.mark.parametrize("signal", ["SIGKILL", "SIGTERM"])
def test_end_by_somebody_elses_hand_is_not_blamed_on_the_submission(
    sandbox: DockerSandbox, labels: dict[str, str], volume: str, signal: str
) -> None:
    sandbox.intake(packed(script("time.sleep(300)")), volume=volume, rules=IntakeRules(), labels=labels)

    def interfere() -> None:
        client = docker.APIClient(version="auto")
        client.kill(running(labels), signal=signal)
        client.close()

    with sandbox.open_attempt(labels=labels, limits=LIMITS) as workspace:
        workspace.put_requests({REQUESTS: asked(1)})
        other = threading.Thread(target=interfere)
        other.start()
        outcome = workspace.predict(Job(sandbox.image_id("base"), volume, RUNNER))
        other.join()
    assert outcome.verdict is Verdict.AMBIGUOUS
    assert outcome.exit_code in (137, 143)


@pytest.mark.parametrize("number", [9, 15])
def test_submission_that_signals_itself_ended_by_itself(ran: Ran, number: int) -> None:
    outcome, _ = ran(script(f"os.kill(os.getpid(), {number})\ntime.sleep(300)"))
    assert (outcome.verdict, outcome.exit_code) == (Verdict.EXIT, 128 + number)


def test_volume_that_was_removed_meanwhile_is_our_fault(sandbox: DockerSandbox, labels: dict[str, str]) -> None:
    volume = sandbox.new_volume_name()
    with sandbox.open_attempt(labels=labels, limits=LIMITS) as workspace:
        workspace.put_requests({REQUESTS: asked(1)})
        with pytest.raises(SandboxUnavailable, match="unpacked again"):
            workspace.predict(Job(sandbox.image_id("base"), volume, RUNNER))
    sandbox.remove_volume(volume)


def test_kill_before_predict_keeps_it_from_starting(
    sandbox: DockerSandbox, labels: dict[str, str], volume: str
) -> None:
    sandbox.intake(packed(HONEST), volume=volume, rules=IntakeRules(), labels=labels)
    with sandbox.open_attempt(labels=labels, limits=LIMITS) as workspace:
        workspace.put_requests({REQUESTS: asked(1)})
        workspace.kill()
        outcome = workspace.predict(Job(sandbox.image_id("base"), volume, RUNNER))
    sandbox.remove_volume(volume)
    assert outcome.verdict is Verdict.KILLED


def test_progress_reaches_the_listener(ran: Ran) -> None:
    seen: list[Progress] = []
    ran(script("time.sleep(2)\nreturn [-1.0 for _ in requests]"), on_progress=seen.append)
    assert seen[0].suite == "demo"
    assert (seen[0].position, seen[0].of, seen[0].total) == (1, 1, 3)


def test_flood_of_output_neither_hangs_nor_grows(ran: Ran) -> None:
    outcome, collected = ran(
        script("for _ in range(30_000): os.write(1, b'x' * 1000 + b'\\n')\nreturn [-1.0 for _ in requests]")
    )
    assert outcome.verdict is Verdict.COMPLETED
    assert len(outcome.log_tail) <= 16_384
    assert len(collected.responses[RESPONSES]) == 3


def test_response_volume_is_bounded(ran: Ran) -> None:
    body = "with open('/eval/responses/fill', 'wb') as file:\n    while True: file.write(bytes(1_000_000))"
    outcome, _ = ran(script(body))
    assert outcome.verdict is Verdict.EXIT


OUTPUTS = {
    "fifo": ("os.mkfifo(out)", "E-OUT-FILE"),
    "symbolic link": ("os.symlink('/etc/passwd', out)", "E-OUT-FILE"),
    "folder": ("os.mkdir(out)", "E-OUT-FILE"),
    "unreadable": ("open(out, 'w').close(); os.chmod(out, 0)", "E-OUT-FILE"),
    "not a number": ('open(out, \'w\').write(\'{"id": "1", "logprob": NaN}\')', "E-OUT-NUMBER"),
    "not asked": ('open(out, \'w\').write(\'{"id": "other", "logprob": -1}\')', "E-OUT-UNASKED"),
}


@pytest.mark.parametrize(("body", "code"), OUTPUTS.values(), ids=OUTPUTS)
def test_hostile_output_is_refused_by_the_collector(ran: Ran, body: str, code: str) -> None:
    prepared = f"out = {OUT!r}\nos.makedirs(os.path.dirname(out), exist_ok=True)\n{body}\nos._exit(0)"
    outcome, collected = ran(script(prepared))
    assert outcome.verdict is Verdict.COMPLETED
    assert [problem.code for problem in collected.problems] == [code]
    assert collected.responses == {}


def test_submission_sees_requests_and_its_own_files_and_nothing_of_the_host(ran: Ran) -> None:
    body = """
import json
seen = {
    "uid": os.getuid(),
    "environment": sorted(os.environ),
    "eval": sorted(os.listdir("/eval")),
    "submission": os.listdir("/submission"),
    "host": os.uname().nodename,
    "resolver": open("/etc/resolv.conf").read(),
    "socket": os.path.exists("/var/run/docker.sock"),
    "mounts": open("/proc/self/mountinfo").read(),
}
for path in ("/submission/model.py", "/eval/job.json", "/opt/proctor/sandbox/__init__.py"):
    try:
        open(path, "a").close()
        seen["socket"] = path
    except OSError:
        pass
sys.stderr.write("SEEN" + json.dumps(seen) + chr(10))
return [-1.0 for _ in requests]
"""
    outcome, _ = ran(script(body))
    line = next(line for line in outcome.log_tail.splitlines() if line.startswith("SEEN"))
    seen = json.loads(line.removeprefix("SEEN"))
    assert seen["uid"] >= 20_000
    assert seen["eval"] == ["job.json", "requests", "responses"]
    assert seen["submission"] == ["model.py"]
    assert seen["host"] == "sandbox"
    assert seen["resolver"].split() in ([], ["search", ".", "nameserver", "192.0.2.1"])
    assert seen["socket"] is False
    assert str(Path.cwd()) not in seen["mounts"]
    assert not set(seen["environment"]) & set(os.environ) - {
        "HOME", "LANG", "LC_CTYPE", "LOGNAME", "PATH", "PWD", "PYTHONPATH", "PYTHONUNBUFFERED", "TMPDIR", "USER",
        "PYTHONDONTWRITEBYTECODE", "PYTHONHASHSEED", "HOSTNAME", "OMP_NUM_THREADS", "MKL_NUM_THREADS",
    }  # fmt: skip


def test_child_that_outlives_its_parent_can_write_no_more(ran: Ran) -> None:
    body = f"""
if os.fork() == 0:
    os.setsid()
    while True:
        os.makedirs(os.path.dirname({OUT!r}), exist_ok=True)
        open({OUT!r}, "a").write("x")
        time.sleep(0.01)
return [-1.0 for _ in requests]
"""
    outcome, _ = ran(script(body))
    assert outcome.verdict in (Verdict.COMPLETED, Verdict.EXIT)


def test_attempt_leaves_nothing_behind_when_the_worker_fails(sandbox: DockerSandbox, labels: dict[str, str]) -> None:
    def fail() -> None:
        with sandbox.open_attempt(labels=labels, limits=LIMITS) as workspace:
            workspace.put_requests({REQUESTS: asked(1)})
            raise KeyError

    with pytest.raises(KeyError):
        fail()


def test_many_responses_are_collected(ran: Ran) -> None:
    _, collected = ran(
        script("return [-1.0 for _ in requests]"), Limits(cpus=2, memory=512 * MiB, pids=64, wall=60), 20_000
    )
    assert len(collected.responses[RESPONSES]) == 20_000
