"""A table as CSV: bare text, in which no cell is a formula for a spreadsheet."""

import csv
import io

from findings.document import Cell, Table, cell_parts, plain
from findings.numbers import MINUS, Number
from findings.writers.cleaning import clean

FORMULA = ("=", "+", "-", "@", "\t", "\r")


def table(block: Table) -> str:
    """The table with its headings; an empty cell where there is nothing."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([harmless(heading.title) for heading in block.headings])
    writer.writerows([[_cell(content) for content in row.cells] for row in block.rows])
    return out.getvalue()


def _cell(content: Cell) -> str:
    if content is None:
        return ""
    parts = cell_parts(content)
    text = clean("".join(plain(part) for part in parts))
    if len(parts) == 1 and isinstance(parts[0], Number):
        # A number alone is one for a program, too: an ASCII minus, no plus, nothing between thousands.
        return text.replace(MINUS, "-").removeprefix("+").replace(",", "")
    return harmless(text)


def harmless(text: str) -> str:
    """Text behind an apostrophe where a spreadsheet would take it for a formula."""
    return f"'{text}" if text.startswith(FORMULA) else text
