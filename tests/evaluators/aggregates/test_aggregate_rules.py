"""What every aggregate holds to: range, order, ties, and that nothing missing is left out."""

import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from evaluators.aggregates import (
    METHOD_WORDS,
    METHODS,
    RELATIVE_METHODS,
    Mean,
    Table,
    aggregate,
    coefficients,
    mean_of,
    values_of,
)
from evaluators.cli.app import app
from evaluators.protocol.problems import ProblemsFound

NAMES = [f"MMLU - m{n}" if n % 2 else f"other - m{n}" for n in range(4)]
unit = st.sampled_from([n / 8 for n in range(9)])
tables = st.dictionaries(
    st.sampled_from([f"s{n}" for n in range(6)]), st.fixed_dictionaries(dict.fromkeys(NAMES, unit)), min_size=2
)
GENERAL = [name for name in METHODS if name != "babylm-2023"]
CHANCE = dict.fromkeys(NAMES, 0.25)


def table_for(method: str, rows: dict[str, Any], **settings: Any) -> Table:
    """A table with what the method can't do without."""
    return Table(rows, chance=CHANCE if method == "above-chance" else {}, **settings)


@settings(deadline=None, max_examples=40)
@given(tables)
def test_scores_stay_in_range_and_do_not_depend_on_the_order_of_rows_and_columns(rows: dict[str, Any]) -> None:
    turned = {name: dict(reversed(rows[name].items())) for name in reversed(rows)}
    for method in GENERAL:
        scores, other = aggregate(method, table_for(method, rows)), aggregate(method, table_for(method, turned))
        low, high = {
            "borda": (0, 4 * (len(rows) - 1)),
            "mean-rank": (1, len(rows)),
            "z-mean": (-((len(rows) - 1) ** 0.5), (len(rows) - 1) ** 0.5),
            "above-chance": (-1 / 3, 1),
        }.get(method, (0, 1))
        for name, values in scores.items():
            for key, value in values.items():
                assert value is not None
                assert low - 1e-12 <= value <= high + 1e-12
                assert math.isclose(value, other[name][key] or 0.0, rel_tol=1e-9, abs_tol=1e-12)


@settings(deadline=None, max_examples=40)
@given(tables)
def test_who_is_at_least_as_good_everywhere_is_never_behind(rows: dict[str, Any]) -> None:
    best = {metric: max(row[metric] for row in rows.values()) for metric in NAMES}
    for method in GENERAL:
        scores = aggregate(method, table_for(method, {**rows, "best": best}))
        key = next(iter(scores["best"]))
        sign = -1 if method == "mean-rank" else 1
        assert all(sign * (scores["best"][key] or 0) >= sign * (row[key] or 0) - 1e-12 for row in scores.values())


@pytest.mark.parametrize(
    "method", ["macro", "weighted", "geometric-mean", "mean-win-rate", "borda", "mean-rank", "z-mean"]
)
def test_a_missing_value_leaves_its_submission_without_a_score(method: str) -> None:
    scores = aggregate(method, Table({"a": {"x": 1.0, "y": None}, "b": {"x": 0.5, "y": 0.5}}))
    assert scores["a"] == {"score": None}
    assert scores["b"]["score"] is not None


def test_win_rates_are_those_of_helm() -> None:
    rows = {name: {"x": value} for name, value in zip("abcde", [1, 1, 1, 2, 3], strict=True)}
    scores = aggregate("mean-win-rate", Table(rows))
    assert [scores[name]["score"] for name in "abcde"] == [0.25, 0.25, 0.25, 0.75, 1.0]
    lower = aggregate("mean-win-rate", Table(rows, lower=frozenset({"x"})))
    assert lower["e"]["score"] == 0.0


def test_shared_wins_of_the_efficiency_challenge_share_one_win_over_n() -> None:
    rows = {
        name: {"MMLU - EM": value, "ethics_a - EM": value} for name, value in zip("abcd", [1, 2, 2, 3], strict=True)
    }
    scores = aggregate("efficiency-2023", Table(rows))
    assert [scores[name]["full"] for name in "bcd"] == pytest.approx([1.5 / 4, 1.5 / 4, 3 / 4])
    assert scores["a"]["full"] == pytest.approx(5e-324, abs=1e-300)


