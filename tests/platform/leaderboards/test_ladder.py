"""The Ladder: a shown score changes only for what is better by more than the error."""

import math
import random

import pytest

from leaderboards.ladder import climb, combined, paired_error, unpaired_error


def never(_new: int, _best: int) -> float:
    """An error of nothing: every improvement counts."""
    return 0.0


def test_the_first_entry_is_shown_and_a_worse_one_changes_nothing() -> None:
    assert climb([0.6, 0.5, 0.6], [0.6, 0.5, 0.6], never) == [True, False, False]


def test_an_entry_that_beats_what_is_shown_by_no_more_than_the_error_changes_nothing() -> None:
    values = [0.5, 0.54, 0.55, 0.56]
    assert climb(values, values, lambda _new, _best: 0.05) == [True, False, False, True]


def test_one_item_more_is_never_enough() -> None:
    for n in (3, 7, 10, 100, 1_000):
        one, other = items({"a": [1.0] * n}), items({"a": [1.0] * (n - 1) + [0.0]})
        values = [(n - 1) / n, 1.0]
        assert climb(values, values, lambda _new, _best, a=one, b=other: paired_error(a, b, None)) == [True, False]


def test_an_entry_that_would_be_shown_as_the_same_changes_nothing() -> None:
    assert climb([0.51, 0.54], [0.5, 0.5], never) == [True, False]


def test_what_is_compared_with_is_what_is_shown() -> None:
    assert climb([0.54, 0.58, 0.66], [0.5, 0.6, 0.7], lambda _new, _best: 0.05) == [True, True, True]
    assert climb([0.56, 0.62, 0.66], [0.6, 0.6, 0.7], lambda _new, _best: 0.05) == [True, False, True]


def test_the_error_is_asked_for_the_new_entry_and_the_one_that_is_shown() -> None:
    asked = []

    def error(new: int, best: int) -> float:
        asked.append((new, best))
        return 0.05

    climb([0.5, 0.52, 0.6, 0.61], [0.5, 0.52, 0.6, 0.61], error)
    assert asked == [(1, 0), (2, 0), (3, 2)]


def test_what_was_answered_once_does_not_change_when_entries_are_added() -> None:
    draw = random.Random(7)
    values = [draw.random() for _ in range(40)]
    whole = climb(values, values, lambda _new, _best: 0.02)
    for end in range(1, len(values)):
        assert climb(values[:end], values[:end], lambda _new, _best: 0.02) == whole[:end]


def test_many_random_entries_move_the_shown_score_hardly_at_all() -> None:
    draw = random.Random(11)
    n = 400
    answers = [[float(draw.random() < 0.5) for _ in range(n)] for _ in range(200)]
    values = [sum(scores) / n for scores in answers]

    def error(new: int, best: int) -> float:
        one, other = ({str(i): ("", score) for i, score in enumerate(answers[k])} for k in (new, best))
        return paired_error(one, other, None)

    # Without it every record is shown; a guess that beats another by the error is rare, and soon there is none.
    assert sum(climb(values, values, error)) <= 2 < sum(climb(values, values, never))


def items(scores: dict[str, list[float]]) -> dict[str, tuple[str, float]]:
    """Items by group."""
    return {f"{group}/{n}": (group, score) for group, own in scores.items() for n, score in enumerate(own)}


def test_the_paired_error_of_a_plain_mean_is_the_standard_error_of_the_differences() -> None:
    one, other = items({"a": [1, 1, 0, 1], "b": [1, 0]}), items({"a": [1, 0, 0, 0], "b": [1, 1]})
    differences = [0, 1, 0, 1, 0, -1]
    mean = sum(differences) / 6
    sd = math.sqrt(sum((d - mean) ** 2 for d in differences) / 5)
    assert paired_error(one, other, None) == pytest.approx(sd / math.sqrt(6))


def test_items_on_which_both_agree_make_the_paired_error_small() -> None:
    one = items({"a": [1.0] * 600 + [0.0] * 400})
    other = items({"a": [1.0] * 590 + [0.0] * 410})
    assert paired_error(one, other, None) < 0.004 < math.sqrt(2 * 0.24 / 1000)


def test_the_paired_error_of_a_mean_over_groups_weighs_each_group_as_the_score_does() -> None:
    one, other = items({"a": [1, 0, 1, 0], "b": [1, 1]}), items({"a": [0, 0, 0, 0], "b": [0, 1]})
    variances = {"a": (1 / 3) / 4, "b": 0.5 / 2}
    assert paired_error(one, other, {}) == pytest.approx(math.sqrt(variances["a"] / 4 + variances["b"] / 4))
    weighted = math.sqrt((0.75**2) * variances["a"] + (0.25**2) * variances["b"])
    assert paired_error(one, other, {"a": 3.0, "b": 1.0}) == pytest.approx(weighted)


def test_a_group_of_one_item_takes_the_spread_of_all() -> None:
    one, other = items({"a": [1, 0, 1], "b": [1]}), items({"a": [0, 0, 0], "b": [0]})
    assert paired_error(one, other, {}) == pytest.approx(math.sqrt(((1 / 3) / 3 + 0.25) / 4))


def test_scores_that_share_no_items_can_not_be_told_apart() -> None:
    assert paired_error({"x": ("a", 1.0)}, {"y": ("a", 0.0)}, None) == math.inf
    assert unpaired_error(0, 1.0) == math.inf


def test_where_no_item_scores_are_at_hand_the_largest_error_is_taken() -> None:
    one, other = items({"a": [1, 0] * 50}), items({"a": [0, 1] * 50})
    assert unpaired_error(100, 1.0) == 0.1
    assert paired_error(one, other, None) == pytest.approx(0.1, rel=0.01)


def test_the_error_of_a_mean_over_suites_is_of_independent_ones() -> None:
    assert combined({"a": 0.03, "b": 0.04}, {"a": 1.0, "b": 1.0}) == pytest.approx(0.025)
    assert combined({"a": 0.03, "b": 0.04}, {"a": 1.0, "b": 0.0}) == pytest.approx(0.03)
