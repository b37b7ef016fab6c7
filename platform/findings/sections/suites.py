"""A page for each suite: reliability, agreement with the others, saturation, and what it can detect."""

from findings.document import Block, Cell, Figure, Heading, Paragraph, Prose, Row, Section, Sentence, Table, say
from findings.figures import plots
from findings.material import SEED, Material
from findings.numbers import Book
from findings.subjects import Subject, digits_of
from findings.suites import Quality, qualities
from findings.words import plural

# Of a track with more suites, those alone are given a page of which something is known.
MOST_PAGES = 12


def section(material: Material, book: Book) -> Section:
    """An overview for each track and a page for each suite."""
    inside = []
    for track in material.results.tracks:
        subject = Subject(track)
        items = {column: found for (of, column), found in material.items.items() if of == track.key}
        found = qualities(subject, items)
        if found:
            inside.append(_track(subject, found, book))
    return Section("suites", "Suites", (Prose("suites"),), tuple(inside))


def _key(subject: Subject, quality: Quality) -> str:
    return f"{subject.key}.suite.{subject.columns[quality.column.key]}"


def _track(subject: Subject, found: list[Quality], book: Book) -> Section:
    shown = [one for one in found if one.known or len(found) <= MOST_PAGES]
    blocks: list[Block] = []
    if any(one.known for one in found):
        blocks.append(_overview(subject, found, book))
    else:
        blocks.append(Paragraph((_nothing(subject),)))
        shown = []
    pages = tuple(_page(subject, one, book) for one in shown)
    return Section(f"suites-{subject.key}", subject.track.title, tuple(blocks), pages)


def _nothing(subject: Subject) -> Sentence:
    return say(
        "Of the track {track} no item scores are kept here, its scores have no intervals, and it ranks too few "
        "entries for its suites to be compared: their quality can't be judged.",
        track=subject.title,
    )


def _overview(subject: Subject, found: list[Quality], book: Book) -> Table:
    rows = []
    for one in found:
        key = _key(subject, one)
        tau = one.agreement.tau if one.agreement else None
        rows.append(
            Row(
                (
                    one.column.title,
                    book.count(f"{key}.items", one.items, "items of the suite") if one.items else None,
                    book.score(
                        f"{key}.reliability",
                        one.reliability.value,
                        _half(one),
                        seed=SEED,
                        n=one.reliability.submissions,
                        digits=2,
                    )
                    if one.reliability
                    else None,
                    book.score(
                        f"{key}.tau",
                        tau,
                        "Kendall's τ-b with the mean z-score of the other suites, over samples of entries",
                        seed=SEED,
                        digits=2,
                    )
                    if tau is not None
                    else None,
                    one.saturation.bin if one.saturation else None,
                    _detectable(subject, one, book),
                )
            )
        )
    return Table(
        f"suite-quality-{subject.key}",
        say("Suites of the track {track}.", track=subject.title),
        (
            Heading("Suite", wide=True),
            Heading("Items", number=True),
            Heading("Reliability", number=True),
            Heading("Agreement τ", number=True),
            Heading("Saturation"),
            Heading("Detectable", number=True),
        ),
        tuple(rows),
    )


def _half(one: Quality) -> str:
    return f"split-half reliability over {one.over}, stepped up by Spearman–Brown: 2r/(1 + r)"


def _detectable(subject: Subject, one: Quality, book: Book) -> Cell:
    if one.detectable is None:
        return None
    return book.score(
        f"{_key(subject, one)}.detectable",
        one.detectable,
        "smallest difference that a one-sided sign test finds at 5 % with power 80 %",
        n=one.items,
        digits=digits_of(one.column),
    )


def _page(subject: Subject, one: Quality, book: Book) -> Section:
    sentences = [
        *_said_reliability(subject, one, book),
        *_said_agreement(subject, one, book),
        *_said_saturation(subject, one, book),
        *_said_detectable(subject, one, book),
        *_said_extremes(subject, one, book),
    ]
    key = f"suite-{subject.key}-{subject.columns[one.column.key]}"
    blocks: list[Block] = [Paragraph(tuple(sentences))]
    if one.difficulty:
        caption = say("Items of {title} by the share of ranked entries that get them right.", title=one.column.title)
        blocks.append(
            Figure(
                f"{key}-difficulty",
                caption,
                f"Item difficulty of {one.column.title}",
                (5.0, 2.4),
                plots.histogram(one.difficulty, "mean score of an item", "items"),
            )
        )
    return Section(key, one.column.title, tuple(blocks))


