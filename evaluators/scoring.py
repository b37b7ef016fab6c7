"""From responses and gold to item scores, and from these to the numbers of a suite."""

import math
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evaluators import __version__
from evaluators.protocol.problems import Problem, ProblemsFound
from evaluators.protocol.scores import Coverage, Measure, ScoresDocument
from evaluators.protocol.suite import WeightedAggregate
from evaluators.redrawing import bootstrap_items, clustered
from evaluators.requests import Draw
from evaluators.responses import checked
from evaluators.statistics.intervals import Interval, wilson
from evaluators.statistics.resampling import Part, bootstrap_metric
from evaluators.suites.folder import Suite
from evaluators.tasks import setting_of, task_of
from evaluators.tasks.interface import Answers, ItemScore, Metric, Sample, Step

BOOTSTRAP_SEED = 20_240
# Rounding in the last digits must not make a value of one lie outside its range.
SLACK = 1e-9

Parts = dict[str, dict[str, Measure]]


@dataclass(frozen=True)
class Scored:
    """The scores document and the item scores it was computed from, in the order of the suite's items."""

    document: ScoresDocument
    items: Sequence[ItemScore]

    def write_items(self, path: Path) -> None:
        """Write items.parquet; it reveals gold, so it belongs into sealed storage."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        columns: dict[str, list[Any]] = {name: [] for name in ItemScore._fields}
        for item in self.items:
            for name, value in zip(ItemScore._fields, item, strict=True):
                columns[name].append(value)
        pq.write_table(pa.table(columns), path, compression="zstd")


def score(
    suite: Suite,
    responses: Iterable[Mapping[str, Any]],
    *,
    draw: Draw,
    checkpoint: str = "main",
    train_seed: int | None = None,
    intervals: bool = True,
) -> Scored:
    """Score the responses to `draw`; raises ProblemsFound for a response that is malformed or was not asked for.

    Without `intervals` none is drawn, where values alone are wanted; one that is computed comes all the same.
    """
    by_item: dict[str, dict[int, Mapping[str, Any]]] = defaultdict(dict)
    for identifier, response in checked(responses, asked=draw).items():
        item, candidate = draw.resolve(identifier)
        by_item[item][candidate] = response
    return score_answers(
        suite, by_item, checkpoint=checkpoint, train_seed=train_seed, steps=draw.steps, intervals=intervals
    )


def score_answers(
    suite: Suite,
    answers: Mapping[str, Answers],
    *,
    checkpoint: str = "main",
    train_seed: int | None = None,
    ignored: Sequence[str] = (),
    steps: Sequence[Step] = (),
    intervals: bool = True,
) -> Scored:
    """Score answers given by item id and candidate; an item without its answers counts as wrong and as a gap."""
    if not suite.items:
        raise ProblemsFound([Problem("E-SUITE-EMPTY", "nothing is asked: no item lies in the chosen splits")])
    task, setting = task_of(suite.manifest), setting_of(suite.manifest, steps=tuple(steps))
    nothing: Answers = {}
    scores = [task.score(item, suite.gold[item.id], answers.get(item.id, nothing), setting) for item in suite.items]
    gaps = Counter(
        item.group for item in suite.items if not task.answered(item, answers.get(item.id, nothing), setting)
    )
    sample = Sample(suite.items, suite.gold_in_order, scores, setting)
    ranked = suite.manifest.metric
    metrics = {ranked: _suite_measure(suite, sample, task.metrics[ranked], ranked, intervals=intervals)}
    _check_range(ranked, metrics[ranked], *suite.manifest.range)
    for name, metric in {**task.metrics, **task.details(setting)}.items():
        if name != ranked:
            metrics[name] = _plain_measure(suite, sample, metric, name)
    document = ScoresDocument(
        schema="scores/1",
        suite=suite.name,
        suite_digest=suite.digest,
        evaluator=__version__,
        checkpoint=checkpoint,
        train_seed=train_seed,
        metrics=metrics,
        groups=_parts(sample, _groups(sample), task.metrics[ranked], ranked, intervals=intervals),
        tags=_parts(
            sample,
            _positions(item.tags for item in suite.items),
            task.metrics[ranked],
            ranked,
            intervals=intervals,
        ),
        coverage=Coverage(asked=len(scores), answered=len(scores) - gaps.total()),
        gaps=dict(sorted(gaps.items())),
        ignored=tuple(ignored),
        flags=task.flags(answers, sample),
    )
    return Scored(document=document, items=scores)


def _check_range(name: str, measure: Measure, low: float, high: float) -> None:
    value = measure.value
    if value is not None and not low - SLACK <= value <= high + SLACK:
        raise ProblemsFound([Problem("E-SCORE-RANGE", f"{name} is {value:g}, outside {low:g} to {high:g}")])


def _positions(names: Iterable[Iterable[str]]) -> dict[str, list[int]]:
    """Where each name stands, sorted by name."""
    found: dict[str, list[int]] = defaultdict(list)
    for position, several in enumerate(names):
        for name in several:
            found[name].append(position)
    return dict(sorted(found.items()))


def _groups(sample: Sample) -> dict[str, list[int]]:
    return _positions((item.group,) for item in sample.items)


def _parts(
    sample: Sample, positions: Mapping[str, Sequence[int]], metric: Metric, name: str, *, intervals: bool
) -> Parts:
    """The metric over each part by itself."""
    return {
        part: {name: _over(sample.take(members), metric, name, intervals=intervals)}
        for part, members in positions.items()
    }


def _weights(scores: Sequence[ItemScore]) -> NDArray[np.float64]:
    return np.array([item.weight for item in scores], dtype=float)


def _weighted(items: Sequence[ItemScore]) -> float:
    return math.fsum(item.score * item.weight for item in items) / math.fsum(item.weight for item in items)


def _mean(items: Sequence[ItemScore], *, intervals: bool) -> Measure:
    """The mean over items with Wilson's interval; of items with weights or in clusters, it comes from drawing anew."""
    value = _weighted(items)
    if clustered(items):
        measure = Measure(value=value, n=len(items))
        return _with(measure, bootstrap_items({"": items}, {"": 1.0}, seed=BOOTSTRAP_SEED)) if intervals else measure
    low, high = wilson(sum(item.score for item in items), len(items))
    return Measure(value=value, n=len(items), low=low, high=high)


