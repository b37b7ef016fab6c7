"""Classification: the model names the class of each item, trained on the suite's train.jsonl or not (GLUE, MSGS, …)."""

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from evaluators.metrics.classes import Classes, Confusion, f1, macro_f1, matthews
from evaluators.protocol.documents import Document
from evaluators.protocol.items import Class, ClassificationGold, ClassificationItem, Label, TrainLine
from evaluators.protocol.problems import Problem, ProblemsFound
from evaluators.statistics.resampling import Statistic
from evaluators.tasks.interface import (
    ACCURACY,
    Answer,
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

EVERY_GROUP = "all"
MOST_FLAGS = 50
# No class can have this name: what is written in documents has no such characters.
NO_CLASS = "\x7f"
ByGroup = Literal["accuracy", "f1", "macro-f1", "mcc"]
Share = Annotated[float, Field(ge=0, le=1)]


class FinetuningOfTask(Document):
    """How a model and its new head are trained; what is left out is the runner's default.

    `max_length` counts tokens; `warmup` is the share of steps in which the learning rate rises, `floor` what is left
    of it at the end; `held_out` is the share of training lines that choose the best epoch.
    """

    epochs: int | None = Field(default=None, ge=1, le=1000)
    learning_rate: Share | None = None
    batch_size: int | None = Field(default=None, ge=1, le=4096)
    max_length: int | None = Field(default=None, ge=2, le=8192)
    seed: int | None = Field(default=None, ge=0, lt=2**31)
    schedule: Literal["cosine", "linear", "constant"] | None = None
    warmup: Share | None = None
    floor: Share | None = None
    weight_decay: Share | None = None
    head: Literal["mlp", "linear"] | None = None
    dropout: float | None = Field(default=None, ge=0, le=0.9)
    held_out: float | None = Field(default=None, ge=0, le=0.5)
    patience: int | None = Field(default=None, ge=0, le=1000)


class Finetuning(FinetuningOfTask):
    """The settings of a suite; `tasks` has those that differ for a group."""

    tasks: dict[Label, FinetuningOfTask] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _patience_has_lines_to_judge_by(self) -> Self:
        """Training stops early by held-out lines only: never by those that are scored."""
        of_tasks = [(f"tasks.{name}", own.patience, own.held_out) for name, own in self.tasks.items()]
        for name, patience, held_out in (("finetuning", self.patience, self.held_out), *of_tasks):
            waits = self.patience if patience is None else patience
            if waits and not (self.held_out if held_out is None else held_out):
                raise ValueError(f"{name}: patience needs held_out above 0, the share of training lines to judge by")
        return self


class ClassificationOptions(Document):
    """The classes of each group (`all` serves those without a list of their own), and how models are trained.

    `positive` is the class that the metric f1 is of; `metrics` says which metric each group is ranked by where the
    suite's own is `by-group` (accuracy where it says nothing).
    """

    labels: dict[Label, Annotated[tuple[Class, ...], Field(min_length=2, max_length=1000)]] = Field(min_length=1)
    positive: Class = 1
    metrics: dict[Label, ByGroup] = Field(default_factory=dict)
    finetuning: Finetuning = Field(default_factory=Finetuning)

    @model_validator(mode="after")
    def _once(self) -> Self:
        for group, classes in self.labels.items():
            if len({named(value) for value in classes}) < len(classes):
                raise ValueError(f'labels.{group} has a class twice (1 and "1" are the same)')
        return self

    def classes_of(self, group: str) -> tuple[int | str, ...]:
        """The group's classes; none where the options don't have the group."""
        return self.labels.get(group) or self.labels.get(EVERY_GROUP) or ()


def named(value: object) -> str:
    """A class as text: sources write 1 and "1" for the same."""
    return str(value)


def _options(setting: Setting) -> ClassificationOptions:
    options = setting.options
    if not isinstance(options, ClassificationOptions):
        raise TypeError("a classification suite has ClassificationOptions")
    return options


def ask(item: ClassificationItem, setting: Setting) -> list[Asked]:
    """One request for each item; the classes come from the options, sorted, so that they tell nothing of the gold."""
    classes = sorted(_options(setting).classes_of(item.group), key=lambda value: (isinstance(value, str), value))
    if not classes:
        raise ProblemsFound([_unlisted(item.group)])
    return [Asked(item.id, 0, {"type": "classify", "task": item.group, "inputs": item.texts, "labels": classes})]


def answered(_item: ClassificationItem, answers: Answers, _setting: Setting) -> bool:
    """Whether the item has a class."""
    return 0 in answers


def score(item: ClassificationItem, gold: ClassificationGold, answers: Answers, _setting: Setting) -> ItemScore:
    """1 where the answered class is the gold one; no answer is no class, and wrong."""
    response = named(answers[0]["label"]) if 0 in answers else ""
    right = float(response == named(gold.label))
    return ItemScore(item.id, item.group, cluster_of(item), item.weight, response, right)


def _over_classes(value: Callable[[Confusion], float]) -> Callable[[Sample], Statistic]:
    def prepare(sample: Sample) -> Statistic:
        return _classes(sample).statistic(value)

    return prepare


def _classes(sample: Sample) -> Classes:
    """Gold and answered classes; answers that are none of the group's classes are one and the same wrong class.

    Each would be a class by itself otherwise, and the table of all pairs larger than any memory.
    """
    options = _options(sample.setting)
    gold = [named(one.label) for one in sample.gold]
    known = {group: {"", *map(named, options.classes_of(group))} for group in {score.group for score in sample.scores}}
    for label, score in zip(gold, sample.scores, strict=True):
        known[score.group].add(label)
    return Classes(gold, [one.response if one.response in known[one.group] else NO_CLASS for one in sample.scores])


def _f1(sample: Sample) -> Statistic:
    """F1 of the positive class; undefined where the items have more than two classes, or not that one."""
    options = _options(sample.setting)
    positive = named(options.positive)
    for group in {item.group for item in sample.items}:
        names = {named(value) for value in options.classes_of(group)}
        if len(names) != 2 or positive not in names:
            return lambda _weights: None
    classes = _classes(sample)
    if positive not in classes.names:
        # Neither gold nor answered anywhere: nothing was found, and nothing was there.
        return lambda weights: 0.0 if weights.sum() else None
    position = classes.names.index(positive)
    return classes.statistic(lambda confusion: f1(confusion, position))


def _by_group(sample: Sample) -> Statistic:
    """Each group by the metric that the options name for it; the mean of the groups where there are several."""
    options = _options(sample.setting)
    places: dict[str, list[int]] = {}
    for position, item in enumerate(sample.items):
        places.setdefault(item.group, []).append(position)
    parts = [
        (np.array(members), METRICS[options.metrics.get(group, "accuracy")].prepare(sample.take(members)))
        for group, members in sorted(places.items())
    ]

    def value(weights: NDArray[np.float64]) -> float | None:
        found = [statistic(weights[members]) for members, statistic in parts if weights[members].any()]
        defined = [one for one in found if one is not None]
        return sum(defined) / len(defined) if defined and len(defined) == len(found) else None

    return value


def _alike(gold: ClassificationGold, score: ItemScore) -> tuple[str, str, str]:
    return score.group, named(gold.label), score.response


METRICS = {
    "accuracy": ACCURACY,
    "f1": Metric(_f1, 0.0, 1.0, alike=_alike),
    "macro-f1": Metric(_over_classes(macro_f1), 0.0, 1.0, alike=_alike),
    "mcc": Metric(_over_classes(matthews), -1.0, 1.0, alike=_alike),
    "by-group": Metric(_by_group, -1.0, 1.0, alike=_alike),
}


def _unlisted(group: str) -> Problem:
    return Problem(
        "E-SUITE-LABELS",
        f"the options list no classes for the group {group!r}",
        "suite.yaml",
        field="options.labels",
        remedy=f"List them, or those of every group as {EVERY_GROUP!r}.",
    )


def faults(sample: Sample, train: Sequence[TrainLine]) -> list[Problem]:
    """Classes that the options don't list, and groups that the suite's metric can't serve."""
    options = _options(sample.setting)
    groups = sorted({item.group for item in sample.items})
    problems = [_unlisted(group) for group in groups if not options.classes_of(group)]
    listed = {group: {named(value) for value in options.classes_of(group)} for group in groups}
    lines = [(item.group, gold, "gold.jsonl") for item, gold in zip(sample.items, sample.gold, strict=True)]
    lines += [(line.group, line, "train.jsonl") for line in train]
    seen: set[tuple[str, str, str]] = set()
    for group, line, file in lines:
        key = (group, named(line.label), file)
        if key in seen or named(line.label) in listed.get(group, {key[1]}):
            continue
        seen.add(key)
        sentence = f"{line.id!r} has the class {line.label!r}, which the options don't list for the group {group!r}"
        problems.append(Problem("E-SUITE-LABELS", sentence, file, field="label", remedy="List it, or mend the line."))
    learnt = {line.group for line in train}
    problems += [
        Problem("E-SUITE-LABELS", f"train.jsonl has no line for the group {group!r}", "train.jsonl",
                remedy="Give every group lines to learn from, or none.")
        for group in groups if learnt and group not in learnt
    ]  # fmt: skip
    return problems + _metric_faults(options, groups, listed, sample.setting.metric)


def _metric_faults(
    options: ClassificationOptions, groups: Sequence[str], listed: Mapping[str, set[str]], metric: str
) -> list[Problem]:
    """F1 is of one of two classes; metrics may be named for groups that are there, where the suite ranks by them."""
    ranked = {group: options.metrics.get(group, "accuracy") if metric == "by-group" else metric for group in groups}
    problems = [
        Problem("E-SUITE-METRIC", f"the group {group!r} has not {options.positive!r} and one other class, as f1 needs",
                "suite.yaml", field="options.positive", remedy="Name the positive class, or use macro-f1.")
        for group, name in ranked.items()
        if name == "f1" and (len(listed[group]) != 2 or named(options.positive) not in listed[group])
    ]  # fmt: skip
    strange = sorted(options.metrics.keys() - set(groups)) if metric == "by-group" else sorted(options.metrics)
    problems += [
        Problem("E-SUITE-METRIC", f"the options name a metric for {group!r}, which nothing is ranked by", "suite.yaml",
                field="options.metrics", remedy="Take it out, or let the suite's metric be by-group.")
        for group in strange
    ]  # fmt: skip
    return problems


def probes(sample: Sample) -> list[Probe]:
    """One class for everything scores its share of the gold (no correlation at all), the gold itself scores all."""
    options = _options(sample.setting)

    def first(item: ClassificationItem) -> int | str:
        """The group's first class, and not the positive one: answering that always finds some."""
        classes = [value for value in options.classes_of(item.group) if named(value) != named(options.positive)]
        return classes[0]

    def constant(item: ClassificationItem, _gold: ClassificationGold, _setting: Setting) -> Answers:
        return {0: {"label": first(item)}}

    def gold(_item: ClassificationItem, gold: ClassificationGold, _setting: Setting) -> Answers:
        return {0: {"label": gold.label}}

    def share(item: ClassificationItem, gold: ClassificationGold) -> float:
        return float(named(first(item)) == named(gold.label))

    name = "one class for everything scores its share of the gold"
    expectations = {
        "accuracy": Probe(name, constant, by_item=share),
        "f1": Probe("never the positive class scores nothing", constant, end="low"),
        "mcc": Probe("one class for everything shows no correlation", constant, holds=lambda value: value == 0,
                     expected="0", chance=True),
    }  # fmt: skip
    below = Probe("one class for everything scores less than the gold", constant, expected="below 1",
                  holds=lambda value: value is not None and value < 1)  # fmt: skip
    return [
        expectations.get(sample.setting.metric, below),
        Probe("the gold itself scores best", gold, end="high"),
    ]


def arbitrary(body: Mapping[str, Any]) -> dict[str, Any]:
    """A class by the length of the texts."""
    labels = body["labels"]
    return {"label": labels[sum(map(len, body["inputs"].values())) % len(labels)]}


def flags(answers: Mapping[str, Answers], sample: Sample) -> tuple[str, ...]:
    """Groups that are all one class where the gold has several, by that class; and whether any item has no answer."""
    given: dict[str, list[Answer]] = {}
    classes: dict[str, set[str]] = {}
    for item, gold in zip(sample.items, sample.gold, strict=True):
        classes.setdefault(item.group, set()).add(named(gold.label))
        if 0 in answers.get(item.id, {}):
            given.setdefault(item.group, []).append(answers[item.id][0])
    found = []
    for group, members in sorted(given.items()):
        names = {named(one["label"]) for one in members}
        if len(members) > 2 and len(names) == 1 and len(classes[group]) > 1:
            found.append(f"constant-predictor {group}: {names.pop()}")
    if found:
        found.insert(0, "constant-predictor")
    if sum(map(len, given.values())) < len(sample.items):
        found.insert(0, "short-coverage")
    return tuple(found[:MOST_FLAGS])


TASK = Task(
    name="classification",
    item=ClassificationItem,
    gold=ClassificationGold,
    request_type="classify",
    metrics=METRICS,
    ask=ask,
    answered=answered,
    score=score,
    probes=probes,
    arbitrary=arbitrary,
    flags=flags,
    faults=faults,
    options=ClassificationOptions,
    trains=True,
)
