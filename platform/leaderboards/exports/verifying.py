"""Whether an exported file is what it was, and whether its query still gives it."""

import io
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

from leaderboards.exports.differences import Difference, differences
from leaderboards.exports.formats.registry import FORMATS
from leaderboards.exports.making import table_of
from leaderboards.exports.query import ExportQuery, ExportRefused
from leaderboards.exports.reading import ReadFile, read, read_bytes

MOST_SHOWN = 20
CHANGED = "The file was changed after it was written: its checksum is another."


class Outcome(IntEnum):
    """What was found; the number is the command's exit code. A file that can't be checked ends in 3."""

    IDENTICAL = 0
    FILE_CHANGED = 1
    DATA_CHANGED = 2


@dataclass(frozen=True)
class Verdict:
    """What was found of a file, in a sentence, with the first of the differences and how many there are."""

    outcome: Outcome
    says: str
    query: str
    checksum: str
    differences: tuple[Difference, ...] = ()
    found: int = 0


def verify(path: Path, *, offline: bool = False) -> Verdict:
    """Compare the file with its checksum, and with what its query gives now unless `offline`.

    Raises NotAnExport, ExportRefused where the query can't be answered here, and OSError.
    """
    file = read(path)
    if offline:
        return _verdict(file, *_alone(file))
    try:
        found, same = _compared(file)
    except ExportRefused as error:
        if file.intact:
            raise
        return _verdict(file, Outcome.FILE_CHANGED, f"{CHANGED} Its query is answered no more: {error}")
    if not file.intact:
        return _verdict(file, Outcome.FILE_CHANGED, _changed(file, found), found)
    if same:
        return _verdict(file, Outcome.IDENTICAL, "The file is what its query gives: nothing has changed.")
    if not found:
        says = "The file is intact and its data has not changed; this installation's code is another than wrote it."
        return _verdict(file, Outcome.IDENTICAL, says)
    says = (
        "The file is intact. The data has changed since it was written; on the left is the file, on the right the data."
    )
    return _verdict(file, Outcome.DATA_CHANGED, says, found)


def _compared(file: ReadFile) -> tuple[list[Difference], bool]:
    """How the file differs from what its query gives now, and whether the two are the same."""
    query = ExportQuery.from_text(file.fact("query"))
    table = table_of(query)
    out = io.BytesIO()
    FORMATS[query.format].write(table, out)
    now = read_bytes(out.getvalue())
    found = differences(file, now, table.fields)
    return found, not found and file.checksum == now.checksum


def _alone(file: ReadFile) -> tuple[Outcome, str]:
    """What the checksum says by itself."""
    if file.intact:
        return Outcome.IDENTICAL, "The file is intact: its checksum is right. It was not compared with the data."
    return Outcome.FILE_CHANGED, CHANGED


def _changed(file: ReadFile, found: list[Difference]) -> str:
    if not found:
        return f"{CHANGED} Its head and rows are what its query gives, so what changed is how they are written."
    return f"{CHANGED} On the left is the file, on the right what its query gives."


def _verdict(file: ReadFile, outcome: Outcome, says: str, found: list[Difference] | None = None) -> Verdict:
    found = found or []
    return Verdict(outcome, says, file.fact("query"), file.checksum, tuple(found[:MOST_SHOWN]), len(found))
