"""Choice: the model gives each candidate a log-probability, and the largest is its choice (BLiMP, EWoK, COMPS, …)."""

from collections.abc import Mapping
from typing import Any

from evaluators.protocol.items import ChoiceGold, ChoiceItem, ProbabilityItem
from evaluators.protocol.problems import Problem, ProblemsFound
from evaluators.tasks.interface import (
    ACCURACY,
    Answer,
    Answers,
    Asked,
    ItemScore,
    Probe,
    Sample,
    Setting,
    Task,
    cluster_of,
)

MAX_ALIKE = 50  # items that are named for having the same choice twice
MANY = 20  # items from which on one place for all gold is no accident


def ask(item: ChoiceItem | ProbabilityItem, _setting: Setting) -> list[Asked]:
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


def normalised(item: ChoiceItem | ProbabilityItem, position: int, answer: Answer, setting: Setting) -> float:
    """A candidate's log-probability (nats), divided by its tokens or UTF-8 bytes where the suite says so."""
    logprob = float(answer["logprob"])
    if setting.length_norm == "tokens":
        tokens = answer.get("tokens")
        if not tokens:
            sentence = "this suite divides by tokens, so every response must say how many the continuation has"
            raise ProblemsFound([Problem("E-OUT-FORMAT", sentence, field="tokens", remedy="Answer with `tokens`.")])
        return logprob / int(tokens)
    if setting.length_norm == "bytes":
        return logprob / len(item.choices[position].continuation.encode())
    return logprob


def answered(item: ChoiceItem, answers: Answers, _setting: Setting) -> bool:
    """Whether every candidate has its log-probability."""
    return len(answers) == len(item.choices)


def score(item: ChoiceItem, gold: ChoiceGold, answers: Answers, setting: Setting) -> ItemScore:
    """1 where the gold candidate alone is largest; k candidates that tie for the largest share the point, 1/k each.

    Arg-max breaks ties towards the first candidate, which gave constant predictors 100 % on real leaderboards.
    """
    cluster = cluster_of(item)
    if not answered(item, answers, setting):
        return ItemScore(item.id, item.group, cluster, item.weight, "", 0.0)
    values = [normalised(item, position, answers[position], setting) for position in range(len(item.choices))]
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


def join(item: ChoiceItem, gold: ChoiceGold) -> str | None:
    """The gold must be one of the item's positions."""
    if gold.gold < len(item.choices):
        return None
    return f"the item has {len(item.choices)} choices, so its gold can't be {gold.gold}"


def at_level(item: ChoiceItem | ProbabilityItem, position: int, level: float, setting: Setting) -> dict[str, Any]:
    """An answer that is `level` after the suite's own normalisation."""
    length = len(item.choices[position].continuation.encode()) if setting.length_norm == "bytes" else 1
    return {"logprob": level * length, "tokens": 1}


def probes(_sample: Sample) -> list[Probe]:
    """Equal answers score chance, the gold all, its opposite nothing."""

    def levels(right: float, wrong: float) -> Any:
        def answers(item: ChoiceItem, gold: ChoiceGold, setting: Setting) -> Answers:
            return {
                position: at_level(item, position, right if position == gold.gold else wrong, setting)
                for position in range(len(item.choices))
            }

        return answers

    return [
        Probe("constant answers score chance", levels(-1.0, -1.0), by_item=lambda item, _gold: 1 / len(item.choices),
              chance=True),
        Probe("the gold itself scores best", levels(-1.0, -2.0), end="high"),
        Probe("the opposite of the gold scores worst", levels(-2.0, -1.0), end="low"),
    ]  # fmt: skip


def arbitrary(body: Mapping[str, Any]) -> dict[str, Any]:
    """The length in characters as cost."""
    return {"logprob": -float(len(body["continuation"])), "tokens": 1}


def flags(answers: Mapping[str, Answers], _sample: Sample) -> tuple[str, ...]:
    """A model that gives every candidate the same number has learnt nothing."""
    values = {response["logprob"] for item in answers.values() for response in item.values() if "logprob" in response}
    count = sum(len(item) for item in answers.values())
    return ("constant-predictor",) if count > 2 and len(values) == 1 else ()


def warnings(sample: Sample) -> list[Problem]:
    """Choices that are the same, and gold that always stands in one place."""
    found: list[Problem] = []
    for item in sample.items:
        texts = [(choice.context, choice.continuation, choice.images) for choice in item.choices]
        if len(set(texts)) < len(texts) and len(found) < MAX_ALIKE:
            message = f"two choices of the item {item.id!r} are the same"
            remedy = "No model can tell them apart; the item scores 1/k for all."
            found.append(Problem("W-SUITE-CHOICES", message, "items.jsonl", field="choices", remedy=remedy))
    positions = {line.gold for line in sample.gold}
    if len(sample.gold) > MANY and len(positions) == 1:
        message = f"gold is candidate {positions.pop()} in every item"
        remedy = (
            "Requests are shuffled, so this does no harm here; a scorer that breaks ties by position would be fooled."
        )
        found.append(Problem("W-SUITE-POSITION", message, "gold.jsonl", remedy=remedy))
    return found


TASK = Task(
    name="choice",
    item=ChoiceItem,
    gold=ChoiceGold,
    request_type="loglikelihood",
    metrics={"accuracy": ACCURACY},
    ask=ask,
    answered=answered,
    score=score,
    probes=probes,
    arbitrary=arbitrary,
    join=join,
    flags=flags,
    warnings=warnings,
)
