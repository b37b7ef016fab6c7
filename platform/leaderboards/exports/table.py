"""An exported table: columns, rows that are read once, and what stands about them in every file."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

from evaluators import __version__
from leaderboards.exports.cells import Field, Row, settled
from leaderboards.exports.query import ExportQuery

SCHEMA = "export/1"
ROOT = Path(__file__).resolve().parents[3]
CODE = ("evaluators", "platform/leaderboards")
# A fact stands in a comment of every format; what could end one, or a cell, is written as %XX.
PLAIN = " ._:@/+%=&~"


class Fact(NamedTuple):
    """Something that a file says about itself; names may repeat."""

    name: str
    value: str


@dataclass
class Standing:
    """What the rows of a table stand on, noted while they are read."""

    newest: datetime | None = None
    tables: set[str] = field(default_factory=set)
    suites: set[str] = field(default_factory=set)
    images: set[str] = field(default_factory=set)
    evaluators: set[str] = field(default_factory=set)
    sources: set[str] = field(default_factory=set)
    rows: int = 0

    def seen_at(self, moment: datetime | None) -> None:
        """Note the time of a score."""
        if moment is not None and (self.newest is None or moment > self.newest):
            self.newest = moment


@dataclass(frozen=True)
class Table:
    """A table that is written once: `rows` can be read one time, and `standing` is whole when they have been."""

    query: ExportQuery
    fields: tuple[Field, ...]
    rows: Iterator[Row]
    standing: Standing

    def facts(self) -> tuple[Fact, ...]:
        """What the file says about itself, but for its checksum; after the rows have been read."""
        return facts_of(self.query, self.fields, self.standing)


def made_table(query: ExportQuery, fields: Sequence[Field], rows: Iterable[Row], standing: Standing) -> Table:
    """The table of these rows, each of whose cells is cleaned and rounded as it is read."""

    def read() -> Iterator[Row]:
        for row in rows:
            standing.rows += 1
            yield tuple(settled(cell, query.precision) for cell in row)

    return Table(query, tuple(fields), read(), standing)


def facts_of(query: ExportQuery, fields: Sequence[Field], standing: Standing) -> tuple[Fact, ...]:
    """Query, time of the data, and digests of suites, images and code, in a fixed order."""
    facts = [Fact("format", SCHEMA), Fact("query", query.text), Fact("time", time_text(standing.newest))]
    for name, values in (
        ("table", standing.tables), ("suite", standing.suites), ("image", standing.images),
        ("evaluator", standing.evaluators), ("source", standing.sources),
    ):  # fmt: skip
        facts += [Fact(name, quote(value.replace(",", ""), safe=PLAIN)) for value in sorted(values)]
    facts += [Fact("code", code()), Fact("rows", str(standing.rows)), Fact("columns", str(len(fields)))]
    return tuple(facts)


def time_text(moment: datetime | None) -> str:
    """`2026-11-29T20:36:36.123456Z`; `none` where no score has a time."""
    return "none" if moment is None else moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


@lru_cache(maxsize=1)
def code() -> str:
    """The release, and the sha256 over names and bytes of the code that scores, ranks and exports."""
    digest = sha256()
    for path in sorted(path for folder in CODE for path in (ROOT / folder).rglob("*.py")):
        content = path.read_bytes()
        digest.update(f"{path.relative_to(ROOT).as_posix()} {len(content)}\n".encode() + content)
    return f"proctor {__version__} sha256:{digest.hexdigest()}"