def _said_reliability(subject: Subject, one: Quality, book: Book) -> list[Sentence]:
    if one.reliability is None:
        return [
            say("Its reliability is not known: neither item scores nor four groups are kept of three entries or more.")
        ]
    key, found = _key(subject, one), one.reliability
    value = book.score(f"{key}.reliability", found.value, _half(one), seed=SEED, n=found.submissions, digits=2)
    low = book.score(f"{key}.reliability.low", found.low, "2.5th percentile over halvings", seed=SEED, digits=2)
    high = book.score(f"{key}.reliability.high", found.high, "97.5th percentile over halvings", seed=SEED, digits=2)
    n = book.count(f"{key}.reliability.entries", found.submissions, "entries behind the reliability")
    lead = "Its" if one.over == "items" else "As item scores are not kept, its"
    return [
        say(
            "{lead} split-half reliability is that over {over}: {value} (95 % of halves {low} to {high}, {n} {word}).",
            over=one.over,
            value=value,
            low=low,
            high=high,
            n=n,
            word=plural(n, "entry", "entries"),
            lead=lead,
        )
    ]


def _said_agreement(subject: Subject, one: Quality, book: Book) -> list[Sentence]:
    if one.agreement is None:
        return [
            say("Its agreement with other suites can't be judged: it takes three suites and ten entries that have all.")
        ]
    key, found = _key(subject, one), one.agreement
    tau = book.score(
        f"{key}.tau",
        found.tau,
        "Kendall's τ-b with the mean z-score of the other suites, over samples of entries",
        seed=SEED,
        digits=2,
    )
    r = book.score(f"{key}.r", found.r, "Pearson's r with the mean z-score of the other suites", seed=SEED, digits=2)
    said = [say("It agrees with the other suites at τ = {tau} and r = {r}.", tau=tau, r=r)]
    if found.ceiling is not None:
        ceiling = book.score(f"{key}.ceiling", found.ceiling, "√(reliability₁ · reliability₂)", seed=SEED, digits=2)
        said.append(say("Their reliabilities allow at most r = {ceiling}.", ceiling=ceiling))
    if found.z is not None:
        z = book.score(f"{key}.z", found.z, "z of its τ against that of the other suites", digits=1, signed=True)
        verdict = "off construct (below −1)" if found.off_construct else "within what the others do"
        said.append(say("Against the others' agreement that is z = {z}: {verdict}.", z=z, verdict=verdict))
    return said


def _said_saturation(subject: Subject, one: Quality, book: Book) -> list[Sentence]:
    if one.saturation is None:
        return [say("Its saturation can't be judged: it takes five ranked entries and an error of their difference.")]
    key, found = _key(subject, one), one.saturation
    ours = book.score(f"{key}.saturation", found.ours, "exp(−((s₁ − s₅)/SE)²), SE of the difference", digits=2)
    published = book.score(
        f"{key}.saturation.published", found.published, "exp(−((s₁ − s₅)/SE)²), SE from √n items", digits=2
    )
    return [
        say(
            "Saturation is {ours} ({bin}); in the published form {published} ({published_bin}).",
            ours=ours,
            bin=found.bin,
            published=published,
            published_bin=found.published_bin,
        )
    ]


def _said_detectable(subject: Subject, one: Quality, book: Book) -> list[Sentence]:
    value = _detectable(subject, one, book)
    if value is None:
        return [say("The smallest difference that it detects is not known: that takes right and wrong items.")]
    parts = value if isinstance(value, tuple) else (value,)
    return [
        say("Between two entries it detects a difference of {value} or more (sign test, 5 %, power 80 %).", value=parts)
    ]


def _said_extremes(subject: Subject, one: Quality, book: Book) -> list[Sentence]:
    if one.extremes is None:
        return []
    key = _key(subject, one)
    items = book.count(f"{key}.complete-items", one.extremes.items, "items that every ranked entry answered")
    nobody = book.count(f"{key}.nobody", one.extremes.nobody, "items that no ranked entry gets right")
    everybody = book.count(f"{key}.everybody", one.extremes.everybody, "items that every ranked entry gets right")
    return [
        say(
            "On {nobody} of {items} {word} no ranked entry is right, and on {everybody} every one is.",
            nobody=nobody,
            items=items,
            word=plural(items, "item", "items"),
            everybody=everybody,
        )
    ]
