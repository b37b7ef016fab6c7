"""Similarity: how like each row is to each column, against what people answered (DevBench)."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evaluators.metrics.matrices import defined_cells, response_similarity, rsa
from evaluators.protocol.items import Seen, SimilarityGold, SimilarityItem, TrainLine, shape_fault
from evaluators.protocol.problems import Problem
from evaluators.statistics.resampling import Statistic
from evaluators.tasks.interface import (
    ACCURACY,
    Answers,
    Asked,
    ItemScore,
    Metric,
    Probe,
    Sample,
    Setting,
    Task,
    cluster_of,
)

Matrix = NDArray[np.float64]
FEW = 10
SMALLEST = 1e-10  # stands for the logarithm of a share of 0


def _shown(seen: Seen) -> dict[str, str]:
    return {name: value for name, value in (("text", seen.text), ("image", seen.image)) if value is not None}


def ask(item: SimilarityItem, _setting: Setting) -> list[Asked]:
    """One request for the whole matrix."""
    body = {"type": "similarity", "rows": list(map(_shown, item.rows)), "cols": list(map(_shown, item.cols))}
    return [Asked(item.id, 0, body)]


def answered(_item: SimilarityItem, answers: Answers, _setting: Setting) -> bool:
    """Whether the item has its matrix."""
    return 0 in answers


def join(item: SimilarityItem, gold: SimilarityGold) -> str | None:
    """The gold must have the item's shape, and the targets must be among its columns."""
    fault = shape_fault(gold.matrix, rows=len(item.rows), cols=len(item.cols))
    if fault:
        return f"matrix: {fault}"
    if gold.target is not None and len(gold.target) != len(item.rows):
        return f"target has {len(gold.target)} columns for {len(item.rows)} rows"
    if gold.target is not None and max(gold.target) >= len(item.cols):
        return f"target: the item has {len(item.cols)} columns, counted from 0"
    return None


def human(gold: SimilarityGold) -> Matrix:
    """What people answered, NaN where nobody was asked: rows × columns."""
    return np.array([[np.nan if value is None else value for value in row] for row in gold.matrix], dtype=float)


def _symmetric(item: SimilarityItem) -> bool:
    return item.rows == item.cols


def _cells(item: SimilarityItem, gold: SimilarityGold, matrix: Matrix) -> tuple[Matrix, Matrix]:
    """The model's and people's cells that are compared, as two vectors."""
    people = human(gold)
    there = defined_cells(people, symmetric=_symmetric(item))
    return matrix[there], people[there]


def right(matrix: Matrix, target: Sequence[int]) -> float:
    """The share of rows whose largest number is the target's; k that tie for the largest share the point, 1/k each."""
    best = matrix.max(axis=1)
    hit = matrix[np.arange(len(target)), list(target)] == best
    ties = (matrix == best[:, None]).sum(axis=1)
    return float(np.mean(hit / ties))


def score(item: SimilarityItem, gold: SimilarityGold, answers: Answers, _setting: Setting) -> ItemScore:
    """The share of right rows where the gold has targets, else the item's own rank correlation (0 if undefined)."""
    cluster = cluster_of(item)
    if 0 not in answers:
        worst = 0.0 if gold.target is not None else -1.0
        return ItemScore(item.id, item.group, cluster, item.weight, "", worst)
    matrix = np.array(answers[0]["matrix"], dtype=float)
    values = tuple(matrix.ravel().tolist())
    if gold.target is not None:
        own = right(matrix, gold.target)
        response = "+".join(map(str, np.flatnonzero(matrix[0] == matrix[0].max()))) if len(matrix) == 1 else ""
        return ItemScore(item.id, item.group, cluster, item.weight, response, own, values=values)
    model, people = _cells(item, gold, matrix)
    correlation = rsa([model], [people])(np.ones(1))
    return ItemScore(item.id, item.group, cluster, item.weight, "", correlation or 0.0, values=values)


def _over_matrices(metric: Callable[[Sample, list[Matrix]], Statistic]) -> Callable[[Sample], Statistic]:
    """A metric over the model's matrices; undefined while an answer is missing, since leaving out could raise it."""

    def prepare(sample: Sample) -> Statistic:
        if not sample.scores or any(one.values is None for one in sample.scores):
            return lambda _weights: None
        matrices = [
            np.array(one.values).reshape(len(item.rows), len(item.cols))
            for item, one in zip(sample.items, sample.scores, strict=True)
        ]
        return metric(sample, matrices)

    return prepare


def _rsa(sample: Sample, matrices: list[Matrix]) -> Statistic:
    parts = [_cells(*three) for three in zip(sample.items, sample.gold, matrices, strict=True)]
    return rsa([model for model, _ in parts], [people for _, people in parts])


def _response_similarity(sample: Sample, matrices: list[Matrix]) -> Statistic:
    people = [human(gold) for gold in sample.gold]
    return response_similarity(matrices, people) if all(map(_shares, people)) else lambda _weights: None


