"""What a score goes with: a linear model with a random intercept for each team, whose submissions are alike."""

import math
import warnings
from collections import Counter
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm as normal
from scipy.stats import t as student
from statsmodels.regression.linear_model import OLS
from statsmodels.regression.mixed_linear_model import MixedLM

Floats = NDArray[np.float64]
LEAST_TEAMS = 5
# A variance between teams below this share of that within them is on the edge of the model, which is then singular.
LEAST_VARIANCE = 1e-4
ROUNDING = 1e-10


class Observation(NamedTuple):
    """One submission: its score, the training FLOPs (above 0), its track, backbone and team."""

    score: float
    flops: float
    track: str
    backbone: str
    team: str


class Term(NamedTuple):
    """One coefficient with its standard error, two-sided p and 95 % interval.

    `log10(FLOPs)`: the score's change where FLOPs are ten times as many; `track = x`: its difference to the reference;
    `intercept`: the score of the references at the mean of log10(FLOPs).
    """

    name: str
    coefficient: float
    se: float
    p: float
    low: float
    high: float


class Model(NamedTuple):
    """A fitted model: its terms, which method was used and why, and what it could not tell apart and left out.

    `references` are the track and the backbone that the others are compared with; `between`: the standard deviation
    between teams, None where it is not estimated.
    """

    terms: tuple[Term, ...]
    method: Literal["mixed model", "least squares"]
    why: str
    references: dict[str, str]
    left_out: tuple[str, ...]
    between: float | None
    n: int
    teams: int


def fit_scores(observations: Sequence[Observation]) -> Model | None:
    """`score ~ log10(FLOPs) + C(track) + C(backbone)` with a random intercept per team, by restricted likelihood.

    Ordinary least squares with errors clustered by team where there are fewer than five teams or the mixed model is
    singular or does not converge. None where there are no more submissions than coefficients, or all scores are equal.
    The most frequent track and backbone are the references; what the data can't tell from earlier terms is left out.
    """
    rows = sorted(observations)
    if not all(row.flops > 0 and math.isfinite(row.score) for row in rows):
        raise ValueError("a submission in the model has a score, and FLOPs above 0")
    names, design, references = _design(rows)
    kept = _independent(design)
    left_out = tuple(name for place, name in enumerate(names) if place not in kept)
    names, design = [names[place] for place in kept], design[:, kept]
    scores = np.array([row.score for row in rows])
    if len(rows) <= len(names) or float(np.ptp(scores)) <= ROUNDING * float(np.abs(scores).max()):
        return None
    # In standard deviations, since the optimiser's steps and tolerances are made for numbers about 1.
    centre, unit = float(scores.mean()), float(scores.std())
    scores = (scores - centre) / unit
    teams = np.array([row.team for row in rows])
    count = len(set(teams))
    mixed, why = _mixed(scores, design, teams)
    fitted = mixed if mixed is not None else _least_squares(scores, design, teams)
    between = unit * float(np.sqrt(fitted.cov_re[0, 0])) if mixed is not None else None
    method: Literal["mixed model", "least squares"] = "least squares" if mixed is None else "mixed model"
    # The mixed model's errors are normal; those of clusters are Student's, with the teams less one.
    free = None if mixed is not None else (count - 1 if count > 1 else len(rows) - len(names))
    if mixed is None and 1 < count <= len(names):
        why += "; the errors of as many coefficients as teams are too small"
    return Model(
        _terms(names, fitted, centre, unit, free), method, why, references, left_out, between, len(rows), count
    )


def _design(rows: Sequence[Observation]) -> tuple[list[str], Floats, dict[str, str]]:
    logs = [math.log10(row.flops) for row in rows]
    mean = math.fsum(logs) / max(1, len(logs))
    names, columns = ["intercept", "log10(FLOPs)"], [[1.0] * len(rows), [one - mean for one in logs]]
    references = {}
    for factor in ("track", "backbone"):
        values = [str(getattr(row, factor)) for row in rows]
        levels = [level for level, _ in sorted(Counter(values).items(), key=lambda pair: (-pair[1], pair[0]))]
        references[factor] = levels[0] if levels else ""
        for level in sorted(levels[1:]):
            names.append(f"{factor} = {level}")
            columns.append([float(value == level) for value in values])
    return names, np.array(columns, dtype=float).T, references


def _independent(design: Floats) -> list[int]:
    """The columns that are no combination of those before them."""
    kept: list[int] = []
    basis = np.empty((len(design), 0))
    for place, column in enumerate(design.T):
        rest = column - basis @ (basis.T @ column)
        rest -= basis @ (basis.T @ rest)
        size = float(np.linalg.norm(rest))
        if size > 1e-8 * max(1.0, float(np.linalg.norm(column))):
            kept.append(place)
            basis = np.column_stack([basis, rest / size])
    return kept


def _mixed(scores: Floats, design: Floats, teams: NDArray[Any]) -> tuple[Any, str]:
    """The mixed model and a sentence, or None and why it can't be used."""
    count = len(set(teams))
    if count < LEAST_TEAMS:
        return None, f"there {'is 1 team' if count == 1 else f'are {count} teams'}, fewer than {LEAST_TEAMS}"
    if count == len(teams):
        return None, "the mixed model is singular: every team has one submission"
    # Its warnings compare variances with fixed numbers; what they warn of is looked at below.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            fitted = MixedLM(scores, design, groups=teams).fit(reml=True, method=["bfgs", "lbfgs", "cg"])
        except (np.linalg.LinAlgError, ValueError):
            return None, "the mixed model is singular"
        if not fitted.converged:
            return None, "the mixed model does not converge"
        errors = np.asarray(fitted.bse_fe, dtype=float)
        variance, scale = float(fitted.cov_re[0, 0]), float(fitted.scale)
    if variance < LEAST_VARIANCE * scale:
        return None, "the mixed model is singular: teams differ no more than submissions of one team do"
    if not (np.isfinite(errors) & (errors > 0)).all() or scale < ROUNDING:
        return None, "the mixed model is singular"
    return fitted, f"there are {count} teams, and the model converges"


def _least_squares(scores: Floats, design: Floats, teams: NDArray[Any]) -> Any:
    _, codes = np.unique(teams, return_inverse=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if len(set(teams)) < 2:
            return OLS(scores, design).fit(cov_type="HC1", use_t=True)
        return OLS(scores, design).fit(cov_type="cluster", cov_kwds={"groups": codes}, use_t=True)


def _terms(names: Sequence[str], fitted: Any, centre: float, unit: float, free: int | None) -> tuple[Term, ...]:
    """The terms in units of the score; p of the intercept is that of a score of 0."""
    means = unit * np.asarray(getattr(fitted, "fe_params", fitted.params), dtype=float)
    means[0] += centre
    errors = unit * np.asarray(getattr(fitted, "bse_fe", fitted.bse), dtype=float)
    law = normal() if free is None else student(free)
    half = float(law.ppf(0.975))
    p = 2 * law.sf(np.divide(np.abs(means), errors, out=np.full(len(means), np.inf), where=errors > 0))
    return tuple(
        Term(name, float(mean), float(error), float(value), float(mean - half * error), float(mean + half * error))
        for name, mean, error, value in zip(names, means, errors, p, strict=True)
    )
