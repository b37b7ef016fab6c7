"""Why a run ends without a score: the participant's faults, by a closed list of codes, and ours."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db import DatabaseError

from evaluators.protocol.problems import ProblemsFound
from sandbox.errors import SandboxError
from sandbox.interface import Outcome, ResponseProblem, Verdict
from sandbox.runner.errors import SENTENCES as RUNNER_SENTENCES

SENTENCES: Mapping[str, tuple[str, str]] = {
    "E-RUN-TIMEOUT": (
        "The run took longer than the track allows and was stopped.",
        "Answer faster: a smaller model, larger batches, or less work for each request.",
    ),
    "E-RUN-OOM": (
        "The run needed more memory than the track allows and was stopped.",
        "Load the weights once and in their own precision, and answer in smaller batches.",
    ),
    "E-RUN-EXIT": (
        "The submission's program ended with an error before it had answered everything.",
        "Run the submission on the public data at home, in the same image and with the same limits.",
    ),
    "E-OUT-MISSING": (
        "Requests were left without an answer.",
        "Answer every request of every batch, the last and short one included.",
    ),
    "E-OUT-UNASKED": ("There is an answer to a request that was not made.", "Return each request's own id."),
    "E-OUT-DUPLICATE": ("A request was answered twice.", "Answer each request once."),
    "E-OUT-FORMAT": ("An answer does not have the form that the protocol asks for.", "See the protocol's responses."),
    "E-OUT-ENCODING": ("The answers are not UTF-8 text.", "Write them as UTF-8 without a byte order mark."),
    "E-OUT-NUMBER": ("An answer holds a number that is not finite.", "Return finite log-probabilities, at most 0."),
    "E-OUT-SIZE": ("The answers are larger than the track allows.", "Write one short line for each request."),
    "E-OUT-FILE": ("The answers are not in a plain file of their own.", "Leave the writing of files to the runner."),
    "E-PRED-FORMAT": ("The prediction file can't be read in the format named.", "See the formats' descriptions."),
    "E-PRED-KIND": ("There is no such format, or it has no part for a suite.", "Use a format that covers each suite."),
    "E-PRED-SIZE": ("The prediction file unpacks to more than is read.", "Leave out what the suites do not ask."),
    "E-PRED-FIELD": ("A line of the prediction file has a field that is not known.", "Leave the field out."),
    "E-PRED-UNKNOWN-ID": ("The prediction file names an item that is not asked.", "Take ids from the suite's items."),
    "E-PRED-DUPLICATE": ("An item is predicted twice.", "Keep one prediction for each item."),
    "E-PRED-VALUE": ("A prediction is none of its item's candidates.", "Give the candidate as the format asks."),
    **{
        code: (sentence, "Run the submission on the public data at home, in the same image.")
        for code, sentence in RUNNER_SENTENCES.items()
        if code != "E-RUN-JOB"
    },
    "E-RUN-DISK": (
        RUNNER_SENTENCES["E-RUN-DISK"],
        "Write no files of your own among the responses: what is not kept goes to /tmp.",
    ),
}

# Characters of one text in a fault: names in a stranger's file may be megabytes long.
MAX_QUOTED = 500


@dataclass
class ParticipantFault(Exception):
    """Theirs: the run ends as FAILED and stays charged; `detail` may quote the submission and is for public data."""

    code: str
    message: str = ""
    detail: Mapping[str, Any] | None = None

    def __str__(self) -> str:
        return f"{self.code} {self.message}".rstrip()

    @classmethod
    def of_problems(cls, found: ProblemsFound) -> "ParticipantFault":
        """The first problem's code and sentence, with what else was found."""
        first = found.problems[0]
        texts = {"field": first.field, "remedy": first.remedy, "file": first.file}
        detail: dict[str, Any] = {"line": first.line, **{name: text[:MAX_QUOTED] for name, text in texts.items()}}
        detail["more"] = [str(problem)[:MAX_QUOTED] for problem in found.problems[1:6]]
        return cls(first.code, first.message[:MAX_QUOTED], {name: value for name, value in detail.items() if value})


def storable(value: Any) -> Any:
    """A stranger's JSON value as every database takes it: no NUL, no half of a surrogate pair."""
    if isinstance(value, str):
        return value.replace("\x00", "\ufffd").encode("utf-8", "replace").decode()
    if isinstance(value, Mapping):
        return {storable(str(name)): storable(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [storable(inner) for inner in value]
    return value


class PlatformFault(Exception):
    """Ours: tried again, and never charged."""


class LastingFault(PlatformFault):
    """Ours, and trying again does not mend it: the track is paused and its organizers are told."""


class UnclearEnd(PlatformFault):
    """Nothing shows whose fault the container's end was: tried again once, and nobody is blamed."""


# What passes, or is mended by the people who run the platform: the run goes back to its queue.
OURS: tuple[type[Exception], ...] = (SandboxError, PlatformFault, OSError, DatabaseError)


def fault_of(outcome: Outcome) -> ParticipantFault | None:
    """The participant's fault in how the container ended, by evidence only; raises PlatformFault where it was ours."""
    if outcome.verdict is Verdict.COMPLETED:
        return None
    if outcome.verdict is Verdict.TIMEOUT:
        return ParticipantFault("E-RUN-TIMEOUT")
    if outcome.verdict is Verdict.MEMORY:
        return ParticipantFault("E-RUN-OOM")
    if outcome.verdict is Verdict.EXIT:
        # The typed error is the container's own word, so it can choose among our sentences and say nothing else;
        # and it can't talk itself out of the charge by calling its end a fault of the platform.
        error = outcome.error or {}
        if error.get("code") in SENTENCES and error["code"].startswith("E-RUN-"):
            detail = {"detail": error["detail"]} if error.get("detail") else {}
            return ParticipantFault(error["code"], detail=detail)
        return ParticipantFault("E-RUN-EXIT", detail={"exit_code": outcome.exit_code})
    raise UnclearEnd(f"The container's end is not clear ({outcome.verdict}).")


def fault_of_response(problem: ResponseProblem) -> ParticipantFault:
    """The fault behind a response file that the collector refused."""
    detail: dict[str, Any] = {"file": problem.file}
    if problem.line:
        detail["line"] = problem.line
    return ParticipantFault(problem.code, problem.message, detail)


def sentence(code: str) -> tuple[str, str]:
    """What happened and what to do about it, for the team; codes of prediction files bring sentences of their own."""
    return SENTENCES.get(code, ("", ""))
