"""Code that tries to carry hidden data out, to find the gold or to guess it: its team learns what the table allows."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.urls import reverse

from challenges.models import Phase, Track
from evaluations import services
from evaluations.models import ResponseSet, Run
from leaderboards.services import refresh
from submissions.errors import SubmissionRefused
from submissions.models import QuotaCharge
from submissions.services import enter_phase
from tests.attacks.attacker import Attacker, assert_canary_unseen, log_of, manifest, packed, work_off
from tests.attacks.conftest import HONEST_SCORE
from tests.attacks.hostile import CANARY, HIDDEN_WORD, MARK, answering

pytestmark = [pytest.mark.docker, pytest.mark.django_db(transaction=True)]


def on_hidden(body: str) -> str:
    """Code that behaves on public data, and does this when it sees hidden data."""
    lines = "\n".join(f"    {line}" for line in body.strip().splitlines())
    asked = f"any('{HIDDEN_WORD}' in one['continuation'] for one in requests)"
    return answering(f"text = requests[0]['continuation']\nif {asked}:\n{lines}")


FORGED = """
for asked in glob.glob("/eval/requests/*/*/*/requests.jsonl"):
    out = asked.replace("requests", "responses")
    os.makedirs(os.path.dirname(out), exist_ok=True)
    with open(out, "w") as file:
        for one in requests:
            file.write(json.dumps({**{"id": one["id"], "logprob": -1.0}, **@MORE@}) + chr(10))
os._exit(0)
"""
EVENT = "print('@proctor ' + json.dumps(@EVENT@), file=sys.stderr, flush=True)"
PROGRESS = EVENT.replace(
    "@EVENT@", "{'event': 'progress', 'suite': text, 'position': 1, 'of': 1, 'done': 1, 'total': ord(text[0])}"
)
TYPED = EVENT.replace("@EVENT@", "{'event': 'error', 'code': 'E-RUN-VALUE', 'message': text, 'detail': text}")

SPEAKS = f"""
print(requests, flush=True)
print(requests, file=sys.stderr, flush=True)
{PROGRESS}
os.makedirs('/eval/responses/' + text)
for folder in ('/tmp', '/dev/shm', '/eval/responses'):
    open(folder + '/' + text + 'x', 'w').write(text)
subprocess.Popen(['sleep', '60'], executable='/bin/sleep', env={{text: text}})
time.sleep(1.2)
"""

WAYS_OUT: list[tuple[str, str, bool]] = [
    # what the code does with what it sees, how, whether the run is scored all the same
    ("prints it, calls it its progress, names files and a process with it", SPEAKS, True),
    ("does nothing of that", "pass", True),
    ("raises it", "raise type(text, (Exception,), {})(text)", False),
    ("exits with a byte of it", "os._exit(ord(text[-3]))", False),
    ("says that it is the reason", f"{TYPED}\nos._exit(3)", False),
    ("answers with it", "return [text for _ in requests]", False),
    ("answers too little", "return [-1.0]", False),
    ("makes it a field and an id", FORGED.replace("@MORE@", "{text: 1, 'id': text}"), False),
    ("runs out of memory", "hog = []\nwhile True: hog.append(bytearray(b'x' * 8_000_000))", False),
]


def told(attacker: Attacker, run: Run) -> str:
    """All that the team's pages tell of the run, without what differs between any two submissions."""
    pk = run.entry.submission_id
    page = attacker.browser.get(reverse("submission_status", args=[pk])).content.decode()
    cards = [card for card in re.findall(r"<section.*?</section>", page, re.DOTALL) if "Rehearsal for" not in card]
    document = attacker.browser.get(reverse("submission_events", args=[pk])).json()
    events = [event for event in document["events"] if event["run"] == str(run.pk)]
    assert cards
    assert events
    times = [event.pop("at") for event in events]
    assert all(re.search(r"T\d\d:\d\d:00[+Z]", at) for at in times), "only the minute is told"
    runs = [one for one in document["runs"] if one["id"] == str(run.pk)]
    text = json.dumps([cards, events, runs])
    return re.sub(r"[\d,]+ bytes|[0-9a-f]{8}-[0-9a-f-]{27}", "", text)


@pytest.mark.parametrize(("body", "scored"), [pytest.param(*rest, id=name) for name, *rest in WAYS_OUT])
def test_hidden_texts_reach_nobody(
    attacker: Attacker, hidden: Phase, once: dict[str, Any], body: str, scored: bool
) -> None:
    run = attacker.run_code(on_hidden(body), hidden)
    assert run.state == (Run.State.DONE if scored else Run.State.FAILED), run.detail
    assert attacker.charge(run) == (QuotaCharge.State.SETTLED, False)
    assert HIDDEN_WORD not in assert_canary_unseen(attacker, run.entry.submission)
    ends = once.setdefault(f"scored {scored}", set())
    ends.add(told(attacker, run))
    assert len(ends) == 1, "every end on hidden data reads the same: neither why nor where is told"
    assert not re.search(r"E-(RUN|OUT)-[A-Z]+", ends.copy().pop())


