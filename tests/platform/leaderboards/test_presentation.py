"""How numbers look on a leaderboard."""

from typing import Any

import pytest

from leaderboards.exports.cells import safe_cell
from leaderboards.presentation import chance_of, lines_of, number
from leaderboards.presentation_links import Address, EntryLinks, NoSuchMoment
from leaderboards.presentation_table import page
from leaderboards.rendering import head_of, rows_of
from tests.platform.leaderboards.board_making import board, column, row, score

COLUMNS = [column("pairs"), column("world")]


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


@pytest.mark.parametrize(
    ("value", "text"), [(None, ""), (0.0, "< 0.01"), (0.009, "< 0.01"), (0.617, "0.62"), (0.999, "> 0.99")]
)
def test_a_probability_claims_no_more_than_is_known(value: float | None, text: str) -> None:
    assert chance_of(value) == text


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({}, "3"),
        ({"rank_low": 2, "rank_high": 5}, "3 (2–5)"),
        ({"rank_low": 3, "rank_high": 3}, "3"),
        ({"rank": None, "rank_low": None, "rank_high": None}, "–"),
    ],
)
def test_a_rank_has_its_interval_where_that_says_more(fields: dict[str, Any], text: str) -> None:
    (line,) = lines_of(board([]), ["pairs"], [row(**{"rank": 3, **fields})])
    assert line.rank == text


def test_the_score_of_each_split_stands_below_the_whole() -> None:
    scored = {**score(0.75), "splits": {"private": 0.5, "public": 1.0}}
    (line,) = lines_of(board([]), ["pairs"], [row(scores={"pairs": scored})])
    assert line.cells[0].splits == "private 50.00, public 100.00"


def test_a_rule_parts_clusters_and_references_between_them_have_none() -> None:
    rows = [
        row(1, 1, 0.9, cluster=1), row(2, 2, 0.89, cluster=1), row(3, None, 0.8, status="baseline"),
        row(4, 3, 0.7, cluster=2), row(5, 4, 0.69, cluster=2),
    ]  # fmt: skip
    assert [line.cut for line in lines_of(board(rows), ["pairs"], rows)] == [False, False, False, True, False]


def test_who_can_not_be_told_from_the_first_is_marked_and_the_first_is_not() -> None:
    rows = [row(1, 1, tied=True), row(2, 2, tied=True), row(3, 3, tied=False)]
    table = page(board(rows))
    assert table is not None
    assert [line.tied for line in table.lines] == [False, True, False]
    assert rows_of(table, links=EntryLinks("/x")).count("tied with first") == 1


def test_intervals_of_aggregates_are_drawn_on_one_scale_and_no_finer_than_they_are_printed() -> None:
    scores = {"pairs": score(0.5), "world": score(0.5)}
    rows = [
        row(1, 1, 0.70004, low=0.60001, high=0.80002, scores=scores),
        row(2, 2, 0.5, low=0.4, high=0.6, scores=scores),
    ]
    table = page(board(rows, COLUMNS))
    assert table is not None
    assert table.scale == ("40.00", "80.00")
    spans = [line.span for line in table.lines]
    assert [tuple(span) for span in spans if span is not None] == [(75.0, 50.0, 100.0), (25.0, 0.0, 50.0)]
    assert [line.interval for line in table.lines] == ["60.00–80.00", "40.00–60.00"]


def test_a_board_that_tells_no_intervals_has_no_column_for_them() -> None:
    table = page(board([row(scores={"pairs": score(0.5), "world": score(0.5)})], COLUMNS))
    assert table is not None
    assert not table.whiskers
    assert "95 %" not in head_of(table)
    assert "P(best)" not in head_of(table)


def test_a_board_of_one_suite_draws_its_score_s_interval_once() -> None:
    table = page(board([row(low=0.6, high=0.8)]))
    assert table is not None
    assert head_of(table).count("95 % interval") == 1


def test_a_wide_table_has_the_numbers_alone() -> None:
    columns = [column(f"task-{number}") for number in range(20)]
    scores = {one["key"]: score(0.5) for one in columns}
    scores["task-3"] = score(0.25, answered=60)
    scores["task-4"] = score(None)
    table = page(board([row(scores=scores)], columns))
    assert table is not None
    (line,) = table.lines
    assert list(line.texts)[2:6] == ["50.00", "25.00 (partial)", "–", "50.00"]
    assert rows_of(table, links=EntryLinks("/x")).count('<td class="num">') == 20 + 1
    assert "40.00" not in rows_of(table, links=EntryLinks("/x"))


@pytest.mark.parametrize(("method", "text"), [("macro", "75.00"), ("mean-rank", "0.75"), ("geometric-mean", "75.00")])
def test_an_aggregate_is_percent_only_where_it_is_a_share(method: str, text: str) -> None:
    one = board(
        [row(scores={"pairs": score(0.5), "world": score(0.5)})], COLUMNS, track={"aggregate": {"method": method}}
    )
    assert lines_of(one, ["pairs"], one.rows)[0].aggregate == text


def test_names_are_text_wherever_they_stand() -> None:
    bad = '<script>alert("1")</script>'
    table = page(board([row(name=bad, team=bad, why_unranked=bad, reason=bad, provenance=bad)], [column(title=bad)]))
    assert table is not None
    assert "<script" not in rows_of(table, links=EntryLinks('/"><script>')) + head_of(table)


def test_the_marks_of_an_entry_stand_beside_its_name() -> None:
    rows = [
        row(1, 1), row(2, None, status="baseline"), row(3, None, status="skyline"), row(4, 2, status="late"),
        row(5, None, status="not_eligible", reason="An organizer's own."),
        row(6, None, why_unranked="a score is missing"),
    ]  # fmt: skip
    table = page(board(rows))
    assert table is not None
    html = rows_of(table, links=EntryLinks("/board"), own={1})
    marks = ("Your team", "Baseline", "Skyline", "Late", "Not eligible", "organizer", "Not ranked: a score is missing.")
    assert all(html.count(mark) == 1 for mark in marks)
    assert '<a href="/board/4">Method 4</a>' in html


def test_links_keep_what_is_asked_and_begin_at_the_first_page() -> None:
    address = Address.of({"part": "glue", "q": "big & small", "page": "3", "unknown": "x"})
    assert address.link(page=4) == "?part=glue&q=big+%26+small&page=4"
    assert address.link(part="", page=1) == "?q=big+%26+small"
    assert Address().link() == "?"
    assert address.hidden_fields("q") == [("part", "glue")]


@pytest.mark.parametrize("page_asked", ["", "0", "-1", "two", "²", "9" * 30])
def test_what_is_no_page_is_the_first(page_asked: str) -> None:
    assert Address.of({"page": page_asked}).page == 1


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-03-01T12:00:00Z", "2026-03-01T12:00:00+00:00"),
        ("2026-03-01T12:00:00+02:00", "2026-03-01T10:00:00+00:00"),
        ("2026-03-01T12:00:00", "2026-03-01T12:00:00+00:00"),
        ("2026-03-01", "2026-03-01T23:59:59.999999+00:00"),
    ],
)
def test_a_moment_is_utc_where_no_zone_is_named_and_a_day_means_its_end(text: str, moment: str) -> None:
    found = Address(as_of=text).moment
    assert found is not None
    assert found.isoformat() == moment


@pytest.mark.parametrize("text", ["yesterday", "2026-02-31", "2026-02-31T00:00:00", "2026-13-01T00:00:00Z"])
def test_what_is_no_moment_is_refused(text: str) -> None:
    with pytest.raises(NoSuchMoment):
        _ = Address(as_of=text).moment
