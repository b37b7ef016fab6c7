"""How an exported file differs from what its query gives now: row by row and cell by cell, or line by line."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from leaderboards.exports.cells import Field
from leaderboards.exports.reading import ReadFile

SHORT = 80  # characters of a value that are shown
VOLATILE = ("code",)  # facts that may differ while the data is the same


class Difference(NamedTuple):
    """One of them: where in the file, and what stands there against what the data gives."""

    place: str
    says: str


def differences(file: ReadFile, now: ReadFile, fields: Sequence[Field]) -> list[Difference]:
    """What differs, in the order of the file; rows are told apart by the columns that are keys."""
    if file.header is None or now.header is None:
        rows = list(_lines(file, now))
    elif file.header != now.header:
        rows = [Difference("the columns", f"{', '.join(file.header)} → {', '.join(now.header)}"[: 4 * SHORT])]
    else:
        rows = list(_cells(file, now, fields))
    return [*_facts(file, now), *rows]


def _facts(file: ReadFile, now: ReadFile) -> Iterator[Difference]:
    """What the head says otherwise; which values it has of a name means nothing in another order."""
    for name in dict.fromkeys(fact.name for fact in (*file.facts, *now.facts)):
        there = [fact.value for fact in file.facts if fact.name == name]
        given = [fact.value for fact in now.facts if fact.name == name]
        if there != given and name not in VOLATILE:
            yield Difference(f"the head, {name}", _change("; ".join(there), "; ".join(given)))


def _lines(file: ReadFile, now: ReadFile) -> Iterator[Difference]:
    """Lines that one of the two has more often than the other."""
    missing = Counter(now.lines)
    missing.subtract(file.lines)
    left = {line: -count for line, count in missing.items() if count < 0}
    for number, line in enumerate(file.lines, start=file.first):
        if left.get(line, 0) > 0:
            left[line] -= 1
            yield Difference(f"line {number}", f"not in the data: {_short(line)}")
    for line, count in missing.items():
        if count > 0:
            yield Difference("missing", f"in the data: {_short(line)}")


def _cells(file: ReadFile, now: ReadFile, fields: Sequence[Field]) -> Iterator[Difference]:
    header = now.header or ()
    keys = [number for number, field in enumerate(fields) if field.key and number < len(header)]
    given = dict(_keyed(now.rows, keys))
    seen = set()
    for number, (key, row) in enumerate(_keyed(file.rows, keys)):
        seen.add(key)
        other = given.get(key)
        if other is None:
            yield Difference(_place(file, number), f"not in the data: {_named(header, keys, row)}")
            continue
        for column, (there, here) in enumerate(zip(row, other, strict=False)):
            if there != here:
                where = f"{_place(file, number)}, column {header[column]}"
                yield Difference(where, f"{_named(header, keys, row)}: {_change(there, here)}")
        if len(row) != len(other):
            yield Difference(_place(file, number), f"{len(row)} cells → {len(other)} cells")
    for key, row in given.items():
        if key not in seen:
            yield Difference("missing", f"in the data: {_named(header, keys, row)}")
    if [key for key, _ in _keyed(file.rows, keys)] != list(given) and seen == set(given):
        yield Difference("the rows", "stand in another order")


def _keyed(rows: Sequence[tuple[str, ...]], keys: Sequence[int]) -> Iterator[tuple[tuple[str, ...], tuple[str, ...]]]:
    """Each row under the cells that tell it apart, and a number where several have the same."""
    counts: Counter[tuple[str, ...]] = Counter()
    for row in rows:
        key = tuple(row[column] for column in keys if column < len(row))
        counts[key] += 1
        yield (*key, str(counts[key])), row


def _place(file: ReadFile, number: int) -> str:
    """Where the row stands in the file: its line in CSV and JSON, its row in a sheet and in Parquet."""
    if file.format in ("csv", "json"):
        return f"line {file.first + number + 1}"
    return f"row {number + (2 if file.format == 'xlsx' else 1)}"


def _named(header: Sequence[str], keys: Sequence[int], row: Sequence[str]) -> str:
    said = [f"{header[column]} {row[column]}" for column in keys if column < len(row) and row[column]]
    return _short(", ".join(said) or ", ".join(row), 2 * SHORT)


def _change(there: str, here: str) -> str:
    return f"{_short(there) or 'nothing'} → {_short(here) or 'nothing'}"


def _short(text: str, most: int = SHORT) -> str:
    return text if len(text) <= most else f"{text[:most]}…"
