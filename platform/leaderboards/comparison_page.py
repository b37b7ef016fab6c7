"""What the page of a comparison is asked, and what it answers."""

from collections.abc import Mapping
from dataclasses import dataclass

from leaderboards.comparison import Comparison, compare
from leaderboards.computing import TABLE
from leaderboards.drilldown import configuration_of
from leaderboards.drilldown_rows import row_of, sees_configuration
from leaderboards.presentation_page import Pair, choices_of, pair_among
from leaderboards.selectors import Board


@dataclass(frozen=True)
class ComparisonPage:
    """The lists to choose from, and the comparison; None with a sentence where there is none yet."""

    pair: Pair | None
    comparison: Comparison | None
    note: str = ""


def comparison_page(
    board: Board, found: Board, query: tuple[int | None, int | None], *, reviewer: bool
) -> ComparisonPage:
    """The page for two entries; `found` is the board with their rows. Whoever calls this has asked `sees_groups`."""
    one, other = query
    first, second = (row_of(found, number) if number is not None else None for number in query)
    choices = choices_of([row for row in board.rows if row.get("section") == TABLE])
    listed = {choice.entry for choice in choices}
    choices += choices_of([row for row in (first, second) if row is not None and row["entry"] not in listed])
    note = ""
    if (one is not None and first is None) or (other is not None and second is None):
        note = "An entry that was asked for does not stand on this leaderboard."
    elif one is not None and one == other:
        note = "Choose two different entries."
    if note or first is None or second is None:
        return ComparisonPage(pair_among(choices, one, other), None, note)
    facts = [
        configuration_of(found, row, reviewer=reviewer) if sees_configuration(found, row, reviewer=reviewer) else []
        for row in (first, second)
    ]
    return ComparisonPage(
        pair_among(choices, one, other), compare(found, first, second, configurations=(facts[0], facts[1]))
    )


def pair_of(query: Mapping[str, str]) -> tuple[int | None, int | None]:
    """The entries that `?a=…&b=…` asks for, None for what is no number."""
    return _number(query.get("a", "")), _number(query.get("b", ""))


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 18 else None
