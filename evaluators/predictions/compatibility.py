"""Numbers as some leaderboards computed them: for comparison with what was published, never for ranking."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from evaluators.predictions.answers import Answers
from evaluators.protocol.problems import Problem, ProblemsFound
from evaluators.protocol.scores import COMPATIBILITY
from evaluators.scoring import Scored, score_answers
from evaluators.suites.folder import Suite


def dropping_last_batch(suite: Suite, answers: Answers, *, size: int, honest: Scored) -> Scored:
    """The scores over the whole batches of each group alone, as a loader that drops the last one computes them.

    Coverage, gaps and flags stay those of `honest`, so the result says what was left out, and it is never complete.
    Raises ProblemsFound for a batch size below 1, or where no whole batch is left.
    """
    kept = _whole_batches(suite, size)
    part = replace(
        suite,
        items=[item for item in suite.items if item.id in kept],
        gold={identifier: gold for identifier, gold in suite.gold.items() if identifier in kept},
    )
    given: Mapping[str, Any] = {name: one for name, one in answers.by_item.items() if name in kept}
    scored = score_answers(part, given, ignored=honest.document.ignored, steps=answers.steps)
    document = scored.document.model_copy(
        update={
            "coverage": honest.document.coverage,
            "gaps": honest.document.gaps,
            "flags": (COMPATIBILITY, *honest.document.flags),
            "self_reported": honest.document.self_reported,
        }
    )
    return Scored(document=document, items=scored.items)


def _whole_batches(suite: Suite, size: int) -> set[str]:
    """The ids of the items in each group's whole batches, by the number that an id ends with."""
    groups: dict[str, list[tuple[int, str]]] = {}
    for place, item in enumerate(suite.items):
        number = item.id.rpartition("/")[2]
        own = int(number) if number.isdigit() and number.isascii() and len(number) < 10 else place
        groups.setdefault(item.group, []).append((own, item.id))
    kept: set[str] = set()
    for members in groups.values():
        if size < 1 or len(members) < size:
            sentence = f"a group of {len(members):,} items has no whole batch of {size:,}"
            remedy = "Give a number from 1 to the size of the smallest group."
            raise ProblemsFound([Problem("E-PRED-VALUE", sentence, field="--drop-last-batch", remedy=remedy)])
        kept.update(identifier for _, identifier in sorted(members)[: len(members) // size * size])
    return kept
