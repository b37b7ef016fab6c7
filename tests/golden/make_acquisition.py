"""Makes acquisition.json: `python make_acquisition.py > acquisition.json`, with numpy and scipy.

Invented surprisals (nats) of 30 words at 12 checkpoints, with noise, and shares of children; each curve is fitted by
itself with scipy's curve_fit from nine starts, the best kept: nothing of this project takes part. Two words are never
learnt by the model, one never by half of the children.
"""

import json
import math
import sys

import numpy as np
from scipy.optimize import curve_fit
from scipy.special import expit
from scipy.stats import pearsonr

VOCABULARY = 300_000
WORDS = [1, 2, 4, 6, 8, 10, 20, 40, 60, 80, 100, 200]
MONTHS = list(range(16, 31, 2))


def sigmoid(x: np.ndarray, height: float, slope: float, middle: float, lower: float) -> np.ndarray:
    return height * expit(slope * (x - middle)) + lower


def model_age(x: np.ndarray, surprisals: np.ndarray) -> float | None:
    rising = -surprisals
    level = -(math.log(VOCABULARY) + surprisals.min()) / 2
    best, least = None, math.inf
    for middle in (6.5, 7.2, 8.0):
        for slope in (2.0, 6.0, 15.0):
            first = [float(np.ptp(rising)), slope, middle, float(rising.min())]
            bounds = ([0, 0.5, x[0] - 1, -np.inf], [np.inf, 50, x[-1] + 1, np.inf])
            try:
                found, _ = curve_fit(sigmoid, x, rising, p0=first, bounds=bounds, max_nfev=3000, ftol=1e-12, xtol=1e-12)
            except RuntimeError:
                continue  # this start does not settle; another does
            error = float(np.sum((sigmoid(x, *found) - rising) ** 2))
            if error < least:
                best, least = found, error
    height, slope, middle, lower = best
    if not lower < level < lower + height:
        return None
    age = middle - math.log(height / (level - lower) - 1) / slope
    return float(age) if x[0] <= age <= x[-1] else None


def child_age(known: list[float]) -> float | None:
    return float(np.interp(0.5, known, MONTHS)) if known[0] < 0.5 <= known[-1] else None


def main() -> None:
    random = np.random.default_rng(5)
    x = np.log10(np.array(WORDS) * 1e6)
    surprisals, shares = [], []
    for number in range(30):
        child = float(random.uniform(17, 29))
        middle = 6.5 + 0.1 * (child - 17) + float(random.normal(0, 0.25))
        curve = 12.5 - 8 * expit(float(random.uniform(3, 8)) * (x - middle)) + random.normal(0, 0.3, len(x))
        if number in (3, 17):
            curve = 11 + random.normal(0, 0.2, len(x))
        surprisals.append(curve.round(4).tolist())
        top = 0.4 if number == 8 else 1.0
        shares.append([round(top * float(expit((month - child) / 3)), 4) for month in MONTHS])
    model = [model_age(x, np.array(curve)) for curve in surprisals]
    children = [child_age(known) for known in shares]
    both = [(one, two) for one, two in zip(model, children, strict=True) if one is not None and two is not None]
    value = float(pearsonr(*zip(*both, strict=True)).statistic)
    json.dump(
        {"made": "make_acquisition.py, scipy", "vocabulary": VOCABULARY, "millions": WORDS, "months": MONTHS,
         "surprisals": surprisals, "known": shares, "model": model, "children": children, "pearson": value,
         "usable": len(both)},
        sys.stdout,
    )  # fmt: skip
    print()


if __name__ == "__main__":
    main()
