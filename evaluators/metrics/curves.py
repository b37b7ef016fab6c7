"""Learning curves: rising sigmoids fitted to many of them at once, without chance and without warnings."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from evaluators.metrics.logistic import expit

Numbers = NDArray[np.float64]
PARAMETERS = 4
# A sigmoid's slope per unit of x; its middle may lie so far outside of the points.
SLOPES = (0.5, 50.0)
STEEPNESS = (math.log(SLOPES[0]), math.log(SLOPES[1]))
MARGIN = 1.0
MIDDLES, STEEPNESSES = 61, 25
ROUNDS = 80
SETTLED = 1e-12


class Sigmoids(NamedTuple):
    """Curves lower + height / (1 + exp(−slope · (x − middle))), one entry each; height 0 where nothing rises."""

    lower: Numbers
    height: Numbers
    middle: Numbers
    slope: Numbers
    error: Numbers  # sum of squared residuals

    def at(self, x: Numbers) -> Numbers:
        """The curves' values at these points: curves × points."""
        share = expit(self.slope[:, None] * (x[None, :] - self.middle[:, None]))
        values: Numbers = self.lower[:, None] + self.height[:, None] * share
        return values

    def crossing(self, level: Numbers) -> Numbers:
        """Where each curve passes its level; NaN where it never does."""
        inside = (self.height > 0) & (level > self.lower) & (level < self.lower + self.height)
        share = np.where(inside, (level - self.lower) / np.where(inside, self.height, 1.0), 0.5)
        inside &= (share > 0) & (share < 1)
        share = np.where(inside, share, 0.5)
        return np.where(inside, self.middle + np.log(share / (1 - share)) / self.slope, np.nan)


def fit_sigmoids(x: Sequence[float] | Numbers, curves: Numbers) -> Sigmoids:
    """Least-squares fit of a rising sigmoid to each row of `curves` (curves × points), within the bounds above.

    Lower and height follow from middle and slope by linear regression, so the search starts at the best of a fixed grid
    of these two and goes on by Levenberg and Marquardt's steps (Marquardt 1963), which only ever improve. Raises
    ValueError for fewer points than parameters.
    """
    x, curves = np.asarray(x, dtype=float), np.asarray(curves, dtype=float)
    if len(x) < PARAMETERS or curves.ndim != 2 or curves.shape[1] != len(x):
        raise ValueError(f"a sigmoid needs {PARAMETERS} points or more, and each curve a value at each of them")
    bounds = (float(x.min()) - MARGIN, float(x.max()) + MARGIN)
    middle, steepness = _start(x, curves, bounds)
    best = _linear(x, curves, middle, steepness)
    damping = np.full(len(curves), 1e-3)
    for _ in range(ROUNDS):
        step = _step(x, curves, best, damping)
        proposed = _linear(
            x,
            curves,
            np.clip(best.middle + step[:, 0], *bounds),
            np.clip(np.log(best.slope) + step[:, 1], *STEEPNESS),
        )
        better = proposed.error < best.error
        gain = np.where(better, best.error - proposed.error, 0.0)
        moved = np.abs(step).max(axis=1, initial=0.0)
        settled = np.where(better, gain <= SETTLED * best.error, (damping > 1e8) | (moved < SETTLED))
        best = Sigmoids(*(np.where(better, new, old) for new, old in zip(proposed, best, strict=True)))
        damping = np.clip(np.where(better, damping / 5, damping * 4), 1e-12, 1e12)
        if settled.all():
            break
    return best


def _start(x: Numbers, curves: Numbers, bounds: tuple[float, float]) -> tuple[Numbers, Numbers]:
    """The grid's middle and log slope that explain most of each curve."""
    middles = np.repeat(np.linspace(*bounds, MIDDLES), STEEPNESSES)
    steepnesses = np.tile(np.linspace(*STEEPNESS, STEEPNESSES), MIDDLES)
    shares = expit(np.exp(steepnesses)[:, None] * (x[None, :] - middles[:, None]))
    shares -= shares.mean(axis=1, keepdims=True)
    spread = np.sum(shares * shares, axis=1)
    together = (curves - curves.mean(axis=1, keepdims=True)) @ shares.T
    # Near a constant a share of rounding would explain anything.
    usable = spread > 1e-9
    gain = np.where((together > 0) & usable, together * together / np.where(usable, spread, 1.0), 0.0)
    chosen = np.argmax(gain, axis=1)
    return middles[chosen], steepnesses[chosen]


def _linear(x: Numbers, curves: Numbers, middle: Numbers, steepness: Numbers) -> Sigmoids:
    """The best lower and height, not below 0, for these middles and log slopes."""
    slope = np.exp(steepness)
    shares = expit(slope[:, None] * (x[None, :] - middle[:, None]))
    mean_share, mean = shares.mean(axis=1), curves.mean(axis=1)
    shares_left, curves_left = shares - mean_share[:, None], curves - mean[:, None]
    spread = np.sum(shares_left * shares_left, axis=1)
    usable = spread > 1e-18
    height = np.sum(shares_left * curves_left, axis=1) / np.where(usable, spread, 1.0)
    height = np.where(usable, np.maximum(height, 0.0), 0.0)
    residual = curves_left - height[:, None] * shares_left
    return Sigmoids(mean - height * mean_share, height, middle, slope, np.sum(residual * residual, axis=1))


def _step(x: Numbers, curves: Numbers, fit: Sigmoids, damping: Numbers) -> Numbers:
    """A damped Gauss-Newton step for middle and log slope (curves × 2), lower and height moving along."""
    away = x[None, :] - fit.middle[:, None]
    share = expit(fit.slope[:, None] * away)
    bend = fit.height[:, None] * share * (1 - share) * fit.slope[:, None]
    jacobian = np.stack([np.ones_like(share), share, -bend, bend * away], axis=2)
    residual = curves - fit.lower[:, None] - fit.height[:, None] * share
    normal = np.einsum("wtp,wtq->wpq", jacobian, jacobian)
    slopes = np.einsum("wtp,wt->wp", jacobian, residual)
    diagonal = np.einsum("wpp->wp", normal)
    # A parameter that nothing depends on stays where it is.
    scale = np.where(diagonal > 0, diagonal, 1.0)
    damped = normal + np.eye(PARAMETERS)[None] * (damping[:, None] * scale + 1e-14 * scale)[:, None, :]
    return np.linalg.solve(damped, slopes[:, :, None])[:, 2:, 0]
