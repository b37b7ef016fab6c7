"""The logistic function and its inverse, without the second that importing scipy would cost every process."""

from typing import Any

import numpy as np


def expit(x: Any) -> Any:
    """1 / (1 + exp(−x)), exact to its relative precision on both sides, for numbers and arrays."""
    return np.exp(-np.logaddexp(0.0, -np.asarray(x, dtype=float)))


def logit(p: Any) -> Any:
    """ln(p / (1 − p)); −∞ for 0 and ∞ for 1."""
    share = np.asarray(p, dtype=float)
    with np.errstate(divide="ignore"):
        return np.log(share) - np.log1p(-share)
