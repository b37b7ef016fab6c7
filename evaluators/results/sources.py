"""Tables that others have published as CSV: rows with their lines, and cells that are read as they stand or refused."""

import csv
import gzip
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from evaluators.protocol.problems import Problem, ProblemsFound

SOURCE = "E-RESULTS-SOURCE"
MAX_SOURCE_BYTES = 200_000_000


@dataclass(frozen=True)
class Record:
    """A row of a published table."""

    file: str
    line: int
    cells: Mapping[str, str]

    def text(self, column: str) -> str:
        """The cell without space around it; "" where the column is not there."""
        return self.cells.get(column, "")


def read_bytes(path: Path) -> bytes:
    """A file's content, unpacked where it is gzip; raises ProblemsFound."""
    try:
        data = path.read_bytes()
        if path.suffix != ".gz":
            return data
        with gzip.open(io.BytesIO(data)) as file:
            data = file.read(MAX_SOURCE_BYTES + 1)
    except (OSError, EOFError) as error:
        reason = getattr(error, "strerror", None) or "it is cut off"
        raise ProblemsFound([Problem("E-DOC-FILE", f"the file can't be read: {reason}", path.name)]) from error
    if len(data) > MAX_SOURCE_BYTES:
        raise ProblemsFound([Problem(SOURCE, f"the file unpacks to more than {MAX_SOURCE_BYTES} bytes", path.name)])
    return data


def read_records(path: Path, *, needed: Sequence[str]) -> list[Record]:
    """The rows of a published CSV file, plain or gzip; raises ProblemsFound where a column that is needed lacks."""
    try:
        text = read_bytes(path).decode()
    except UnicodeDecodeError as error:
        raise ProblemsFound([Problem(SOURCE, "the file is not UTF-8 text", path.name)]) from error
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    records, begins = [], 2
    try:
        header = [name.strip() for name in next(reader, [])]
        lacking = [name for name in needed if name not in header]
        if lacking:
            remedy = "Take the file as it was published."
            raise ProblemsFound([Problem(SOURCE, f"the column {lacking[0]!r} is missing", path.name, 1, remedy=remedy)])
        for cells in reader:
            if len(cells) != len(header):
                message = f"the row has {len(cells)} cells, and the header {len(header)}"
                raise ProblemsFound([Problem(SOURCE, message, path.name, begins)])
            stripped = (cell.strip() for cell in cells)
            records.append(Record(path.name, begins, dict(zip(header, stripped, strict=True))))
            begins = reader.line_num + 1
    except csv.Error as error:
        raise ProblemsFound([Problem(SOURCE, f"this is not CSV: {error}", path.name, begins)]) from error
    return records


def number(record: Record, column: str) -> float | None:
    """The number of a cell, None where it is empty; raises ProblemsFound for anything else."""
    text = record.text(column)
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise refused(record, column, f"{text[:60]!r} is no number")
    return value


def flag(record: Record, column: str) -> bool:
    """Whether a flag is set: 1 where it is, 0 or nothing where it is not; raises ProblemsFound for anything else."""
    value = number(record, column)
    if value not in (None, 0, 1):
        raise refused(record, column, f"{record.text(column)!r} is neither 0 nor 1")
    return value == 1


def refused(record: Record, column: str, message: str) -> ProblemsFound:
    """The fault of one cell."""
    return ProblemsFound([Problem(SOURCE, message, record.file, record.line, column)])
