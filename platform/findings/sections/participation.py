"""Who took part: entries, teams and references of each track."""

from findings.document import Heading, Paragraph, Prose, Row, Section, Sentence, Strong, Table, say
from findings.material import Material
from findings.numbers import Book
from findings.subjects import Subject
from findings.words import listed, plural


def section(material: Material, book: Book) -> Section:
    """Counts for each track and for all of them."""
    results = material.results
    subjects = [Subject(track) for track in results.tracks]
    everybody = {one.team for track in results.tracks for one in track.results if not one.reference}
    entries = sum(not one.reference for track in results.tracks for one in track.results)
    all_entries = book.count("all.entries", entries, "entries of teams with a score, in all tracks")
    teams = book.count("all.teams", len(everybody), "different teams with a scored entry")
    tracks = book.count("all.tracks", len(subjects), "tracks with a scored entry")
    lead = say(
        "{teams} {word} took part in {tracks} {tracks_word}, with {entries} scored {entries_word}.",
        teams=teams,
        word=plural(teams, "team", "teams"),
        tracks=tracks,
        tracks_word=plural(tracks, "track", "tracks"),
        entries=all_entries,
        entries_word=plural(all_entries, "entry", "entries"),
    )
    rows = tuple(_row(subject, book) for subject in subjects)
    table = Table(
        "participation",
        say("Scored entries by track."),
        (
            Heading("Track", wide=True),
            Heading("Phase"),
            Heading("Entries", number=True),
            Heading("Teams", number=True),
            Heading("Ranked", number=True),
            Heading("Not ranked", number=True),
            Heading("Baselines", number=True),
            Heading("Skylines", number=True),
            Heading("Failed runs", number=True),
        ),
        rows,
    )
    sentences = [lead, *_provenance(material, book)]
    return Section("participation", "Participation", (Paragraph(tuple(sentences)), table, Prose("participation")))


def _row(subject: Subject, book: Book) -> Row:
    track = subject.track
    own = [one for one in track.results if not one.reference]
    key = subject.key
    counts = {
        "entries": (len(own), "scored entries of teams"),
        "teams": (len({one.team for one in own}), "different teams with a scored entry"),
        "ranked": (len(subject.ranked), "entries with a rank"),
        "not-ranked": (sum(one.rank is None for one in own), "scored entries of teams without a rank"),
        "baselines": (sum(one.status == "baseline" for one in track.results), "scored baselines"),
        "skylines": (sum(one.status == "skyline" for one in track.results), "scored skylines"),
        "failures": (sum(not one.partial for one in track.failures), "runs that ended without a score"),
    }
    numbers = [book.count(f"{key}.{name}", value, what) for name, (value, what) in counts.items()]
    return Row((Strong(track.title), track.phase, *numbers))


def _provenance(material: Material, book: Book) -> list[Sentence]:
    """How the scores came about, most trusted last."""
    found: dict[str, int] = {}
    for track in material.results.tracks:
        for one in track.results:
            if not one.reference:
                found[one.provenance] = found.get(one.provenance, 0) + 1
    if not found:
        return []
    if len(found) == 1:
        name = next(iter(found))
        return [say("Every entry's provenance is “{name}”.", name=name)]
    parts = [
        (book.count(f"provenance.{name}", count, "entries whose scores came about so"), name)
        for name, count in sorted(found.items())
    ]
    words = listed([f"“{name}” for {number.text}" for number, name in parts])
    return [say("Their provenance is {parts}.", parts=words)]