MUCH = """
time.sleep(1.5)
end = time.time() + 1.5
while time.time() < end: pass
hog = b'x' * 150_000_000
open('/eval/responses/much', 'wb').write(bytes(9_000_000))
print('x' * 500_000, flush=True)
"""
CHANNELS = [pytest.param("pass", id="little"), pytest.param(MUCH, id="much time, memory, output and disk")]


@pytest.mark.parametrize("body", CHANNELS)
def test_what_a_run_used_does_not_tell_one_from_another(
    attacker: Attacker, hidden: Phase, once: dict[str, Any], body: str
) -> None:
    run = attacker.run_code(on_hidden(body), hidden)
    assert run.state == Run.State.DONE
    used = once.setdefault("used", set())
    used.add(told(attacker, run))
    assert len(used) == 1


HUNT = """
A, B = b"@A@", b"@B@"[::-1]

def holds(data):
    at = data.find(A)
    while at >= 0:
        if data[at + len(A):at + len(A) + len(B)] == B:
            return True
        at = data.find(A, at + 1)
    return False

def in_memory():
    hits, looked = [], 0
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            for part in ("environ", "cmdline"):
                if holds(open("/proc/" + name + "/" + part, "rb").read()):
                    hits.append(part)
            spans = [line.split() for line in open("/proc/" + name + "/maps")]
            memory = open("/proc/" + name + "/mem", "rb", buffering=0)
        except OSError:
            continue
        for span in spans:
            begin, end = (int(number, 16) for number in span[0].split("-"))
            if span[1][0] != "r" or span[-1].startswith("[v"):
                continue
            try:
                memory.seek(begin)
                data = memory.read(min(end - begin, 64_000_000))
            except (OSError, ValueError, OverflowError):
                continue
            looked += len(data)
            if holds(data):
                hits.append(name + " " + span[-1])
    return hits, looked

def in_files():
    hits, looked = [], 0
    for folder, folders, names in os.walk("/"):
        if folder == "/":
            folders[:] = [one for one in folders if one not in ("proc", "sys", "dev")]
        for name in [*folders, *names]:
            if holds(os.fsencode(name)) or name in ("gold.jsonl", "items.jsonl", "suite.yaml", "items.parquet"):
                hits.append(folder + "/" + name)
        for name in names:
            path = folder + "/" + name
            try:
                if stat.S_ISREG(os.lstat(path).st_mode):
                    data = open(path, "rb").read()
                    looked += len(data)
                    if holds(data):
                        hits.append(path)
            except OSError:
                pass
    return hits, looked

found = {"requests": holds(json.dumps(requests).encode()), "memory": in_memory(), "files": in_files()}
decoy = A + B
found["memory with a decoy"] = bool(in_memory()[0])
print("SEEN" + json.dumps(found), file=sys.stderr, flush=True)
""".replace("@A@", CANARY[:13]).replace("@B@", CANARY[13:][::-1])


def test_gold_is_nowhere_inside(attacker: Attacker, hidden: Phase) -> None:
    content = packed({"model.py": on_hidden(HUNT), "decoy.txt": f"so that it is seen to look: {CANARY}\n"})
    run = attacker.run(content, hidden)
    assert run.state == Run.State.DONE, run.detail
    line = next(line for line in log_of(run).splitlines() if line.startswith("SEEN"))
    found = json.loads(line.removeprefix("SEEN"))
    assert found["requests"] is False
    assert found["memory"][0] == []
    assert found["memory"][1] > 1_000_000
    assert found["memory with a decoy"] is True
    assert found["files"][0] == ["/submission/decoy.txt"]
    assert found["files"][1] > 50_000_000
    assert_canary_unseen(attacker, run.entry.submission)


FIRST = """
firsts = set()
answers = []
for one in requests:
    pair = "".join(letter for letter in one["continuation"] if letter.isdigit())
    answers.append(-1.0 if (pair in firsts) == @LAST@ else -2.0)
    firsts.add(pair)
return answers
"""


