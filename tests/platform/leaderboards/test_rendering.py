"""Heat tables and drawings."""

import pytest

from leaderboards.rendering import difference_of
from leaderboards.rendering_heat import (
    HeatRow,
    Scale,
    Tile,
    heat,
    heat_head,
    heat_rows,
    leaning,
    tiles,
)


@pytest.mark.parametrize(
    ("value", "higher", "shade"),
    [(0.5, True, 0), (1.0, True, 6), (0.75, True, 3), (0.2, True, 0), (1.2, True, 6), (0.5, False, 6), (1.0, False, 0)],
)
def test_the_better_a_score_the_stronger_its_ground(value: float, higher: bool, shade: int) -> None:
    assert Scale(0.5, 1.0, higher).shade(value) == shade


def test_there_is_no_ground_without_a_number_and_a_middle_one_without_a_scale() -> None:
    assert Scale(0.5, 1.0).shade(None) is None
    assert Scale(0.5, 0.5).shade(0.5) == 3


@pytest.mark.parametrize(
    ("value", "ground"), [(1.0, "diff-p3"), (0.3, "diff-p1"), (0.1, ""), (-0.1, ""), (-0.6, "diff-n2"), (None, "")]
)
def test_a_difference_leans_to_its_side(value: float | None, ground: str) -> None:
    assert leaning("x", value, reach=1.0).ground == ground


def test_differences_that_are_all_nothing_have_no_ground() -> None:
    assert leaning("0.00", 0.0, reach=0.0).ground == ""


def test_every_cell_prints_its_number() -> None:
    rows = heat_rows([HeatRow("Heron", [heat("81.20", 4, "n = 30"), heat("–", None)], "/x/1", "Wetland", "1")])
    assert '<td class="num heat-4">81.20<span class="heat-under">n = 30</span></td>' in rows
    assert '<td class="num ">–</td>' in rows


def test_names_in_heat_tables_are_text() -> None:
    bad = '"><script>'
    html = heat_rows([HeatRow(bad, [], bad, bad, bad)]) + heat_head(bad, [bad]) + tiles([Tile(bad, heat(bad, 1, bad))])
    assert "<script" not in html
    assert '"">' not in html


def test_many_heads_stand_upright() -> None:
    assert "upright" not in heat_head("Suite", ["a"] * 5)
    assert heat_head("Suite", ["a"] * 6).count("upright") == 6


def test_a_difference_is_drawn_around_zero() -> None:
    html = difference_of(0.1, -0.1, 0.2, reach=0.2)
    assert '<line class="range" x1="25" y1="6" x2="100" y2="6"/>' in html
    assert '<line class="chance" x1="50"' in html
    assert 'x1="50" y1="6" x2="50"' in difference_of(0.0, 0.0, 0.0, reach=0.0)
