"""The fixed downloads: a leaderboard as everybody sees it, and every score of a challenge for its reviewers."""

from collections.abc import Iterator

from challenges.models import Challenge
from leaderboards.exports.cells import cell_text, settled
from leaderboards.exports.columns import row_of
from leaderboards.exports.formats.csv_file import quoted
from leaderboards.exports.long_layout import COLUMNS, PEOPLE
from leaderboards.exports.long_rows import long_rows
from leaderboards.exports.query import ExportQuery
from leaderboards.exports.table import Standing
from leaderboards.presentation import columns_of
from leaderboards.selectors import Board

END = "\r\n"


def board_csv(board: Board) -> Iterator[str]:
    """The lines of a leaderboard as its page prints it, with every part and suite as columns; nothing finer is told."""
    keys, lines = columns_of(board)
    suites = {str(column["key"]) for column in board.columns}
    beside = ("low", "high", "answered", "asked")
    heads = [head for key in keys for head in (key, *(f"{key} {one}" for one in beside if key in suites))]
    yield _line(["rank", "method", "team", "status", "provenance", "aggregate", *heads])
    for line in lines:
        cells = [line.row["name"], line.row["team"], line.row["status"], line.row["provenance"]]
        numbers = [line.aggregate]
        for key, cell in zip(keys, line.cells, strict=True):
            score = line.row["scores"].get(key) or {}
            counts = [str(score.get(name, "")) for name in ("answered", "asked")]
            numbers += [cell.text, *cell.ends, *counts] if key in suites else [cell.text]
        yield _line([_known(line.rank), *map(str, cells)], [_known(number) for number in numbers])


def results_csv(challenge: Challenge, *, anonymised: bool = False, phases: tuple[str, ...] = ()) -> Iterator[str]:
    """The lines of the challenge's result table, header first, in a fixed order; every score of finished runs.

    `phases` are `track/phase`, the only ones where any is named.
    Its header is the first line, for programs that read this address; what the file stands on is in the exports.
    """
    columns = [one for one in COLUMNS if one.usual and one.field.name not in PEOPLE]
    if anonymised:
        columns = [one for one in columns if not one.identifying]
    yield _line([one.field.name for one in columns])
    query = ExportQuery(challenge=challenge.key, layout="long", superseded=True, anonymised=anonymised, phases=phases)
    for line in long_rows(challenge, query, Standing()):
        cells = [settled(cell, None) for cell in row_of(columns, line)]
        texts = [
            quoted(cell) if isinstance(cell, str) else cell_text(cell, one.field.kind, None)
            for cell, one in zip(cells, columns, strict=True)
        ]
        yield ",".join(texts) + END


def _line(cells: list[str], numbers: list[str] | None = None) -> str:
    """One line; only what is a printed number may begin like a formula."""
    return ",".join([*map(quoted, cells), *(numbers or [])]) + END


def _known(text: str) -> str:
    """The printed number; empty where the page shows that there is none."""
    return "" if text == "–" else text
