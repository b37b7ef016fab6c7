"""Spot-checks: a secret sample of items, run on the model, compared with the predictions that it is said to have made."""

from dataclasses import replace

from evaluators.spotcheck.comparing import NUMBERS, Comparison, Tolerance, Verdict, compare, tolerance_of
from evaluators.spotcheck.samples import draw_sample, frame_of
from evaluators.spotcheck.sizes import (
    FLIPPED,
    POWER,
    Size,
    allowance_of,
    changed_answers,
    detection,
    recommended_size,
    smallest_caught,
)
from evaluators.tasks.interface import ItemScore


def size_for(
    handed: list[ItemScore], *, task: str, flipped: float = FLIPPED, power: float = POWER,
    tolerance: Tolerance | None = None,
) -> Size:  # fmt: skip
    """The size of a spot-check of these predictions that catches the share `flipped` of the wrong answers turned right.

    Where answers are numbers, `flipped` is the share of all answers that were changed.
    """
    honest = tolerance or tolerance_of(task)
    numbers = task in NUMBERS
    frame = frame_of(handed, numbers=numbers)
    wrong = sum(item.score <= 0 for item in handed)
    if numbers:
        changed = int(len(frame) * flipped)
    else:
        changed = changed_answers(wrong=wrong, flipped=flipped, unclear=honest.unclear)
    return recommended_size(
        frame=len(frame), changed=changed, power=power, honest=honest.honest, false_alarm=honest.false_alarm
    )


def honest_share(tolerance: Tolerance, share: float) -> Tolerance:
    """The tolerance with another share of items in which an honest file may differ."""
    return replace(tolerance, honest=share)


__all__ = [
    "FLIPPED", "NUMBERS", "POWER", "Comparison", "Size", "Tolerance", "Verdict", "allowance_of", "changed_answers",
    "compare", "detection", "draw_sample", "frame_of", "honest_share", "recommended_size", "size_for",
    "smallest_caught", "tolerance_of",
]  # fmt: skip
