"""Answers that are no answers: refused with their reason, by a collector that neither hangs nor believes anything."""

import io
import json
import time
import zipfile
from collections.abc import Callable
from typing import Any

import pytest

from challenges.models import Phase
from evaluations.models import Attempt, Evaluation, ResponseSet, Run
from sandbox.docker_sandbox import DockerSandbox
from sandbox.interface import IntakeRules, Job, Limits, Verdict
from submissions import engine
from submissions.models import QuotaCharge
from tests.attacks.attacker import Attacker, assert_canary_unseen, log_of
from tests.attacks.conftest import MIB
from tests.attacks.hostile import MARK, answering, made_zip

pytestmark = [pytest.mark.docker, pytest.mark.django_db(transaction=True)]

ASKED = [f"{number:024x}" for number in range(4)]
GOOD = "".join(json.dumps({"id": identifier, "logprob": -1.5}) + "\n" for identifier in ASKED)


def wrote(text: str) -> str:
    """Code that leaves this text for its answers."""
    return f"open(out, 'w').write({text!r})"


def wrote_bytes(data: bytes) -> str:
    """The same for bytes."""
    return f"open(out, 'wb').write({data!r})"


def first_line(line: str) -> str:
    """Sound answers, but for the first line, in which @0 and @1 stand for ids that were asked."""
    line = line.replace("@0", ASKED[0]).replace("@1", ASKED[1])
    return wrote(line + "\n" + GOOD.partition("\n")[2])


FILES: list[tuple[str, str, str]] = [
    # what is left in place of the answers, the code that leaves it, what the collector says
    ("nothing", "pass", "E-OUT-MISSING"),
    ("an empty file", wrote(""), ""),
    ("a pipe", "os.mkfifo(out)", "E-OUT-FILE"),
    ("a pipe that somebody holds open", "os.mkfifo(out); os.open(out, os.O_RDWR)", "E-OUT-FILE"),
    ("a socket", "socket.socket(socket.AF_UNIX).bind(out)", "E-OUT-FILE"),
    ("a folder", "os.mkdir(out)", "E-OUT-FILE"),
    ("a symbolic link to a file of the host", "os.symlink('/etc/passwd', out)", "E-OUT-FILE"),
    ("a symbolic link to itself", "os.symlink(out, out)", "E-OUT-FILE"),
    ("a link to the questions", "os.symlink(out.replace('responses', 'requests'), out)", "E-OUT-FILE"),
    ("a folder that is a link", "os.rmdir(folder); os.symlink('/eval/requests', folder)", "E-OUT-FILE"),
    ("a file with two names", f"{wrote(GOOD)}; os.link(out, out + '2')", "E-OUT-FILE"),
    ("a file that may not be read", f"{wrote(GOOD)}; os.chmod(out, 0)", "E-OUT-FILE"),
    ("a folder that may not be entered", f"{wrote(GOOD)}; os.chmod(folder, 0)", "E-OUT-FILE"),
    ("a sparse file as large as may be", f"open(out, 'w').truncate({16 * MIB})", "E-OUT-SIZE"),
    ("one line of a megabyte", wrote('{"id": "' + "x" * MIB + '"}'), "E-OUT-SIZE"),
    ("more lines than questions", wrote(GOOD + '{"id": "more", "logprob": -1}\n'), "E-OUT-SIZE"),
    ("100,000 empty lines", "open(out, 'w').write(chr(10) * 100_000)", "E-OUT-FORMAT"),
    ("not a number", first_line('{"id": "@0", "logprob": NaN}'), "E-OUT-NUMBER"),
    ("infinity", first_line('{"id": "@0", "logprob": -Infinity}'), "E-OUT-NUMBER"),
    ("a number beyond all floats", first_line('{"id": "@0", "logprob": -1e999}'), "E-OUT-NUMBER"),
    ("a whole number of 5,000 digits", first_line(f'{{"id": "@0", "logprob": -{"9" * 5000}}}'), "E-OUT-NUMBER"),
    ("an id twice", first_line('{"id": "@1", "logprob": -1}'), "E-OUT-DUPLICATE"),
    ("an id that was not asked", first_line('{"id": "ffffffffffffffffffffffff", "logprob": -1}'), "E-OUT-UNASKED"),
    ("an id that is a number", first_line('{"id": 0, "logprob": -1}'), "E-OUT-FORMAT"),
    ("a key of 60,000 letters", first_line(f'{{"{"x" * 60_000}": 1}}'), "E-OUT-FORMAT"),
    ("a key twice", first_line('{"id": "@0", "id": "@1", "logprob": -1}'), "E-OUT-FORMAT"),
    ("JSON of depth 10,000", first_line(f'{{"id": "@0", "logprob": {"[" * 10_000}1{"]" * 10_000}}}'), "E-OUT-FORMAT"),
    ("a list", first_line("[]"), "E-OUT-FORMAT"),
    ("half an object", first_line('{"id": "@0"'), "E-OUT-FORMAT"),
    ("UTF-16", wrote_bytes(GOOD.encode("utf-16")), "E-OUT-ENCODING"),
    ("a byte order mark", wrote_bytes(b"\xef\xbb\xbf" + GOOD.encode()), "E-OUT-ENCODING"),
    ("bytes of no alphabet", wrote_bytes(b"\xff\xfe\xfd\n"), "E-OUT-ENCODING"),
    ("half a character", first_line('{"id": "@0", "text": "\\ud800"}'), "E-OUT-ENCODING"),
    ("NULs", wrote_bytes(bytes(1000)), "E-OUT-FORMAT"),
    ("our collector's own words", wrote("E\nF other\nR {}\n"), "E-OUT-FORMAT"),
]


