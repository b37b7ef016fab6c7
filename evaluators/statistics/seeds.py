"""Several trainings of one submission: their spread, and draws that hold the noise of training too."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from evaluators.statistics.draws import DRAWS, mean_draws

Numbers = NDArray[np.floating[Any]]
Places = NDArray[np.intp]


class Spread(NamedTuple):
    """Mean and standard deviation over trainings; `sd` is None for one alone, of whose noise nothing is known."""

    mean: float
    sd: float | None
    trainings: int


def spread_of(values: Sequence[float]) -> Spread:
    """Mean and sample standard deviation (n - 1) of the scores of a submission's trainings, one or more."""
    if not len(values):
        raise ValueError("a submission has one training or more")
    array = np.asarray(values, dtype=float)
    return Spread(float(array.mean()), float(array.std(ddof=1)) if len(array) > 1 else None, len(array))


def training_draws(
    scores: Numbers,
    strata: Places,
    stratum_weights: Numbers,
    *,
    clusters: Places | None = None,
    item_weights: Numbers | None = None,
    seed: int,
    trainings_seed: int,
    draws: int = DRAWS,
) -> NDArray[np.float32]:
    """Draws (draws,) of the mean over trainings, items and trainings drawn anew together: scores are items × trainings.

    The items are those that `mean_draws` draws of the same seed, so that the result is paired with other submissions;
    `trainings_seed` should be another for each submission, whose trainings have nothing to do with each other.
    """
    by_training = mean_draws(
        scores, strata, stratum_weights, clusters=clusters, item_weights=item_weights, seed=seed, draws=draws
    )
    return draw_trainings(by_training, trainings_seed=trainings_seed)


def draw_trainings(by_training: Numbers, *, trainings_seed: int) -> NDArray[np.float32]:
    """Draws (draws × trainings) of a submission's trainings → (draws,), in each as many trainings drawn anew.

    For metrics that are no mean of items: their draws, each training's a column, from the same seed.
    """
    values = np.asarray(by_training, dtype=np.float64)
    draws, trainings = values.shape
    if trainings == 1:
        return values[:, 0].astype(np.float32)
    counts = np.random.default_rng(trainings_seed).multinomial(
        trainings, np.full(trainings, 1 / trainings), size=draws
    )  # fmt: skip
    # A training without a value is missed only where it is drawn.
    found = np.where(counts > 0, counts * values, 0.0).sum(axis=1) / trainings
    mean_of_drawn: NDArray[np.float32] = found.astype(np.float32)
    return mean_of_drawn
