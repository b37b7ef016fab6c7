"""Who stands where, and why."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from evaluations.selectors import SuiteScore
from leaderboards.methods import Method
from leaderboards.ranking import Contender, Rule, aggregate, place

START = datetime(2026, 1, 1, tzinfo=UTC)


def score(value: float | None, *, asked: int = 100, answered: int = 100) -> SuiteScore:
    digests = {"suite_digest": "s", "responses_digest": "r", "evaluator": "1"}
    return SuiteScore("accuracy", value, None, None, answered, asked, answered, **digests)


def contender(entry: int, team: int, *, reference: bool = False, picked: bool = False, **values: float) -> Contender:
    return Contender(
        entry_id=entry,
        team_id=team,
        handed_in_at=START + timedelta(hours=entry),
        finished_at=START + timedelta(hours=entry),
        reference=reference,
        picked=picked,
        scores={suite: score(value) for suite, value in values.items()},
    )


def rule(**changes: object) -> Rule:
    given = {"counts": "best", "missing": "unranked", "weights": {"a": 1.0, "b": 1.0}, "worst": {"a": 0.0, "b": 0.0}}
    return Rule(**(given | changes))  # type: ignore[arg-type]


def ranks(contenders: list[Contender], by: Rule) -> list[tuple[int, int | None]]:
    return [(placed.contender.entry_id, placed.rank) for placed in place(contenders, by)]


def test_the_aggregate_is_the_weighted_mean_over_all_suites_of_the_phase() -> None:
    assert aggregate(contender(1, 1, a=0.5, b=1.0), rule()) == 0.75
    assert aggregate(contender(1, 1, a=0.5, b=1.0), rule(weights={"a": 3.0, "b": 1.0})) == 0.625


def test_a_missing_score_leaves_an_entry_unranked_and_is_never_averaged_away() -> None:
    rows = [contender(1, 1, a=0.9), contender(2, 2, a=0.5, b=0.5)]
    assert ranks(rows, rule()) == [(2, 1), (1, None)]


def test_a_missing_score_counts_as_the_worst_where_the_track_says_so() -> None:
    rows = [contender(1, 1, a=0.9), contender(2, 2, a=0.5, b=0.5)]
    assert ranks(rows, rule(missing="worst")) == [(2, 1), (1, 2)]


def test_a_partly_answered_suite_counts_as_missing() -> None:
    partial = Contender(1, 1, START, START, False, scores={"a": score(1.0), "b": score(1.0, answered=99)})
    assert aggregate(partial, rule()) is None


def test_equal_aggregates_share_a_rank_and_the_next_one_counts_them_all() -> None:
    rows = [contender(n, n, a=value, b=value) for n, value in ((1, 0.9), (2, 0.8), (3, 0.8), (4, 0.7))]
    assert ranks(rows, rule()) == [(1, 1), (2, 2), (3, 2), (4, 4)]


def test_a_team_stands_once_with_the_entry_that_the_rule_counts() -> None:
    rows = [contender(1, 1, a=0.9, b=0.9), contender(2, 1, a=0.2, b=0.2), contender(3, 1, picked=True, a=0.5, b=0.5)]
    assert ranks(rows, rule()) == [(1, 1)]
    assert ranks(rows, rule(counts="last")) == [(3, 1)]
    assert ranks([rows[0], rows[1]], rule(counts="last")) == [(2, 1)]
    assert ranks(rows, rule(counts="picked")) == [(3, 1)]
    assert ranks(rows[:2], rule(counts="picked")) == []


def test_reference_rows_stand_among_the_others_and_take_no_rank() -> None:
    rows = [contender(1, 1, reference=True, a=0.9, b=0.9), contender(2, 2, a=0.8, b=0.8)]
    assert ranks(rows, rule()) == [(1, None), (2, 1)]


def test_every_reference_of_one_team_is_shown() -> None:
    rows = [contender(1, 1, reference=True, a=0.9, b=0.9), contender(2, 1, reference=True, a=0.8, b=0.8)]
    assert len(place(rows, rule())) == 2


def test_lower_is_better_where_the_suites_say_so() -> None:
    rows = [contender(1, 1, a=0.9, b=0.9), contender(2, 2, a=0.1, b=0.1)]
    assert ranks(rows, rule(higher_is_better=False)) == [(2, 1), (1, 2)]


def test_aggregates_that_differ_only_by_the_order_of_adding_share_a_rank() -> None:
    suites = rule(weights={"a": 1.0, "b": 1.0, "c": 1.0}, worst={"a": 0.0, "b": 0.0, "c": 0.0})
    rows = [contender(1, 1, a=0.61, b=0.62, c=0.63), contender(2, 2, a=0.63, b=0.62, c=0.61)]
    assert ranks(rows, suites) == [(1, 1), (2, 1)]


def test_the_last_entry_is_the_one_handed_in_last_whichever_finished_last() -> None:
    early = contender(1, 1, a=0.9, b=0.9)
    late = replace(contender(2, 1, a=0.2, b=0.2), finished_at=START)
    assert late.finished_at < early.finished_at
    assert ranks([early, late], rule(counts="last")) == [(2, 1)]


def test_a_suite_whose_direction_is_the_other_is_mirrored_in_its_range_for_the_mean() -> None:
    by = rule(mirrored={"b": 1.0}, worst={"a": 0.0, "b": 1.0})
    assert aggregate(contender(1, 1, a=0.8, b=0.1), by) == pytest.approx(0.85)
    assert ranks([contender(1, 1, a=0.8, b=0.5), contender(2, 2, a=0.8, b=0.1)], by) == [(2, 1), (1, 2)]


def test_a_missing_score_is_the_worst_also_where_the_suite_is_mirrored() -> None:
    by = rule(missing="worst", mirrored={"b": 1.0}, worst={"a": 0.0, "b": 1.0})
    assert aggregate(contender(1, 1, a=0.8), by) == pytest.approx(0.4)


def test_aggregates_that_are_shown_as_equal_share_a_rank_where_the_rule_says_so() -> None:
    rows = [contender(1, 1, a=0.61, b=0.61), contender(2, 2, a=0.63, b=0.63)]
    assert ranks(rows, rule(digits=1)) == [(1, 1), (2, 1)]


def test_a_relative_aggregate_is_over_the_entries_that_count() -> None:
    by = rule(method=Method("mean-win-rate"))
    rows = [
        contender(1, 1, a=0.6, b=0.6), contender(2, 2, a=0.5, b=0.7), contender(3, 3, a=0.4, b=0.4),
        contender(4, 3, a=0.3, b=0.3), contender(5, 5, reference=True, a=0.9, b=0.1),
    ]  # fmt: skip
    found = {placed.contender.entry_id: (placed.rank, placed.aggregate) for placed in place(rows, by)}
    # A team's worse entry is no opponent, and a baseline has the number that it would have as the only one more.
    assert found == {1: (1, 0.75), 2: (1, 0.75), 3: (3, 0.0), 5: (None, 0.5)}


def test_of_ranks_the_least_is_the_best() -> None:
    by = rule(method=Method("mean-rank"))
    rows = [contender(1, 1, a=0.6, b=0.6), contender(2, 2, a=0.5, b=0.5)]
    assert [(placed.contender.entry_id, placed.rank, placed.aggregate) for placed in place(rows, by)] == [
        (1, 1, 1.0),
        (2, 2, 2.0),
    ]


def test_an_entry_without_a_score_is_nobodys_opponent() -> None:
    by = rule(method=Method("borda"))
    rows = [contender(1, 1, a=0.6, b=0.6), contender(2, 2, a=0.5, b=0.5), contender(3, 3, a=0.4)]
    assert [(placed.contender.entry_id, placed.rank, placed.aggregate) for placed in place(rows, by)] == [
        (1, 1, 2.0),
        (2, 2, 0.0),
        (3, None, None),
    ]


def test_the_geometric_mean_ranks_what_is_even_above_what_is_not() -> None:
    rows = [contender(1, 1, a=0.1, b=0.9), contender(2, 2, a=0.4, b=0.4)]
    assert ranks(rows, rule()) == [(1, 1), (2, 2)]
    assert ranks(rows, rule(method=Method("geometric-mean"))) == [(2, 1), (1, 2)]
