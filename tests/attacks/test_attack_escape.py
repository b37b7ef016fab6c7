"""Code that tries to leave its container: every try is refused, and the run itself is scored like any other."""

import json
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from challenges.models import Phase, Track
from evaluations.models import Run
from tests.attacks.attacker import assert_canary_unseen, log_of
from tests.attacks.hostile import CANARY, MARK, answering

pytestmark = [pytest.mark.docker, pytest.mark.django_db(transaction=True)]


PROBES = Path(__file__).with_name("probes.py")
ESCAPE = f"""
import probes
found = probes.everything(port=@PORT@, mark="{MARK}")
print("MOUNTS" + json.dumps(open("/proc/self/mountinfo").read()), file=sys.stderr, flush=True)
print("SEEN" + json.dumps(found), file=sys.stderr, flush=True)
"""

# Every try ends in one of these errors; a name that can't be looked up has no number.
NOWHERE = frozenset({"ENETUNREACH", "ECONNREFUSED", "gaierror", "EAFNOSUPPORT", "EPERM", "EACCES"})
REFUSED = frozenset({"EPERM", "EACCES", "ENOSYS", "EROFS", "EAFNOSUPPORT"})
CLOSED = REFUSED | {"ENOENT", "EINVAL", "EXDEV", "EIO", "ENXIO", "ValueError"}

TRIES: list[tuple[str, str, frozenset[str]]] = [
    # what is tried, how the probes of it begin, how each of them ends
    ("an address, a service of the host or its neighbours", "connect ", NOWHERE),
    ("a packet sent out", "send ", NOWHERE),
    ("a name", "look ", NOWHERE),
    ("a socket of a dangerous family", "open ", REFUSED),
    ("a system call that only an administrator needs", "call ", REFUSED),
    ("a namespace of its own", "unshare ", REFUSED),
    ("a child in a namespace of its own", "clone", REFUSED),
    ("another process", "trace ", REFUSED),
    ("a file outside of the places it may write to", "write ", CLOSED),
    ("a file that only an administrator reads", "read ", CLOSED),
    ("a device or a control group", "make ", REFUSED),
    ("a file of ours under a name of its own", "link ", CLOSED),
    ("a program of its own", "run ", REFUSED),
    ("another user, group, limit or priority", "take ", CLOSED),
    ("to be spared when memory runs out", "exempt ", CLOSED),
]

FOUND: dict[str, Any] = {
    "see an interface": [],
    "find a socket": [],
    "find the engine's socket": [],
    "be root through su": "",
    "be root through a set-uid program": [],
    "capabilities": 0,
    "no new privileges": "1",
    "filtered calls": "2",
    "user and groups": [True],
    "host": "sandbox",
    "eval": ["job.json", "requests", "responses"],
    "submission": ["model.py", "probes.py", "submission.yaml"],
    "users": [],
}

ENVIRONMENT = {
    "HF_HUB_OFFLINE", "HOME", "HOSTNAME", "LANG", "LC_CTYPE", "LOGNAME", "OMP_WAIT_POLICY", "PATH", "PWD",
    "PYTHONDONTWRITEBYTECODE", "PYTHONHASHSEED", "PYTHONPATH", "PYTHONUNBUFFERED", "TMPDIR", "TOKENIZERS_PARALLELISM",
    "TRANSFORMERS_OFFLINE", "USER",
}  # fmt: skip


@pytest.fixture
def seen(request: pytest.FixtureRequest, once: dict[str, Any]) -> dict[str, Any]:
    """What the code found, from one run that all tests of this module look at."""
    if "seen" not in once:
        request.getfixturevalue("phase")
        attacker = request.getfixturevalue("attacker")
        Track.objects.update(wall=20)
        with socket.create_server(("0.0.0.0", 0)) as service, socket.socket(socket.AF_UNIX) as abstract:  # noqa: S104
            abstract.bind(f"\0{MARK}")
            abstract.listen()
            code = answering(ESCAPE.replace("@PORT@", str(service.getsockname()[1])))
            run = attacker.run_code(code, Phase.objects.get(), probes__py=PROBES.read_text())
        once["ended"] = (run.state, run.code)
        once["why"] = (run.detail, run.attempts.get().outcome, log_of(run)[-300:])
        once["score"] = attacker.score(run) if run.state == Run.State.DONE else None
        assert_canary_unseen(attacker, run.entry.submission)
        lines = log_of(run).splitlines()
        for name, word in (("mounts", "MOUNTS"), ("seen", "SEEN")):
            once[name] = next(json.loads(line.removeprefix(word)) for line in lines if line.startswith(word))
    found: dict[str, Any] = once["seen"]
    return found


@pytest.mark.parametrize(("beginning", "ends"), [pytest.param(*rest, id=name) for name, *rest in TRIES])
def test_each_way_out_is_closed(seen: dict[str, Any], beginning: str, ends: frozenset[str]) -> None:
    tried = {name: end for name, end in seen.items() if name.startswith(beginning)}
    assert tried
    assert {name: end for name, end in tried.items() if end not in ends} == {}


@pytest.mark.parametrize(("name", "expected"), FOUND.items(), ids=FOUND)
def test_what_the_code_finds_is_what_it_was_given(seen: dict[str, Any], name: str, expected: Any) -> None:
    assert seen[name] == expected


def test_the_run_of_the_escape_is_scored(seen: dict[str, Any], once: dict[str, Any]) -> None:
    assert once["ended"] == (Run.State.DONE, ""), once["why"]
    assert once["score"] == 0.5


def test_every_try_is_judged(seen: dict[str, Any]) -> None:
    beginnings = tuple(beginning for _, beginning, _ in TRIES)
    looked_at = {*FOUND, "environment", "processes"}
    assert [name for name in seen if not name.startswith(beginnings) and name not in looked_at] == []


def test_no_secret_and_no_path_of_the_platform_is_inside(seen: dict[str, Any], once: dict[str, Any]) -> None:
    assert set(seen["environment"]) <= ENVIRONMENT
    everything = json.dumps(seen) + once["mounts"]
    for secret in (
        settings.SECRET_KEY,
        str(settings.VAR),
        str(Path.cwd()),
        os.uname().nodename + "\n",
        CANARY,
    ):
        assert secret not in everything


def test_it_sees_no_process_but_its_own(seen: dict[str, Any]) -> None:
    assert set(seen["processes"]) <= {"docker-init", "tini", "python3"}


def test_an_honest_run_is_scored_after_the_escapes(honest_run_is_scored: Callable[[Phase], None], phase: Phase) -> None:
    honest_run_is_scored(phase)
