"""What every aggregate holds to: range, order, ties, and that nothing missing is left out."""

import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from evaluators.aggregates import METHODS, Mean, Table, aggregate, coefficients, mean_of, values_of
from evaluators.cli.app import app
from evaluators.protocol.problems import ProblemsFound

NAMES = [f"MMLU - m{n}" if n % 2 else f"other - m{n}" for n in range(4)]
unit = st.sampled_from([n / 8 for n in range(9)])
tables = st.dictionaries(
    st.sampled_from([f"s{n}" for n in range(6)]), st.fixed_dictionaries(dict.fromkeys(NAMES, unit)), min_size=2
)
GENERAL = [name for name in METHODS if name != "babylm-2023"]


@given(tables)
def test_scores_stay_in_range_and_do_not_depend_on_the_order_of_rows_and_columns(rows: dict[str, Any]) -> None:
    turned = {name: dict(reversed(rows[name].items())) for name in reversed(rows)}
    for method in GENERAL:
        scores, other = aggregate(method, Table(rows)), aggregate(method, Table(turned))
        low, high = {"borda": (0, 4 * (len(rows) - 1)), "mean-rank": (1, len(rows))}.get(method, (0, 1))
        for name, values in scores.items():
            for key, value in values.items():
                assert value is not None
                assert low - 1e-12 <= value <= high + 1e-12
                assert math.isclose(value, other[name][key] or 0.0, rel_tol=1e-9, abs_tol=1e-12)


@given(tables)
def test_who_is_at_least_as_good_everywhere_is_never_behind(rows: dict[str, Any]) -> None:
    best = {metric: max(row[metric] for row in rows.values()) for metric in NAMES}
    for method in GENERAL:
        scores = aggregate(method, Table({**rows, "best": best}))
        key = next(iter(scores["best"]))
        sign = -1 if method == "mean-rank" else 1
        assert all(sign * (scores["best"][key] or 0) >= sign * (row[key] or 0) - 1e-12 for row in scores.values())


@pytest.mark.parametrize("method", ["macro", "weighted", "geometric-mean", "mean-win-rate", "borda", "mean-rank"])
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
        ("babylm-2023", Table({"a": {"ewok": 1.0}}), "E-AGG-TABLE"),
    ],
)
def test_what_a_method_can_not_take_is_refused(method: str, table: Table, code: str) -> None:
    with pytest.raises(ProblemsFound) as refused:
        aggregate(method, table)
    assert [problem.code for problem in refused.value.problems] == [code]


def test_the_command_prints_one_score_a_submission(tmp_path: Path) -> None:
    (tmp_path / "table.json").write_text('{"a": {"x": 1, "y": 0.5}, "b": {"x": 0, "y": null}}')
    done = CliRunner().invoke(app, ["aggregate", "macro", str(tmp_path / "table.json"), "--json"])
    assert json.loads(done.stdout) == {"a": {"score": 0.75}, "b": {"score": None}}
    (tmp_path / "table.json").write_text('{"a": {"x": NaN}}')
    refused = CliRunner().invoke(app, ["aggregate", "macro", str(tmp_path / "table.json"), "--json"])
    assert refused.exit_code == 2
    assert json.loads(refused.stdout)["problems"][0]["code"] == "E-AGG-TABLE"
