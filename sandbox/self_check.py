"""The contract that every sandbox has to pass, tried through its interface alone: honest work, and attacks on it."""

import io
import json
import tarfile
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

from sandbox.interface import Collected, IntakeRules, Job, Limits, MiB, Outcome, Sandbox, Verdict

LIMITS = Limits(cpus=1, memory=96 * MiB, pids=32, wall=60, disk=16 * MiB, tmp=8 * MiB)
RULES = IntakeRules(max_bytes=1 * MiB, max_unpacked_bytes=1 * MiB, wall=60)
TIME_LIMIT = 1.0  # seconds given to a program that never ends by itself
TIME_SLACK = 10.0  # seconds from the deadline until it has to be gone; a busy engine takes its time
KILL_AFTER = 0.5
SIDE_BY_SIDE = 3
REQUESTS, RESPONSES = "main/check/0/requests.jsonl", "main/check/0/responses.jsonl"
RUNNER = {"kind": "code", "entry": "model.py:Model", "suites": [{"checkpoint": "main", "suite": "check", "seed": "0"}]}
IDS = [f"{number:024x}" for number in range(1, 4)]
# One submission for all checks: what it does is what it is asked.
SUBMISSION = f"""
import os
from sandbox.inside import probes


class Model:
    def loglikelihood(self, requests):
        wish = requests[0]["continuation"]
        if wish == "probe":
            probes.main([])
        elif wish in probes.HOGS:
            probes.HOGS[wish]()
        elif wish == "forge":
            out = "/eval/responses/{RESPONSES}"
            os.makedirs(os.path.dirname(out), exist_ok=True)
            os.mkfifo(out)
            os._exit(137)
        return [-float(number) for number in range(1, len(requests) + 1)]
"""


@dataclass(frozen=True, slots=True)
class Check:
    """One property of the sandbox: whether it holds, and what was measured."""

    ok: bool
    measured: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Ran:
    outcome: Outcome
    collected: Collected
    seconds: float


def self_check(sandbox: Sandbox, *, labels: Mapping[str, str]) -> dict[str, Check]:
    """Try everything; returns the checks by name. Raises SandboxError where the sandbox can't be used at all."""
    sandbox.ping()
    volume = sandbox.new_volume_name()
    report = sandbox.intake(_packed({"model.py": SUBMISSION}), volume=volume, rules=RULES, labels=labels)
    try:

        def attempt(wish: str, limits: Limits = LIMITS, kill_after: float | None = None) -> _Ran:
            return _attempt(sandbox, volume, wish, labels=labels, limits=limits, kill_after=kill_after)

        with ThreadPoolExecutor(max_workers=SIDE_BY_SIDE) as pool:
            probed = pool.submit(attempt, "probe")
            endless = pool.submit(attempt, "time", replace(LIMITS, wall=TIME_LIMIT))
            killed = pool.submit(attempt, "time", LIMITS, KILL_AFTER)
            memory = pool.submit(attempt, "memory")
            forged = pool.submit(attempt, "forge")
            refused = pool.submit(_intake_refuses, sandbox, labels)
            honest = pool.submit(attempt, "answer")
            checks = {
                "intake": refused.result(),
                "answers": _answers(honest.result()),
                "time": _time(endless.result()),
                "kill": _kill(killed.result()),
                "memory": _memory(memory.result()),
                "outputs": _outputs(forged.result()),
                **judge_probes(_findings(probed.result())),
            }
    finally:
        sandbox.remove_volume(volume)
    removed = not sandbox.has_volume(volume)
    checks["volumes"] = Check(report.ok and removed, {"taken_in": report.ok, "removed": removed})
    return checks


def _attempt(
    sandbox: Sandbox,
    volume: str,
    wish: str,
    *,
    labels: Mapping[str, str],
    limits: Limits,
    kill_after: float | None,
) -> _Ran:
    asked = [{"id": identity, "type": "loglikelihood", "context": "", "continuation": wish} for identity in IDS]
    with sandbox.open_attempt(labels=labels, limits=limits) as workspace:
        workspace.put_requests({REQUESTS: "".join(json.dumps(request) + "\n" for request in asked).encode()})
        killer = threading.Timer(kill_after or 0.0, workspace.kill)
        if kill_after is not None:
            killer.start()
        began = time.monotonic()
        try:
            outcome = workspace.predict(Job(sandbox.image_id("base"), volume, RUNNER))
        finally:
            killer.cancel()
        seconds = time.monotonic() - began
        return _Ran(outcome, workspace.collect({RESPONSES: IDS}), seconds)


def _intake_refuses(sandbox: Sandbox, labels: Mapping[str, str]) -> Check:
    volume = sandbox.new_volume_name()
    report = sandbox.intake(_packed({"../model.py": SUBMISSION}), volume=volume, rules=RULES, labels=labels)
    left = sandbox.has_volume(volume)
    sandbox.remove_volume(volume)
    codes = [problem.code for problem in report.problems]
    return Check(not report.ok and bool(codes) and not left, {"accepted": report.ok, "codes": codes, "left": left})


