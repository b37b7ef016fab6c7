"""Reading the files of a source: JSON lines, JSON and tables, each fault told with file, line and field."""

import csv
import io
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evaluators.protocol.lines import parse_json, parse_lines
from evaluators.protocol.problems import Problem, ProblemsFound

MISSING = frozenset({"", "NA", "NaN", "nan", "None"})
# A field of a table is at most this long; passages of reading comprehension are longer than csv's own bound.
csv.field_size_limit(4_000_000)


@dataclass(frozen=True)
class Row:
    """One line of a source, and where it stands."""

    values: Mapping[str, Any]
    file: str
    line: int

    def refused(self, field: str, message: str, remedy: str = "") -> ProblemsFound:
        """The refusal of this line for one of its fields."""
        return ProblemsFound([Problem("E-IMPORT-FIELD", message, self.file, self.line, field, remedy)])

    def has(self, *names: str) -> bool:
        """Whether the line has all of these fields."""
        return all(name in self.values for name in names)

    def text(self, name: str, *, empty: bool = False) -> str:
        """A field that must be text; raises ProblemsFound."""
        value = self.values.get(name)
        if not isinstance(value, str) or not (value or empty):
            raise self.refused(name, "a text is required here")
        return value

    def optional(self, name: str) -> str:
        """A field's text, or nothing where the line has none; numbers are written out."""
        value = self.values.get(name)
        return "" if value is None or isinstance(value, list | dict) else str(value)

    def number(self, name: str) -> float | None:
        """A field that must be a number or missing (empty, NA, NaN); raises ProblemsFound."""
        value = self.values.get(name)
        if value is None or value in MISSING:
            return None
        try:
            number = float(value)
        except (TypeError, ValueError) as error:
            raise self.refused(name, f"{str(value)[:40]!r} is not a number") from error
        return number if math.isfinite(number) else None

    def required(self, name: str) -> float:
        """A field that must be a number; raises ProblemsFound."""
        number = self.number(name)
        if number is None:
            raise self.refused(name, "a number is required here")
        return number

    def whole(self, name: str, *, below: int | None = None) -> int:
        """A field that must be a whole number from 0, below `below`; raises ProblemsFound."""
        number = self.required(name)
        if number != int(number) or number < 0 or (below is not None and number >= below):
            bound = f" below {below}" if below is not None else ""
            raise self.refused(name, f"a whole number from 0{bound} is required here")
        return int(number)

    def texts(self, name: str, *, least: int = 1) -> list[str]:
        """A field that must be a list of texts; raises ProblemsFound."""
        value = self.values.get(name)
        if not isinstance(value, list) or len(value) < least or not all(isinstance(one, str) and one for one in value):
            raise self.refused(name, f"a list of at least {least} texts is required here")
        return list(value)

    def label(self, name: str) -> int | str:
        """A field that must be a class: a whole number or a word; raises ProblemsFound."""
        value = self.values.get(name)
        if isinstance(value, bool) or not isinstance(value, int | str) or value == "":
            raise self.refused(name, "a class is required here: a whole number or a word")
        return value


def read(path: Path) -> bytes:
    """The file's bytes; raises ProblemsFound."""
    try:
        return path.read_bytes()
    except OSError as error:
        sentence = f"the file can't be read: {error.strerror}"
        raise ProblemsFound([Problem("E-DOC-FILE", sentence, str(path))]) from error


def decoded(path: Path) -> str:
    """The file's text; raises ProblemsFound where it is not UTF-8."""
    try:
        return read(path).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        remedy = "Save it as UTF-8."
        raise ProblemsFound([Problem("E-DOC-SYNTAX", "the file is not UTF-8", path.name, remedy=remedy)]) from error


def json_lines(path: Path) -> Iterator[Row]:
    """Each line of a file of JSON lines; raises ProblemsFound."""
    for number, value in parse_lines(read(path), file=path.name):
        yield Row(value, path.name, number)


def table(path: Path, *, required: Sequence[str] = ()) -> Iterator[Row]:
    """Each row of a .csv or .tsv with a header; raises ProblemsFound where a required column is missing."""
    delimiter = "\t" if path.suffix == ".tsv" else ","
    reader = csv.DictReader(io.StringIO(decoded(path), newline=""), delimiter=delimiter, strict=True)
    missing = [name for name in required if name not in (reader.fieldnames or ())]
    if missing:
        raise ProblemsFound([Problem("E-IMPORT-FIELD", "the table has no such column", path.name, 1, missing[0])])
    try:
        for values in reader:
            row = Row(values, path.name, reader.line_num)
            if None in values or None in values.values():
                raise row.refused("", "the row has more or fewer fields than the header")
            yield row
    except csv.Error as error:
        raise ProblemsFound(
            [Problem("E-DOC-SYNTAX", f"this is not a table: {error}", path.name, reader.line_num)]
        ) from (error)


def json_document(path: Path) -> Any:
    """The value of a JSON file; raises ProblemsFound."""
    return parse_json(decoded(path), file=path.name)


def rows(path: Path) -> Iterator[Row]:
    """A file's rows by its ending: .csv and .tsv are tables, .json a list of objects, all else JSON lines."""
    if path.suffix in (".csv", ".tsv"):
        yield from table(path)
    elif path.suffix == ".json" and decoded(path).lstrip().startswith("["):
        for number, value in enumerate(json_document(path), 1):
            if not isinstance(value, dict):
                raise ProblemsFound([Problem("E-IMPORT-FIELD", f"entry {number} is not an object", path.name)])
            yield Row(value, path.name, number)
    else:
        yield from json_lines(path)


def files(source: Path, *endings: str) -> list[Path]:
    """The source's files with these endings, in the order of their names; the source itself where it is a file."""
    if source.is_file():
        return [source]
    if not source.is_dir():
        raise ProblemsFound([Problem("E-DOC-FILE", "there is no such file or folder", str(source))])
    found = sorted(path for path in source.iterdir() if path.is_file() and path.name.endswith(endings))
    if not found:
        remedy = f"Name the folder that holds the *{' or *'.join(endings)} files."
        raise ProblemsFound([Problem("E-IMPORT-COUNT", "the folder has no such files", str(source), remedy=remedy)])
    return found


def one_file(source: Path, name: str) -> Path:
    """The file of this name in the source, or the source itself where it is a file; raises ProblemsFound."""
    path = source if source.is_file() else source / name
    if not path.is_file():
        raise ProblemsFound([Problem("E-DOC-FILE", f"the folder has no file {name}", str(source))])
    return path


def plain(name: str) -> str:
    """A name as a suite's key may hold it: lower-case words and dashes."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
