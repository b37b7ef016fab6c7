"""A report as a value: sections of sentences, tables and figures, which three writers turn into three formats.

Every `str` in it may be a stranger's text; writers escape all of them, and only they know their format's markup.
"""

from __future__ import annotations

import string
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from findings.numbers import Number


@dataclass(frozen=True)
class Strong:
    """Text that stands out."""

    text: str


@dataclass(frozen=True)
class Code:
    """A digest, a key or a command."""

    text: str


Inline = str | Number | Strong | Code
Cell = Inline | tuple[Inline, ...] | None
# What a cell shows where there is nothing to show.
NOTHING = "–"


@dataclass(frozen=True)
class Sentence:
    """A sentence whose numbers are numbers, so that LaTeX can name them by their macros."""

    parts: tuple[Inline, ...]

    @property
    def plain(self) -> str:
        """The sentence as bare text."""
        return "".join(plain(part) for part in self.parts)


def plain(part: Inline | None) -> str:
    """An inline part as bare text."""
    if part is None:
        return NOTHING
    return part if isinstance(part, str) else part.text


def cell_parts(cell: Cell) -> tuple[Inline, ...]:
    """What a cell is made of."""
    if cell is None:
        return (NOTHING,)
    return cell if isinstance(cell, tuple) else (cell,)


def say(template: str, **values: Inline | Sequence[Inline]) -> Sentence:
    """`say("{name} leads with {score}.", name=…, score=…)`: the template is ours, the values are the data's."""
    parts: list[Inline] = []
    for literal, name, _, _ in string.Formatter().parse(template):
        if literal:
            parts.append(literal)
        if name is not None:
            value = values[name]
            parts += [value] if isinstance(value, Inline) else list(value)
    return Sentence(tuple(parts))


@dataclass(frozen=True)
class Paragraph:
    """Sentences in a row; `quiet` for notes."""

    sentences: tuple[Sentence, ...]
    quiet: bool = False


@dataclass(frozen=True)
class Heading:
    """A column's title; `wide`: in print its text is folded instead of widening the table."""

    title: str
    number: bool = False
    wide: bool = False


@dataclass(frozen=True)
class Row:
    """A table's row; `kind` is "" or "reference", which is set apart."""

    cells: tuple[Cell, ...]
    kind: str = ""


@dataclass(frozen=True)
class Table:
    """A table; `key` names its files, and is unique in the report."""

    key: str
    caption: Sentence
    headings: tuple[Heading, ...]
    rows: tuple[Row, ...]
    note: Sentence | None = None


@dataclass(frozen=True)
class Figure:
    """A drawing; `draw` puts it on an empty matplotlib figure of the size in inches, `alt` says what is to be seen."""

    key: str
    caption: Sentence
    alt: str
    size: tuple[float, float]
    draw: Callable[[Any], None] = field(compare=False)


@dataclass(frozen=True)
class Prose:
    """The place for what people write: prose/<name>.md and prose/<name>.tex."""

    name: str


Block = Paragraph | Table | Figure | Prose


@dataclass(frozen=True)
class Section:
    """A section with its blocks and the sections inside it."""

    key: str
    title: str
    blocks: tuple[Block, ...]
    inside: tuple[Section, ...] = ()


@dataclass(frozen=True)
class Report:
    """The whole report; `facts` stand under its title."""

    title: str
    facts: tuple[tuple[str, Inline], ...]
    sections: tuple[Section, ...]

    def walk(self) -> Iterator[tuple[int, Section]]:
        """Every section with its depth, 0 at the outermost, in reading order."""
        yield from _walk(self.sections, 0)

    def blocks(self) -> Iterator[Block]:
        """Every block in reading order."""
        for _, section in self.walk():
            yield from section.blocks

    @property
    def tables(self) -> list[Table]:
        """Every table in reading order."""
        return [block for block in self.blocks() if isinstance(block, Table)]

    @property
    def figures(self) -> list[Figure]:
        """Every figure in reading order."""
        return [block for block in self.blocks() if isinstance(block, Figure)]


def _walk(sections: Sequence[Section], depth: int) -> Iterator[tuple[int, Section]]:
    for section in sections:
        yield depth, section
        yield from _walk(section.inside, depth + 1)
