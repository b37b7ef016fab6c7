"""What a ranking would have been: changes that move it, and those that must not."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import kendalltau, norm, rankdata

from evaluators.aggregates import Mean
from evaluators.aggregates.rules import (
    copy_name,
    efficiency_2023_with_helms_wins,
    original,
    rule_of_mean,
    rule_of_method,
)
from evaluators.statistics.agreement import kendall, kendall_of_draws, rank_numbers, win_shares
from evaluators.statistics.dior import dior, redraw_groups, redraw_suites
from evaluators.statistics.robustness import (
    clone_one_submission,
    compare,
    draw_weights,
    leave_one_submission_out,
    leave_one_suite_out,
    other_floors,
    other_rules,
)

MACRO = rule_of_method("macro")
# One suite alone puts "b" first.
TABLE = {
    "a": {"x": 0.8, "y": 0.8, "z": 0.2},
    "b": {"x": 0.6, "y": 0.5, "z": 0.9},
    "c": {"x": 0.4, "y": 0.4, "z": 0.1},
}
some_values = st.lists(st.integers(-4, 4), min_size=2, max_size=8).map(lambda values: [v / 4 for v in values])


@settings(deadline=None, max_examples=40)
@given(some_values, st.randoms(use_true_random=False))
def test_tau_ranks_and_win_shares_equal_those_of_scipy(values: list[float], random: object) -> None:
    other = list(values)
    random.shuffle(other)  # type: ignore[attr-defined]
    x, y = np.array(values), np.array(other)
    reference = kendalltau(x, y, variant="b", alternative="two-sided").statistic
    assert (kendall(x, y) if np.ptp(x) else np.nan) == pytest.approx(reference, nan_ok=True)
    assert kendall_of_draws(x, np.stack([y, x])) == pytest.approx([reference, 1 if np.ptp(x) else np.nan], nan_ok=True)
    assert rank_numbers(x).tolist() == rankdata(-x, method="min").tolist()
    beaten = [(np.sum(x < one) + (np.sum(x == one) - 1) / 2) / (len(x) - 1) for one in x]
    assert win_shares(x).tolist() == pytest.approx(beaten)


def test_rounding_parts_no_two_submissions() -> None:
    near = np.array([0.1 + 0.2, 0.3, 0.5])
    assert rank_numbers(near).tolist() == [2, 2, 1]
    assert kendall(near, np.array([1.0, 2.0, 3.0])) == pytest.approx(2 / 6**0.5)


def test_a_change_is_told_by_tau_winner_and_shift() -> None:
    change = compare("it", {"a": 3.0, "b": 2.0, "c": 1.0, "d": None}, {"a": 2.0, "b": 1.0, "c": 3.0, "d": 9.0})
    assert change.tau == pytest.approx(-1 / 3)
    assert (change.winners, change.winner_changed, change.largest_shift) == (("c",), True, 2)
    assert (change.moved, change.reordered) == ("c", True)
    same = compare("it", {"a": 3.0, "b": 2.0}, {"a": 2.0, "b": 2.0})
    assert (same.winners, same.winner_changed, same.reordered) == (("a", "b"), True, False)
    less = compare("it", {"a": 3.0, "b": 2.0}, {"a": 1.0, "b": 2.0}, higher=False)
    assert (less.tau, less.winners) == (-1, ("a",))


def test_leaving_one_suite_out_shows_the_suite_that_decides() -> None:
    found = leave_one_suite_out(TABLE, MACRO)
    assert [change.what for change in found.changes] == ["x", "y", "z"]
    assert [change.winner_changed for change in found.changes] == [False, False, True]
    assert found.p_winner == {"b": 2 / 3, "a": 1 / 3}
    assert (found.winner_changes, found.largest_shift, found.reorderings) == (1, 1, 1)
    assert (found.mean_tau, found.least_tau) == pytest.approx(((1 + 1 + 1 / 3) / 3, 1 / 3))
    assert leave_one_suite_out({"a": {"x": 1.0}}, MACRO).changes == ()


@settings(deadline=None, max_examples=40)
@given(st.dictionaries(st.sampled_from("abcdef"), st.fixed_dictionaries(dict.fromkeys("xyz", st.floats(0, 1)))))
def test_who_else_entered_does_not_matter_to_a_mean(table: dict[str, dict[str, float]]) -> None:
    for found in (leave_one_submission_out(table, MACRO), clone_one_submission(table, MACRO)):
        assert found.reorderings == 0
        assert found.largest_shift == 0
        assert not any(change.winner_changed for change in found.changes if change.what not in change.winners)


def test_weights_around_the_configured_ones_decide_a_close_race() -> None:
    found = draw_weights(TABLE, MACRO, lambda weights: rule_of_method("weighted", weights=weights), {}, seed=1)
    assert len(found.changes) == 1000
    assert set(found.p_winner) == {"a", "b"}
    # b leads where 0.7·z > 0.2·x + 0.3·y, of weights that sum to 1 and have the mean 1/3 and the variance 2/9/31.
    sd = (2 / 9 / 31 * (0.7**2 + 0.2**2 + 0.3**2 + 0.7 * 0.2 + 0.7 * 0.3 - 0.2 * 0.3)) ** 0.5
    assert found.p_winner["b"] == pytest.approx(norm.cdf(0.2 / 3 / sd), abs=0.05)
    assert found == draw_weights(TABLE, MACRO, lambda weights: rule_of_method("weighted", weights=weights), {}, seed=1)
    sure = draw_weights(
        TABLE, MACRO, lambda weights: rule_of_method("weighted", weights=weights), {}, seed=1, concentration=1e6
    )
    assert sure.p_winner == {"b": 1}
    without = draw_weights(
        TABLE, rule_of_method("weighted", weights={"z": 0}),
        lambda weights: rule_of_method("weighted", weights=weights), {"z": 0}, seed=1, draws=50,
    )  # fmt: skip
    assert without.p_winner == {"a": 1}
    with pytest.raises(ValueError, match="counts"):
        draw_weights(TABLE, MACRO, lambda weights: MACRO, dict.fromkeys("xyz", 0), seed=1)


def test_the_floor_of_a_geometric_mean_decides_where_a_score_is_nothing() -> None:
    table = {"even": {"x": 0.3, "y": 0.3}, "odd": {"x": 0.0, "y": 0.95}}
    rule = rule_of_method("geometric-mean")
    found = other_floors(table, rule, lambda floor: rule_of_method("geometric-mean", floor=floor), [0.01, 0.1])
    assert [(change.what, change.winner_changed) for change in found.changes] == [
        ("floor 0.01", False),
        ("floor 0.1", True),
    ]


def test_a_rule_knows_copies_and_does_without_what_is_left_out() -> None:
    rule = rule_of_method("weighted", weights={"x": 3, "y": 1})
    assert rule({"a": {"x": 1.0, copy_name("y", 1): 0.0, copy_name("y", 2): 0.0}}) == {"a": 0.6}
    assert rule({"a": {"x": 1.0}}) == {"a": 1.0}
    assert [original(copy_name("y", number)) for number in (1, 2, 11)] == ["y"] * 3
    assert original("a × b") == "a × b"
    low = rule_of_method("mean-win-rate", lower=frozenset({"x"}))
    assert low({"a": {"x ×2": 1.0}, "b": {"x ×2": 2.0}}) == {"a": 1.0, "b": 0.0}
    chance = rule_of_method("above-chance", chance={"x": 0.5, "y": 0.25})
    assert chance({"a": {"x ×3": 0.75}}) == {"a": 0.5}
    parts = rule_of_method("babylm-2023")
    assert parts({"a": {"blimp": 1.0, "glue": 0.0}}) == {"a": 0.625}


def test_a_nested_mean_does_without_a_part_that_has_nothing_left() -> None:
    mean = Mean("score", ("x", Mean("part", ("y", "z"), {"z": 3})), {"part": 2})
    rule = rule_of_mean(mean)
    assert rule({"a": {"x": 0.0, "y": 0.0, "z": 1.0}}) == {"a": 0.5}
    assert rule({"a": {"x": 0.0, "y": 0.0, "y ×2": 0.0, "z": 1.0}}) == {"a": 0.4}
    assert rule({"a": {"x": 0.0, "z": 1.0}}) == {"a": pytest.approx(2 / 3)}
    assert rule({"a": {"x": 0.25}}) == {"a": 0.25}
    assert rule({"a": {"w": 0.25}}) == {"a": None}


def test_a_ranking_that_no_draw_changes_is_reliable() -> None:
    scores = np.array([0.9, 0.6, 0.3])
    found = dior(scores, scores + np.random.default_rng(1).normal(0, 0.01, size=(200, 3)))
    assert (found.tau, found.top_pairs, found.win_rate, found.top_pair_errors) == (1, 1, 1, (0, 0))
    assert found.reliable
    turned = dior(scores, np.tile(-scores, (200, 1)))
    assert (turned.tau, turned.top_pairs, turned.top_pair_errors) == (-1, 0, (1, 1))
    assert turned.win_rate == pytest.approx(1 - 2 / 3)
    assert not turned.reliable
    assert dior(scores, np.tile(-scores, (200, 1)), higher=False).tau == -1


def test_the_bounds_are_those_of_the_draws() -> None:
    scores = np.arange(8.0)
    drawn = scores + np.random.default_rng(1).normal(0, 1, size=(400, 8))
    found = dior(scores, drawn)
    taus = [kendalltau(scores, row, alternative="two-sided").statistic for row in drawn]
    assert found.tau == pytest.approx(np.quantile(taus, 0.05))
    assert len(found.top_pair_errors) == 5
    assert found.top_pair_errors[0] == pytest.approx(np.mean(drawn[:, 7] < drawn[:, 6]))
    assert found.top_pair_errors[4] == pytest.approx(np.mean(drawn[:, 3] < drawn[:, 2]))
    unscored = drawn.copy()
    unscored[:, 7] = np.nan
    assert dior(scores, unscored).top_pair_errors[0] == 1
    with pytest.raises(ValueError, match="two submissions"):
        dior(scores[:1], drawn[:, :1])
    with pytest.raises(ValueError, match="score"):
        dior(np.array([1, np.nan]), drawn[:, :2])


def test_suites_are_drawn_as_often_as_they_are_drawn() -> None:
    found = redraw_suites(TABLE, MACRO, copy_name, seed=1, draws=300)
    assert found.shape == (300, 3)
    # Of three suites drawn with replacement the mean is one of ten.
    assert len(np.unique(np.round(found[:, 0], 9))) <= 10
    assert found.mean(axis=0) == pytest.approx([0.6, 2 / 3, 0.3], abs=0.03)
    weighted = redraw_suites(TABLE, rule_of_method("weighted", weights={"x": 1e6}), copy_name, seed=1, draws=50)
    assert np.isin(np.round(weighted[:, 0], 3), [0.8, 0.6, 0.4, 0.2, 0.5]).all()


def test_groups_are_drawn_within_their_suites() -> None:
    groups = {
        "a": {"x": {"1": 0.0, "2": 1.0}, "y": {"1": 0.5}},
        "b": {"x": {"1": 0.2, "2": 0.2}, "y": {"1": None}},
    }
    found = redraw_groups(groups, MACRO, seed=1, draws=200)
    assert sorted(set(found[:, 0])) == [0.25, 0.5, 0.75]
    assert np.isnan(found[:, 1]).all()
    alone = redraw_groups({"b": {"x": groups["b"]["x"]}}, MACRO, seed=1, draws=20)
    assert alone[:, 0] == pytest.approx(0.2)


@pytest.mark.data
def test_the_ranking_of_efficiency_2023_depends_on_who_entered_and_on_the_floor(data: Path) -> None:
    table = json.loads((data / "efficiency2023" / "metrics_4090.json").read_text())
    rule = rule_of_method("efficiency-2023")
    dropped, cloned = leave_one_submission_out(table, rule), clone_one_submission(table, rule)
    assert (dropped.reorderings, cloned.reorderings, len(dropped.changes)) == (6, 6, 8)
    scores = {name: score for name, score in rule(table).items() if score is not None}
    floors = other_floors(table, rule, lambda floor: rule_of_method("efficiency-2023", floor=floor))
    assert [change.reordered for change in floors.changes] == [False, True, True, True, True]
    # One last place annuls one of the two means of three submissions; a thousandth as floor gives some of it back.
    floored = rule_of_method("efficiency-2023", floor=1e-3)(table)
    gained = [name for name, score in scores.items() if (floored[name] or 0) - score > 0.01]
    assert len(gained) == 3
    helm = other_rules(table, rule, {"HELM's convention for ties": efficiency_2023_with_helms_wins})
    assert [(change.tau, change.winner_changed) for change in helm.changes] == [(1, False)]
    drawn = redraw_suites(table, rule, copy_name, seed=1, draws=200)
    assert not dior(np.array(list(scores.values())), drawn).reliable
