"""What every task family provides; scoring, self-test and draw know tasks by this alone."""

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from evaluators.protocol.documents import Document
from evaluators.protocol.items import Gold, Item, TrainLine
from evaluators.protocol.problems import Problem
from evaluators.protocol.suite import LengthNorm
from evaluators.statistics.resampling import Statistic

Answer = Mapping[str, Any]
# An item's answers by candidate: the position of a choice, of a context at a checkpoint, or 0 where there is but one.
Answers = Mapping[int, Answer]


class Step(NamedTuple):
    """A checkpoint of the training: its name, and the words seen until then."""

    name: str
    words: int


class Asked(NamedTuple):
    """One request without its id: which item and candidate it asks about, its body, and at which checkpoint."""

    item: str
    candidate: int
    body: dict[str, Any]
    checkpoint: str = ""  # only for tasks that go over checkpoints


class ItemScore(NamedTuple):
    """One row of items.parquet: `response` is what was answered, `gold_rank` 1 where gold was first, `margin` in nats.

    `values` are the numbers that a metric over items is computed from, where the score alone is not enough.
    """

    item_id: str
    group: str
    cluster: str
    weight: float
    response: str
    score: float
    gold_rank: int | None = None
    margin: float | None = None
    values: tuple[float, ...] | None = None


class NoOptions(Document):
    """A task that has no options."""


@dataclass(frozen=True)
class Setting:
    """What of the suite an item's score depends on; `steps` are the checkpoints of tasks that go over them.

    `metric` is the one the suite is ranked by: what the self-test expects depends on it, an item's score never does.
    """

    length_norm: LengthNorm = "none"
    options: Document = field(default_factory=NoOptions)
    steps: tuple[Step, ...] = ()
    metric: str = ""


@dataclass(frozen=True)
class Sample:
    """Some items with their gold and their scores, all three in one order: what a metric is computed from."""

    items: Sequence[Any]
    gold: Sequence[Any]
    scores: Sequence[ItemScore]
    setting: Setting = Setting()

    def take(self, positions: Sequence[int]) -> "Sample":
        """Only the items at these positions."""
        return Sample(
            [self.items[position] for position in positions],
            [self.gold[position] for position in positions],
            [self.scores[position] for position in positions],
            self.setting,
        )


@dataclass(frozen=True)
class Metric:
    """A number over items: `prepare` does once what does not depend on how often an item counts.

    `low` and `high` bound its values. `mean`: it is the weighted mean of the item scores, so that intervals for
    proportions apply. `alike` says of an item by its gold and score which others the metric can't tell it from: a
    metric over classes is then drawn anew in a fraction of the time.
    """

    prepare: Callable[[Sample], Statistic]
    low: float
    high: float
    mean: bool = False
    alike: Callable[[Any, ItemScore], Hashable] | None = None


def _mean_of_scores(sample: Sample) -> Statistic:
    scores = np.array([item.score for item in sample.scores], dtype=float)

    def value(weights: NDArray[np.float64]) -> float | None:
        total = float(weights.sum())
        return float(weights @ scores) / total if total else None

    return value


ACCURACY = Metric(_mean_of_scores, 0.0, 1.0, mean=True)


@dataclass(frozen=True)
class Probe:
    """An expectation of the self-test: what these answers must score.

    `holds` judges the suite's value, and `expected` says what it asks; or `by_item` gives the score that each item must
    have by itself, and the suite's value is what its aggregate makes of these; or `end` says at which end of the
    manifest's range it must lie. `chance`: these answers know nothing, so their value is what the manifest's `chance`
    must say.
    """

    name: str
    answers: Callable[[Any, Any, Setting], Answers]
    holds: Callable[[float | None], bool] | None = None
    expected: str = ""
    by_item: Callable[[Any, Any], float] | None = None
    end: Literal["low", "high"] | None = None
    chance: bool = False


@dataclass(frozen=True)
class Task:
    """A task family. The callables get the family's own documents; `answers` are an item's answers by candidate.

    `ask` lists an item's requests; `answered` says whether all of them have an answer; `score` turns the answers into
    the item's score (a missing answer counts as the worst); `metrics` are those that a suite may rank by;
    `details` are more numbers worth a line; `join` says what keeps item and gold from belonging together; `probes` are
    the self-test's expectations; `arbitrary` answers a request by its body alone (and `checkpoint`, where it has one);
    `flags` are a reviewer's hints; `faults` are what a check of the whole suite finds, beside what its lines say one by
    one, and `warnings` what does no harm but is worth a look.
    """

    name: str
    item: type[Item]
    gold: type[Gold]
    request_type: str
    metrics: Mapping[str, Metric]
    ask: Callable[[Any, Setting], list[Asked]]
    answered: Callable[[Any, Answers, Setting], bool]
    score: Callable[[Any, Any, Answers, Setting], ItemScore]
    probes: Callable[[Sample], list[Probe]]
    arbitrary: Callable[[Mapping[str, Any]], dict[str, Any]]
    join: Callable[[Any, Any], str | None] = lambda _item, _gold: None
    flags: Callable[[Mapping[str, Answers], Sample], tuple[str, ...]] = lambda _answers, _sample: ()
    details: Callable[[Setting], Mapping[str, Metric]] = lambda _setting: {}
    faults: Callable[[Sample, Sequence[TrainLine]], list[Problem]] = lambda _sample, _train: []
    warnings: Callable[[Sample], list[Problem]] = lambda _sample: []
    options: type[Document] = NoOptions
    over_checkpoints: bool = False
    trains: bool = False  # the suite holds train.jsonl


def cluster_of(item: Item) -> str:
    """What is drawn as one when items are drawn anew."""
    return item.cluster if item.cluster is not None else item.id
