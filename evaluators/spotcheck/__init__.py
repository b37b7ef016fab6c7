"""Spot-checks: a secret sample of items, run on the model, compared with the predictions said to be the model's."""

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

    Where answers are numbers, `flipped` is the share of all answers that were changed. Where honest files differ so
    much that a forgery this small can't be seen, it is sized for twice as many, and so on.
    """
    honest = tolerance or tolerance_of(task)
    numbers = task in NUMBERS
    frame = len(frame_of(handed, numbers=numbers))
    wrong = sum(item.score <= 0 for item in handed)
    while True:
        changed = (
            int(frame * flipped) if numbers else changed_answers(wrong=wrong, flipped=flipped, unclear=honest.unclear)
        )
        size = recommended_size(
            frame=frame, changed=changed, power=power, honest=honest.honest, false_alarm=honest.false_alarm
        )
        if size.power >= power or honest.honest <= 0 or 2 * flipped >= 1:
            return size
        # What honest files may differ in hides a forgery this small, however many items are looked at.
        flipped *= 2


__all__ = [
    "FLIPPED", "NUMBERS", "POWER", "Comparison", "Size", "Tolerance", "Verdict", "allowance_of", "changed_answers",
    "compare", "detection", "draw_sample", "frame_of", "recommended_size", "size_for",
    "smallest_caught", "tolerance_of",
]  # fmt: skip
