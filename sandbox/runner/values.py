"""What counts as a log-probability, a surprisal, a similarity, a label."""

import math
from collections.abc import Sequence

from sandbox.runner.errors import RunFailed

ROUNDING = 1e-4


def finite(value: object) -> float:
    """Return a finite number, that of a scalar array or tensor too; raises RunFailed with E-RUN-VALUE."""
    number = _plain(value)
    if isinstance(number, bool) or not isinstance(number, (int, float)):
        raise RunFailed("E-RUN-VALUE", f"a {type(value).__name__} instead of a number")
    try:
        result = float(number)
    except OverflowError as error:
        raise RunFailed("E-RUN-VALUE", "a number too large") from error
    if not math.isfinite(result):
        raise RunFailed("E-RUN-VALUE", f"{result}")
    return result


def logprob(value: object) -> float:
    """Return a finite number that is at most 0; raises RunFailed with E-RUN-VALUE.

    A sum that rounding lifted above 0 by no more than 1e-4 becomes 0.
    """
    result = finite(value)
    if result > ROUNDING:
        raise RunFailed("E-RUN-VALUE", f"{result}")
    return min(result, 0.0)


def surprisal(value: object) -> float:
    """Return a finite number that is at least 0; raises RunFailed with E-RUN-VALUE.

    One that rounding pushed below 0 by no more than 1e-4 becomes 0.
    """
    result = finite(value)
    if result < -ROUNDING:
        raise RunFailed("E-RUN-VALUE", f"{result}")
    return max(result, 0.0)


def label(value: object, *, labels: Sequence[int | str]) -> int | str:
    """Return one of the labels that were asked, a whole number or a text; raises RunFailed with E-RUN-VALUE."""
    plain = _plain(value)
    for known in labels:
        # 1, 1.0 and True are equal in Python, and are different answers.
        if type(plain) is type(known) and plain == known:
            return known
    raise RunFailed("E-RUN-VALUE", f"{str(value)[:80]!r} is not one of the labels")


def _plain(value: object) -> object:
    """Return what a scalar array or tensor holds, and every other value as it is."""
    item = getattr(value, "item", None)
    return item() if callable(item) else value
