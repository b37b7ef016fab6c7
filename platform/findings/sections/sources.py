"""Where the numbers come from: suites, images, evaluators, published tables, and how each number can be checked."""

from collections.abc import Sequence

from findings.document import Block, Code, Heading, Inline, Paragraph, Prose, Row, Section, Strong, Table, say
from findings.material import Material
from findings.numbers import Book
from findings.words import listed
from leaderboards.results import TrackResults


def section(material: Material, book: Book) -> Section:
    """Digests and citations; `book` already holds every number of the report."""
    results = material.results
    total = book.count("report.numbers", len(book), "numbers in this report, this one left out")
    blocks: list[Block] = [
        Paragraph(
            (
                say("{total} numbers stand in this report.", total=total),
                say(
                    "Each is in {stats} with its formula and sources, and in {macros} under a name of its own.",
                    stats=Code("stats.json"),
                    macros=Code("numbers.tex"),
                ),
                say("{check} compares a paper with them.", check=Code("manage.py findings check paper.tex")),
            )
        )
    ]
    rows = tuple(
        Row((track.title, column.title, column.version or None, Code(column.digest[:12]) if column.digest else None))
        for track in results.tracks
        for column in track.columns
        if column.digest or column.version
    )
    if rows:
        headings = (Heading("Track"), Heading("Suite", wide=True), Heading("Version"), Heading("Digest"))
        blocks.append(Table("suites", say("Suites behind the columns."), headings, rows))
    blocks += _citations(results.tracks)
    made = [say("Evaluators: {names}.", names=", ".join(results.evaluators))] if results.evaluators else []
    made += [say("Runner images: {names}.", names=", ".join(results.images))] if results.images else []
    if made:
        blocks.append(Paragraph(tuple(made)))
    return Section("sources", "Sources", (*blocks, Prose("sources")))


def _citations(tracks: Sequence[TrackResults]) -> list[Paragraph]:
    """A sentence for each published table, with the tracks that it holds."""
    found: dict[tuple[str, str], list[Inline]] = {}
    for track in tracks:
        if track.source:
            found.setdefault((track.source, track.source_digest), []).append(Strong(track.title))
    said = []
    for (source, digest), titles in found.items():
        where = say(" (sha256 {digest})", digest=Code(digest[:12])).parts if digest else ""
        said.append(
            say(
                "The {tables} of the {word} {titles} {verb} published elsewhere: {source}{where}.",
                tables="table" if len(titles) == 1 else "tables",
                word="track" if len(titles) == 1 else "tracks",
                verb="was" if len(titles) == 1 else "were",
                titles=listed(titles),
                source=source,
                where=where,
            )
        )
    return [Paragraph(tuple(said))] if said else []
