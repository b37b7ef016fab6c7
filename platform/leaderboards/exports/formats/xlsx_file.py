"""XLSX: a sheet with the results, and a sheet About with what the file is and what each column means.

Text is written as text, marked as such where it begins like a formula, and there are no formulas and no links.
"""

import io
from datetime import datetime
from typing import IO, Any

from xlsxwriter import Workbook
from xlsxwriter.worksheet import Worksheet

from leaderboards.exports.cells import FORMULA_STARTS, Cell, Kind
from leaderboards.exports.formats import csv_file
from leaderboards.exports.formats.spooling import Body
from leaderboards.exports.query import ExportRefused
from leaderboards.exports.table import Fact, Table

RESULTS, ABOUT, COLUMNS = "Results", "About", "columns:"
MOST_ROWS, MOST_COLUMNS = 1_048_575, 16_384
WRITTEN = datetime(2000, 1, 1)  # noqa: DTZ001 - a property of every file, so that its bytes repeat
OPTIONS = {
    "constant_memory": True,
    "strings_to_formulas": False,
    "strings_to_urls": False,
    "strings_to_numbers": False,
}


class _Sheet(Worksheet):  # type: ignore[misc]
    """A sheet that writes a number as the shortest text that reads back to it, and never text as markup."""

    def _xml_number_element(self, number: float, attributes: list[tuple[str, Any]]) -> None:
        self._xml_start_tag("c", attributes)
        self._xml_data_element("v", repr(number))
        self._xml_end_tag("c")

    def _xml_rich_inline_string(self, string: str, attributes: list[tuple[str, Any]]) -> None:
        self._xml_inline_string(string, False, attributes)


def write(table: Table, out: IO[bytes]) -> None:
    """Write the table; raises ExportRefused for what no sheet holds."""
    if len(table.fields) > MOST_COLUMNS:
        raise ExportRefused(f"A sheet holds {MOST_COLUMNS:,} columns, and the table has {len(table.fields):,}.")
    whole = io.BytesIO()
    with Body() as body:
        book = Workbook(whole, OPTIONS)
        book.set_properties({"title": table.query.challenge, "created": WRITTEN})
        results = book.add_worksheet(RESULTS, worksheet_class=_Sheet)
        about = book.add_worksheet(ABOUT, worksheet_class=_Sheet)
        writer = _Writer(book, table.query.precision)
        results.freeze_panes(1, 0)
        for column, field in enumerate(table.fields):
            writer.heading(results, 0, column, field.name)
        for number, row in enumerate(csv_file.kept(table, body), start=1):
            if number > MOST_ROWS:
                raise ExportRefused(f"A sheet holds {MOST_ROWS:,} rows: choose fewer tracks, CSV or Parquet.")
            for column, (cell, field) in enumerate(zip(row, table.fields, strict=True)):
                writer.cell(results, number, column, cell, field.kind)
        facts = table.facts()
        _write_about(about, writer, table, [*facts, Fact("checksum", body.checksum(csv_file.head(facts)))])
        book.close()
        out.write(whole.getbuffer())


def _write_about(sheet: _Sheet, writer: "_Writer", table: Table, facts: list[Fact]) -> None:
    sheet.set_column(0, 1, 24)
    sheet.set_column(2, 2, 90)
    for row, fact in enumerate(facts):
        writer.heading(sheet, row, 0, fact.name)
        writer.cell(sheet, row, 1, fact.value, Kind.TEXT)
    start = len(facts) + 1
    writer.heading(sheet, start, 0, COLUMNS)
    for row, field in enumerate(table.fields, start=start + 1):
        for column, text in enumerate((field.name, str(field.kind), field.says)):
            writer.cell(sheet, row, column, text, Kind.TEXT)


class _Writer:
    """Writes cells with the formats of one workbook."""

    def __init__(self, book: Workbook, precision: int | None) -> None:
        self._bold = book.add_format({"bold": True, "num_format": "@"})
        self._bold_text = book.add_format({"bold": True, "num_format": "@", "quote_prefix": True})
        self._text = book.add_format({"num_format": "@", "quote_prefix": True})
        shown = "0" if not precision else f"0.{'0' * precision}"
        self._number = None if precision is None else book.add_format({"num_format": shown})

    def heading(self, sheet: _Sheet, row: int, column: int, text: str) -> None:
        """A bold cell."""
        sheet.write_string(row, column, text, self._bold_text if text.startswith(FORMULA_STARTS) else self._bold)

    def cell(self, sheet: _Sheet, row: int, column: int, cell: Cell, kind: Kind) -> None:
        """A cell of that kind; none where there is nothing."""
        if isinstance(cell, bool):
            sheet.write_boolean(row, column, cell)
        elif isinstance(cell, str):
            if cell:
                sheet.write_string(row, column, cell, self._text if cell.lstrip().startswith(FORMULA_STARTS) else None)
        elif cell is not None:
            sheet.write_number(row, column, cell, self._number if kind is Kind.NUMBER else None)
