"""Does a suite score as it must: what PROTOCOL calls the self-test, run on every version before a track uses it."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from evaluators.protocol.problems import ProblemsFound
from evaluators.requests import Draw, draw_requests, seed_key
from evaluators.scoring import score, score_items
from evaluators.suites.folder import Suite
from evaluators.tasks import setting_of, task_of
from evaluators.tasks.interface import Probe, Sample, Setting, Step, Task

Response = dict[str, Any]
Answering = Callable[[str, int, dict[str, Any]], dict[str, Any]]
DECLARED = 0.005
EXACT = 1e-9
# What a task that goes over checkpoints is tried with: enough of them to fit a curve.
STEPS = tuple(Step(f"step-{number}", 10**6 * 2**number) for number in range(8))


@dataclass(frozen=True)
class Expectation:
    """One thing that must hold, and what was measured."""

    name: str
    ok: bool
    measured: str


def selftest(suite: Suite) -> list[Expectation]:
    """The expectations for the suite's task, each checked through draw and score as a real run is."""
    task = task_of(suite.manifest)
    draws = [draw_requests(suite, key=seed_key(seed), steps=STEPS) for seed in (1, 2)]
    setting = setting_of(suite.manifest, steps=draws[0].steps)
    sample = Sample(suite.items, suite.gold_in_order, [], setting)
    found: list[Expectation] = []
    for probe in task.probes(sample):
        found += _probed(suite, probe, draws[0], setting)
    return [*found, _reordered(suite, task, draws), _dropped(suite, task, draws[0]), _duplicated(suite, task, draws[0])]


def _responses(draw: Draw, answering: Answering) -> list[Response]:
    return [{**answering(*draw.resolve(request["id"]), request), "id": request["id"]} for request in draw.requests]


def _value(suite: Suite, draw: Draw, responses: list[Response]) -> float | None:
    return score(suite, responses, draw=draw, intervals=False).document.metrics[suite.manifest.metric].value


def _probed(suite: Suite, probe: Probe, draw: Draw, setting: Setting) -> list[Expectation]:
    """The probe's own expectation, and that of the manifest's chance where its answers know nothing."""
    items = {item.id: item for item in suite.items}
    answers = {name: probe.answers(item, suite.gold[name], setting) for name, item in items.items()}
    value = _value(suite, draw, _responses(draw, lambda item, candidate, _body: dict(answers[item][candidate])))
    shown = "undefined" if value is None else f"{value:.6f}"
    expected, ok = probe.expected, False
    if probe.by_item is not None:
        wanted = _expected(suite, probe.by_item)
        ok = value is not None and wanted is not None and math.isclose(value, wanted, abs_tol=EXACT)
        expected = "undefined" if wanted is None else f"{wanted:.6f}"
    elif probe.end is not None:
        wanted = suite.manifest.range[probe.end == "high"]
        ok = value is not None and math.isclose(value, wanted, abs_tol=EXACT)
        expected = f"{wanted:g}, the end of its range"
    elif probe.holds is not None:
        ok = probe.holds(value)
    result = [Expectation(probe.name, ok, f"{shown} (expected: {expected})")]
    return result + (_declared(suite, value) if probe.chance else [])


def _expected(suite: Suite, by_item: Callable[[Any, Any], float]) -> float | None:
    """What items that score this each make of the suite, through its own aggregate."""
    task, setting = task_of(suite.manifest), setting_of(suite.manifest)
    return score_items(
        suite,
        [
            task.score(item, suite.gold[item.id], {}, setting)._replace(score=by_item(item, suite.gold[item.id]))
            for item in suite.items
        ],
    )


def _declared(suite: Suite, chance: float | None) -> list[Expectation]:
    """Boards draw a line at the manifest's chance, so it has to be what knowing nothing scores; rounded is enough."""
    given = suite.manifest.chance
    if given is None:
        return []
    ok = chance is not None and math.isclose(given, chance, abs_tol=DECLARED)
    shown = "undefined" if chance is None else f"{chance:.6f}"
    return [Expectation("the manifest's chance is what answers that know nothing score", ok,
                        f"{given:g} (measured: {shown})")]  # fmt: skip


def _arbitrary(task: Task, draw: Draw) -> list[Response]:
    def answer(_item: str, _candidate: int, request: dict[str, Any]) -> dict[str, Any]:
        checkpoint = draw.checkpoints.get(request["id"], "")
        return task.arbitrary({**request, "checkpoint": checkpoint} if checkpoint else request)

    return _responses(draw, answer)


def _reordered(suite: Suite, task: Task, draws: list[Draw]) -> Expectation:
    first, second = (_value(suite, draw, _arbitrary(task, draw)) for draw in draws)
    return Expectation("order of items and candidates changes nothing", first == second,
                       f"arbitrary answers: {first} and {second}")  # fmt: skip


def _dropped(suite: Suite, task: Task, draw: Draw) -> Expectation:
    coverage = score(suite, _arbitrary(task, draw)[1:], draw=draw, intervals=False).document.coverage
    return Expectation("a dropped line is reported", coverage.answered == coverage.asked - 1,
                       f"{coverage.answered} of {coverage.asked} answered")  # fmt: skip


def _duplicated(suite: Suite, task: Task, draw: Draw) -> Expectation:
    responses = _arbitrary(task, draw)
    try:
        score(suite, [*responses, responses[0]], draw=draw)
    except ProblemsFound as error:
        return Expectation("a duplicate is an error", True, error.problems[0].message)
    return Expectation("a duplicate is an error", False, "it was accepted")
