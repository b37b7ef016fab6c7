"""Sigmoids fitted to many curves at once, against scipy's fit of one."""

import numpy as np
import pytest
from scipy.optimize import curve_fit
from scipy.special import expit

from evaluators.metrics.curves import MARGIN, SLOPES, Sigmoids, fit_sigmoids

X = np.log10(np.array([*range(1, 11), *range(20, 101, 10), *range(200, 1001, 100)]) * 1e6)


def sigmoid(x: np.ndarray, lower: float, height: float, middle: float, slope: float) -> np.ndarray:
    return lower + height * expit(slope * (x - middle))


def test_curves_without_noise_give_back_what_made_them() -> None:
    wanted = [(-12.0, 9.0, 7.0, 5.0), (-8.0, 3.0, 8.2, 12.0), (-15.0, 6.0, 6.6, 2.0), (0.0, 1e-3, 7.5, 30.0)]
    found = fit_sigmoids(X, np.array([sigmoid(X, *one) for one in wanted]))
    for number, one in enumerate(wanted):
        assert [float(part[number]) for part in found[:4]] == pytest.approx(one, rel=1e-4, abs=1e-4)
    assert found.error == pytest.approx(np.zeros(4), abs=1e-9)


def test_noisy_curves_are_fitted_as_well_as_by_scipy_from_many_starts() -> None:
    random = np.random.default_rng(1)
    wanted = np.column_stack([random.uniform(-14, -10, 12), random.uniform(2, 9, 12), random.uniform(6.3, 8.5, 12),
                              random.uniform(1, 10, 12)])  # fmt: skip
    curves = np.array([sigmoid(X, *one) for one in wanted]) + random.normal(0, 0.3, (12, len(X)))
    found = fit_sigmoids(X, curves)
    low = [-np.inf, 0, X[0] - MARGIN, SLOPES[0]]
    high = [np.inf, np.inf, X[-1] + MARGIN, SLOPES[1]]
    for number, curve in enumerate(curves):
        errors = []
        for start in ((6.5, 2.0), (7.5, 5.0), (8.5, 2.0)):
            first = [float(curve.min()), float(np.ptp(curve)), *start]
            best, _ = curve_fit(sigmoid, X, curve, p0=first, bounds=(low, high), max_nfev=5000)
            errors.append(float(np.sum((sigmoid(X, *best) - curve) ** 2)))
        assert found.error[number] <= min(errors) * (1 + 1e-4)


def test_a_curves_fit_does_not_depend_on_the_others() -> None:
    random = np.random.default_rng(3)
    curves = sigmoid(X, -12, 8, 7.3, 4)[None, :] + random.normal(0, 0.4, (30, len(X)))
    together, alone = fit_sigmoids(X, curves), fit_sigmoids(X, curves[7:8])
    assert [float(part[7]) for part in together] == pytest.approx([float(part[0]) for part in alone], rel=1e-6)


def test_what_falls_or_is_flat_has_no_height_and_crosses_nothing() -> None:
    falling, flat = sigmoid(X, -3, 8, 7.3, -4), np.full(len(X), -5.0)
    found = fit_sigmoids(X, np.array([falling, flat]))
    assert found.height == pytest.approx([0, 0], abs=1e-9)
    assert np.isnan(found.crossing(np.array([-4.0, -5.0]))).all()


def test_a_crossing_lies_on_the_curve_and_a_level_beyond_it_has_none() -> None:
    one = Sigmoids(*(np.full(4, value) for value in (-10.0, 6.0, 7.0, 3.0, 0.0)))
    passed = one.crossing(np.array([-7.0, -4.5, -10.0, -3.0]))
    assert passed[0] == pytest.approx(7.0)
    assert one.at(passed[1:2])[0] == pytest.approx(-4.5)
    assert np.isnan(passed[2:]).all()


def test_a_step_and_a_spike_raise_no_warning_and_no_infinity() -> None:
    step = np.where(X > 7.5, -2.0, -12.0)
    spike = np.where(np.arange(len(X)) == 9, 0.0, -12.0)
    late = np.where(np.arange(len(X)) == len(X) - 1, -1.0, -12.0)
    found = fit_sigmoids(X, np.array([step, spike, late, step * 1e4]))
    assert all(np.isfinite(part).all() for part in found)
    assert 7.3 < found.middle[0] < 7.6


@pytest.mark.parametrize("points", [0, 3])
def test_fewer_points_than_parameters_are_refused(points: int) -> None:
    with pytest.raises(ValueError, match="4 points or more"):
        fit_sigmoids(X[:points], np.zeros((2, points)))
