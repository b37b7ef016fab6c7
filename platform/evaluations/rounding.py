"""How finely a score of hidden data is told before its reveal: in steps of about its standard error."""

import math
from dataclasses import dataclass

Z = 1.96


@dataclass(frozen=True)
class Shown:
    """A score as it may be told; `digits` counts decimals of the score itself (2: hundredths, -1: tens)."""

    value: float | None
    low: float | None
    high: float | None
    digits: int


def standard_error(n: float, span: float) -> float:
    """The largest standard error that a mean over n items can have whose scores lie in a range of width `span`.

    span / (2 √n), by Popoviciu's inequality on variances (1935). It depends on nothing that was answered, so that the
    step itself tells nothing.
    """
    return span / (2 * math.sqrt(n))


def digits_for(error: float, *, most: int) -> int:
    """The decimals d with 10^-d ≤ error < 10^(1-d), and at most `most`.

    Rounding to multiples of a step near the error is what the Ladder does with the scores it tells (Blum & Hardt 2015,
    section 3): two answers that differ by less could not be told apart anyway.
    """
    return most if error <= 0 else min(most, -math.floor(math.log10(error)))


def rounded(value: float, digits: int) -> float:
    """The nearest multiple of 10^-digits."""
    return round(value, digits)


def coarse(value: float | None, *, n: float, bounds: tuple[float, float], most: int) -> Shown:
    """The score and its 95 % interval as they may be told; `most` is the finest that the track shows anything.

    The interval follows from the rounded value and n alone, and its ends are multiples of the step, so it holds
    nothing that the rounded value does not: it is the widest that n items allow.
    """
    low, high = bounds
    if value is None or n <= 0:
        return Shown(None, None, None, most)
    error = standard_error(n, high - low)
    digits = digits_for(error, most=most)
    told = min(high, max(low, rounded(value, digits)))
    step = 10.0**-digits
    reach = Z * error + step / 2
    # A hair's breadth against what is left of rounding, so that an end on the grid stays there.
    first = rounded(math.floor((told - reach) / step + 1e-9) * step, digits)
    last = rounded(math.ceil((told + reach) / step - 1e-9) * step, digits)
    return Shown(told, max(low, first), min(high, last), digits)