def test_a_mean_of_means_weighs_and_scales_its_members_and_is_linear() -> None:
    inner = Mean("reading", ("eye", "self"), scales={"eye": 1})
    whole = Mean("", ("blimp", inner), {"blimp": 3}, {"blimp": 100})
    values = {"blimp": 0.5, "eye": 8.0, "self": 4.0}
    assert mean_of(whole, values) == (3 * 50 + 6) / 4
    assert values_of(whole, values) == {"reading": 6.0}
    by_coefficients = sum(value * values[key] for key, value in coefficients(whole).items())
    assert by_coefficients == pytest.approx(mean_of(whole, values))


def test_what_is_missing_in_a_part_is_missing_in_the_whole_unless_it_weighs_nothing() -> None:
    part = Mean("part", ("a", "b"))
    assert mean_of(Mean("", ("c", part)), {"a": 1.0, "c": 1.0}) is None
    assert mean_of(Mean("", ("c", part), {"part": 0}), {"a": 1.0, "c": 1.0}) == 1.0
    assert mean_of(Mean("", ("c",), {"c": 0}), {"c": 1.0}) is None


@pytest.mark.parametrize(
    ("method", "table", "code"),
    [
        ("median", Table({"a": {"x": 1.0}}), "E-AGG-METHOD"),
        ("geometric-mean", Table({"a": {"x": -1.0}}), "E-AGG-TABLE"),
        ("macro", Table({"a": {"x": 1.0}}, worst=True), "E-AGG-TABLE"),
        ("macro", Table({"a": {"x": 1.0}}, lower=frozenset({"x"})), "E-AGG-TABLE"),
        ("weighted", Table({"a": {"x": 1.0}}, {"y": 1.0}), "E-AGG-TABLE"),
        ("weighted", Table({"a": {"x": 1.0}}, {"x": -1.0}), "E-AGG-TABLE"),
        ("macro", Table({"a": {"x": 1.0}}, {"x": 2.0}), "E-AGG-TABLE"),
        ("macro", Table({"a": {"x": 1.0}}, floor=0.1), "E-AGG-TABLE"),
        ("geometric-mean", Table({"a": {"x": 1.0}}, floor=-0.1), "E-AGG-TABLE"),
        ("macro", Table({"a": {"x": 1.0}}, chance={"x": 0.5}), "E-AGG-TABLE"),
        ("above-chance", Table({"a": {"x": 1.0}}), "E-AGG-TABLE"),
        ("above-chance", Table({"a": {"x": 1.0}}, chance={"x": 1.0}), "E-AGG-TABLE"),
        ("mean-rank", Table({"a": {"x": 1.0}}, lower=frozenset({"y"})), "E-AGG-TABLE"),
        ("babylm-2023", Table({"a": {"ewok": 1.0}}), "E-AGG-TABLE"),
    ],
)
def test_what_a_method_can_not_take_is_refused(method: str, table: Table, code: str) -> None:
    with pytest.raises(ProblemsFound) as refused:
        aggregate(method, table)
    assert [problem.code for problem in refused.value.problems] == [code]


def test_a_win_rate_depends_on_who_else_entered() -> None:
    rows = {"even": dict(zip("xyz", [10.0, 10, 10], strict=True)), "odd": dict(zip("xyz", [12.0, 12, 8], strict=True))}
    two = aggregate("mean-win-rate", Table(rows))
    assert [two[name]["score"] for name in rows] == pytest.approx([1 / 3, 2 / 3])
    three = aggregate("mean-win-rate", Table({**rows, "third": dict.fromkeys("xyz", 9.0)}))
    assert [three[name]["score"] for name in rows] == pytest.approx([2 / 3, 2 / 3])


def test_a_z_mean_is_in_standard_deviations_and_turns_where_lower_is_better() -> None:
    rows = {name: {"x": value, "same": 0.1 + 0.2} for name, value in zip("abc", [1.0, 2.0, 3.0], strict=True)}
    sd = (2 / 3) ** 0.5
    scores = aggregate("z-mean", Table(rows))
    assert [scores[name]["score"] for name in "abc"] == pytest.approx([-0.5 / sd, 0, 0.5 / sd])
    weighed = aggregate("z-mean", Table(rows, {"same": 0}, frozenset({"x"})))
    assert [weighed[name]["score"] for name in "abc"] == pytest.approx([1 / sd, 0, -1 / sd])


