"""Columns with what fills them, and which of them a query chooses."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from leaderboards.exports.cells import Cell, Field, Kind, Row
from leaderboards.exports.query import ExportQuery, ExportRefused

T = TypeVar("T")
NAMED = 12  # how many columns a refusal names
# Words for columns that come from the data: they may be asked for where there are none.
FAMILIES = ("suites", "intervals", "counts", "spread", "groups", "tags", "method", "answers", "declared")


@dataclass(frozen=True)
class Column(Generic[T]):
    """A column and the cell that it has for a row.

    `identifying`: it could tell whose row it is. `usual`: it is there where no columns are chosen; `brief`: also in a
    format that is meant for a page.
    """

    field: Field
    cell: Callable[[T], Cell]
    identifying: bool = False
    usual: bool = True
    brief: bool = False


def text(name: str, says: str, *, family: str = "", key: bool = False) -> Field:
    """A column of text."""
    return Field(name, Kind.TEXT, says, family, key)


def number(name: str, says: str, *, family: str = "") -> Field:
    """A column of numbers that are rounded to the query's precision."""
    return Field(name, Kind.NUMBER, says, family)


def integer(name: str, says: str, *, family: str = "", key: bool = False) -> Field:
    """A column of whole numbers."""
    return Field(name, Kind.INTEGER, says, family, key)


def chosen(columns: Sequence[Column[T]], query: ExportQuery, *, brief: bool) -> list[Column[T]]:
    """The columns that the query asks for, by name or family, in their own order; the usual ones where it names none.

    An anonymised table has none that identifies; raises ExportRefused where it asks for one, and for an unknown name.
    """
    if not query.columns:
        picked = [one for one in columns if (one.brief if brief else one.usual)]
        return [one for one in picked if not (query.anonymised and one.identifying)]
    picked = [one for one in columns if {one.field.name, one.field.family} & set(query.columns)]
    found = {name for one in picked for name in (one.field.name, one.field.family)}
    found |= set(FAMILIES) if query.layout == "wide" else set()
    if missing := sorted(set(query.columns) - found):
        raise ExportRefused(f"There is no column “{missing[0]}” here; there are {', '.join(words(columns)[:NAMED])}, …")
    hidden = [one.field.name for one in picked if query.anonymised and one.identifying]
    if asked := sorted(set(hidden) & set(query.columns)):
        raise ExportRefused(f"An anonymised table has no column “{asked[0]}”: it could tell whose row it is.")
    return [one for one in picked if one.field.name not in hidden]


def words(columns: Sequence[Column[T]]) -> list[str]:
    """The words by which columns are chosen: names, and for a family of columns its own."""
    return list(dict.fromkeys(one.field.family or one.field.name for one in columns))


def row_of(columns: Sequence[Column[T]], about: T) -> Row:
    """The row's cells."""
    return tuple(one.cell(about) for one in columns)