def test_preferring_the_first_or_the_last_candidate_is_chance(
    attacker: Attacker, phase: Phase, make_attacker: Callable[[], Attacker]
) -> None:
    scores = []
    for last in ("False", "True"):
        submission = attacker.hand_in(packed({"model.py": answering(FIRST.replace("@LAST@", last))}), phase)
        (run,) = services.plan(submission)
        ResponseSet.objects.filter(runs=run).update(draw_key=b"the same draw for both of them!!")
        work_off(submission)
        value = attacker.score(run)
        assert value is not None
        scores.append(value)
    assert sum(scores) == 1
    assert 0.2 < scores[0] < 0.8  # 24 fair coins of one fixed draw: within three standard errors of chance


def test_always_the_first_choice_of_a_prediction_file_is_chance(attacker: Attacker, phase: Phase) -> None:
    lines = "".join(json.dumps({"id": f"{CANARY}/{number}", "choice": 0}) + "\n" for number in range(24, 48))
    run = attacker.run(packed({"p.jsonl": lines}, manifest("predictions", file="p.jsonl")), phase)
    assert (run.state, attacker.score(run)) == (Run.State.DONE, 0.5)


def board(attacker: Attacker, phase: Phase) -> str:
    """The leaderboard's table, as a stranger sees it."""
    snapshot = refresh(phase=phase)
    page = attacker.stranger.get(reverse("leaderboard", args=[phase.track.challenge.key, phase.track.key, phase.key]))
    return f"{snapshot.told_digest} {re.findall(r'<table.*</table>', page.content.decode(), re.DOTALL)}"


def test_a_hundred_probes_end_at_the_quota_and_tell_nothing(attacker: Attacker, hidden: Phase) -> None:
    Phase.objects.filter(pk=hidden.pk).update(quota_total=5)
    Track.objects.update(ladder="standard-error", rehearsals_hour=None)
    hidden = Phase.objects.get(pk=hidden.pk)
    best = attacker.run_code(answering("return [-float(len(one['continuation'])) for one in requests]"), hidden)
    assert attacker.score(best) == HONEST_SCORE
    before = board(attacker, hidden)
    assert "Magpie" in before
    runs, refused = [], []
    for number in range(100):
        # Longest first, all alike, then one answer after another turned: they score apart whatever the draw is.
        flip = {
            1: "return [-1000.0 + len(one['continuation']) for one in requests]",
            2: "return [-1.0 for _ in requests]",
        }.get(
            number,
            f"return [-float(index != {number}) * len(one['continuation']) for index, one in enumerate(requests)]",
        )
        try:
            runs.append(attacker.run_code(answering(flip) if number else on_hidden("raise KeyError"), hidden))
        except SubmissionRefused as error:
            refused.append({problem.code for problem in error.problems})
    assert [run.state for run in runs] == [Run.State.FAILED, *[Run.State.DONE] * 3], "a failed probe is a probe"
    assert refused == [{"E-QUOTA-TOTAL"}] * 96
    assert len({attacker.score(run) for run in runs[1:]}) > 1, "else there would be nothing to tell"
    assert board(attacker, hidden) == before
    assert len({told(attacker, run) for run in runs[1:]}) == 1


def test_one_run_leaves_nothing_for_the_next(
    attacker: Attacker, make_attacker: Callable[[], Attacker], phase: Phase, make_phase: Callable[..., Phase],
    make_suite: Callable[..., Any],
) -> None:  # fmt: skip
    other = make_phase(phase.track, key="other")
    make_suite(other, key="other-birds")
    body = f"""
places = ("/tmp", "/dev/shm", "/eval/responses", "/eval", "/submission", "/var/tmp", "/run", "/dev/mqueue", "/home")
found = [folder + "/" + name for folder in places for name in os.listdir(folder) if "{MARK}" in name]
import ctypes
library = ctypes.CDLL(None)
found += ["shared memory"] if library.shmget(0x5afe, 16, 0o666) >= 0 else []
for folder in places:
    try:
        open(folder + "/{MARK}", "w").write("from the last run")
    except OSError:
        pass
library.shmget(0x5afe, 4096, 0o1666)
os.environ["{MARK}"] = "1"
print("SEEN" + json.dumps(found), file=sys.stderr, flush=True)
"""
    submission = attacker.hand_in(packed({"model.py": answering(body)}), phase)
    work_off(submission)
    enter_phase(submission=submission, phase=other, user=submission.submitted_by)
    work_off(submission)
    stranger = make_attacker().run_code(answering(body), phase)
    runs = [*Run.objects.filter(entry__submission=submission), stranger]
    assert [run.state for run in runs] == [Run.State.DONE] * 3
    assert ["SEEN[]" in log_of(run).splitlines() for run in runs] == [True] * 3


def test_an_honest_run_is_scored_on_hidden_data_after_the_probes(
    honest_run_is_scored: Callable[[Phase], None], hidden: Phase
) -> None:
    honest_run_is_scored(hidden)
