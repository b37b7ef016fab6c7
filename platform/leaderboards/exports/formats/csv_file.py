"""CSV: lines that begin with # say what the file is, then a header and a line for each row."""

from collections.abc import Iterable, Iterator, Sequence
from typing import IO

from leaderboards.exports.cells import Field, Row, cell_text, safe_cell
from leaderboards.exports.formats.spooling import Body
from leaderboards.exports.table import Fact, Table

COMMENT = "# "
# A cell with one of these is quoted: # begins a comment, and elsewhere a semicolon begins a cell.
QUOTED = frozenset("\",;#'")


def quoted(text: str) -> str:
    """The text as a cell that a spreadsheet can't run."""
    safe = safe_cell(text)
    if QUOTED.isdisjoint(safe) and safe == safe.strip():
        return safe
    return f'"{safe.replace(chr(34), chr(34) * 2)}"'


def line(cells: Iterable[str]) -> str:
    """One line with these cells, which are escaped already."""
    return ",".join(cells) + "\n"


def header(fields: Sequence[Field]) -> str:
    """The line of the columns' names."""
    return line(quoted(field.name) for field in fields)


def row_line(row: Row, fields: Sequence[Field], precision: int | None) -> str:
    """A row of the table; numbers stay as they are, a minus in front of one runs nothing."""
    return line(
        quoted(cell) if isinstance(cell, str) else cell_text(cell, field.kind, precision)
        for cell, field in zip(row, fields, strict=True)
    )


def head(facts: Iterable[Fact]) -> list[str]:
    """The comment lines."""
    return [f"{COMMENT}{fact.name}: {fact.value}\n" for fact in facts]


def kept(table: Table, body: Body) -> Iterator[Row]:
    """The table's rows, each of which is kept in the body as it goes by."""
    body.add(header(table.fields))
    for row in table.rows:
        body.add(row_line(row, table.fields, table.query.precision))
        yield row


def write(table: Table, out: IO[bytes]) -> None:
    """Write the table."""
    with Body() as body:
        for _ in kept(table, body):
            pass
        lines = head(table.facts())
        body.write(out, [*lines, *head([Fact("checksum", body.checksum(lines))])])