def forger() -> str:
    """Code that leaves all of FILES and says that it is done."""
    parts = [
        f"def leave{number}(out, folder):\n" + "\n".join(f"    {line}" for line in body.splitlines())
        for number, (_, body, _) in enumerate(FILES)
    ]
    body = f"""
for number in range({len(FILES)}):
    folder = "/eval/responses/main/case-%d/0" % number
    os.makedirs(folder, exist_ok=True)
    globals()["leave%d" % number](folder + "/responses.jsonl", folder)
for number in range(1000):
    open("/eval/responses/{MARK}%d" % number, "w").write("more")
os._exit(0)
"""
    return "\n".join([*parts, answering(body)])


@pytest.fixture
def collected(once: dict[str, Any]) -> dict[str, Any]:
    """What the collector says of every file, from one run that all tests of this module look at."""
    if "collected" not in once:
        sandbox, labels = DockerSandbox(), engine.labels(attack="output")
        volume = sandbox.new_volume_name()
        suites = [f"case-{number}" for number in range(len(FILES))]
        job: dict[str, Any] = {"kind": "code", "entry": "model.py:Model"}
        job |= {"suites": [{"checkpoint": "main", "suite": suite, "seed": "0"} for suite in suites]}
        asked = "".join(
            json.dumps({"id": one, "type": "loglikelihood", "context": "", "continuation": "x"}) + "\n" for one in ASKED
        ).encode()
        archive = io.BytesIO(made_zip({"model.py": forger().encode()}, zipfile.ZIP_STORED))
        limits = Limits(cpus=1, memory=256 * MIB, pids=64, wall=30, disk=16 * MIB)
        try:
            assert sandbox.intake(archive, volume=volume, rules=IntakeRules(), labels=labels).ok
            with sandbox.open_attempt(labels=labels, limits=limits) as workspace:
                workspace.put_requests({f"main/{suite}/0/requests.jsonl": asked for suite in suites})
                outcome = workspace.predict(Job(sandbox.image_id("base"), volume, job))
                assert outcome.verdict is Verdict.COMPLETED, outcome.log_tail
                began = time.monotonic()
                found = workspace.collect({f"main/{suite}/0/responses.jsonl": set(ASKED) for suite in suites})
        finally:
            sandbox.remove_volume(volume)
        once["seconds"] = time.monotonic() - began
        once["collected"] = {problem.file: problem.code for problem in found.problems} | dict.fromkeys(
            found.responses, ""
        )
    codes: dict[str, Any] = once["collected"]
    return codes


@pytest.mark.parametrize(
    ("number", "code"), [pytest.param(n, code, id=name) for n, (name, _, code) in enumerate(FILES)]
)
def test_the_collector_refuses_what_is_no_answer(collected: dict[str, Any], number: int, code: str) -> None:
    assert collected[f"main/case-{number}/0/responses.jsonl"] == code


def test_the_collector_neither_waits_nor_reads_without_end(collected: dict[str, Any], once: dict[str, Any]) -> None:
    assert once["seconds"] < 10


FORGED = """
for asked in glob.glob("/eval/requests/*/*/*/requests.jsonl"):
    out = asked.replace("requests", "responses")
    os.makedirs(os.path.dirname(out), exist_ok=True)
    ids = [json.loads(line)["id"] for line in open(asked)]
    @CHANGE@
    with open(out, "w") as file:
        for number, identifier in enumerate(ids):
            file.write(json.dumps({"id": identifier, "logprob": -1.0}) + chr(10))
    @AFTER@
print("IDS" + " ".join(ids[:3]), file=sys.stderr, flush=True)
os._exit(0)
"""

