"""A table from its file: JSON or YAML as `results/1`, or CSV."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from evaluators.protocol.documents import canonical_json, parse_yaml
from evaluators.protocol.lines import parse_json
from evaluators.protocol.problems import Problem, ProblemsFound
from evaluators.protocol.results import ResultEntry, ResultsDocument
from evaluators.results.checking import problems_in
from evaluators.results.places import Path as Parts
from evaluators.results.places import Place, Places, lines_of_json
from evaluators.results.rows import CELL, Rows, read_rows

MAX_TABLE_BYTES = 50_000_000


@dataclass(frozen=True)
class Head:
    """What a CSV file alone can't say of its challenge."""

    key: str
    title: str
    year: int
    source: str
    license: str = ""


def read_results(path: Path, *, head: Head | None = None) -> ResultsDocument:
    """The table of a file, with every entry in it; raises ProblemsFound with file, line, field and what to do.

    A CSV file takes a `head`; a JSON or YAML document names the CSV files beside it that hold its rows, or has them.
    """
    text = _text(path)
    if path.suffix.lower() == ".csv":
        value, places = _of_csv(read_rows(text, file=path.name), head), Places(path.name, dict)
    elif path.suffix.lower() == ".json":
        value = parse_json(text, file=path.name, code="E-DOC-SYNTAX")
        _check_texts(value, path.name)
        places = Places(path.name, cache(lambda: lines_of_json(text)))
    else:
        value, lines = parse_yaml(text, file=path.name)
        places = Places(path.name, lambda: lines)
    document = _document(value, places)
    document = _with_rows(document, places, lambda name: read_rows(_text(path.parent / name), file=name), path)
    problems = problems_in(document, places)
    if problems:
        raise ProblemsFound(problems)
    return document


def digest_of(document: ResultsDocument) -> str:
    """sha256 of what the table says: the same for JSON and YAML, and for any order of keys."""
    return hashlib.sha256(canonical_json(document.to_value())).hexdigest()


def _text(path: Path) -> str:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ProblemsFound([Problem("E-DOC-FILE", f"the file can't be read: {error.strerror}", path.name)]) from error
    if len(data) > MAX_TABLE_BYTES:
        message, remedy = f"the table is larger than {MAX_TABLE_BYTES} bytes", "Split it by track."
        raise ProblemsFound([Problem("E-DOC-SIZE", message, path.name, remedy=remedy)])
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        problem = Problem("E-DOC-SYNTAX", "the file is not UTF-8 text", path.name, line, remedy="Save it as UTF-8.")
        raise ProblemsFound([problem]) from error
    if "\0" in text:
        line = text[: text.index("\0")].count("\n") + 1
        raise ProblemsFound([Problem("E-DOC-SYNTAX", "the file holds a NUL", path.name, line, remedy="Remove it.")])
    return text


def _check_texts(value: Any, file: str) -> None:
    """Raises ProblemsFound for a character that no database takes; only an escape of JSON brings one in."""
    waiting = [value]
    while waiting:
        part = waiting.pop()
        if isinstance(part, str) and any(char == "\0" or "\ud800" <= char <= "\udfff" for char in part):
            remedy = "Remove the escape (\\u0000 or \\ud800 to \\udfff)."
            raise ProblemsFound([Problem("E-DOC-SYNTAX", "a text holds a character that can't be stored", file,
                                         remedy=remedy)])  # fmt: skip
        if isinstance(part, Mapping):
            waiting += [*part, *part.values()]
        elif isinstance(part, list):
            waiting += part


def _document(value: Any, places: Places) -> ResultsDocument:
    if not isinstance(value, Mapping):
        remedy = "Begin with `schema: results/1`."
        raise ProblemsFound([Problem("E-DOC-SYNTAX", "the table must be a mapping of fields", places.file, 1,
                                     remedy=remedy)])  # fmt: skip
    try:
        return ResultsDocument.from_value(value, file=places.file)
    except ProblemsFound:
        # Once more, with the lines: they are only numbered where something is wrong.
        return ResultsDocument.from_value(value, file=places.file, lines=places.lines())


def _of_csv(rows: Rows, head: Head | None) -> dict[str, Any]:
    """The document of a CSV file alone: every metric from 0 to 1, higher better, all of one weight."""
    if head is None:
        remedy = "Give --key, --title, --year and --source, or a results.yaml that names the file in `table`."
        raise ProblemsFound([Problem("E-DOC-MISSING", "a CSV file does not say which challenge it is of", rows.file,
                                     remedy=remedy)])  # fmt: skip
    keys = list(dict.fromkeys(row.track for row in rows.rows if row.track)) or ["main"]
    columns = [{"key": name} for name in rows.metrics]
    return {
        "schema": "results/1", "key": head.key, "title": head.title, "year": head.year, "source": head.source,
        "license": head.license,
        "tracks": [{"key": key, "columns": columns, "table": rows.file} for key in keys],
    }  # fmt: skip


def _with_rows(document: ResultsDocument, places: Places, read: Callable[[str], Rows], path: Path) -> ResultsDocument:
    """The document with the rows of its CSV files as entries; where these stand is noted in `places`."""
    files = {track.table: read(track.table) for track in document.tracks if track.table is not None}
    for name, rows in files.items():
        _check_tracks(document, name, rows)
    tracks = []
    for number, track in enumerate(document.tracks):
        if track.table is None:
            tracks.append(track)
            continue
        rows, entries = files[track.table], list[ResultEntry]()
        _check_columns(rows, {column.key for column in track.columns}, path)
        for row in rows.rows:
            if row.track in ("", track.key):
                at: Parts = ("tracks", number, "entries", len(entries))
                places.rows[at] = Place(rows.file, row.line)
                entries.append(rows.entry(row, [column.key for column in track.columns], track.questions))
        tracks.append(track.model_copy(update={"entries": tuple(entries), "table": None}))
    return document.model_copy(update={"tracks": tuple(tracks)})


def _check_tracks(document: ResultsDocument, name: str, rows: Rows) -> None:
    keys = [track.key for track in document.tracks if track.table == name]
    for row in rows.rows:
        if row.track not in keys and (row.track or len(keys) > 1):
            remedy = f"Write one of: {', '.join(keys)}."
            message = f"no track {row.track!r} takes its rows from this file"
            raise ProblemsFound([Problem(CELL, message, rows.file, row.line, "track", remedy)])


def _check_columns(rows: Rows, columns: set[str], path: Path) -> None:
    unknown = next((name for name in rows.metrics if name not in columns), None)
    if unknown is not None and rows.file != path.name:
        remedy = f"Correct its name, or add it to the track's `columns` in {path.name}."
        raise ProblemsFound([Problem(CELL, f"{unknown!r} is no column of the track", rows.file, 1, unknown, remedy)])
