"""How finely a score of hidden data is told."""

import math

import pytest

from evaluations.rounding import coarse, digits_for, standard_error


@pytest.mark.parametrize("n", [1, 7, 24, 25, 99, 100, 1_000, 2_500, 98_700])
def test_the_step_is_at_most_the_standard_error_and_more_than_a_tenth_of_it(n: int) -> None:
    error = standard_error(n, 1.0)
    step = 10.0 ** -digits_for(error, most=6)
    assert step <= error < 10 * step


def test_the_standard_error_is_the_largest_that_a_proportion_can_have() -> None:
    assert standard_error(400, 1.0) == math.sqrt(0.5 * 0.5 / 400)
    assert standard_error(400, 2.0) == 2 * standard_error(400, 1.0)


def test_a_score_is_never_told_finer_than_the_track_says() -> None:
    assert coarse(0.61234, n=10**8, bounds=(0, 1), most=3).value == 0.612


@pytest.mark.parametrize("n", [24, 250, 4_000])
def test_what_is_told_follows_from_the_rounded_value_alone(n: int) -> None:
    told: dict[float | None, set[tuple[float | None, float | None, int]]] = {}
    for hits in range(n + 1):
        shown = coarse(hits / n, n=n, bounds=(0, 1), most=4)
        told.setdefault(shown.value, set()).add((shown.low, shown.high, shown.digits))
    assert all(len(rest) == 1 for rest in told.values())
    assert len(told) <= 1 / standard_error(n, 1.0) * 10 + 1


@pytest.mark.parametrize("n", [24, 250, 4_000])
def test_the_interval_holds_every_score_that_is_told_as_this_one_with_its_own_error(n: int) -> None:
    for hits in range(n + 1):
        exact, shown = hits / n, coarse(hits / n, n=n, bounds=(0, 1), most=4)
        assert shown.low is not None
        assert shown.high is not None
        reach = 1.96 * math.sqrt(exact * (1 - exact) / n)
        assert shown.low <= max(0.0, exact - reach) + 1e-9
        assert shown.high >= min(1.0, exact + reach) - 1e-9


def test_what_has_no_value_has_none() -> None:
    shown = coarse(None, n=10, bounds=(0, 1), most=4)
    assert (shown.value, shown.low, shown.high) == (None, None, None)
