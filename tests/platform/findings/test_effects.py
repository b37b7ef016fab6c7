"""Means, differences and slopes with intervals in which whole teams are drawn."""

import numpy as np
import pytest
from scipy.stats import linregress

from findings.effects import mean_of, slope_within, spearman

SEED, DRAWS = 3, 500


def test_the_slope_of_one_track_is_that_of_least_squares() -> None:
    random = np.random.default_rng(1)
    x = random.normal(size=40)
    y = 0.5 * x + random.normal(size=40)
    found = slope_within(x, y, ["t"] * 40, [str(n) for n in range(40)], seed=SEED, draws=DRAWS)
    assert found is not None
    assert found.value == pytest.approx(linregress(x, y).slope)


def test_a_difference_between_tracks_is_no_difference_within_them() -> None:
    x, y = [0.0, 0.0, 1.0, 1.0, 0.0, 1.0], [1.0, 1.0, 5.0, 5.0, 1.0, 5.0]
    tracks = ["a", "a", "b", "b", "a", "b"]
    assert slope_within(x, y, tracks, list("uvwxyz"), seed=SEED, draws=DRAWS) is None
    mixed = slope_within([0, 1, 0, 1, 0, 1], [1.0, 1.5, 5.0, 5.5, 1.0, 5.5], ["a", "a", "b", "b", "a", "b"],
                         list("uvwxyz"), seed=SEED, draws=DRAWS)  # fmt: skip
    assert mixed is not None
    assert mixed.value == pytest.approx(0.5)


def test_fewer_than_five_teams_give_no_interval() -> None:
    few = mean_of([1.0, 2.0, 3.0, 4.0, 5.0, 6.0], ["a", "b", "c", "d", "a", "b"], seed=SEED, draws=DRAWS)
    assert (few.value, few.low, few.high) == (3.5, None, None)
    more = mean_of([1.0, 2.0, 3.0, 4.0, 5.0], list("abcde"), seed=SEED, draws=DRAWS)
    assert more.low is not None
    assert more.high is not None
    assert more.low < 3.0 < more.high


def test_a_difference_has_an_interval_where_both_sides_have_five_teams() -> None:
    y, tracks = [0.1 * number for number in range(12)], ["t"] * 12
    teams = [str(number) for number in range(12)]
    few = slope_within([1.0] * 4 + [0.0] * 8, y, tracks, teams, seed=SEED, draws=DRAWS)
    enough = slope_within([1.0] * 5 + [0.0] * 7, y, tracks, teams, seed=SEED, draws=DRAWS)
    assert few is not None
    assert enough is not None
    assert few.low is None
    assert enough.low is not None


def test_a_team_of_many_entries_widens_the_interval() -> None:
    values = [1.0] * 10 + [0.0, 0.1, 0.2, 0.3, 0.4]
    alone = mean_of(values, [str(n) for n in range(15)], seed=SEED, draws=DRAWS)
    together = mean_of(values, ["one"] * 10 + list("abcde"), seed=SEED, draws=DRAWS)
    assert alone.low is not None
    assert together.low is not None
    assert alone.high is not None
    assert together.high is not None
    assert together.high - together.low > alone.high - alone.low


def test_the_intervals_of_means_cover_what_they_should() -> None:
    random = np.random.default_rng(5)
    hits = 0
    for number in range(200):
        teams = np.repeat(np.arange(30), 3)
        values = random.normal(size=30)[teams] + random.normal(size=90)
        found = mean_of(list(values), [str(team) for team in teams], seed=number, draws=DRAWS)
        assert found.low is not None
        assert found.high is not None
        hits += found.low <= 0 <= found.high
    assert 0.90 <= hits / 200 <= 0.985


def test_the_same_seed_gives_the_same_interval() -> None:
    values, teams = [1.0, 4.0, 2.0, 7.0, 5.0], list("abcde")
    assert mean_of(values, teams, seed=1, draws=DRAWS) == mean_of(values, teams, seed=1, draws=DRAWS)
    assert mean_of(values, teams, seed=1, draws=DRAWS) != mean_of(values, teams, seed=2, draws=DRAWS)


def test_a_rank_correlation_needs_four_pairs_that_vary() -> None:
    assert spearman([1, 2, 3], [1, 2, 3]) is None
    assert spearman([1, 1, 1, 1], [1, 2, 3, 4]) is None
    found = spearman([1, 2, 3, 4], [1, 3, 2, 4])
    assert found is not None
    assert (found.n, found.rho) == (4, pytest.approx(0.8))
