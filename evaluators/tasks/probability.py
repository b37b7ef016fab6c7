"""Probability: how far the model is divided between two candidates, against how far people are (WUG)."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from evaluators.metrics.logistic import expit, logit
from evaluators.metrics.ranks import Correlation, Numbers, pearson, spearman
from evaluators.protocol.items import ProbabilityGold, ProbabilityItem
from evaluators.statistics.resampling import Statistic
from evaluators.tasks import choice
from evaluators.tasks.interface import (
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

# Log-odds that stand for a certain event: e^-800 is 0 in double precision.
CERTAIN = 800.0
# Digits of the log-odds, in nats: where two items differ by less, rounding would decide which of them ranks first.
DIGITS = 9


def ask(item: ProbabilityItem, setting: Setting) -> list[Asked]:
    """One request for each of the two candidates."""
    return choice.ask(item, setting)


def answered(_item: ProbabilityItem, answers: Answers, _setting: Setting) -> bool:
    """Whether both candidates have their log-probability; a prediction gives candidate 0's probability at once."""
    return len(answers) == 2 or "probability" in answers.get(0, {})


def share(item: ProbabilityItem, answers: Answers, setting: Setting) -> float:
    """The model's probability of candidate 0: the softmax over the two log-probabilities (nats)."""
    given = answers[0].get("probability")
    if given is not None:
        return float(given)
    first, second = (choice.normalised(item, position, answers[position], setting) for position in (0, 1))
    return float(expit(round(first - second, DIGITS)))


def score(item: ProbabilityItem, gold: ProbabilityGold, answers: Answers, setting: Setting) -> ItemScore:
    """1 less the distance from the human share; the metric is computed from the probability itself, in `values`."""
    cluster = cluster_of(item)
    if not answered(item, answers, setting):
        return ItemScore(item.id, item.group, cluster, item.weight, "", 0.0)
    value = share(item, answers, setting)
    return ItemScore(
        item_id=item.id,
        group=item.group,
        cluster=cluster,
        weight=item.weight,
        response=f"{value:.6g}",
        score=1 - abs(value - gold.probability),
        values=(value,),
    )


def _correlated(correlation: Callable[[Numbers, Numbers], Correlation]) -> Callable[[Sample], Statistic]:
    """The correlation with the human shares; undefined while an answer is missing.

    Leaving out the items that fit worst would otherwise raise it.
    """

    def prepare(sample: Sample) -> Statistic:
        if any(item.values is None for item in sample.scores):
            return lambda _weights: None
        model = np.array([item.values[0] for item in sample.scores if item.values is not None])
        return correlation(model, np.array([gold.probability for gold in sample.gold]))

    return prepare


def probes(_sample: Sample) -> list[Probe]:
    """A model that is never divided otherwise is undefined, the human shares score 1, their reverse −1."""

    def answers(odds: Callable[[float], float]) -> Callable[[Any, Any, Setting], Answers]:
        def answer(item: ProbabilityItem, gold: ProbabilityGold, setting: Setting) -> Answers:
            wanted = odds(gold.probability)
            levels = (min(wanted, 0.0), min(-wanted, 0.0))
            return {position: choice.at_level(item, position, levels[position], setting) for position in (0, 1)}

        return answer

    def human(probability: float) -> float:
        return max(-CERTAIN, min(CERTAIN, float(logit(probability))))

    return [
        Probe("constant answers are undefined", answers(lambda _gold: 0.0), holds=lambda value: value is None,
              expected="undefined"),
        Probe("the human shares score best", answers(human), end="high"),
        Probe("the reverse of the human shares scores worst", answers(lambda gold: -human(gold)), end="low"),
    ]  # fmt: skip


def arbitrary(body: Mapping[str, Any]) -> dict[str, Any]:
    """The length in characters as cost, and a little for the last one, so that most items differ."""
    text = str(body["continuation"])
    return {"logprob": -float(len(text)) - math.sin(sum(map(ord, text))) / 2, "tokens": 1}


TASK = Task(
    name="probability",
    item=ProbabilityItem,
    gold=ProbabilityGold,
    request_type="loglikelihood",
    metrics={
        "spearman": Metric(_correlated(spearman), -1.0, 1.0),
        "pearson": Metric(_correlated(pearson), -1.0, 1.0),
    },
    ask=ask,
    answered=answered,
    score=score,
    probes=probes,
    arbitrary=arbitrary,
    flags=choice.flags,
)
