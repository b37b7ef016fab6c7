"""Whether a suite is any good: agreement with other suites, saturation, what it can detect, public against hidden."""

import math
from collections.abc import Mapping, Sequence
from statistics import NormalDist
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.stats import t as student

from evaluators.statistics.agreement import kendall
from evaluators.statistics.reliability import composite_reliability, correlation

Rows = Mapping[str, Mapping[str, float | None]]
Numbers = NDArray[np.floating[Any]]
Floats = NDArray[np.float64]

LEAST_MODELS = 10
SAMPLES = 100
OFF_CONSTRUCT = -1.0
OUTLYING = 3.0
TOP = 5
# Saturation below each of these, and the word for it.
BINS = ((0.01, "none"), (0.3, "low"), (0.7, "moderate"), (0.9, "high"), (math.inf, "saturated"))


class Agreement(NamedTuple):
    """A suite's agreement with the others: means over the samples of models, z against the other suites' agreement.

    `ceiling`: the highest r that the reliabilities allow, None where one is not known; `off_construct`: z below -1.
    """

    tau: float
    r: float
    tau_sd: float
    r_sd: float
    z: float | None
    off_construct: bool
    ceiling: float | None


class Saturation(NamedTuple):
    """How little separates the first five on a suite, from 0 to 1, in two forms; `bin` is the word for ours."""

    published: float
    ours: float
    published_bin: str
    bin: str
    first: float
    fifth: float


class Comparison(NamedTuple):
    """Public against hidden scores over submissions; z of each one's residual from the line through the others."""

    r: float | None
    tau: float | None
    z: Mapping[str, float]
    outliers: tuple[str, ...]


def suite_agreement(
    table: Rows,
    *,
    seed: int,
    models: int = LEAST_MODELS,
    samples: int = SAMPLES,
    reliabilities: Mapping[str, float] | None = None,
    lower: frozenset[str] = frozenset(),
) -> dict[str, Agreement]:
    """Each suite's agreement with the mean z-score of the others (Perlitz et al. 2024, BenchBench).

    Kendall's τ-b and Pearson's r over `models` models drawn at random, `samples` times: neighbours in a ranking agree
    less than models at large. Models that lack a value are left out. Empty for fewer than ten models or three suites;
    a suite that does not vary is left out. z, where there are four suites or more, is of τ.
    """
    suites = tuple(dict.fromkeys(column for row in table.values() for column in row))
    whole = [[row.get(suite) for suite in suites] for row in table.values()]
    rows = np.array([row for row in whole if None not in row], dtype=float).reshape(-1, len(suites))
    rows *= np.array([-1.0 if suite in lower else 1.0 for suite in suites])
    if len(rows) < max(LEAST_MODELS, models):
        return {}
    z = _standardised(rows)
    varies: NDArray[np.bool_] = np.all(~np.isnan(z), axis=0)
    z, names = z[:, varies], [suite for suite, kept in zip(suites, varies.tolist(), strict=True) if kept]
    if len(names) < 3:
        return {}
    random = np.random.default_rng(seed)
    drawn = [random.choice(len(z), size=max(LEAST_MODELS, models), replace=False) for _ in range(samples)]
    found = []
    for place in range(len(names)):
        reference = np.delete(z, place, axis=1).mean(axis=1)
        pairs = [(kendall(z[one, place], reference[one]), correlation(z[one, place], reference[one])) for one in drawn]
        known = [(tau, r) for tau, r in pairs if tau is not None and r is not None]
        found.append(np.array(known, dtype=float).reshape(-1, 2))
    taus = [float(pairs[:, 0].mean()) if len(pairs) else math.nan for pairs in found]
    return {
        name: _agreement(found[place], taus, place, _ceiling(z, place, names, reliabilities or {}))
        for place, name in enumerate(names)
        if len(found[place])
    }


def _standardised(rows: Floats) -> Floats:
    sd = rows.std(axis=0)
    spread = sd > 1e-12 * np.abs(rows).max(axis=0)
    z: Floats = np.divide(rows - rows.mean(axis=0), sd, out=np.full(rows.shape, np.nan), where=spread)
    return z


def _agreement(pairs: Floats, taus: Sequence[float], place: int, ceiling: float | None) -> Agreement:
    others = np.array([tau for other, tau in enumerate(taus) if other != place and not math.isnan(tau)])
    spread = float(others.std(ddof=1)) if len(others) >= 3 else 0.0
    z = (taus[place] - float(others.mean())) / spread if spread > 0 else None
    sds = pairs.std(axis=0, ddof=1) if len(pairs) > 1 else np.zeros(2)
    tau, r = pairs.mean(axis=0)
    return Agreement(
        float(tau), float(r), float(sds[0]), float(sds[1]), z, z is not None and z < OFF_CONSTRUCT, ceiling
    )


def _ceiling(z: Floats, place: int, names: Sequence[str], reliabilities: Mapping[str, float]) -> float | None:
    """√(ρ₁·ρ₂), the attenuation of two unreliable measures (Spearman 1904); ρ₂ is that of the mean of the others."""
    if any(name not in reliabilities for name in names):
        return None
    known = np.array([reliabilities[name] for name in names])
    others = np.delete(z, place, axis=1)
    share = np.full(others.shape[1], 1 / others.shape[1])
    rest = composite_reliability(
        share * others.std(axis=0), np.delete(known, place), float(others.mean(axis=1).var())
    )  # fmt: skip
    return math.sqrt(max(0.0, known[place]) * max(0.0, rest))


