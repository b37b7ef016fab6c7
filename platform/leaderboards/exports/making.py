"""From a query to its table, and from the table to a file."""

from collections.abc import Sequence
from typing import IO, TypeVar

from challenges.models import Challenge, Phase
from leaderboards.exports import long_layout, wide_layout, wide_rows
from leaderboards.exports.columns import FAMILIES, Column, chosen, row_of, words
from leaderboards.exports.formats.registry import FORMATS
from leaderboards.exports.long_rows import long_rows
from leaderboards.exports.query import ExportQuery, ExportRefused
from leaderboards.exports.table import Standing, Table, made_table
from leaderboards.exports.wide_layout import Kept
from leaderboards.results import TrackResults

PEOPLE = frozenset(long_layout.PEOPLE)
T = TypeVar("T")


def challenge_of(query: ExportQuery) -> Challenge:
    """The query's challenge; raises ExportRefused where it, a track or a phase is not there."""
    challenge = Challenge.objects.filter(key=query.challenge).first()
    if challenge is None:
        raise ExportRefused(f"There is no challenge “{query.challenge}” here.")
    tracks = set(challenge.tracks.values_list("key", flat=True))
    if missing := sorted(set(query.tracks) - tracks):
        raise ExportRefused(f"The challenge has no track “{missing[0]}”; it has {', '.join(sorted(tracks)) or 'none'}.")
    there = Phase.objects.filter(track__challenge=challenge).values_list("track__key", "key")
    phases = {f"{track}/{phase}" for track, phase in there}
    if missing := sorted(set(query.phases) - phases):
        raise ExportRefused(f"The challenge has no phase “{missing[0]}”; it has {', '.join(sorted(phases)) or 'none'}.")
    if query.layout == "wide" and len({phase.partition("/")[0] for phase in query.phases}) < len(query.phases):
        raise ExportRefused("A wide table has one phase of each track; choose the long layout for several.")
    return challenge


def table_of(query: ExportQuery) -> Table:
    """The query's table; its rows come from the database as they are read. Raises ExportRefused."""
    challenge = challenge_of(query)
    if query.layout == "wide":
        tracks = wide_rows.tracks_of(challenge, query)
        kept = wide_rows.kept_of(tracks, parts=bool(query.columns))
        standing = wide_rows.stand_on(tracks, challenge, query)
        return wide_table(tracks, query, standing, kept, challenge)
    standing = Standing()
    columns = _picked(long_layout.COLUMNS, query)
    rows = long_rows(challenge, query, standing)
    return made_table(query, [one.field for one in columns], (row_of(columns, line) for line in rows), standing)


def wide_table(
    tracks: list[TrackResults],
    query: ExportQuery,
    standing: Standing,
    kept: Kept | None = None,
    challenge: Challenge | None = None,
) -> Table:
    """The wide table of results that are at hand; `challenge` is where teams are looked up."""
    columns = _picked(wide_layout.columns_of(tracks, kept or Kept()), query)
    rows = wide_rows.wide_rows(tracks, query, challenge)
    return made_table(query, [one.field for one in columns], (row_of(columns, row) for row in rows), standing)


def _picked(columns: Sequence[Column[T]], query: ExportQuery) -> list[Column[T]]:
    """The chosen columns; people's stand at the end wherever they are asked for, and are there in no other case."""
    people = [one for one in columns if one.field.name in PEOPLE]
    picked = chosen(_without_people(columns), query, brief=FORMATS[query.format].brief)
    return [*picked, *people] if query.people else picked


def _without_people(columns: Sequence[Column[T]]) -> list[Column[T]]:
    return [one for one in columns if one.field.name not in PEOPLE]


def usual_words(layout: str) -> list[str]:
    """The words by which a layout chooses columns, whatever the challenge: names, and families of names. No query."""
    if layout == "long":
        return words(_without_people(long_layout.COLUMNS))
    fixed = words(_without_people(wide_layout.columns_of([], Kept())))
    before = fixed.index("method")
    return [*fixed[:before], *FAMILIES, *fixed[before + 1 :]]


def column_words(query: ExportQuery) -> list[str]:
    """The words by which the query's layout chooses columns. Raises ExportRefused."""
    challenge = challenge_of(query)
    if query.layout == "long":
        return usual_words("long")
    tracks = wide_rows.tracks_of(challenge, query)
    there = _without_people(wide_layout.columns_of(tracks, Kept()))
    return [*words(there), *(one.field.name for one in there if one.field.family and one.usual)]


def write(query: ExportQuery, out: IO[bytes]) -> None:
    """Write the query's file. Raises ExportRefused."""
    FORMATS[query.format].write(table_of(query), out)


def file_name(query: ExportQuery) -> str:
    """`challenge-wide-anonymised.csv`."""
    return f"{query.challenge}-{query.layout}{'-anonymised' if query.anonymised else ''}.{query.format}"
