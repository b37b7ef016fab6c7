"""Responses are data from a stranger: each is checked before it means anything."""

import math
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from evaluators.protocol.items import shape_fault
from evaluators.protocol.problems import Problem, ProblemsFound
from evaluators.requests import Draw

CODE = "E-OUT-FORMAT"
MAX_PROBLEMS = 20
# Rounding in fp32 can push the log-probability of a certain event just above 0.
TOLERANCE = 1e-4
LEAST = -sys.float_info.max
MOST_TOKENS = 10_000_000
MOST_LABEL = 120
# Half a character: JSON can name it, and no file can hold it.
SURROGATE = re.compile("[\ud800-\udfff]")

Response = Mapping[str, Any]
Fault = tuple[str, str]


def _plain(response: Response) -> bool:
    """Whether it is the usual answer, {"id", "logprob", "tokens"} in order: nearly all are, and this is quick."""
    if response.keys() != LOGLIKELIHOOD:
        return False
    logprob, tokens = response["logprob"], response["tokens"]
    return (
        type(logprob) is float and LEAST <= logprob <= TOLERANCE and type(tokens) is int and 0 <= tokens < MOST_TOKENS
    )


def _loglikelihood(response: Response, _request: Response) -> Fault | None:
    if _plain(response):
        return None
    logprob, tokens = response.get("logprob"), response.get("tokens", 1)
    fault = _number_fault(logprob)
    if fault:
        return "logprob", fault
    if logprob > TOLERANCE:  # type: ignore[operator]
        return "logprob", f"a log-probability is at most 0, not {logprob:g}"
    if isinstance(tokens, bool) or not isinstance(tokens, int) or not 0 <= tokens < MOST_TOKENS:
        return "tokens", "a whole number from 0 is required"
    return None


def _number_fault(value: Any) -> str | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return "a number is required"
    # A whole number of 400 digits is no float, and asking whether it is finite would raise.
    finite = abs(value) <= sys.float_info.max if isinstance(value, int) else math.isfinite(value)
    return None if finite else "the number must be finite"


def _surprisal(response: Response, request: Response) -> Fault | None:
    values, words = response.get("surprisals"), len(request["words"])
    if not isinstance(values, list) or len(values) != words:
        return "surprisals", f"a list of {words} numbers is required, one for each word"
    for position, value in enumerate(values):
        fault = _number_fault(value)
        if fault is None and value < -TOLERANCE:
            fault = f"a surprisal is at least 0, not {value:g}"
        if fault:
            return f"surprisals[{position}]", fault
    return None


def _classify(response: Response, _request: Response) -> Fault | None:
    label = response.get("label")
    if is_class(label):
        return None
    return "label", "a class is required: a whole number, or a short text"


def is_class(label: Any) -> bool:
    """Whether it may be the name of a class: a whole number, or a short text that can be written down."""
    if isinstance(label, str):
        return 0 < len(label) <= MOST_LABEL and not SURROGATE.search(label)
    return isinstance(label, int) and not isinstance(label, bool)


def _similarity(response: Response, request: Response) -> Fault | None:
    matrix = response.get("matrix")
    fault = shape_fault(matrix, rows=len(request["rows"]), cols=len(request["cols"]))
    if fault is None and isinstance(matrix, list):
        fault = next((found for row in matrix for value in row if (found := _number_fault(value))), None)
    return ("matrix", fault) if fault else None


LOGLIKELIHOOD = frozenset({"id", "logprob", "tokens"})
# By request type: the fields that a response may have, and what finds the fault of one.
RESPONSES: dict[str, tuple[frozenset[str], Callable[[Response, Response], Fault | None]]] = {
    "loglikelihood": (LOGLIKELIHOOD, _loglikelihood),
    "surprisal": (frozenset({"id", "surprisals"}), _surprisal),
    "classify": (frozenset({"id", "label"}), _classify),
    "similarity": (frozenset({"id", "matrix"}), _similarity),
}


def checked(
    responses: Iterable[Response], *, asked: Draw, file: str = "responses.jsonl"
) -> dict[str, Mapping[str, Any]]:
    """The responses by request id; raises ProblemsFound for an unknown or repeated id and for what is no answer."""
    found: dict[str, Mapping[str, Any]] = {}
    problems = []
    fields, fault_of = RESPONSES[asked.type]
    origin = asked.origin
    # Only an answer whose shape depends on what was asked needs to be held against it.
    bodies = {} if asked.type == "loglikelihood" else {request["id"]: request for request in asked.requests}
    nothing: dict[str, Any] = {}
    for line, response in enumerate(responses, 1):
        identifier = response.get("id")
        fault: Fault | None
        if not isinstance(identifier, str) or identifier not in origin:
            fault = ("id", f"nothing with the id {str(identifier)[:80]!r} was asked")
        elif identifier in found:
            fault = ("id", f"the id {identifier!r} is answered twice")
        elif not response.keys() <= fields:
            unknown = str(min(response.keys() - fields))
            fault = (unknown, f"the field {unknown!r} is not known here")
        else:
            fault = fault_of(response, bodies.get(identifier, nothing))
        if fault:
            problems.append(Problem(CODE, fault[1], file, line, fault[0], "Answer each request once, with its own id."))
            if len(problems) >= MAX_PROBLEMS:
                break
        else:
            found[str(identifier)] = response
    if problems:
        raise ProblemsFound(problems)
    return found
