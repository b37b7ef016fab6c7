"""How an end is judged, and what is read from a stranger's log."""

import pytest

from sandbox.engine.containers import Ended, parse_events
from sandbox.engine.predicting import judge, read_progress
from sandbox.interface import Progress, Verdict

STARTED = "2024-01-01T00:00:00.000000001Z"


def ended(
    code: int, *, oom: bool = False, killed: bool = False, disturbed: bool = False, error: str = "", at: str = STARTED
) -> Ended:
    return Ended(code, oom, killed, disturbed, error, at, STARTED)


@pytest.mark.parametrize(
    ("end", "cancelled", "verdict"),
    [
        (ended(0), False, Verdict.COMPLETED),
        (ended(0, oom=True), False, Verdict.COMPLETED),
        (ended(0), True, Verdict.COMPLETED),
        (ended(137, killed=True), False, Verdict.TIMEOUT),
        (ended(137, killed=True, oom=True), False, Verdict.TIMEOUT),
        (ended(137), True, Verdict.KILLED),
        (ended(0, at="0001-01-01T00:00:00Z"), True, Verdict.KILLED),
        (ended(137, oom=True), False, Verdict.MEMORY),
        (ended(137), False, Verdict.EXIT),
        (ended(137, disturbed=True), False, Verdict.AMBIGUOUS),
        (ended(143, disturbed=True), False, Verdict.AMBIGUOUS),
        (ended(143), False, Verdict.EXIT),
        (ended(137, oom=True, disturbed=True), False, Verdict.MEMORY),
        (ended(255, disturbed=True), False, Verdict.AMBIGUOUS),
        (ended(1, disturbed=True), False, Verdict.EXIT),
        (ended(128, error="the engine could not start it"), False, Verdict.AMBIGUOUS),
        (ended(1), False, Verdict.EXIT),
    ],
)
def test_end_is_judged_by_evidence(end: Ended, cancelled: bool, verdict: Verdict) -> None:
    assert judge(end, cancelled=cancelled) is verdict


def test_progress_is_read_and_bounded() -> None:
    event = {"event": "progress", "suite": "s" * 300, "position": 1, "of": 2, "done": 3, "total": 4, "rate": 1.5}
    assert read_progress(event) == Progress("s" * 200, 1, 2, 3, 4, 1.5)


@pytest.mark.parametrize(
    "change", [{"event": "loaded"}, {"suite": 1}, {"done": -1}, {"done": "3"}, {"total": 10**13}, {"of": None}]
)
def test_malformed_progress_is_passed_over(change: dict[str, object]) -> None:
    event = {"event": "progress", "suite": "s", "position": 1, "of": 2, "done": 3, "total": 4}
    assert read_progress(event | change) is None


def test_only_well_formed_lines_of_the_runner_are_events() -> None:
    lines = [
        ("1", '@proctor {"event":"loaded"}'),
        ("2", "@proctor nonsense"),
        ("3", "@proctor []"),
        ("4", '{"event":"loaded"}'),
        ("5", "@proctor " + "[" * 100_000),
    ]
    assert parse_events(lines) == [("1", {"event": "loaded"})]
