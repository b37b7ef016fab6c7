"""Responses are data from a stranger: each is checked before it means anything."""

import math
import sys
from collections.abc import Container, Iterable, Mapping
from typing import Any

from evaluators.protocol.problems import Problem, ProblemsFound

CODE = "E-OUT-FORMAT"
MAX_PROBLEMS = 20
# Rounding in fp32 can push the log-probability of a certain event just above 0.
TOLERANCE = 1e-4
LEAST = -sys.float_info.max
MOST_TOKENS = 10_000_000
FIELDS = frozenset({"id", "logprob", "tokens"})


def _plain(response: Mapping[str, Any]) -> bool:
    """Whether it is the usual response, {"id", "logprob", "tokens"} in order: nearly all are, and this is quick."""
    if response.keys() != FIELDS:
        return False
    logprob, tokens = response["logprob"], response["tokens"]
    return (
        type(logprob) is float and LEAST <= logprob <= TOLERANCE and type(tokens) is int and 0 <= tokens < MOST_TOKENS
    )


def _fault(response: Mapping[str, Any]) -> tuple[str, str] | None:
    """The field and what is wrong with it, for a `loglikelihood` response."""
    if not response.keys() <= FIELDS:
        unknown = min(response.keys() - FIELDS)
        return str(unknown), f"the field {unknown!r} is not known here"
    logprob, tokens = response.get("logprob"), response.get("tokens", 1)
    if isinstance(logprob, bool) or not isinstance(logprob, int | float):
        return "logprob", "a number is required"
    if not math.isfinite(logprob):
        return "logprob", "the number must be finite"
    if logprob > TOLERANCE:
        return "logprob", f"a log-probability is at most 0, not {logprob:g}"
    if isinstance(tokens, bool) or not isinstance(tokens, int) or not 0 <= tokens < MOST_TOKENS:
        return "tokens", "a whole number from 0 is required"
    return None


def checked(
    responses: Iterable[Mapping[str, Any]], *, asked: Container[str], file: str = "responses.jsonl"
) -> dict[str, Mapping[str, Any]]:
    """The responses by request id; raises ProblemsFound for an unknown or repeated id and for what is no number."""
    found: dict[str, Mapping[str, Any]] = {}
    problems = []
    for line, response in enumerate(responses, 1):
        identifier = response.get("id")
        fault: tuple[str, str] | None
        if not isinstance(identifier, str) or identifier not in asked:
            fault = ("id", f"nothing with the id {str(identifier)[:80]!r} was asked")
        elif identifier in found:
            fault = ("id", f"the id {identifier!r} is answered twice")
        else:
            fault = None if _plain(response) else _fault(response)
        if fault:
            problems.append(Problem(CODE, fault[1], file, line, fault[0], "Answer each request once, with its own id."))
            if len(problems) >= MAX_PROBLEMS:
                break
        else:
            found[str(identifier)] = response
    if problems:
        raise ProblemsFound(problems)
    return found
