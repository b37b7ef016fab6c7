"""Surprisal: what a model's surprisal explains of people's reading beyond length, frequency and position."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Annotated, Any, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, StringConstraints, model_validator

from evaluators.metrics.regression import clustered_partial_r2, with_products
from evaluators.protocol.documents import Document
from evaluators.protocol.items import Label, SurprisalGold, SurprisalItem, TrainLine
from evaluators.protocol.problems import Problem, ProblemsFound
from evaluators.statistics.resampling import Statistic
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

Numbers = NDArray[np.float64]
SURPRISAL = "surprisal"
PERCENT = 100.0
EXACT = 1e-6
LEAST_ROWS = 3
# More nats than any word in any model; without a bound a hostile answer's square would leave the numbers there are.
MOST_NATS = 1e4
METRIC = "partial_r2"
# A measure's own number stands under `partial_r2.<measure>`, and a metric's name has 40 characters at most.
Measure = Annotated[str, StringConstraints(min_length=1, max_length=29, pattern=r"^[A-Za-z0-9_-]+$")]


class SurprisalOptions(Document):
    """Which measures are explained, and what the baseline knows of each word.

    `baseline` names covariates of the word; `previous` names covariates of the word before it, or `surprisal` for its
    surprisal; `products`: the product of each two of them joins the baseline.
    """

    measures: tuple[Measure, ...] = Field(min_length=1, max_length=32)
    baseline: tuple[Label, ...] = Field(default=(), max_length=16)
    previous: tuple[Label, ...] = Field(default=(), max_length=16)
    products: bool = True

    @model_validator(mode="after")
    def _once(self) -> Self:
        for names in (self.measures, self.baseline, self.previous):
            if len(set(names)) < len(names):
                raise ValueError("a name stands twice")
        if SURPRISAL in self.baseline:
            raise ValueError("the word's own surprisal is what is added to the baseline")
        return self


def _options(setting: Setting) -> SurprisalOptions:
    options = setting.options
    if not isinstance(options, SurprisalOptions):
        raise TypeError(f"the setting holds {type(options).__name__}, not SurprisalOptions")
    return options


def ask(item: SurprisalItem, setting: Setting) -> list[Asked]:
    """One request for the whole text; raises ProblemsFound where the item lacks a covariate that the suite names."""
    _refuse(_lacking_covariate(item, _options(setting)))
    return [Asked(item.id, 0, {"type": "surprisal", "words": list(item.words)})]


def _lacking_covariate(item: SurprisalItem, options: SurprisalOptions) -> Problem | None:
    wanted = [name for name in (*options.baseline, *options.previous) if name != SURPRISAL]
    return _lacking(item.id, "items.jsonl", "covariates", wanted, item.covariates)


def _lacking_measure(gold: SurprisalGold, options: SurprisalOptions) -> Problem | None:
    return _lacking(gold.id, "gold.jsonl", "measures", options.measures, gold.measures)


def _lacking(item: str, file: str, field: str, wanted: Sequence[str], there: Collection[str]) -> Problem | None:
    name = next((name for name in wanted if name not in there), None)
    if name is None:
        return None
    sentence = f"{item!r}: the suite's options name {name!r}, which is not among its {field}"
    return Problem("E-SUITE-GOLD", sentence, file, field=field, remedy="Add it; write null where a number is missing.")


def _refuse(problem: Problem | None) -> None:
    if problem is not None:
        raise ProblemsFound([problem])


def faults(sample: Sample, _train: Sequence[TrainLine]) -> list[Problem]:
    """Items and gold that lack what the suite's options name."""
    options = _options(sample.setting)
    found = [_lacking_covariate(item, options) for item in sample.items]
    found += [_lacking_measure(gold, options) for gold in sample.gold]
    return [problem for problem in found if problem is not None]


def join(item: SurprisalItem, gold: SurprisalGold) -> str | None:
    """Each measure must have a number, or null, for each word."""
    for name, values in gold.measures.items():
        if len(values) != len(item.words):
            return f"measures.{name} has {len(values)} numbers for {len(item.words)} words"
    return None


def answered(_item: SurprisalItem, answers: Answers, _setting: Setting) -> bool:
    """Whether the text has its surprisals."""
    return 0 in answers


def score(item: SurprisalItem, gold: SurprisalGold, answers: Answers, setting: Setting) -> ItemScore:
    """Keep the words' surprisals (nats) in `values`; a text has no score of its own, so it is 0 for all.

    Raises ProblemsFound where the suite's options name what item or gold lack.
    """
    _refuse(_lacking_covariate(item, _options(setting)))
    _refuse(_lacking_measure(gold, _options(setting)))
    given = answers.get(0)
    values = None if given is None else tuple(min(float(value), MOST_NATS) for value in given["surprisals"])
    return ItemScore(item.id, item.group, cluster_of(item), item.weight, "", 0.0, values=values)


def _column(texts: Sequence[Sequence[float | None]], *, skip: int = 0, before: bool = False) -> Numbers:
    """The texts' numbers one after another, NaN for missing; of the word before each with `before`.

    `skip` words at the start of each text count as missing.
    """
    parts = []
    for text in texts:
        numbers = np.array([np.nan if value is None else value for value in text], dtype=float)
        numbers[:skip] = np.nan
        if before:
            numbers = np.concatenate([[np.nan], numbers[:-1]])
        parts.append(numbers)
    return np.concatenate(parts)


