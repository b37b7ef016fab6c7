"""Choice: the model gives each candidate a log-probability, and the largest is its choice (BLiMP, EWoK, COMPS, …)."""

from collections.abc import Mapping
from typing import Any

from evaluators.protocol.problems import Problem, ProblemsFound
from evaluators.protocol.suite import ChoiceGold, ChoiceItem, LengthNorm
from evaluators.tasks.interface import Asked, ItemScore, Task


def ask(item: ChoiceItem) -> list[Asked]:
    """One request for each candidate."""
    return [
        Asked(
            item.id,
            position,
            {
                "type": "loglikelihood",
                "context": choice.context,
                "continuation": choice.continuation,
                **({"images": list(choice.images)} if choice.images else {}),
            },
        )
        for position, choice in enumerate(item.choices)
    ]


def normalised(item: ChoiceItem, position: int, answer: Mapping[str, Any], length_norm: LengthNorm) -> float:
    """A candidate's log-probability (nats), divided by its tokens or UTF-8 bytes where the suite says so."""
    logprob = float(answer["logprob"])
    if length_norm == "tokens":
        tokens = answer.get("tokens")
        if not tokens:
            sentence = "this suite divides by tokens, so every response must say how many the continuation has"
            raise ProblemsFound([Problem("E-OUT-FORMAT", sentence, field="tokens", remedy="Answer with `tokens`.")])
        return logprob / int(tokens)
    if length_norm == "bytes":
        return logprob / len(item.choices[position].continuation.encode())
    return logprob


def answered(item: ChoiceItem, answers: Mapping[int, Mapping[str, Any]]) -> bool:
    """Whether every candidate has its log-probability."""
    return len(answers) == len(item.choices)


def score(
    item: ChoiceItem, gold: ChoiceGold, answers: Mapping[int, Mapping[str, Any]], length_norm: LengthNorm
) -> ItemScore:
    """1 where the gold candidate alone is largest; k candidates that tie for the largest share the point, 1/k each.

    Arg-max breaks ties towards the first candidate, which gave constant predictors 100 % on real leaderboards.
    """
    cluster = item.cluster if item.cluster is not None else item.id
    if not answered(item, answers):
        return ItemScore(item.id, item.group, cluster, item.weight, "", 0.0, None, None)
    values = [normalised(item, position, answers[position], length_norm) for position in range(len(item.choices))]
    best = max(values)
    right = values[gold.gold]
    tied = [position for position, value in enumerate(values) if value == best]
    others = [value for position, value in enumerate(values) if position != gold.gold]
    return ItemScore(
        item_id=item.id,
        group=item.group,
        cluster=cluster,
        weight=item.weight,
        response="+".join(map(str, tied)),
        score=1 / len(tied) if right == best else 0.0,
        gold_rank=1 + sum(value > right for value in others),
        margin=right - max(others),
    )


TASK = Task(
    name="choice", item=ChoiceItem, gold=ChoiceGold, metrics=("accuracy",), ask=ask, score=score, answered=answered
)
