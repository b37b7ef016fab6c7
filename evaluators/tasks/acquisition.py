"""Acquisition: are words that children learn early learnt early by the model too; asked at every checkpoint."""

import math
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from evaluators.metrics.curves import PARAMETERS, fit_sigmoids
from evaluators.metrics.logistic import expit
from evaluators.metrics.ranks import pearson
from evaluators.protocol.documents import Document
from evaluators.protocol.items import AcquisitionGold, AcquisitionItem
from evaluators.statistics.resampling import Statistic
from evaluators.tasks import choice
from evaluators.tasks.interface import (
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

Numbers = NDArray[np.float64]
HALF = 0.5
# More nats than any word in any model; without a bound a hostile answer's square would leave the numbers there are.
MOST_NATS = 1e4
# A curve that rises by less, in nats, is flat.
FLAT = 1e-3
# How closely the self-test's curves, which are sampled at few checkpoints, give back what they were made from.
NEAR = 0.01


class AcquisitionOptions(Document):
    """`vocabulary`: how many words a guess is among, so that chance is ln(vocabulary) nats, the unit of the answers.

    `least_words`: with fewer usable words the correlation is undefined.
    """

    vocabulary: int = Field(default=300_000, ge=2, le=10**9, strict=True)
    least_words: int = Field(default=20, ge=3, le=10**6, strict=True)


def _options(setting: Setting) -> AcquisitionOptions:
    options = setting.options
    if not isinstance(options, AcquisitionOptions):
        raise TypeError(f"the setting holds {type(options).__name__}, not AcquisitionOptions")
    return options


def candidate_of(step: int, context: int, *, contexts: int) -> int:
    """The number that a request has among its word's: by the step's place, then by the context's."""
    return step * contexts + context


def ask(item: AcquisitionItem, setting: Setting) -> list[Asked]:
    """The word after each of its contexts, at each checkpoint."""
    contexts = len(item.contexts)
    return [
        Asked(
            item.id,
            candidate_of(number, place, contexts=contexts),
            {"type": "loglikelihood", "context": context, "continuation": item.word},
            step.name,
        )
        for number, step in enumerate(setting.steps)
        for place, context in enumerate(item.contexts)
    ]


def answered(item: AcquisitionItem, answers: Answers, setting: Setting) -> bool:
    """Whether the word has an answer in each context at each checkpoint."""
    return bool(setting.steps) and len(answers) == len(setting.steps) * len(item.contexts)


def _surprisal(answer: Answer) -> float:
    """Nats, from 0 (a rounded log-probability may lie just above it) to MOST_NATS."""
    return min(max(0.0, -float(answer["logprob"])), MOST_NATS)


def score(item: AcquisitionItem, _gold: AcquisitionGold, answers: Answers, setting: Setting) -> ItemScore:
    """Keep the mean surprisal (nats) at each checkpoint in `values`; a word has no score of its own, so it is 0."""
    values = None
    if answered(item, answers, setting):
        contexts = len(item.contexts)
        values = tuple(
            math.fsum(_surprisal(answers[start + place]) for place in range(contexts)) / contexts
            for start in range(0, contexts * len(setting.steps), contexts)
        )
    return ItemScore(item.id, item.group, cluster_of(item), item.weight, "", 0.0, values=values)


def month(gold: AcquisitionGold) -> float | None:
    """The age (months) at which half of the children know the word, between two ages by interpolation.

    None where half of them know it at the first age already, or never do.
    """
    pairs = list(zip(gold.months, gold.known, strict=True))
    for (age, known), (next_age, next_known) in pairwise(pairs):
        if known < HALF <= next_known:
            return age + (next_age - age) * (HALF - known) / (next_known - known)
        if known >= HALF:
            return None
    return None


class Learnt(NamedTuple):
    """When words were learnt, by item of a sample: model in log10 of words seen, children in months; NaN unusable."""

    model: Numbers
    children: Numbers

    @property
    def usable(self) -> NDArray[np.bool_]:
        """Where both are known."""
        usable: NDArray[np.bool_] = ~np.isnan(self.model) & ~np.isnan(self.children)
        return usable


def learnt(curves: Numbers, words: Sequence[int], *, chance: float) -> Numbers:
    """At which log10 of words seen each curve of surprisals (words × checkpoints, nats) passes half of the way.

    Half of the way from `chance` (nats) to the curve's own best, on a sigmoid fitted to −surprisal over log10 of the
    words seen (Chang & Bergen 2022). NaN where that is before the first checkpoint or after the last, or where the
    curve is flat, falls, or is never better than chance. A checkpoint at 0 words has no logarithm and is left out.
    """
    seen = np.asarray(words, dtype=float)
    kept = np.flatnonzero(seen > 0)
    kept = kept[np.argsort(seen[kept], kind="stable")]
    nowhere = np.full(len(curves), np.nan)
    if len(np.unique(seen[kept])) < PARAMETERS or not len(curves):
        return nowhere
    x, rising = np.log10(seen[kept]), -curves[:, kept]
    best = rising.max(axis=1)
    usable = (best > -chance) & (best - rising.min(axis=1) > FLAT)
    passed = fit_sigmoids(x, rising).crossing((best - chance) / 2)
    inside = usable & (passed >= x[0]) & (passed <= x[-1])
    return np.where(inside, passed, nowhere)


def _learnt(sample: Sample) -> Learnt | None:
    """When the sample's words were learnt; None while an answer is missing."""
    values = [item.values for item in sample.scores if item.values is not None]
    if len(values) < len(sample.scores) or not values:
        return None
    chance = math.log(_options(sample.setting).vocabulary)
    model = learnt(np.array(values), [step.words for step in sample.setting.steps], chance=chance)
    months = [month(gold) for gold in sample.gold]
    return Learnt(model, np.array([np.nan if one is None else one for one in months]))


def _correlated(sample: Sample) -> Statistic:
    """Pearson's r of the model's log10 of words seen with the children's months, over the usable words.

    The curves are fitted once, whatever the weights. Undefined with too few usable words, and while an answer is
    missing: leaving out the words that fit worst would otherwise raise it.
    """
    found = _learnt(sample)
    if found is None or found.usable.sum() < _options(sample.setting).least_words:
        return lambda _weights: None
    usable = found.usable
    correlation = pearson(found.model[usable], found.children[usable])
    return lambda weights: correlation(weights[usable])


def _usable_words(sample: Sample) -> Statistic:
    found = _learnt(sample)
    count = 0.0 if found is None else float(found.usable.sum())
    return lambda _weights: count


def _mean_step(sample: Sample) -> Statistic:
    found = _learnt(sample)
    if found is None or not found.usable.any():
        return lambda _weights: None
    usable, model = found.usable, found.model

    def value(weights: Numbers) -> float | None:
        total = float(weights[usable].sum())
        return float(weights[usable] @ model[usable]) / total if total else None

    return value


def details(_setting: Setting) -> Mapping[str, Metric]:
    """How many words could be used, and the mean log10 of words seen at which the model learnt them."""
    return {
        "usable-words": Metric(_usable_words, 0.0, math.inf),
        "mean-log10-words-seen": Metric(_mean_step, 0.0, math.inf),
    }


def probes(sample: Sample) -> list[Probe]:
    """A model that never learns is undefined; one that learns in the children's order scores 1, in its reverse −1."""
    known = [one for one in map(month, sample.gold) if one is not None]
    first, last = (min(known), max(known)) if known else (0.0, 0.0)

    def answers(place: Callable[[float], float] | None) -> Callable[[Any, Any, Setting], Answers]:
        """Curves whose middle lies at this share of the way from the first checkpoint to the last, in log10."""

        def answer(item: AcquisitionItem, gold: AcquisitionGold, setting: Setting) -> Answers:
            chance = math.log(_options(setting).vocabulary)
            at = [math.log10(step.words) for step in setting.steps]
            when = month(gold)
            share = 0.5 if when is None or last == first else (when - first) / (last - first)
            found: dict[int, dict[str, Any]] = {}
            for number, here in enumerate(at):
                level = 0.5
                if place is not None:
                    middle = at[0] + (at[-1] - at[0]) * (0.25 + 0.5 * place(share))
                    level = float(expit(12 * (here - middle)))
                for context in range(len(item.contexts)):
                    answer = {"logprob": -chance * (1 - 0.9 * level), "tokens": 1}
                    found[number * len(item.contexts) + context] = answer
            return found

        return answer

    return [
        Probe("curves that never rise are undefined", answers(None), holds=lambda value: value is None,
              expected="undefined"),
        Probe("the children's own order scores near 1", answers(lambda share: share),
              holds=lambda value: value is not None and value >= 1 - NEAR, expected=f"{1 - NEAR:g} or more"),
        Probe("its reverse scores near -1", answers(lambda share: 1 - share),
              holds=lambda value: value is not None and value <= NEAR - 1, expected=f"{NEAR - 1:g} or less"),
    ]  # fmt: skip


def arbitrary(body: Mapping[str, Any]) -> dict[str, Any]:
    """Curves that rise at a checkpoint that depends on the word's letters; contexts differ by a little."""
    digits = "".join(character for character in str(body.get("checkpoint", "")) if character.isdigit())
    middle = 1.5 + sum(map(ord, body["continuation"])) % 4
    little = (len(body["context"]) % 5) / 10
    return {"logprob": -12.0 * float(1 - expit(2 * (int(digits or 0) - middle))) - little, "tokens": 1}


TASK = Task(
    name="acquisition",
    item=AcquisitionItem,
    gold=AcquisitionGold,
    request_type="loglikelihood",
    metrics={"pearson": Metric(_correlated, -1.0, 1.0)},
    ask=ask,
    answered=answered,
    score=score,
    probes=probes,
    arbitrary=arbitrary,
    flags=choice.flags,
    details=details,
    options=AcquisitionOptions,
    over_checkpoints=True,
)