def _over(sample: Sample, metric: Metric, name: str, *, intervals: bool) -> Measure:
    """A metric over items, without regard to their groups; its interval comes from drawing clusters anew."""
    if metric.mean:
        return _mean(sample.scores, intervals=intervals)
    part = _part(sample, metric)
    measure = Measure(value=part.value, n=len(sample.scores))
    _check_range(name, measure, metric.low, metric.high)
    if measure.value is None or not intervals:
        return measure
    return _with(measure, bootstrap_metric({"": part}, {"": 1.0}, seed=BOOTSTRAP_SEED))


def _part(sample: Sample, metric: Metric) -> Part:
    """The metric over these items, those that it can't tell apart taken together where each is drawn by itself."""
    clusters = [item.cluster for item in sample.scores]
    own = _weights(sample.scores)
    if metric.alike is None or len(set(clusters)) < len(clusters) or (own != 1).any():
        return Part(metric.prepare(sample), clusters, own)
    first: dict[Hashable, int] = {}
    counts: Counter[Hashable] = Counter()
    for position, (gold, score) in enumerate(zip(sample.gold, sample.scores, strict=True)):
        key = metric.alike(gold, score)
        first.setdefault(key, position)
        counts[key] += 1
    taken = sample.take(list(first.values()))
    numbers = np.array([counts[key] for key in first], dtype=float)
    return Part(metric.prepare(taken), [item.cluster for item in taken.scores], np.ones(len(first)), numbers)


def _with(measure: Measure, interval: Interval | None) -> Measure:
    value = measure.value
    if interval is None or value is None:
        return measure
    return Measure(value=value, n=measure.n, low=min(interval.low, value), high=max(interval.high, value))


def score_items(suite: Suite, scores: Sequence[ItemScore]) -> float | None:
    """The suite's score from item scores alone, through its own aggregate."""
    sample = Sample(suite.items, suite.gold_in_order, scores, setting_of(suite.manifest))
    name = suite.manifest.metric
    return _suite_measure(suite, sample, task_of(suite.manifest).metrics[name], name, intervals=False).value


def _group_weights(suite: Suite, groups: Iterable[str]) -> dict[str, float]:
    how = suite.manifest.aggregate
    if not isinstance(how, WeightedAggregate):
        return dict.fromkeys(groups, 1.0)
    missing = sorted(set(groups) - how.weights.keys())
    if missing:
        raise ProblemsFound([Problem("E-SUITE-WEIGHT", f"the group {missing[0]!r} has no weight", "suite.yaml",
                                     field="aggregate.weights", remedy="Give every group a weight.")])  # fmt: skip
    return {name: how.weights[name] for name in groups}


def _suite_measure(suite: Suite, sample: Sample, metric: Metric, name: str, *, intervals: bool) -> Measure:
    """The suite's score: the mean over groups (macro, or weighted), or over all items (micro)."""
    groups = _groups(sample)
    if suite.manifest.aggregate == "micro" or len(groups) == 1:
        return _over(sample, metric, name, intervals=intervals)
    weights = _group_weights(suite, groups)
    total = sum(weights.values())
    if metric.mean:
        members = {part: [sample.scores[place] for place in places] for part, places in groups.items()}
        value = math.fsum(weights[part] * _weighted(items) for part, items in members.items()) / total
        if not intervals:
            return Measure(value=value, n=len(sample.scores))
        interval = bootstrap_items(members, weights, seed=BOOTSTRAP_SEED)
        return _with(Measure(value=value, n=len(sample.scores)), interval)
    prepared = {part: _part(sample.take(places), metric) for part, places in groups.items()}
    found = [(weights[name], part.value) for name, part in prepared.items()]
    if any(value is None for weight, value in found if weight):
        # A mean over the other groups would not be comparable to one over all.
        return Measure(value=None, n=len(sample.scores))
    mean = math.fsum(weight * value for weight, value in found if value is not None) / total
    measure = Measure(value=mean, n=len(sample.scores))
    _check_range(name, measure, metric.low, metric.high)
    if not intervals:
        return measure
    return _with(measure, bootstrap_metric(prepared, weights, seed=BOOTSTRAP_SEED))


def _plain_measure(suite: Suite, sample: Sample, metric: Metric, name: str) -> Measure:
    """A metric that the suite does not rank by: its value through the same aggregate, without an interval."""
    groups = _groups(sample)
    places = [list(range(len(sample.scores)))] if suite.manifest.aggregate == "micro" else list(groups.values())
    weights = [1.0] if suite.manifest.aggregate == "micro" else list(_group_weights(suite, groups).values())
    values = [_value(sample.take(members), metric) for members in places]
    if any(value is None for value in values):
        return Measure(value=None, n=len(sample.scores))
    mean = math.fsum(weight * (value or 0.0) for weight, value in zip(weights, values, strict=True)) / sum(weights)
    measure = Measure(value=mean, n=len(sample.scores))
    _check_range(name, measure, metric.low, metric.high)
    return measure


def _value(sample: Sample, metric: Metric) -> float | None:
    return _part(sample, metric).value
