"""From responses and gold to item scores, and from these to the numbers of a suite."""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evaluators import __version__
from evaluators.protocol.problems import Problem, ProblemsFound
from evaluators.protocol.scores import Coverage, Measure, ScoresDocument
from evaluators.protocol.suite import WeightedAggregate
from evaluators.requests import Draw
from evaluators.responses import checked
from evaluators.statistics.intervals import stratified_bootstrap, wilson
from evaluators.suites.folder import Suite
from evaluators.tasks import task_of
from evaluators.tasks.interface import ItemScore

BOOTSTRAP_SEED = 20_240


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
) -> Scored:
    """Score the responses to `draw`; raises ProblemsFound for a response that is malformed or was not asked for."""
    by_item: dict[str, dict[int, Mapping[str, Any]]] = defaultdict(dict)
    for identifier, response in checked(responses, asked=draw.origin).items():
        item, candidate = draw.resolve(identifier)
        by_item[item][candidate] = response
    return score_answers(suite, by_item, checkpoint=checkpoint, train_seed=train_seed)


def score_answers(
    suite: Suite,
    answers: Mapping[str, Mapping[int, Mapping[str, Any]]],
    *,
    checkpoint: str = "main",
    train_seed: int | None = None,
    ignored: Sequence[str] = (),
) -> Scored:
    """Score answers given by item id and candidate; an item without its answers counts as wrong and as a gap."""
    if not suite.items:
        raise ProblemsFound([Problem("E-SUITE-EMPTY", "nothing is asked: no item lies in the chosen splits")])
    task = task_of(suite.manifest)
    nothing: Mapping[int, Mapping[str, Any]] = {}
    norm = suite.manifest.length_norm
    scores = [task.score(item, suite.gold[item.id], answers.get(item.id, nothing), norm) for item in suite.items]
    gaps = Counter(item.group for item in suite.items if not task.answered(item, answers.get(item.id, nothing)))
    value = _suite_measure(suite, scores)
    low, high = suite.manifest.range
    if value.value is not None and not low <= value.value <= high:
        raise ProblemsFound([Problem("E-SCORE-RANGE", f"the score {value.value:g} lies outside {low:g} to {high:g}")])
    metric = suite.manifest.metric
    document = ScoresDocument(
        schema="scores/1",
        suite=suite.name,
        suite_digest=suite.digest,
        evaluator=__version__,
        checkpoint=checkpoint,
        train_seed=train_seed,
        metrics={metric: value},
        groups={name: {metric: _mean(members)} for name, members in _grouped(scores).items()},
        tags={name: {metric: _mean(members)} for name, members in _tagged(suite, scores).items()},
        coverage=Coverage(asked=len(scores), answered=len(scores) - gaps.total()),
        gaps=dict(sorted(gaps.items())),
        ignored=tuple(ignored),
        flags=_flags(answers),
    )
    return Scored(document=document, items=scores)


def _grouped(scores: Sequence[ItemScore]) -> dict[str, list[ItemScore]]:
    groups: dict[str, list[ItemScore]] = defaultdict(list)
    for item in scores:
        groups[item.group].append(item)
    return dict(sorted(groups.items()))


def _tagged(suite: Suite, scores: Sequence[ItemScore]) -> dict[str, list[ItemScore]]:
    tags: dict[str, list[ItemScore]] = defaultdict(list)
    for item, item_score in zip(suite.items, scores, strict=True):
        for tag in item.tags:
            tags[tag].append(item_score)
    return dict(sorted(tags.items()))


def _weighted(items: Sequence[ItemScore]) -> float:
    return math.fsum(item.score * item.weight for item in items) / math.fsum(item.weight for item in items)


def _mean(items: Sequence[ItemScore]) -> Measure:
    """The mean over items with Wilson's interval; weighted items have no interval of that form."""
    value = _weighted(items)
    if any(item.weight != 1 for item in items):
        return Measure(value=value, n=len(items))
    low, high = wilson(sum(item.score for item in items), len(items))
    return Measure(value=value, n=len(items), low=low, high=high)


def score_items(suite: Suite, scores: Sequence[ItemScore]) -> float:
    """The suite's score from item scores, through its own aggregate."""
    return _suite_measure(suite, scores).value or 0.0


def _suite_measure(suite: Suite, scores: Sequence[ItemScore]) -> Measure:
    """The suite's score: the mean over groups (macro, or weighted), or over all items (micro)."""
    how = suite.manifest.aggregate
    groups = _grouped(scores)
    if how == "micro" or len(groups) == 1:
        return _mean(scores)
    weights = dict.fromkeys(groups, 1.0)
    if isinstance(how, WeightedAggregate):
        missing = sorted(groups.keys() - how.weights.keys())
        if missing:
            raise ProblemsFound([Problem("E-SUITE-WEIGHT", f"the group {missing[0]!r} has no weight", "suite.yaml",
                                         field="aggregate.weights", remedy="Give every group a weight.")])  # fmt: skip
        weights = {name: how.weights[name] for name in groups}
    total = sum(weights.values())
    value = math.fsum(weights[name] * _weighted(items) for name, items in groups.items()) / total
    values = {name: [item.score for item in items] for name, items in groups.items()}
    low, high = stratified_bootstrap(values, weights, seed=BOOTSTRAP_SEED)
    return Measure(value=value, n=len(scores), low=min(low, value), high=max(high, value))


def _flags(answers: Mapping[str, Mapping[int, Mapping[str, Any]]]) -> tuple[str, ...]:
    """What a reviewer should look at: a model that gives every candidate the same number has learnt nothing."""
    values = {response["logprob"] for item in answers.values() for response in item.values() if "logprob" in response}
    answered = sum(len(item) for item in answers.values())
    return ("constant-predictor",) if answered > 2 and len(values) == 1 else ()