def _answers(ran: _Ran) -> Check:
    values = [record.get("logprob") for record in ran.collected.responses.get(RESPONSES, [])]
    measured = {"verdict": ran.outcome.verdict.value, "answers": values, "seconds": round(ran.seconds, 3)}
    return Check(ran.outcome.verdict is Verdict.COMPLETED and values == [-1.0, -2.0, -3.0], measured)


def _time(ran: _Ran) -> Check:
    ok = ran.outcome.verdict is Verdict.TIMEOUT and ran.seconds < TIME_LIMIT + TIME_SLACK
    return Check(ok, {"limit": TIME_LIMIT, "seconds": round(ran.seconds, 3), "verdict": ran.outcome.verdict.value})


def _kill(ran: _Ran) -> Check:
    ok = ran.outcome.verdict is Verdict.KILLED and ran.seconds < KILL_AFTER + TIME_SLACK
    return Check(ok, {"seconds": round(ran.seconds, 3), "verdict": ran.outcome.verdict.value})


def _memory(ran: _Ran) -> Check:
    outcome = ran.outcome
    measured = {"limit": LIMITS.memory, "verdict": outcome.verdict.value, "oom_event": outcome.oom_event}
    return Check(outcome.verdict is Verdict.MEMORY and outcome.oom_event, measured)


def _outputs(ran: _Ran) -> Check:
    codes = [problem.code for problem in ran.collected.problems]
    ok = ran.outcome.verdict is Verdict.EXIT and codes == ["E-OUT-FILE"] and not ran.collected.responses
    return Check(ok, {"forged_exit": ran.outcome.exit_code, "verdict": ran.outcome.verdict.value, "codes": codes})


def _findings(ran: _Ran) -> dict[str, dict[str, Any]]:
    """Return the probes' findings by name; they are our own words, written by our own program."""
    found: dict[str, dict[str, Any]] = {}
    for line in ran.outcome.log_tail.splitlines():
        if line.startswith('{"probe"'):
            finding = json.loads(line)
            found[finding.pop("probe")] = finding
    # The collector still works after the probe has tried to kill everything.
    ended = ran.outcome.verdict is Verdict.COMPLETED and RESPONSES in ran.collected.responses
    found["kill"] = {**found.get("kill", {}), "collected": ended}
    return found


def judge_probes(found: Mapping[str, Mapping[str, Any]]) -> dict[str, Check]:
    """Judge the probes' findings; a probe that said nothing fails its check."""
    checks = {}
    for name, (probe, holds) in PROBES.items():
        finding = found.get(probe, {})
        try:
            ok = bool(holds(finding))
        except (KeyError, TypeError):
            ok = False
        checks[name] = Check(ok, finding)
    return checks


VARIABLES = frozenset({
    "HF_HUB_OFFLINE", "HOME", "HOSTNAME", "LANG", "LC_CTYPE", "LOGNAME", "MKL_NUM_THREADS", "OMP_NUM_THREADS",
    "OMP_WAIT_POLICY", "PATH", "PROCTOR_SEED", "PWD", "PYTHONDONTWRITEBYTECODE", "PYTHONHASHSEED", "PYTHONPATH",
    "PYTHONUNBUFFERED", "SHLVL", "TMPDIR", "TOKENIZERS_PARALLELISM", "TRANSFORMERS_OFFLINE", "USER",
})  # fmt: skip
PROBES: Mapping[str, tuple[str, Callable[[Mapping[str, Any]], bool]]] = {
    "network": ("network", lambda found: found == {"interfaces": ["lo"], "reached": []}),
    "read-only root": ("root", lambda found: found == {"written": [], "root": "ro"}),
    "kernel files": ("kernel_files", lambda found: found == {"wrote": [], "read": []}),
    "pids": ("pids", lambda found: found["refused"] and found["forked"] < LIMITS.pids),
    "disk": ("disk", lambda found: 0 < found["written"] <= LIMITS.disk and not found["program_ran"]),
    "privileges": (
        "privileges",
        lambda found: (
            found["uid"] >= 1000
            and min(found["groups"]) >= 1000
            and found["capabilities"] == 0
            and found["no_new_privs"] == "1"
            and not found["became_root"]
            and not found["set_uid"]
            and not found["su"]
        ),
    ),
    "surroundings": (
        "surroundings",
        lambda found: set(found["environment"]) <= VARIABLES and found["sockets"] == [],
    ),
    "system calls": ("system_calls", lambda found: found["let_through"] == [] and found["tried"] > 0),
    "sockets": ("sockets", lambda found: found["opened"] == [] and found["tried"] > 0),
    "other interfaces": ("other_interfaces", lambda found: found["reached"] == []),
    "processes": ("processes", lambda found: found["reached"] == [] and found["seen"] <= LIMITS.pids),
    "kill -1": ("kill", lambda found: found["survived"] and found["collected"]),
}


def _packed(files: Mapping[str, str]) -> io.BytesIO:
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for name, text in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(text.encode())
            tar.addfile(entry, io.BytesIO(text.encode()))
    return archive
