"""How a container ended decides whose fault it was, and nothing that it says about itself does."""

import pytest

from evaluations.faults import ParticipantFault, PlatformFault, fault_of, sentence, storable
from evaluators.protocol.problems import Problem, ProblemsFound
from sandbox.interface import Outcome, Verdict, Wall


def outcome(verdict: Verdict, exit_code: int = 0, error: dict[str, str] | None = None) -> Outcome:
    return Outcome(verdict, exit_code, error, Wall(None, None, None, 1.0), None, None, "", False)


@pytest.mark.parametrize(
    ("ended", "code"),
    [
        (outcome(Verdict.TIMEOUT, 137), "E-RUN-TIMEOUT"),
        (outcome(Verdict.MEMORY, 137), "E-RUN-OOM"),
        (outcome(Verdict.EXIT, 1), "E-RUN-EXIT"),
        (outcome(Verdict.EXIT, 3, {"code": "E-RUN-CODE", "message": "anything"}), "E-RUN-CODE"),
        (outcome(Verdict.EXIT, 3, {"code": "E-RUN-DISK", "message": "anything"}), "E-RUN-DISK"),
        (outcome(Verdict.EXIT, 3, {"code": "E-RUN-JOB", "message": "your fault"}), "E-RUN-EXIT"),
        (outcome(Verdict.EXIT, 3, {"code": "E-OUT-MISSING", "message": "made up"}), "E-RUN-EXIT"),
        (outcome(Verdict.EXIT, 3, {"code": "E-PLATFORM", "message": "made up"}), "E-RUN-EXIT"),
    ],
)
def test_a_failed_container_is_the_submissions_fault(ended: Outcome, code: str) -> None:
    fault = fault_of(ended)
    assert fault is not None
    assert fault.code == code
    assert fault.message == "", "the sentence is ours, whatever the container said"
    assert all(sentence(code))


@pytest.mark.parametrize("verdict", [Verdict.AMBIGUOUS, Verdict.KILLED])
def test_a_death_that_is_not_clear_is_never_blamed_on_the_submission(verdict: Verdict) -> None:
    with pytest.raises(PlatformFault):
        fault_of(outcome(verdict, 137))


def test_a_finished_container_has_no_fault() -> None:
    assert fault_of(outcome(Verdict.COMPLETED)) is None


def test_problems_become_one_fault_that_names_the_first() -> None:
    found = ProblemsFound([Problem("E-PRED-VALUE", "a choice", "p.jsonl", 3, "choice"), Problem("E-PRED-FIELD", "no")])
    fault = ParticipantFault.of_problems(found)
    assert (fault.code, fault.message) == ("E-PRED-VALUE", "a choice")
    assert fault.detail == {"line": 3, "field": "choice", "file": "p.jsonl", "more": ["E-PRED-FIELD no"]}


def test_what_a_stranger_wrote_can_be_stored_in_any_database() -> None:
    assert storable({"a\x00": ["b\ud800", 1, None, {"c": "d"}]}) == {"a\ufffd": ["b?", 1, None, {"c": "d"}]}


def test_what_a_fault_quotes_is_cut_to_a_length_that_a_page_and_a_row_take() -> None:
    problem = Problem("E-PRED-FIELD", "m" * 10_000, "f" * 10_000, 1, "x" * 10_000)
    fault = ParticipantFault.of_problems(ProblemsFound([problem] * 6))
    assert len(fault.message) == 500
    assert len(str(fault.detail)) < 5_000
