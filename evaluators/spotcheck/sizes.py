"""How many items a spot-check takes, and how small a forgery one of that size catches.

The items that are looked at are drawn without replacement from a frame, so the number of changed answers among them is
hypergeometric. Audits of elections are sized in the same way (Aslam, Popa & Rivest 2007, "On estimating the size and
confidence of a statistical audit"): n items miss all c changed ones of a frame of N with probability
C(N - c, n) / C(N, n).
"""

import math
from dataclasses import dataclass

# How often an honest file may be called inconsistent, where honest answers differ at all.
FALSE_ALARM = 1e-4
# A check that is to catch a forgery with 95 % is sized for 99 %: how many answers tell nothing is not known yet.
POWER = 0.99
STATED = 0.95
# The share of answers about which a model is in two minds, and a difference tells nothing.
UNCLEAR = 0.05
FLIPPED = 0.05


@dataclass(frozen=True)
class Size:
    """So many of `frame` items have to be looked at to see one of `changed` answers more than `allowance`."""

    items: int
    frame: int
    changed: int
    allowance: int
    power: float


def detection(*, frame: int, changed: int, size: int, allowance: int = 0) -> float:
    """The probability that more than `allowance` of `changed` answers are among `size` items of `frame`."""
    changed, size = min(changed, frame), min(size, frame)
    from scipy.stats import hypergeom  # a second to import, and seldom needed

    return float(hypergeom.sf(allowance, frame, changed, size)) if changed > 0 and size > 0 else 0.0


def allowance_of(*, size: int, honest: float, false_alarm: float = FALSE_ALARM) -> int:
    """The differences that an honest file may show in `size` items where it differs in the share `honest`.

    The smallest k with P(Binomial(size, honest) > k) at most `false_alarm`: a one-sided exact test.
    """
    from scipy.stats import binom

    return 0 if honest <= 0 or size <= 0 else int(binom.isf(false_alarm, size, honest))


def changed_answers(*, wrong: int, flipped: float, unclear: float = UNCLEAR) -> int:
    """How many of a file's right answers are forged and can be seen to be.

    `wrong` are those that the file still has wrong: had the share `flipped` of w wrong answers been turned right, there
    would be w·(1 - flipped) of them left, so w·flipped = wrong·flipped / (1 - flipped). Of these, the share
    `unclear` can't be told from noise.
    """
    forged = wrong * flipped / (1 - flipped) if flipped < 1 else math.inf
    return math.floor(forged * (1 - unclear) + 1e-9)


def recommended_size(
    *, frame: int, changed: int, power: float = POWER, honest: float = 0.0, false_alarm: float = FALSE_ALARM
) -> Size:
    """The fewest items that show `changed` forged answers of `frame` with at least `power`; all where none do."""
    allowance = 0
    while changed > allowance:
        items = _fewest(frame, changed, allowance, power)
        if items is None:
            break
        needed = allowance_of(size=items, honest=honest, false_alarm=false_alarm)
        if needed <= allowance:
            reached = detection(frame=frame, changed=changed, size=items, allowance=needed)
            return Size(items, frame, changed, needed, reached)
        allowance = needed
    allowance = allowance_of(size=frame, honest=honest, false_alarm=false_alarm)
    reached = detection(frame=frame, changed=changed, size=frame, allowance=allowance)
    return Size(frame, frame, changed, allowance, reached)


def _fewest(frame: int, changed: int, allowance: int, power: float) -> int | None:
    """The fewest items that show more than `allowance` of the changed answers; None where not even all of them do."""
    if detection(frame=frame, changed=changed, size=frame, allowance=allowance) < power:
        return None
    low, high = 0, frame  # low misses, high shows
    while high - low > 1:
        middle = (low + high) // 2
        if detection(frame=frame, changed=changed, size=middle, allowance=allowance) >= power:
            high = middle
        else:
            low = middle
    return high


def smallest_caught(*, frame: int, size: int, allowance: int = 0, power: float = STATED) -> int | None:
    """The fewest changed answers that `size` of `frame` items would have shown with `power`; None where none are."""
    if detection(frame=frame, changed=frame, size=size, allowance=allowance) < power:
        return None
    low, high = 0, frame
    while high - low > 1:
        middle = (low + high) // 2
        if detection(frame=frame, changed=middle, size=size, allowance=allowance) >= power:
            high = middle
        else:
            low = middle
    return high
