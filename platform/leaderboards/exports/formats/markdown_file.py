"""Markdown: a table as GitHub and pandoc read it, below comments that say what it is; strangers' text stays text."""

import re
from collections.abc import Iterable
from typing import IO

from leaderboards.exports.cells import Cell, Field, Kind, cell_text, safe_cell
from leaderboards.exports.formats.spooling import Body
from leaderboards.exports.table import Fact, Table

MARKED = re.compile(r"([\\`*_\[\]{}|~$#!])")
ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "@": "&#64;"}
ENTITY = re.compile("[&<>@]")
# What GitHub would turn into a link by itself.
LINK = re.compile(r"(?i)(?<=\w)(?=://)|(?<=www)(?=\.)")


def escaped(text: str) -> str:
    """The text as a cell: no markup, no link, no mention of anybody, and no formula where the table is pasted."""
    marked = MARKED.sub(r"\\\1", safe_cell(text))
    return LINK.sub("&#8203;", ENTITY.sub(lambda found: ENTITIES[found[0]], marked))


def head(facts: Iterable[Fact]) -> list[str]:
    """The comments."""
    return [f"<!-- {fact.name}: {fact.value} -->\n" for fact in facts]


def line(cells: Iterable[str]) -> str:
    """One line of the table."""
    return f"| {' | '.join(cells)} |\n"


def write(table: Table, out: IO[bytes]) -> None:
    """Write the table."""
    precision = table.query.precision
    with Body() as body:
        body.add("\n" + line(escaped(field.name) for field in table.fields))
        body.add(line("---" if field.kind is Kind.TEXT else "---:" for field in table.fields))
        for row in table.rows:
            body.add(line(_shown(cell, field, precision) for cell, field in zip(row, table.fields, strict=True)))
        lines = head(table.facts())
        body.write(out, [*lines, *head([Fact("checksum", body.checksum(lines))])])


def _shown(cell: Cell, field: Field, precision: int | None) -> str:
    return escaped(cell) if isinstance(cell, str) else cell_text(cell, field.kind, precision)