def _shares(people: Matrix) -> bool:
    """Whether each row holds shares of people: none below 0, and some above."""
    return bool((np.nan_to_num(people) >= 0).all() and (np.nansum(people, axis=1) > 0).all())


def _accuracy(sample: Sample) -> Statistic:
    if any(gold.target is None for gold in sample.gold):
        return lambda _weights: None
    return ACCURACY.prepare(sample)


METRICS = {
    "rsa": Metric(_over_matrices(_rsa), -1.0, 1.0),
    "response-similarity": Metric(_over_matrices(_response_similarity), 0.0, 1.0),
    "accuracy": Metric(_accuracy, 0.0, 1.0, mean=True),
}


def faults(sample: Sample, _train: Sequence[TrainLine]) -> list[Problem]:
    """Gold that the suite's metric can't be computed from."""
    metric = sample.setting.metric
    problems = []
    for item, gold in zip(sample.items, sample.gold, strict=True):
        sentence = ""
        if metric == "accuracy" and gold.target is None:
            sentence = "accuracy needs `target`, the right column of each row"
        elif metric == "response-similarity" and not _shares(human(gold)):
            sentence = "response-similarity needs shares of people in each row: none below 0, and some above"
        elif metric == "rsa" and not defined_cells(human(gold), symmetric=_symmetric(item)).any():
            sentence = "rsa needs a number off the diagonal"
        if sentence:
            remedy = "Add it, or rank by another metric."
            problems.append(Problem("E-SUITE-GOLD", f"{item.id!r}: {sentence}", "gold.jsonl", remedy=remedy))
    places = [target for gold in sample.gold for target in gold.target or ()]
    if len(places) > FEW and len(set(places)) == 1:
        sentence = f"the target is column {places[0]} in every row, so an answer by position would be right"
        remedy = "Put the targets at different places."
        problems.append(Problem("E-SUITE-GOLD", sentence, "gold.jsonl", field="target", remedy=remedy))
    return problems


def probes(sample: Sample) -> list[Probe]:
    """Equal numbers tell nothing, what people answered scores best."""

    def filled(item: SimilarityItem, _gold: SimilarityGold, _setting: Setting) -> Answers:
        return {0: {"matrix": [[0.5] * len(item.cols) for _ in item.rows]}}

    def people(sign: float, *, logs: bool = False) -> Callable[[Any, Any, Setting], Answers]:
        def answers(_item: SimilarityItem, gold: SimilarityGold, _setting: Setting) -> Answers:
            values = np.nan_to_num(human(gold))
            if logs:
                values = np.log(np.maximum(values / values.sum(axis=1, keepdims=True), SMALLEST))
            return {0: {"matrix": (sign * values).tolist()}}

        return answers

    def targets(sign: float) -> Callable[[Any, Any, Setting], Answers]:
        def answers(item: SimilarityItem, gold: SimilarityGold, _setting: Setting) -> Answers:
            return {0: {"matrix": [[sign * (place == target) for place in range(len(item.cols))]
                                   for target in gold.target or ()]}}  # fmt: skip

        return answers

    if sample.setting.metric == "accuracy":
        return [
            Probe("equal numbers score chance", filled, by_item=lambda item, _gold: 1 / len(item.cols), chance=True),
            Probe("the targets themselves score best", targets(1.0), end="high"),
            Probe("everything but the targets scores worst", targets(-1.0), end="low"),
        ]
    if sample.setting.metric == "response-similarity":
        return [
            Probe("equal numbers score below people's own", filled, expected="below 1", chance=True,
                  holds=lambda value: value is not None and value < 1),
            Probe("people's own choices score best", people(1.0, logs=True), end="high"),
        ]  # fmt: skip
    return [
        Probe("equal numbers are undefined", filled, holds=lambda value: value is None, expected="undefined"),
        Probe("people's own numbers score best", people(1.0), end="high"),
        Probe("their opposite scores worst", people(-1.0), end="low"),
    ]


def arbitrary(body: Mapping[str, Any]) -> dict[str, Any]:
    """A number from the letters of each row and column."""
    letters = [[sum(map(ord, "".join(seen.values()))) for seen in body[side]] for side in ("rows", "cols")]
    return {"matrix": [[float((row * 31 + column * 17) % 101) for column in letters[1]] for row in letters[0]]}


def flags(answers: Mapping[str, Answers], _sample: Sample) -> tuple[str, ...]:
    """A model to which everything is equally like everything has learnt nothing."""
    values = {value for one in answers.values() for row in one[0]["matrix"] for value in row} if answers else set()
    count = sum(len(one[0]["matrix"]) * len(one[0]["matrix"][0]) for one in answers.values())
    return ("constant-predictor",) if count > 2 and len(values) == 1 else ()


TASK = Task(
    name="similarity",
    item=SimilarityItem,
    gold=SimilarityGold,
    request_type="similarity",
    metrics=METRICS,
    ask=ask,
    answered=answered,
    score=score,
    probes=probes,
    arbitrary=arbitrary,
    join=join,
    flags=flags,
    faults=faults,
)
