"""Does a suite score as it must: what PROTOCOL calls the self-test, run on every version before a track uses it."""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from evaluators.protocol.problems import ProblemsFound
from evaluators.requests import Draw, draw_requests, seed_key
from evaluators.scoring import Scored, score, score_items
from evaluators.suites.folder import Suite
from evaluators.tasks import task_of

Response = dict[str, Any]
DECLARED = 0.005
EXACT = 1e-9


@dataclass(frozen=True)
class Expectation:
    """One thing that must hold, and what was measured."""

    name: str
    ok: bool
    measured: str


def selftest(suite: Suite) -> list[Expectation]:
    """The expectations for the suite's task, each checked through draw and score as a real run is."""
    draws = [draw_requests(suite, key=seed_key(seed)) for seed in (1, 2)]
    metric = suite.manifest.metric
    low, high = suite.manifest.range

    def value(by: Callable[[Draw, dict[str, Any]], float], draw: Draw) -> float:
        """The score of these numbers, taken as they are after the suite's length normalisation."""

        def raw(draw: Draw, request: dict[str, Any]) -> float:
            length = len(request["continuation"].encode()) if suite.manifest.length_norm == "bytes" else 1
            return by(draw, request) * length

        found = score(suite, _responses(draw, raw), draw=draw).document.metrics[metric].value
        return math.nan if found is None else found

    def right(draw: Draw, request: Mapping[str, Any]) -> bool:
        item, candidate = draw.resolve(request["id"])
        return suite.gold[item].gold == candidate

    chance = _chance(suite)
    constant = value(lambda _draw, _request: -1.0, draws[0])
    oracle = value(lambda draw, request: -1.0 if right(draw, request) else -2.0, draws[0])
    anti = value(lambda draw, request: -2.0 if right(draw, request) else -1.0, draws[0])
    lengths = [value(lambda _draw, request: -float(len(request["continuation"])), draw) for draw in draws]
    return [
        Expectation("constant answers score chance", math.isclose(constant, chance, abs_tol=EXACT),
                    f"{constant:.6f} (1/k: {chance:.6f})"),
        *_declared(suite, chance),
        Expectation("the gold itself scores best", math.isclose(oracle, high, abs_tol=EXACT), f"{oracle:.6f}"),
        Expectation("the opposite of the gold scores worst", math.isclose(anti, low, abs_tol=EXACT), f"{anti:.6f}"),
        Expectation("order of items and candidates changes nothing", lengths[0] == lengths[1],
                    f"by length in characters: {lengths[0]:.6f} and {lengths[1]:.6f}"),
        _dropped(suite, draws[0]),
        _duplicated(suite, draws[0]),
    ]  # fmt: skip


def _declared(suite: Suite, chance: float) -> list[Expectation]:
    """Boards draw a line at the manifest's chance, so it has to be what equal answers score; rounded is enough."""
    given = suite.manifest.chance
    if given is None:
        return []
    return [Expectation("the manifest's chance is what equal answers score",
                        math.isclose(given, chance, abs_tol=DECLARED), f"{given:g} (1/k: {chance:.6f})")]  # fmt: skip


def _responses(draw: Draw, by: Callable[[Draw, dict[str, Any]], float]) -> Iterable[Response]:
    return [{"id": request["id"], "logprob": by(draw, request), "tokens": 1} for request in draw.requests]


def _chance(suite: Suite) -> float:
    """What equal answers must score: 1/k of each item, through the suite's own aggregate."""
    task = task_of(suite.manifest)
    return score_items(
        suite,
        [
            task.score(item, suite.gold[item.id], {}, "none")._replace(score=1 / len(item.choices))
            for item in suite.items
        ],
    )


def _dropped(suite: Suite, draw: Draw) -> Expectation:
    kept = list(_responses(draw, lambda _draw, _request: -1.0))[1:]
    document: Scored = score(suite, kept, draw=draw)
    coverage = document.document.coverage
    return Expectation("a dropped line is reported", coverage.answered == coverage.asked - 1,
                       f"{coverage.answered} of {coverage.asked} answered")  # fmt: skip


def _duplicated(suite: Suite, draw: Draw) -> Expectation:
    responses = list(_responses(draw, lambda _draw, _request: -1.0))
    try:
        score(suite, [*responses, responses[0]], draw=draw)
    except ProblemsFound as error:
        return Expectation("a duplicate is an error", True, error.problems[0].message)
    return Expectation("a duplicate is an error", False, "it was accepted")