def pairwise_ceiling(one: float, other: float) -> float:
    """The highest correlation that two suites of these reliabilities can have: √(ρ₁·ρ₂) (Spearman 1904)."""
    return math.sqrt(max(0.0, one) * max(0.0, other))


def saturation(scores: Sequence[float], n: int, *, standard_error: float) -> Saturation | None:
    """How saturated a suite of n items is by the scores on it: exp(-((s₁ - s₅) / SE)²).

    The published form has SE² = (s₁(1 - s₁) + s₅(1 - s₅)) / n_eff with n_eff = √n, of two proportions; ours has the
    standard deviation of the difference of the two in the paired draws, `standard_error`. None for fewer than five.
    """
    if len(scores) < TOP:
        return None
    ordered = sorted(scores, reverse=True)
    first, fifth = ordered[0], ordered[TOP - 1]
    spread = [max(0.0, score * (1 - score)) for score in (first, fifth)]
    published = _saturated(first - fifth, math.sqrt(sum(spread) / math.sqrt(n)))
    ours = _saturated(first - fifth, standard_error)
    return Saturation(published, ours, _bin(published), _bin(ours), first, fifth)


def _saturated(difference: float, error: float) -> float:
    if difference == 0:
        return 1.0
    return math.exp(-((difference / error) ** 2)) if error > 0 else 0.0


def _bin(value: float) -> str:
    return next(word for most, word in BINS if value < most)


def items_needed(q: float, *, alpha: float = 0.05, power: float = 0.8) -> int:
    """Items on which two submissions must differ for a sign test to find that one wins the share q of them; one-sided.

    ((z(1-α)·½ + z(power)·√(q(1-q))) / (q - ½))², rounded up (Noether 1987); q = .55 → 617.
    """
    if not 0.5 < q <= 1:
        raise ValueError("the share that one wins lies above a half")
    return math.ceil(_needed(q, alpha, power) - 1e-9)


def _needed(q: float, alpha: float, power: float) -> float:
    normal = NormalDist()
    return ((normal.inv_cdf(1 - alpha) / 2 + normal.inv_cdf(power) * math.sqrt(q * (1 - q))) / (q - 0.5)) ** 2


def smallest_difference(n: int, discordance: float, *, alpha: float = 0.05, power: float = 0.8) -> float | None:
    """The smallest difference of two accuracies that n items can detect, where on `discordance` of them the two differ.

    discordance · (2q - 1) for the q of which `items_needed` is n · discordance; None where even a clean sweep of so few
    would not be found.
    """
    if not 0 <= discordance <= 1:
        raise ValueError("discordance is a share of the items")
    available = n * discordance
    if available < _needed(1.0, alpha, power):
        return None
    nearest = 0.5 + 1e-9
    q = brentq(lambda share: _needed(share, alpha, power) - available, nearest, 1.0)
    return float(discordance * (2 * q - 1))


def discordance_of(scores: Numbers) -> float | None:
    """The median, over pairs of submissions, of the share of items on which they differ; items × submissions."""
    scores = np.asarray(scores, dtype=float)
    count = scores.shape[1]
    if count < 2:
        return None
    shares = [(scores[:, [one]] != scores[:, one + 1 :]).mean(axis=0) for one in range(count - 1)]
    return float(np.median(np.concatenate(shares)))


def public_against_hidden(public: Mapping[str, float], hidden: Mapping[str, float]) -> Comparison | None:
    """Correlation of public with hidden scores, and who stands apart from the line through all others.

    z is the externally studentised residual of hidden on public (Cook & Weisberg 1982), as a normal deviate; negative
    where the hidden score is below what the public one promises. Outliers lie beyond 3. None for fewer than five.
    """
    names = sorted(public.keys() & hidden.keys())
    if len(names) < TOP:
        return None
    x, y = (np.array([scores[name] for name in names], dtype=float) for scores in (public, hidden))
    z = {name: float(value) for name, value in zip(names, _studentised(x, y), strict=True)}
    outliers = tuple(name for name in names if abs(z[name]) > OUTLYING)
    return Comparison(correlation(x, y), kendall(x, y), z, outliers)


def _studentised(x: Floats, y: Floats) -> Floats:
    n, deviation = len(x), x - x.mean()
    spread = float(deviation @ deviation)
    slope = float(deviation @ y) / spread if spread > 0 else 0.0
    residuals = y - y.mean() - slope * deviation
    leverage = 1 / n + (deviation**2 / spread if spread > 0 else 0.0)
    free = np.maximum(1 - leverage, 0)
    # The variance of the residuals without each one's own.
    own = np.divide(residuals**2, free, out=np.zeros(n), where=free > 1e-12)
    variance = (float(residuals @ residuals) - own) / (n - 3)
    scale = np.sqrt(np.maximum(variance, 0) * free)
    exact = float(np.abs(y).max(initial=0.0)) * 1e-12
    values = np.divide(residuals, scale, out=np.where(np.abs(residuals) > exact, np.copysign(np.inf, residuals), 0.0),
                       where=scale > exact)  # fmt: skip
    # Heavier tails than the normal's where there are few submissions: the same p, as a normal deviate.
    p = np.maximum(student.sf(np.abs(values), df=n - 3), 1e-300)
    deviates = np.array([-NormalDist().inv_cdf(float(one)) for one in p])
    z: Floats = np.copysign(np.maximum(deviates, 0), values)
    return z
