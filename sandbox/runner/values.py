"""What counts as a log-probability."""

import math

from sandbox.runner.errors import RunFailed

ROUNDING = 1e-4


def logprob(value: object) -> float:
    """Return a finite number that is at most 0; raises RunFailed with E-RUN-VALUE.

    A sum that rounding lifted above 0 by no more than 1e-4 becomes 0.
    """
    item = getattr(value, "item", None)
    number = item() if callable(item) else value
    if isinstance(number, bool) or not isinstance(number, (int, float)):
        raise RunFailed("E-RUN-VALUE", f"a {type(value).__name__} instead of a number")
    try:
        result = float(number)
    except OverflowError as error:
        raise RunFailed("E-RUN-VALUE", "a number too large") from error
    if not math.isfinite(result) or result > ROUNDING:
        raise RunFailed("E-RUN-VALUE", f"{result}")
    return min(result, 0.0)
