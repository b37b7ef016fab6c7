"""How numbers look on a leaderboard."""

import pytest

from leaderboards.exports import safe_cell
from leaderboards.presentation import number


@pytest.mark.parametrize(
    ("value", "digits", "percent", "text"),
    [(0.65349, 2, True, "65.35"), (0.5, 0, True, "50"), (1.25, 1, False, "1.2"), (None, 2, True, "–")],
)
def test_numbers_are_percent_on_a_unit_scale_and_rounded_as_the_track_says(
    value: float | None, digits: int, percent: bool, text: str
) -> None:
    assert number(value, digits=digits, percent=percent) == text


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\r=1"])
def test_a_cell_that_begins_like_a_formula_cannot_run_in_a_spreadsheet(text: str) -> None:
    assert safe_cell(text) == f"'{text}"


def test_other_cells_stay_as_they_are() -> None:
    assert safe_cell("Heron n-grams (v2) = better") == "Heron n-grams (v2) = better"
