"""A track's rule over its columns, and the rules that it might have had."""

from dataclasses import replace

import pytest

from evaluators.aggregates.rules import efficiency_2023_with_helms_wins
from evaluators.protocol.ranking import Aggregate, Ranking
from findings.rules import HELM_WINS, Recomputed
from findings.subjects import Subject
from leaderboards.results import Column, Result, ScoreOf, TrackResults


def track_of(
    rows: dict[str, tuple[float | None, ...]], columns: tuple[Column, ...], **aggregate: object
) -> TrackResults:
    """A table whose ranks are in the order of the rows and whose aggregates are those that its method gives."""
    ranking = Ranking(aggregate=Aggregate.model_validate(aggregate))
    bare = TrackResults(
        "t", "T", "p", ranking, "", columns,
        tuple(
            Result(name, name, "", "official", "run here",
                   {column.key: ScoreOf(value) for column, value in zip(columns, values, strict=True)}, rank=place)
            for place, (name, values) in enumerate(rows.items(), 1)
        ),
    )  # fmt: skip
    own = Recomputed(Subject(bare))
    scores = own.rule(own.rows)
    return replace(bare, results=tuple(replace(one, aggregate=scores[one.key]) for one in bare.results))


COLUMNS = (Column("a", "A", "accuracy", chance=0.5, weight=0.75), Column("b", "B", "accuracy", chance=0.5, weight=0.25))
ROWS: dict[str, tuple[float | None, ...]] = {"x": (0.9, 0.5), "y": (0.7, 0.8), "z": (0.6, 0.9)}


def test_a_mean_is_weighted_by_the_columns_shares() -> None:
    rule = Recomputed(Subject(track_of(ROWS, COLUMNS)))
    assert rule.agrees
    assert rule.rule(rule.rows) == {"x": 0.8, "y": 0.725, "z": 0.675}


def test_without_a_column_the_others_keep_their_shares() -> None:
    rule = Recomputed(Subject(track_of(ROWS, COLUMNS)))
    assert rule.rule({"x": {"b": 0.5}}) == {"x": 0.5}


def test_less_is_better_columns_are_turned_in_a_mean() -> None:
    columns = (COLUMNS[0], replace(COLUMNS[1], higher_is_better=False))
    rule = Recomputed(Subject(track_of(ROWS, columns)))
    assert rule.rows["x"] == {"a": 0.9, "b": 0.5}
    assert rule.rows["y"] == {"a": 0.7, "b": pytest.approx(0.2)}


def test_a_missing_score_leaves_no_mean_and_counts_as_worst_where_the_track_says_so() -> None:
    track = track_of({"x": (0.9, None), "y": (0.7, 0.8)}, COLUMNS)
    assert Recomputed(Subject(track)).rule(Recomputed(Subject(track)).rows)["x"] is None
    worst = replace(track, ranking=track.ranking.model_copy(update={"missing": "worst"}))
    rule = Recomputed(Subject(worst))
    assert rule.rule(rule.rows)["x"] == pytest.approx(0.675)


def test_other_rules_are_those_that_the_columns_allow() -> None:
    rule = Recomputed(Subject(track_of(ROWS, COLUMNS)))
    assert set(rule.what_ifs()) == {
        "macro mean", "mean win rate (HELM)", "geometric mean", "mean of z-scores", "mean rank",
        "rescaled above chance",
    }  # fmt: skip
    plain = tuple(replace(column, weight=0.5, chance=None) for column in COLUMNS)
    assert set(Recomputed(Subject(track_of(ROWS, plain))).what_ifs()) == {
        "mean win rate (HELM)", "geometric mean", "mean of z-scores", "mean rank",
    }  # fmt: skip


def test_helms_win_rate_knows_no_weights() -> None:
    rule, rows, higher = Recomputed(Subject(track_of(ROWS, COLUMNS))).what_ifs()["mean win rate (HELM)"]
    assert higher
    assert rule(rows) == {"x": 0.5, "y": 0.5, "z": 0.5}


def test_a_ranking_by_mean_ranks_is_better_low() -> None:
    track = track_of(ROWS, COLUMNS, method="mean-rank")
    assert Recomputed(Subject(track)).relative
    assert not Subject(track).higher
    assert Recomputed(Subject(track)).agrees


def test_the_efficiency_formula_over_helms_wins() -> None:
    rows = {
        "x": {"MMLU - EM": 0.9, "corr2cause - EM": 0.9}, "y": {"MMLU - EM": 0.5, "corr2cause - EM": 0.5},
        "z": {"MMLU - EM": 0.5, "corr2cause - EM": None},
    }  # fmt: skip
    scores = efficiency_2023_with_helms_wins(rows)
    assert scores["x"] == 1.0
    # MMLU: a tie for two places, (0 + 1/2) / 2; corr2cause: one of two is beaten.
    assert scores["y"] == pytest.approx(0.25 / 3 + 2 * 0.5 / 3)
    assert scores["z"] == pytest.approx(0.25 / 3)
    columns = tuple(Column(key, key, "EM") for key in rows["x"])
    track = track_of({name: tuple(row.values()) for name, row in rows.items()}, columns, method="efficiency-2023")
    assert HELM_WINS in Recomputed(Subject(track)).what_ifs()


def test_aggregates_that_do_not_follow_are_noticed() -> None:
    track = track_of(ROWS, COLUMNS)
    first, *others = track.results
    odd = replace(track, results=(replace(first, aggregate=0.99), *others))
    assert not Recomputed(Subject(odd)).agrees
