"""The simple form of a table: CSV, one row an entry.

Columns: `track`, `name`, `key`, `team`, `status`, `reason`, `kind`, `aggregate`, `approaches` (several parted by `;`),
`backbone`, `link`, and `answer <question>`; any other column is a metric, and `<metric> low`, `<metric> high` and
`<metric> n` stand beside it. An empty cell, `-` or `–` is a missing value.
"""

import csv
import io
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from evaluators.protocol.problems import Problem, ProblemsFound
from evaluators.protocol.questions import Question
from evaluators.protocol.results import ResultEntry

TEXTS = ("name", "key", "team", "status", "reason", "kind", "backbone", "link")
KNOWN = frozenset({*TEXTS, "track", "aggregate", "approaches"})
BESIDE = ("low", "high", "n")
ANSWER = "answer "
MISSING = frozenset({"", "-", "–"})
CELL = "E-RESULTS-CELL"


@dataclass(frozen=True)
class Row:
    """A line of the file and its cells, by their column."""

    line: int
    cells: Mapping[str, str]

    @property
    def track(self) -> str:
        """The key of the track in which it stands, "" where the file has one track."""
        return self.cells.get("track", "")


@dataclass(frozen=True)
class Rows:
    """A CSV file: its columns and rows."""

    file: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]

    @property
    def metrics(self) -> tuple[str, ...]:
        """The columns that hold scores."""
        others = {f"{name} {one}" for name in self.columns for one in BESIDE}
        return tuple(
            name for name in self.columns
            if name not in KNOWN and name not in others and not name.startswith(ANSWER)
        )  # fmt: skip

    def entry(self, row: Row, metrics: Sequence[str], questions: Sequence[Question]) -> ResultEntry:
        """The row as an entry with scores on these columns; raises ProblemsFound naming the line and the cell."""
        value: dict[str, Any] = {name: row.cells[name] for name in TEXTS if row.cells.get(name)}
        if row.cells.get("approaches"):
            value["approaches"] = [name.strip() for name in row.cells["approaches"].split(";") if name.strip()]
        value["aggregate"] = self._number(row, "aggregate")
        value["scores"] = {name: self._score(row, name) for name in metrics if name in self.columns}
        answers = {question.key: self._answer(row, question) for question in questions}
        value["answers"] = {key: answer for key, answer in answers.items() if answer is not None}
        return ResultEntry.from_value(value, file=self.file, lines={(): row.line})

    def _score(self, row: Row, metric: str) -> dict[str, Any]:
        score: dict[str, Any] = {"value": self._number(row, metric)}
        for name in BESIDE:
            number = self._number(row, f"{metric} {name}")
            if number is not None:
                score[name] = int(number) if name == "n" and number.is_integer() else number
        return score

    def _answer(self, row: Row, question: Question) -> Any:
        column = f"{ANSWER}{question.key}"
        text = row.cells.get(column, "")
        if text in MISSING:
            return None
        if question.type == "multi":
            return [name.strip() for name in text.split(";") if name.strip()]
        if question.type == "boolean" and text.lower() in ("true", "false"):
            return text.lower() == "true"
        if question.type in ("integer", "number"):
            number = self._number(row, column)
            return int(number) if number is not None and number.is_integer() else number
        return text

    def _number(self, row: Row, column: str) -> float | None:
        text = row.cells.get(column, "")
        if text in MISSING:
            return None
        try:
            number = float(text)
        except ValueError:
            number = math.nan
        if not math.isfinite(number) or "_" in text:
            remedy = "Write a number such as 0.653, without a unit, or leave the cell empty."
            raise ProblemsFound([Problem(CELL, f"{text[:60]!r} is no number", self.file, row.line, column, remedy)])
        return number


def read_rows(text: str, *, file: str) -> Rows:
    """The rows of a CSV text; raises ProblemsFound for a header that is not one, and for a row of another length."""
    reader = csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""), strict=True)
    lines = _lines(reader, file)
    _, header = next(lines, (1, []))
    columns = tuple(name.strip() for name in header)
    _check_header(columns, file)
    rows = []
    for line, cells in lines:
        if len(cells) != len(columns):
            message = f"the row has {len(cells)} cells, and the header {len(columns)}"
            raise ProblemsFound([Problem(CELL, message, file, line, remedy="Put a cell that holds a comma in quotes.")])
        stripped = (cell.strip() for cell in cells)
        rows.append(Row(line, dict(zip(columns, stripped, strict=True))))
    return Rows(file, columns, tuple(rows))


def _lines(reader: Any, file: str) -> Iterator[tuple[int, list[str]]]:
    """Each row that is not empty with the number of the line on which it begins."""
    begins = 1
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield begins, cells
            begins = reader.line_num + 1
    except csv.Error as error:
        remedy = "Save the table as CSV with commas, in UTF-8."
        raise ProblemsFound([Problem(CELL, f"this is not CSV: {error}", file, begins, remedy=remedy)]) from error


def _check_header(columns: tuple[str, ...], file: str) -> None:
    if "name" not in columns:
        remedy = "The first line names the columns; see docs/how-to/import-a-past-edition.md."
        raise ProblemsFound([Problem(CELL, "the table has no column `name`", file, 1, "name", remedy)])
    twice = next((name for name in columns if columns.count(name) > 1), None)
    if twice is not None:
        what = "two columns have no name" if not twice else "the column stands twice"
        raise ProblemsFound([Problem(CELL, what, file, 1, twice, "Keep one of them.")])