def test_above_chance_puts_guessing_at_0_and_perfect_at_1() -> None:
    rows = {"guess": {"x": 0.5, "y": 0.25}, "perfect": {"x": 1.0, "y": 1.0}, "half": {"x": 0.75, "y": 0.25}}
    scores = aggregate("above-chance", Table(rows, {"x": 3}, chance={"x": 0.5, "y": 0.25}))
    assert [scores[name]["score"] for name in rows] == [0, 1, 0.375]


def test_a_floor_keeps_one_zero_from_annulling_the_rest() -> None:
    rows = {"a": {"x": 0.0, "y": 1.0}, "b": {"x": 0.5, "y": 0.5}}
    assert aggregate("geometric-mean", Table(rows))["a"]["score"] == 0
    assert aggregate("geometric-mean", Table(rows, floor=0.01))["a"]["score"] == pytest.approx(0.1)
    weighed = aggregate("geometric-mean", Table(rows, {"x": 1, "y": 3}, floor=0.01))
    assert weighed["a"]["score"] == pytest.approx(0.01**0.25)
    last = {name: {"MMLU - EM": value, "sam_sum - ROUGE-2": value} for name, value in (("a", 0.1), ("b", 0.2))}
    assert aggregate("efficiency-2023", Table(last))["a"]["full"] == pytest.approx(0, abs=1e-300)
    assert aggregate("efficiency-2023", Table(last, floor=0.01))["a"]["full"] == pytest.approx(0.01)
    assert aggregate("efficiency-2023", Table(last, floor=0.0))["a"]["full"] == 0


def test_columns_weigh_what_the_track_says_and_nothing_may_be_missing() -> None:
    rows = {"a": {"x": 1.0, "y": 0.0, "z": None}, "b": {"x": 0.0, "y": 1.0, "z": 1.0}}
    weights = {"x": 3.0, "y": 1.0, "z": 0.0}
    found = {method: aggregate(method, Table(rows, weights)) for method in ("mean-win-rate", "mean-rank", "borda")}
    assert {method: scores["a"]["score"] for method, scores in found.items()} == {
        "mean-win-rate": 0.75, "mean-rank": 1.25, "borda": 3.0,
    }  # fmt: skip


def test_every_method_says_in_words_what_it_does() -> None:
    assert METHOD_WORDS.keys() == METHODS.keys()
    for method in METHODS:
        assert ("who else entered" in METHOD_WORDS[method]) == (method in RELATIVE_METHODS)


def test_the_command_prints_one_score_a_submission(tmp_path: Path) -> None:
    (tmp_path / "table.json").write_text('{"a": {"x": 1, "y": 0.5}, "b": {"x": 0, "y": null}}')
    done = CliRunner().invoke(app, ["aggregate", "macro", str(tmp_path / "table.json"), "--json"])
    assert json.loads(done.stdout) == {"a": {"score": 0.75}, "b": {"score": None}}
    (tmp_path / "table.json").write_text('{"a": {"x": NaN}}')
    refused = CliRunner().invoke(app, ["aggregate", "macro", str(tmp_path / "table.json"), "--json"])
    assert refused.exit_code == 2
    assert json.loads(refused.stdout)["problems"][0]["code"] == "E-AGG-TABLE"


def test_the_command_takes_chance_weights_and_a_floor(tmp_path: Path) -> None:
    file = tmp_path / "table.json"
    file.write_text('{"a": {"x": 1, "y": 0.5}}')
    options = ["--chance", "x=0.5", "--chance", "y=0.25", "--weight", "y=3", "--json"]
    done = CliRunner().invoke(app, ["aggregate", "above-chance", str(file), *options])
    assert json.loads(done.stdout) == {"a": {"score": 0.5}}
    done = CliRunner().invoke(app, ["aggregate", "geometric-mean", str(file), "--floor", "2", "--json"])
    assert json.loads(done.stdout) == {"a": {"score": 2.0}}
    refused = CliRunner().invoke(app, ["aggregate", "above-chance", str(file), "--chance", "x", "--json"])
    assert json.loads(refused.stdout)["problems"][0]["field"] == "--chance"
