"""What did not become a rank: failures by code, exclusions with their reasons; and contamination."""

from collections import Counter

from findings.document import Block, Code, Heading, Paragraph, Prose, Row, Section, Table, say
from findings.material import Material
from findings.numbers import Book, slug
from findings.subjects import BY_RULE, Subject
from findings.words import plural


def failures(material: Material, book: Book) -> Section:
    """Runs that did not end in a whole score, by code and stage."""
    found = [(track, one) for track in material.results.tracks for one in track.failures]
    failed = [(track, one) for track, one in found if not one.partial]
    partial = len(found) - len(failed)
    number = book.count("failures.failed", len(failed), "runs that ended without a score")
    part = book.count("failures.partial", partial, "runs that left items without an answer")
    if not found:
        said = say("No failed or partial run is recorded.")
        return Section("failures", "Failures", (Paragraph((said,)), Prose("failures")))
    lead = say(
        "{failed} {word} ended without a score, and {partial} left items without an answer.",
        failed=number,
        word=plural(number, "run", "runs"),
        partial=part,
    )
    counts = Counter((track.title, one.code or "none", one.stage) for track, one in failed)
    rows = [
        Row(
            (
                title,
                Code(code),
                stage,
                book.count(
                    f"failures.{slug(title)}.{slug(code)}.{slug(stage) or 'unknown'}", count, "runs that ended so"
                ),
            )
        )
        for (title, code, stage), count in sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    ]
    blocks: list[Block] = [Paragraph((lead,))]
    if rows:
        headings = (Heading("Track", wide=True), Heading("Code"), Heading("Stage"), Heading("Runs", number=True))
        blocks.append(Table("failures", say("Runs without a score, by code."), headings, tuple(rows)))
    return Section("failures", "Failures", (*blocks, Prose("failures")))


def exclusions(material: Material, book: Book) -> Section:
    """Scored entries of teams that have no rank, and why."""
    found = [
        (Subject(track), one)
        for track in material.results.tracks
        for one in track.results
        if one.rank is None and not one.reference
    ]
    number = book.count("exclusions.entries", len(found), "scored entries of teams without a rank")
    if not found:
        said = say("Every scored entry of a team is ranked.")
        return Section("exclusions", "Entries without a rank", (Paragraph((said,)), Prose("exclusions")))
    lead = say(
        "{number} scored {word} without a rank.",
        number=number,
        word=plural(number, "entry of a team stands", "entries of teams stand"),
    )
    reasons = Counter(one.why_unranked or "no reason recorded" for _, one in found)
    counts = tuple(
        Row(
            (
                reason,
                book.count(f"exclusions.reason.{slug(reason)[:60] or 'unnamed'}", count, "entries with this reason"),
            )
        )
        for reason, count in sorted(reasons.items(), key=lambda pair: (-pair[1], pair[0]))
    )
    rows = tuple(
        Row(
            (
                subject.track.title,
                one.name,
                one.team,
                one.status.replace("_", " "),
                one.why_unranked or "no reason recorded",
                book.score(
                    f"{subject.entry(one)}.score",
                    one.aggregate,
                    BY_RULE,
                    digits=subject.digits,
                )
                if one.aggregate is not None
                else None,
            )
        )
        for subject, one in found
    )
    why = Table(
        "exclusions-reasons",
        say("Why entries are not ranked."),
        (Heading("Reason", wide=True), Heading("Entries", number=True)),
        counts,
    )
    full = Table(
        "exclusions",
        say("Scored entries without a rank."),
        (
            Heading("Track"),
            Heading("Method", wide=True),
            Heading("Team"),
            Heading("Status"),
            Heading("Why", wide=True),
            Heading("Score", number=True),
        ),
        rows,
    )
    return Section("exclusions", "Entries without a rank", (Paragraph((lead,)), why, full, Prose("exclusions")))


def contamination(material: Material, book: Book) -> Section:
    """What is known of test items that models may have met before."""
    title, prose = "Contamination", Prose("contamination")
    if not material.contamination:
        said = say(
            "No contamination record is attached to this challenge. That nothing is recorded does not say that "
            "nothing is contaminated: no audit of training data against the suites is part of this report."
        )
        return Section("contamination", title, (Paragraph((said,)), prose))
    number = book.count("contamination.records", len(material.contamination), "contamination records")
    lead = say(
        "{number} {word} recorded.",
        number=number,
        word=plural(number, "statement on contamination is", "statements on contamination are"),
    )
    rows = tuple(Row((one.subject, one.statement, one.source)) for one in material.contamination)
    table = Table(
        "contamination",
        say("What was recorded."),
        (Heading("Subject"), Heading("Statement", wide=True), Heading("Source")),
        rows,
    )
    return Section("contamination", title, (Paragraph((lead,)), table, prose))
