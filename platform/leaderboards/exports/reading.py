"""Exported files read back: what they say about themselves, their checksum, and their rows as text."""

import csv
import io
import json
import re
import zipfile
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pyarrow as pa
import pyarrow.parquet as pq

from leaderboards.exports.cells import Cell, Field, Kind
from leaderboards.exports.formats import csv_file, parquet_file, xlsx_file
from leaderboards.exports.query import Format
from leaderboards.exports.table import SCHEMA, Fact

# The line that holds the checksum, in each of the text formats.
CHECKSUM = re.compile(rb'^(?:# |% |<!-- |")checksum"?: "?(sha256:[0-9a-f]{64})(?: -->|",|)$')
FACT = re.compile(rb"^(?:# |% |<!-- )([a-z]+): (.*?)(?: -->)?$")
# A sheet writes what looks like its own escape with one more in front.
ESCAPED = re.compile(r"_x005F(_x[0-9A-Fa-f]{4}_)")
MOST_UNPACKED = 4 * 1024**3
# What reading a damaged file of some format raises: nothing here reads a disk.
DAMAGED = (
    ValueError, LookupError, TypeError, AttributeError, StopIteration, RuntimeError, MemoryError, SyntaxError, OSError,
    csv.Error, zlib.error, zipfile.BadZipFile, pa.ArrowException,
)  # fmt: skip
TEXT = Field("", Kind.TEXT, "")
COMMENTS: dict[bytes, Format] = {b"# ": "csv", b"% ": "tex", b"<!": "md"}


class NotAnExport(Exception):
    """The file is none of our exports; the sentence says why."""


@dataclass(frozen=True)
class ReadFile:
    """An export as it lies there.

    `lines` are those of the table: of CSV those below the head, of Parquet and XLSX the table as CSV, of JSON one a
    row, of LaTeX and Markdown the text. `first` is the number of the first of them in the file. `header` and `rows` are
    its cells as text where the format has cells.
    """

    format: Format
    facts: tuple[Fact, ...]
    checksum: str
    computed: str
    lines: tuple[str, ...] = ()
    first: int = 1
    header: tuple[str, ...] | None = None
    rows: tuple[tuple[str, ...], ...] = ()

    @property
    def intact(self) -> bool:
        """Whether the content is what the checksum was made of."""
        return self.checksum == self.computed

    def fact(self, name: str) -> str:
        """The first fact of that name; empty where there is none."""
        return next((fact.value for fact in self.facts if fact.name == name), "")


def read(path: Path) -> ReadFile:
    """The file; raises NotAnExport and OSError."""
    content = path.read_bytes()
    return read_bytes(content)


def read_bytes(content: bytes) -> ReadFile:
    """The content of a file; raises NotAnExport."""
    try:
        if content[:4] == b"PAR1":
            found = _parquet(content)
        elif content[:2] == b"PK":
            found = _xlsx(content)
        elif content[:1] == b"{":
            found = _json(content)
        elif content[:2] in COMMENTS:
            found = _lines(content, COMMENTS[content[:2]])
        else:
            raise NotAnExport("It begins like no export: its head is missing.")
    except DAMAGED as error:
        raise NotAnExport(f"It can't be read: {str(error)[:200] or type(error).__name__}.") from error
    if found.fact("format") != SCHEMA:
        raise NotAnExport(f"It does not say that it is an {SCHEMA}.")
    if not found.checksum:
        raise NotAnExport("It has no checksum.")
    return found


def _lines(content: bytes, kind: Format) -> ReadFile:
    """A file of lines with a head of comments."""
    whole = content.split(b"\n")
    facts, place = [], 0
    checksum, rest = "", []
    for number, line in enumerate(whole):
        found = FACT.match(line)
        if found is None or checksum:
            place = number
            break
        if made := CHECKSUM.match(line):
            checksum = made[1].decode()
        else:
            facts.append(Fact(found[1].decode(), found[2].decode(errors="replace")))
            rest.append(line)
    computed = _checksum(b"\n".join([*rest, *whole[place:]]))
    lines = tuple(line.decode(errors="replace") for line in whole[place : len(whole) - (not whole[-1])])
    if kind != "csv":
        return ReadFile(kind, tuple(facts), checksum, computed, lines, place + 1)
    header, *rows = csv.reader(io.StringIO("\n".join(lines))) if lines else [[]]
    return ReadFile(
        kind, tuple(facts), checksum, computed, lines, place + 1, tuple(header), tuple(tuple(row) for row in rows)
    )


def _checksum(content: bytes) -> str:
    return f"sha256:{sha256(content).hexdigest()}"