RUNS: list[tuple[str, str, str, tuple[str, str]]] = [
    ("all the ids", "pass", "pass", (Run.State.DONE, "")),
    ("one id too few", "ids.pop()", "pass", (Run.State.FAILED, "E-OUT-MISSING")),
    ("one id twice", "ids[0] = ids[1]", "pass", (Run.State.FAILED, "E-OUT-DUPLICATE")),
    ("an id of its own", "ids[0] = 'f' * 24", "pass", (Run.State.FAILED, "E-OUT-UNASKED")),
    ("one id too many", "ids.append('f' * 24)", "pass", (Run.State.FAILED, "E-OUT-SIZE")),
    ("an item's own id", "ids[0] = 'birds/0'", "pass", (Run.State.FAILED, "E-OUT-UNASKED")),
    ("a pipe", "pass", "os.unlink(out); os.mkfifo(out)", (Run.State.FAILED, "E-OUT-FILE")),
    ("no permission to look", "pass", "os.chmod('/eval/responses', 0)", (Run.State.FAILED, "E-OUT-FILE")),
    (
        "a probability above one",
        "pass",
        "open(out, 'w').write(json.dumps({'id': ids[0], 'logprob': 2}))",
        (Run.State.FAILED, "E-OUT-FORMAT"),
    ),
    (
        "a field of its own",
        "pass",
        "open(out, 'w').write(json.dumps({'id': ids[0], 'logprob': -1, 'score': 1}))",
        (Run.State.FAILED, "E-OUT-FORMAT"),
    ),
    (
        "a text for a number",
        "pass",
        "open(out, 'w').write(json.dumps({'id': ids[0], 'logprob': '=1'}))",
        (Run.State.FAILED, "E-OUT-FORMAT"),
    ),
]


@pytest.mark.parametrize(("change", "after", "ends"), [pytest.param(*rest, id=name) for name, *rest in RUNS])
def test_answers_written_past_the_runner_are_judged_like_any(
    attacker: Attacker, phase: Phase, change: str, after: str, ends: tuple[str, str]
) -> None:
    run = attacker.run_code(answering(FORGED.replace("@CHANGE@", change).replace("@AFTER@", after)), phase)
    assert (run.state, run.code) == ends, run.detail
    assert run.attempts.count() == 1
    assert attacker.charge(run) == (QuotaCharge.State.SETTLED, False)
    assert (
        Evaluation.objects.exists() == ResponseSet.objects.filter(complete=True).exists() == (ends[0] == Run.State.DONE)
    )
    assert_canary_unseen(attacker, run.entry.submission)


def test_ids_of_another_attempt_are_not_taken(attacker: Attacker, phase: Phase) -> None:
    first = attacker.run_code(answering(FORGED.replace("@CHANGE@", "ids.pop()").replace("@AFTER@", "pass")), phase)
    ids = next(line for line in log_of(first).splitlines() if line.startswith("IDS")).removeprefix("IDS").split()
    code = FORGED.replace("@CHANGE@", f"ids[:3] = {ids!r}").replace("@AFTER@", "pass")
    second = attacker.run_code(answering(code), phase)
    assert (second.state, second.code) == (Run.State.FAILED, "E-OUT-UNASKED")


def test_a_child_that_writes_on_after_the_end_changes_nothing(attacker: Attacker, phase: Phase) -> None:
    load = """
if os.fork() == 0:
    os.setsid()
    while True:
        for path in glob.glob("/eval/responses/*/*/*/*"):
            open(path, "a").write('{"id": "x"}' + chr(10))
"""
    run = attacker.run_code(answering("time.sleep(0.3)", load=load), phase)
    # It may spoil its own answers while its parent still runs; what it can't do is to write after them, or not to end.
    assert (run.state, run.code) in {
        (Run.State.DONE, ""), (Run.State.FAILED, "E-OUT-UNASKED"), (Run.State.FAILED, "E-OUT-SIZE"),
        (Run.State.FAILED, "E-OUT-DUPLICATE"), (Run.State.FAILED, "E-RUN-CODE"),
    }  # fmt: skip
    assert Attempt.objects.get().state == Attempt.State.ENDED


def test_an_honest_run_is_scored_after_the_forgers(honest_run_is_scored: Callable[[Phase], None], phase: Phase) -> None:
    honest_run_is_scored(phase)