def _predictors(sample: Sample, surprisals: Sequence[Sequence[float]]) -> list[Numbers]:
    """The baseline's columns; the first word has no context, so what comes after it has no previous surprisal."""
    options = _options(sample.setting)
    columns = [_column([item.covariates[name] for item in sample.items]) for name in options.baseline]
    for name in options.previous:
        if name == SURPRISAL:
            columns.append(_column(surprisals, skip=1, before=True))
        else:
            columns.append(_column([item.covariates[name] for item in sample.items], before=True))
    return columns


def _explained(measures: Sequence[str] | None = None) -> Callable[[Sample], Statistic]:
    """The mean over these measures (the options' where None) of 100 times the partial R² of surprisal.

    Rows that lack a number drop from the measure's own regression. Undefined while an answer is missing, since leaving
    out texts could raise it, and where a measure is.
    """

    def prepare(sample: Sample) -> Statistic:
        surprisals = [item.values for item in sample.scores if item.values is not None]
        if len(surprisals) < len(sample.scores) or not surprisals:
            return lambda _weights: None
        names = _options(sample.setting).measures if measures is None else measures
        products = _options(sample.setting).products
        own = _column(surprisals)
        columns = _predictors(sample, surprisals)
        text = np.repeat(np.arange(len(surprisals)), [len(values) for values in surprisals])
        known = ~np.isnan(np.column_stack([own, *columns])).any(axis=1)
        statistics = []
        for name in names:
            outcome = _column([gold.measures[name] for gold in sample.gold])
            rows = known & ~np.isnan(outcome)
            count = int(rows.sum())
            if count < LEAST_ROWS:
                return lambda _weights: None
            design = with_products([column[rows] for column in columns], rows=count, products=products)
            statistics.append(clustered_partial_r2(outcome[rows], own[rows], design, text[rows], len(surprisals)))

        def value(weights: Numbers) -> float | None:
            values = [statistic(weights) for statistic in statistics]
            found = [one for one in values if one is not None]
            return PERCENT * sum(found) / len(values) if len(found) == len(values) else None

        return value

    return prepare


def details(setting: Setting) -> Mapping[str, Metric]:
    """One number for each measure, where there are several."""
    measures = _options(setting).measures
    if len(measures) == 1:
        return {}
    return {f"{METRIC}.{name}": Metric(_explained([name]), 0.0, PERCENT) for name in measures}


def probes(sample: Sample) -> list[Probe]:
    """What the baseline knows already adds nothing; a measure itself explains all of itself."""
    options = _options(sample.setting)

    def raised(values: Callable[[Any, Any], Sequence[float | None]]) -> Callable[[Any, Any, Setting], Answers]:
        """These numbers as surprisals, from 0 to some nats; 0 where one is missing."""
        every = [value for item, gold in zip(sample.items, sample.gold, strict=True) for value in values(item, gold)]
        known = [value for value in every if value is not None]
        least, most = min(known, default=0.0), max(known, default=0.0)
        scale = 20 / (most - least) if most > least else 1.0

        def answers(item: SurprisalItem, gold: SurprisalGold, _setting: Setting) -> Answers:
            return {0: {"surprisals": [0.0 if one is None else scale * (one - least) for one in values(item, gold)]}}

        return answers

    def covariate(name: str) -> Callable[[Any, Any], Sequence[float | None]]:
        return lambda item, _gold: item.covariates[name]

    def measure(name: str) -> Callable[[Any, Any], Sequence[float | None]]:
        return lambda _item, gold: gold.measures[name]

    def nothing(value: float | None) -> bool:
        return value is not None and abs(value) <= EXACT

    def much(value: float | None) -> bool:
        return value is not None and value >= ceiling - EXACT

    ceiling = PERCENT / len(options.measures)
    return [
        Probe("equal surprisals add nothing", raised(lambda item, _gold: [0.0] * len(item.words)), holds=nothing,
              expected="0", chance=True),
        *(Probe(f"the covariate {name} alone adds nothing", raised(covariate(name)), holds=nothing, expected="0")
          for name in options.baseline),
        *(Probe(f"the measure {name} explains all of itself", raised(measure(name)), holds=much,
                expected=f"{ceiling:g} or more")
          for name in options.measures),
    ]  # fmt: skip


def arbitrary(body: Mapping[str, Any]) -> dict[str, Any]:
    """A number from each word's letters."""
    return {"surprisals": [sum(map(ord, word)) % 17 + len(word) / 4 for word in body["words"]]}


def flags(answers: Mapping[str, Answers], _sample: Sample) -> tuple[str, ...]:
    """A model that is equally surprised by every word has learnt nothing."""
    values = [value for item in answers.values() for response in item.values() for value in response["surprisals"]]
    return ("constant-predictor",) if len(values) > 2 and len(set(values)) == 1 else ()


TASK = Task(
    name="surprisal",
    item=SurprisalItem,
    gold=SurprisalGold,
    request_type="surprisal",
    metrics={METRIC: Metric(_explained(), 0.0, PERCENT)},
    ask=ask,
    answered=answered,
    score=score,
    probes=probes,
    arbitrary=arbitrary,
    join=join,
    flags=flags,
    faults=faults,
    details=details,
    options=SurprisalOptions,
)
