"""What every task family provides."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from evaluators.protocol.suite import ChoiceGold, ChoiceItem, LengthNorm


class Asked(NamedTuple):
    """One request without its id: which item and candidate it asks about, and its body."""

    item: str
    candidate: int
    body: dict[str, Any]


class ItemScore(NamedTuple):
    """One row of items.parquet: `response` is what was chosen, `gold_rank` 1 where gold was first, `margin` in nats."""

    item_id: str
    group: str
    cluster: str
    weight: float
    response: str
    score: float
    gold_rank: int | None
    margin: float | None


@dataclass(frozen=True)
class Task:
    """A task family. `ask` lists an item's requests; `score` turns an item's answers, by candidate, into its score."""

    name: str
    item: type[ChoiceItem]
    gold: type[ChoiceGold]
    metrics: tuple[str, ...]
    ask: Callable[[ChoiceItem], list[Asked]]
    score: Callable[[ChoiceItem, ChoiceGold, Mapping[int, Mapping[str, Any]], LengthNorm], ItemScore]
    answered: Callable[[ChoiceItem, Mapping[int, Mapping[str, Any]]], bool]
