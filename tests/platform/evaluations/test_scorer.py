"""The scorer's own process: its result comes back, its bounds hold, and none outlives its worker's patience."""

import os
import time
from pathlib import Path

import pytest
from django.conf import LazySettings

from evaluations.faults import LastingFault
from evaluations.scorer import TooCostly, bounded
from evaluations.states import LeaseLost
from evaluators.protocol.problems import Problem, ProblemsFound

MiB = 1024 * 1024


def children() -> set[str]:
    return set(Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text().split())


@pytest.fixture(autouse=True)
def _no_child_is_left() -> object:
    before = children()
    yield
    assert children() == before


def test_the_result_is_computed_elsewhere_and_comes_back() -> None:
    pid, numbers = bounded(lambda: (os.getpid(), list(range(100_000))))
    assert pid != os.getpid()
    assert numbers == list(range(100_000))


def test_it_is_quick() -> None:
    began = time.monotonic()
    for _ in range(5):
        bounded(lambda: None)
    assert time.monotonic() - began < 5


def test_what_was_wrong_with_the_answers_comes_back_as_it_was() -> None:
    problem = Problem("E-OUT-FORMAT", "it is no number", "responses.jsonl", line=3, remedy="Write a number.")

    def refuse() -> None:
        raise ProblemsFound([problem])

    with pytest.raises(ProblemsFound) as found:
        bounded(refuse)
    assert found.value.problems == (problem,)


def test_too_much_memory_ends_the_scorer_and_not_its_worker(settings: LazySettings) -> None:
    settings.SCORING_BYTES = 64 * MiB
    with pytest.raises(TooCostly, match="memory"):
        bounded(lambda: len(bytearray(512 * MiB)))
    assert bounded(lambda: len(bytearray(8 * MiB))) == 8 * MiB


def test_too_much_time_ends_the_scorer(settings: LazySettings) -> None:
    settings.SCORING_SECONDS = 0.5
    began = time.monotonic()
    with pytest.raises(TooCostly, match="longer than"):
        bounded(lambda: time.sleep(60))
    assert time.monotonic() - began < 10


def test_a_lost_lease_ends_the_scorer() -> None:
    def lost() -> None:
        raise LeaseLost("The lease is lost.")

    with pytest.raises(LeaseLost):
        bounded(lambda: time.sleep(60), check=lost)


def test_an_error_of_the_scorer_is_ours_and_lasts() -> None:
    with pytest.raises(LastingFault, match="ZeroDivisionError"):
        bounded(lambda: 1 / 0)


def test_a_scorer_that_vanishes_is_no_result() -> None:
    with pytest.raises(TooCostly):
        bounded(lambda: os.kill(os.getpid(), 9))
