"""Calls the collector inside the keeper and reads what it rewrote, and how much there was."""

import json
from collections.abc import Collection, Mapping
from dataclasses import asdict, replace
from typing import Any

from sandbox.engine.containers import Container
from sandbox.engine.options import ENVIRONMENT, OUR_ENVIRONMENT
from sandbox.errors import CollectFailed, SandboxUnavailable
from sandbox.interface import Collected, CollectRules, ResponseProblem

# How much of the volume is taken is asked on the way: a call of its own would cost as much as the collector.
SPACE = 'stat --file-system --format="%b %f %S" /eval/responses'
COMMAND = ("sh", "-c", f'{SPACE} && exec "$0" "$@"', "python3", "-S", "-m", "sandbox.inside.collect")

ATTEMPTS = 3  # to hear all that the collector says


class _WordsLost(CollectFailed):
    """The collector spoke to its end, and not all of it arrived."""


def collect(
    keeper: Container, expected: Mapping[str, Collection[str] | int], rules: CollectRules, *, user: int
) -> Collected:
    """Return the accepted responses and the problems of the files that were refused; raises CollectFailed."""
    counts = {path: asked if isinstance(asked, int) else len(asked) for path, asked in expected.items()}
    for path in counts:
        if any(part in ("", ".", "..") for part in path.split("/")) or "=" in path:
            raise ValueError(f"Not a response file's path: {path!r}")
    command = [*COMMAND, json.dumps(asdict(rules)), *(f"{path}={count}" for path, count in sorted(counts.items()))]
    for attempt in range(1, ATTEMPTS + 1):
        code, out, err = keeper.run_inside(command, user=user, environment={**ENVIRONMENT, **OUR_ENVIRONMENT})
        if code:
            raise CollectFailed(f"The collector ended with exit code {code}: {err.decode(errors='replace')[-500:]}")
        try:
            return _heard(out.splitlines(), expected)
        except _WordsLost:
            # An engine now and then loses words of a program that ends at once; reading again costs little.
            if attempt == ATTEMPTS:
                raise
    raise AssertionError("the last attempt returns or raises")


def _heard(lines: list[bytes], expected: Mapping[str, Collection[str] | int]) -> Collected:
    if not lines or lines[-1] != b"E":
        raise _WordsLost("The end of what the collector said did not arrive.")
    return replace(_read(lines[1:-1], expected), response_bytes=_taken(lines[0]))


def response_bytes(keeper: Container, *, user: int) -> int | None:
    """Ask the keeper how much of the response volume is taken; None where it can't say."""
    try:
        code, out, _ = keeper.run_inside(["sh", "-c", SPACE], user=user, environment=ENVIRONMENT)
    except SandboxUnavailable:
        return None
    return None if code else _taken(out)


def _taken(said: bytes) -> int | None:
    figures = said.split()
    if len(figures) != 3 or not all(figure.isdigit() for figure in figures):
        return None
    blocks, free, size = (int(figure) for figure in figures)
    return (blocks - free) * size


def _read(lines: list[bytes], expected: Mapping[str, Collection[str] | int]) -> Collected:
    responses: dict[str, list[dict[str, Any]]] = {}
    problems: list[ResponseProblem] = []
    path = ""
    for line in lines:
        kind, rest = line[:1], line[2:]
        if kind == b"F":
            path = rest.decode()
            responses[path] = []
        elif path not in responses:
            raise _WordsLost("The beginning of what the collector said did not arrive.")
        elif kind == b"R":
            responses[path].append(json.loads(rest))
        else:
            problems.append(ResponseProblem(file=path, **json.loads(rest)))
    if responses.keys() != expected.keys():
        raise _WordsLost("The collector did not speak of every file, or its words did not all arrive.")
    for problem in problems:
        responses.pop(problem.file)
    for path, asked in expected.items():
        if not isinstance(asked, int) and path in responses:
            known = asked if isinstance(asked, set | frozenset | dict) else set(asked)
            for number, record in enumerate(responses[path], start=1):
                if record["id"] not in known:
                    message = "The id was not asked."
                    problems.append(ResponseProblem("E-OUT-UNASKED", message, path, number))
                    responses.pop(path)
                    break
    return Collected(responses=responses, problems=tuple(problems))
