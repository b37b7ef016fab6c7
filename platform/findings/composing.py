"""From material to a report: every section in its order, and every number in one book."""

import hashlib
from typing import Any, NamedTuple

from findings.document import Code, Paragraph, Prose, Report, Section, say
from findings.material import Material
from findings.numbers import Book
from findings.sections import (
    forms,
    learning,
    methods,
    mixed,
    participation,
    ranking,
    robustness,
    scale,
    sources,
    suites,
    tasks,
    trouble,
)
from findings.subjects import Subject

VERSION_LETTERS = 12


class Composed(NamedTuple):
    """A report with its numbers, the version of both, and what `findings check` knows beside."""

    report: Report
    book: Book
    version: str
    facts: dict[str, Any]


def version_of(material: Material, book: Book) -> str:
    """The version of a report: another for other material, and for other numbers made of it."""
    found = hashlib.sha256(material.digest.encode())
    for number in book:
        found.update(f"\n{number.key} {number.text}".encode())
    return found.hexdigest()[:VERSION_LETTERS]


def compose(material: Material) -> Composed:
    """The whole report."""
    book = Book()
    made = [
        make(material, book)
        for make in (
            participation.section,
            ranking.section,
            tasks.section,
            methods.section,
            scale.section,
            mixed.section,
            learning.learning,
            learning.human,
            trouble.failures,
            trouble.exclusions,
            trouble.contamination,
            forms.section,
            robustness.section,
            suites.section,
            sources.section,
        )
    ]
    results, version = material.results, version_of(material, book)
    facts = (
        ("Challenge", results.key),
        *((("Year", str(results.year)),) if results.year else ()),
        ("Version", Code(version)),
    )
    opening = Section("introduction", "", (Prose("introduction"),))
    closing = Section("conclusion", "", (Prose("conclusion"),))
    report = Report(f"Findings of {results.title}", facts, (opening, _summary(made), *made, closing))
    return Composed(report, book, version, facts_of(material))


def _summary(sections: list[Section]) -> Section:
    """The first sentence on each track again, so that who leads is read first."""
    found = next(section for section in sections if section.key == "ranking")
    firsts = [
        block.sentences[0]
        for inner in found.inside
        for block in inner.blocks[:1]
        if isinstance(block, Paragraph) and block.sentences
    ]
    said = tuple(firsts) or (say("Nothing is ranked yet."),)
    return Section("summary", "Summary", (Prose("abstract"), Paragraph(said)))


def facts_of(material: Material) -> dict[str, Any]:
    """What claims are held against, by track: who won, ranks, scores and ties by an entry's name."""
    tracks = {}
    for track in material.results.tracks:
        subject = Subject(track)
        tracks[subject.key] = {
            "title": track.title,
            "rule": track.rule,
            "higher_is_better": subject.higher,
            "ties_known": any(one.rank_low is not None for one in subject.ranked),
            "winners": [subject.names[one.key] for one in subject.winners],
            "entries": {
                subject.names[one.key]: {
                    "name": one.name,
                    "rank": one.rank,
                    "score": one.aggregate,
                    "tied": one.tied_with_first or one in subject.winners,
                }
                for one in subject.table
            },
        }
    return {"tracks": tracks}
