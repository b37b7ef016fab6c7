"""Partial R² against plain least squares, and what it must not be moved by."""

from itertools import combinations

import numpy as np
import pytest

from evaluators.metrics.regression import clustered_partial_r2, partial_r2, with_products


def made(rows: int = 80, *, seed: int = 1) -> tuple[np.ndarray, np.ndarray, list[np.ndarray]]:
    """An outcome, a predictor, and three covariates on very different scales."""
    random = np.random.default_rng(seed)
    covariates = [
        random.normal(5e4, 10, rows),
        random.normal(0, 1e-3, rows),
        random.integers(1, 12, rows).astype(float),
    ]
    predictor = random.gamma(2, 3, rows) + covariates[2]
    return predictor * 2 + covariates[2] * 5 + random.normal(0, 12, rows), predictor, covariates


def r2(outcome: np.ndarray, design: np.ndarray) -> float:
    residual = outcome - design @ np.linalg.lstsq(design, outcome, rcond=None)[0]
    centred = outcome - outcome.mean()
    return 1 - float(residual @ residual) / float(centred @ centred)


def plain(outcome: np.ndarray, predictor: np.ndarray, covariates: list[np.ndarray]) -> float:
    """(R²m − R²b) / (1 − R²b), from two regressions on centred columns and their products."""
    centred = [(column - column.mean()) / column.std() for column in covariates]
    design = np.column_stack(
        [np.ones(len(outcome)), *centred, *(one * two for one, two in combinations(centred, 2))]
    )  # fmt: skip
    without, beside = r2(outcome, design), r2(outcome, np.column_stack([design, predictor]))
    return (beside - without) / (1 - without)


def test_it_equals_the_formula_over_two_regressions() -> None:
    outcome, predictor, covariates = made()
    design = with_products(covariates, rows=len(outcome))
    assert partial_r2(outcome, predictor, design) == pytest.approx(plain(outcome, predictor, covariates), abs=1e-10)


def test_the_normal_equations_of_a_draw_equal_repeating_its_clusters() -> None:
    outcome, predictor, covariates = made(90)
    design = with_products(covariates, rows=90)
    cluster = np.arange(90) // 6
    value = clustered_partial_r2(outcome, predictor, design, cluster, 15)
    random = np.random.default_rng(2)
    for _ in range(20):
        counts = random.multinomial(15, np.full(15, 1 / 15))
        rows = np.concatenate([np.repeat(np.flatnonzero(cluster == number), counts[number]) for number in range(15)])
        expected = plain(outcome[rows], predictor[rows], [column[rows] for column in covariates])
        assert value(counts.astype(float)) == pytest.approx(expected, abs=1e-9)


def test_only_the_proportions_of_the_weights_matter() -> None:
    outcome, predictor, covariates = made()
    design = with_products(covariates, rows=80)
    weights = np.random.default_rng(4).uniform(0.5, 3, 80)
    once = partial_r2(outcome, predictor, design, weights)
    assert once == pytest.approx(partial_r2(outcome, predictor, design, weights * 1000), rel=1e-9)
    assert once != pytest.approx(partial_r2(outcome, predictor, design), rel=1e-4)


def test_a_column_given_twice_moves_nothing() -> None:
    outcome, predictor, covariates = made()
    once = partial_r2(outcome, predictor, with_products(covariates, rows=80, products=False))
    twice = partial_r2(outcome, predictor, with_products([*covariates, covariates[0]], rows=80, products=False))
    assert once == pytest.approx(twice, abs=1e-10)


@pytest.mark.parametrize("seed", range(5))
def test_it_lies_between_0_and_1_for_noise_too(seed: int) -> None:
    outcome, _, covariates = made(seed=seed)
    noise = np.random.default_rng(seed + 100).normal(size=80)
    value = partial_r2(outcome, noise, with_products(covariates, rows=80))
    assert value is not None
    assert 0 <= value < 0.2


def test_what_the_baseline_knows_adds_nothing() -> None:
    outcome, _, covariates = made()
    design = with_products(covariates, rows=80)
    for known in (np.full(80, 7.3), covariates[1] * 3 + 1, covariates[0] * covariates[2], 5 + np.tile([0, 1e-15], 40)):
        assert partial_r2(outcome, known, design) == 0


def test_the_outcome_explains_all_of_itself_and_nothing_left_is_undefined() -> None:
    outcome, predictor, covariates = made()
    design = with_products(covariates, rows=80)
    assert partial_r2(outcome, outcome / 3, design) == pytest.approx(1)
    assert partial_r2(covariates[0] - covariates[2], predictor, design) is None


def test_as_many_columns_as_rows_are_undefined_not_perfect() -> None:
    outcome, predictor, covariates = made(8)
    assert partial_r2(outcome, predictor, with_products(covariates, rows=8)) is None
