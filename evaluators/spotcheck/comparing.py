"""Answer by answer: what a file says, and what the model answers that it is said to come from."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from evaluators.spotcheck.sizes import FALSE_ALARM, STATED, UNCLEAR, allowance_of, smallest_caught
from evaluators.tasks.interface import ItemScore


class Verdict(StrEnum):
    """Inconclusive: the model is in two minds about so many items that its answers tell nothing."""

    CONSISTENT = "consistent"
    INCONSISTENT = "inconsistent"
    INCONCLUSIVE = "inconclusive"


@dataclass(frozen=True)
class Tolerance:
    """What an honest file may show.

    `nats`: log-probabilities (choice) and numbers may differ by so much between machines, numbers also by the share
    `relative`. `honest`: the share of items in which it may differ by more, as what is fine-tuned anew does.
    `unclear`: the share of items about which a model may be in two minds.
    """

    nats: float = 0.01
    relative: float = 0.001
    honest: float = 0.0
    unclear: float = UNCLEAR
    false_alarm: float = FALSE_ALARM


# Labels come from models that were fine-tuned anew, which never ends in the same weights twice.
BY_TASK: Mapping[str, Tolerance] = {"classification": Tolerance(honest=0.02)}
NUMBERS = frozenset({"probability", "surprisal", "similarity", "acquisition"})


def tolerance_of(task: str) -> Tolerance:
    """What an honest file of a task may show, unless somebody says otherwise."""
    return BY_TASK.get(task, Tolerance())


@dataclass(frozen=True)
class Comparison:
    """What a spot-check found.

    `smallest` is the least number of changed answers among the `frame` that it would have shown with 95 %: the share
    `smallest_of_wrong` of the wrong answers (None for numbers), worth `smallest_gain` of the items.
    """

    verdict: Verdict
    items: int
    compared: int
    agreements: int
    disagreements: int
    unclear: int
    allowance: int
    frame: int
    smallest: int | None
    smallest_share: float | None
    smallest_of_wrong: float | None
    smallest_gain: float | None
    groups: Mapping[str, tuple[int, int]]

    def to_value(self) -> dict[str, Any]:
        """As JSON; `groups` maps to items compared and disagreements."""
        return {**asdict(self), "verdict": self.verdict.value, "groups": {k: list(v) for k, v in self.groups.items()}}


def compare(
    handed: Sequence[ItemScore], own: Sequence[ItemScore], *, frame: int, tolerance: Tolerance = Tolerance()
) -> Comparison:
    """Compare a file's item scores with those of the model's own answers to a sample of a frame of that many items.

    An item of `own` that the file does not answer counts as a disagreement.
    """
    asked = {item.item_id for item in own}
    by_id = {item.item_id: item for item in handed if item.item_id in asked}
    counts: Counter[str] = Counter()
    groups: dict[str, tuple[int, int]] = {}
    for item in own:
        found = _agreement(by_id.get(item.item_id), item, tolerance)
        counts[found] += 1
        n, bad = groups.get(item.group, (0, 0))
        groups[item.group] = (n + 1, bad + (found == "different"))
    compared, clear = counts.total(), counts["same"] + counts["different"]
    allowed = allowance_of(size=compared, honest=tolerance.honest, false_alarm=tolerance.false_alarm)
    smallest = smallest_caught(frame=frame, size=clear, allowance=allowed, power=STATED)
    numbers = any(item.values is not None for item in handed)
    wrong = sum(item.score <= 0 for item in handed)
    return Comparison(
        verdict=_verdict(counts, compared, allowed, tolerance),
        items=len(handed),
        compared=compared,
        agreements=counts["same"],
        disagreements=counts["different"],
        unclear=counts["unclear"],
        allowance=allowed,
        frame=frame,
        smallest=smallest,
        smallest_share=None if smallest is None else smallest / frame,
        smallest_of_wrong=None if smallest is None or numbers else smallest / (wrong + smallest),
        smallest_gain=None if smallest is None or numbers else smallest / len(handed),
        groups=dict(sorted(groups.items())),
    )


def _verdict(counts: Counter[str], compared: int, allowed: int, tolerance: Tolerance) -> Verdict:
    if counts["different"] > allowed:
        return Verdict.INCONSISTENT
    # A model that gives all candidates the same would excuse any file.
    from scipy.stats import binom  # a second to import, and seldom needed

    too_many = binom.sf(counts["unclear"] - 1, compared, tolerance.unclear) <= tolerance.false_alarm
    if not compared or (counts["unclear"] and (tolerance.unclear <= 0 or too_many)):
        return Verdict.INCONCLUSIVE
    return Verdict.CONSISTENT


def _agreement(handed: ItemScore | None, own: ItemScore, tolerance: Tolerance) -> str:
    if handed is None:
        return "different"
    if own.values is not None or handed.values is not None:
        return "same" if _alike(handed.values, own.values, tolerance) else "different"
    if own.margin is None:
        return "same" if handed.response == own.response else "different"
    if abs(own.margin) <= tolerance.nats:
        return "unclear"
    # The file has either the gold candidate or another one; the model's margin is that of the gold one.
    said, does = handed.score > 0, own.margin > 0
    return "same" if said == does else "different"


def _alike(one: tuple[float, ...] | None, other: tuple[float, ...] | None, tolerance: Tolerance) -> bool:
    if one is None or other is None or len(one) != len(other):
        return False
    pairs = zip(one, other, strict=True)
    return all(
        math.isclose(a, b, rel_tol=tolerance.relative, abs_tol=tolerance.nats) or (math.isnan(a) and math.isnan(b))
        for a, b in pairs
    )