def _json(content: bytes) -> ReadFile:
    document: Mapping[str, Any] = json.loads(content)
    rest, checksum, whole = [], "", content.split(b"\n")
    for line in whole:
        if not checksum and (made := CHECKSUM.match(line)):
            checksum = made[1].decode()
        else:
            rest.append(line)
    facts = tuple(Fact(str(name), str(value)) for name, value in document["about"])
    fields = [Field(one["name"], Kind(one["kind"]), one["says"]) for one in document["columns"]]
    names = [field.name for field in fields]
    rows = [tuple(row[name] for name in names) for row in document["rows"]]
    computed = _checksum(b"\n".join(rest))
    first = next((number for number, line in enumerate(whole, start=1) if line.startswith(b'"rows"')), 0)
    return _with_cells("json", facts, checksum, computed, fields, rows, first)


def _parquet(content: bytes) -> ReadFile:
    file = pq.ParquetFile(io.BytesIO(content))
    about = json.loads((file.metadata.metadata or {})[parquet_file.KEY.encode()])
    facts = tuple(Fact(str(name), str(value)) for name, value in about["about"])
    fields = [Field(one.name, Kind((one.metadata or {})[b"kind"].decode()), "") for one in file.schema_arrow]
    rows: list[tuple[Cell, ...]] = []
    for batch in file.iter_batches():
        rows += zip(*(column.to_pylist() for column in batch.columns), strict=True)
    return _as_csv("parquet", facts, str(about["checksum"]), fields, rows)


def _xlsx(content: bytes) -> ReadFile:
    from openpyxl import load_workbook  # only files of this format need it

    with zipfile.ZipFile(io.BytesIO(content)) as packed:
        if sum(one.file_size for one in packed.infolist()) > MOST_UNPACKED:
            raise NotAnExport("It unpacks to more than a table of ours.")
    book = load_workbook(io.BytesIO(content), read_only=True)
    about = [tuple(row) for row in book[xlsx_file.ABOUT].iter_rows(values_only=True)]
    start = next(number for number, row in enumerate(about) if row and row[0] == xlsx_file.COLUMNS)
    facts = [Fact(str(row[0]), str(row[1])) for row in about[:start] if row and row[0]]
    fields = [Field(str(_sheet_cell(name, TEXT)), Kind(kind), "") for name, kind, *_ in about[start + 1 :] if name]
    sheet = book[xlsx_file.RESULTS].iter_rows(values_only=True)
    header = next(sheet, ())
    rows = [tuple(_sheet_cell(cell, field) for cell, field in zip(_wide(row, fields), fields, strict=True))
            for row in sheet]  # fmt: skip
    names = [
        Field(str(_sheet_cell(name, TEXT)), field.kind, "")
        for name, field in zip(_wide(header, fields), fields, strict=True)
    ]
    checksum = next((fact.value for fact in facts if fact.name == "checksum"), "")
    return _as_csv("xlsx", tuple(one for one in facts if one.name != "checksum"), checksum, names, rows)


def _wide(row: Sequence[Any], fields: Sequence[Field]) -> list[Any]:
    """A row of the sheet with a cell for each column: empty cells at its end are not in the file."""
    return [*row, *[None] * (len(fields) - len(row))][: max(len(fields), len(row))]


def _sheet_cell(value: Any, field: Field) -> Cell:
    """A cell of a sheet as its column's kind has it."""
    if value is None:
        return "" if field.kind is Kind.TEXT else None
    if isinstance(value, str):
        return ESCAPED.sub(r"\1", value)
    if isinstance(value, bool):
        return value
    if field.kind is Kind.NUMBER and isinstance(value, int | float):
        return float(value)
    return int(value) if isinstance(value, float) and value.is_integer() else str(value)


def _as_csv(
    kind: Format, facts: tuple[Fact, ...], checksum: str, fields: Sequence[Field], rows: Iterable[tuple[Cell, ...]]
) -> ReadFile:
    """A table of a format without lines, whose checksum is that of the same table as CSV."""
    precision = _precision(facts)
    lines = [csv_file.header(fields), *(csv_file.row_line(row, fields, precision) for row in rows)]
    text = "".join([*csv_file.head(facts), *lines])
    computed = _checksum(text.encode())
    return _cells(kind, facts, checksum, computed, lines, 1)


def _with_cells(
    kind: Format,
    facts: tuple[Fact, ...],
    checksum: str,
    computed: str,
    fields: Sequence[Field],
    rows: Iterable[tuple[Cell, ...]],
    first: int,
) -> ReadFile:
    precision = _precision(facts)
    lines = [csv_file.header(fields), *(csv_file.row_line(row, fields, precision) for row in rows)]
    return _cells(kind, facts, checksum, computed, lines, first)


def _cells(
    kind: Format, facts: tuple[Fact, ...], checksum: str, computed: str, lines: list[str], first: int
) -> ReadFile:
    header, *rows = csv.reader(io.StringIO("".join(lines)))
    return ReadFile(
        kind, facts, checksum, computed, tuple(line.rstrip("\n") for line in lines), first, tuple(header),
        tuple(tuple(row) for row in rows),
    )  # fmt: skip


def _precision(facts: Iterable[Fact]) -> int | None:
    query = next((fact.value for fact in facts if fact.name == "query"), "")
    value = parse_qs(query).get("precision", [""])[0]
    return int(value) if value.isdigit() else None
