"""LaTeX: a booktabs table to be read in with \\input, below comments that say what it is."""

from collections.abc import Iterable
from typing import IO

from leaderboards.exports.cells import Cell, Field, Kind, cell_text
from leaderboards.exports.formats.latex_text import latex
from leaderboards.exports.formats.spooling import Body
from leaderboards.exports.table import Fact, Table

MOST_ROWS = 45  # on one page; a longer table breaks across pages
NONE = "--"


def head(facts: Iterable[Fact]) -> list[str]:
    """The comments."""
    return [f"% {fact.name}: {fact.value}\n" for fact in facts]


def write(table: Table, out: IO[bytes]) -> None:
    """Write the table."""
    precision = table.query.precision
    with Body() as body:
        rows = [_line(_shown(cell, field, precision) for cell, field in zip(row, table.fields, strict=True))
                for row in table.rows]  # fmt: skip
        long = len(rows) > MOST_ROWS
        environment = "longtable" if long else "tabular"
        packages = r"\usepackage{booktabs,longtable}" if long else r"\usepackage{booktabs}"
        body.add(f"% Needs {packages}.\n")
        columns = "".join("l" if field.kind in (Kind.TEXT, Kind.BOOLEAN) else "r" for field in table.fields)
        body.add(f"\\begin{{{environment}}}{{@{{}}{columns}@{{}}}}\n\\toprule\n")
        body.add(_line(latex(field.name) for field in table.fields))
        body.add("\\midrule\n" + ("\\endhead\n" if long else ""))
        for row in rows:
            body.add(row)
        body.add(f"\\bottomrule\n\\end{{{environment}}}\n")
        lines = head(table.facts())
        body.write(out, [*lines, *head([Fact("checksum", body.checksum(lines))])])


def _line(cells: Iterable[str]) -> str:
    return " & ".join(cells) + " \\\\\n"


def _shown(cell: Cell, field: Field, precision: int | None) -> str:
    text = cell_text(cell, field.kind, precision)
    if isinstance(cell, str):
        return latex(text)
    return f"$-${text[1:]}" if text.startswith("-") else text or NONE
