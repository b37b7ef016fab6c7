"""Prediction files, which our own scorer reads: whatever they hold, the run ends soon and with a true reason.

The ids that hold the canary stand in these files, so here it is no secret.
"""

import gzip
import json
import pickle
import resource
import time
from collections.abc import Callable

import pytest

from challenges.models import Phase, Track
from evaluations.models import Run
from evaluators.predictions import MAX_UNPACKED_BYTES
from submissions.models import QuotaCharge, Submission
from tests.attacks.attacker import Attacker, manifest, packed
from tests.attacks.conftest import MIB
from tests.attacks.hostile import CANARY

pytestmark = [pytest.mark.docker, pytest.mark.django_db(transaction=True)]

ID = f"{CANARY}/24"
LINE = json.dumps({"id": ID, "choice": 1}) + "\n"
WHOLE = "".join(json.dumps({"id": f"{CANARY}/{number}", "choice": number % 2}) + "\n" for number in range(24, 48))
DONE = (Run.State.DONE, "")


def with_choice(text: str) -> str:
    """A line whose choice is this text."""
    return f'{{"id": "{ID}", "choice": {text}}}\n'


def failed(code: str) -> tuple[str, str]:
    """The end of a run whose file is refused."""
    return Run.State.FAILED, f"E-PRED-{code}"


FILES: list[tuple[str, str | bytes, tuple[str, str]]] = [
    ("nothing wrong", WHOLE, DONE),
    ("not one answer", "\n", DONE),
    ("not a number", with_choice("NaN"), failed("FORMAT")),
    ("a number beyond all floats", with_choice("1e999"), failed("VALUE")),
    ("a number of 5,000 digits", with_choice("9" * 5000), failed("FORMAT")),
    ("a choice below zero", with_choice("-1"), failed("VALUE")),
    ("a choice of depth 100,000", with_choice("[" * 100_000 + "]" * 100_000), failed("FORMAT")),
    ("an id twice", LINE * 2, failed("DUPLICATE")),
    ("an id that nobody asked", '{"id": "nobody/1", "choice": 0}\n', failed("UNKNOWN-ID")),
    ("a byte order mark", b"\xef\xbb\xbf" + LINE.encode(), failed("FORMAT")),
    ("half a character for a suite", '{"suite": "\\ud800", "id": "a", "choice": 0}\n', DONE),
    ("a NUL for a suite", '{"suite": "a\\u0000", "id": "a", "choice": 0}\n', DONE),
    ("a line of five megabytes", with_choice('"' + "x" * 5_000_000 + '"'), failed("FORMAT")),
    ("200,000 other suites", "".join(f'{{"suite": "s{number}"}}\n' for number in range(200_000)), DONE),
    ("100,000 faults", "".join(f'{{"id": "q{number}"}}\n' for number in range(100_000)), failed("UNKNOWN-ID")),
    ("gzip that breaks off", gzip.compress(WHOLE.encode())[:-9], failed("FORMAT")),
    ("bytes behind the gzip", gzip.compress(WHOLE.encode()) + b"more", failed("FORMAT")),
    ("300,000 empty gzip members", gzip.compress(b"") * 300_000, DONE),
    ("half a gigabyte of zeros", gzip.compress(bytes(MAX_UNPACKED_BYTES + 1), 1), failed("SIZE")),
    ("a hundred million empty lines", gzip.compress(b"\n" * 100_000_000, 1), DONE),
]  # fmt: skip


@pytest.mark.parametrize(("content", "ends"), [pytest.param(*rest, id=name) for name, *rest in FILES])
def test_hostile_prediction_file_is_judged_soon_and_in_little_memory(
    attacker: Attacker, phase: Phase, content: str | bytes, ends: tuple[str, str]
) -> None:
    began, before = time.monotonic(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    run = attacker.run(packed({"p.jsonl": content}, manifest("predictions", file="p.jsonl")), phase)
    assert (run.state, run.code) == ends, run.detail
    assert time.monotonic() - began < 60
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024 < 2048 * MIB
    assert attacker.charge(run) == (QuotaCharge.State.SETTLED, False)


def test_a_pickle_is_no_prediction_file(attacker: Attacker, phase: Phase) -> None:
    Track.objects.update(kinds=["predictions"])
    described = manifest("predictions", file="p.jsonl")
    submission = attacker.hand_in(packed({"p.jsonl": pickle.dumps([1.5, "x"])}, described), Phase.objects.get())
    assert submission.state == Submission.State.REJECTED
    assert [problem["code"] for problem in submission.problems] == ["E-ARC-PICKLE"]


def test_an_honest_run_is_scored_after_the_files(honest_run_is_scored: Callable[[Phase], None], phase: Phase) -> None:
    honest_run_is_scored(phase)
