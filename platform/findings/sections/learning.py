"""Learning curves over the words that models had seen, and human-likeness against task scores."""

from collections import defaultdict

from findings import effects
from findings.document import Block, Figure, Heading, Paragraph, Prose, Row, Section, Sentence, Table, say
from findings.figures import plots
from findings.material import LearningCurve, Material
from findings.numbers import Book, slug
from findings.subjects import Subject, digits_of
from findings.words import plural
from leaderboards.results import Column, Result

# Metrics that say how well a model's behaviour goes with that of people.
HUMAN = ("partial_r2", "partial-r2", "spearman", "pearson", "similarity", "rsa", "kl")
MOST_CURVES = 8


def learning(material: Material, book: Book) -> Section:
    """A drawing for each track and suite with checkpoints."""
    title, prose = "Learning curves", Prose("learning")
    by_suite: dict[tuple[str, str], list[LearningCurve]] = defaultdict(list)
    for curve in material.curves:
        if len(curve.points) > 1:
            by_suite[curve.track, curve.suite].append(curve)
    if not by_suite:
        said = say("No entry was scored at more than one checkpoint, so there are no learning curves.")
        return Section("learning", title, (Paragraph((said,)), prose))
    subjects = {track.key: Subject(track) for track in material.results.tracks}
    blocks: list[Block] = []
    for (track, suite), curves in by_suite.items():
        subject = subjects.get(track)
        if subject is not None:
            blocks += _suite(subject, suite, curves, book)
    return Section("learning", title, (*blocks, prose))


def _suite(subject: Subject, suite: str, curves: list[LearningCurve], book: Book) -> list[Block]:
    column = next((one for one in subject.track.columns if one.key == suite), None)
    if column is None:
        return []
    results = {one.key: one for one in subject.track.results}
    order = {one.key: place for place, one in enumerate(subject.table)}
    curves = sorted(
        (one for one in curves if one.entry in results), key=lambda one: (order.get(one.entry, len(order)), one.entry)
    )
    rising = sum(subject.better_of(column) * (one.points[-1].value - one.points[0].value) > 0 for one in curves)
    key = f"{subject.key}.learning.{subject.columns[suite]}"
    number = book.count(f"{key}.entries", len(curves), "entries with scores at two checkpoints or more")
    better = book.count(f"{key}.better", rising, "entries that are better at the last checkpoint than at the first")
    said = say(
        "On {title} of the track {track}, {better} of {number} {word} {verb} better at the last checkpoint than at the "
        "first.",
        title=column.title,
        track=subject.title,
        better=better,
        number=number,
        word=plural(number, "entry", "entries"),
        verb=plural(better, "is", "are"),
    )
    series = [
        plots.Series(
            results[one.entry].name,
            tuple(float(point.words) for point in one.points),
            tuple(point.value for point in one.points),
        )
        for one in curves[:MOST_CURVES]
    ]
    figure = Figure(
        f"learning-{subject.key}-{subject.columns[suite]}",
        say(
            "{title} over words seen, track {track}{shown}.",
            title=column.title,
            track=subject.title,
            shown=f": the first {MOST_CURVES} of the table" if len(curves) > MOST_CURVES else "",
        ),
        f"Learning curves on {column.title}",
        (5.8, 3.3),
        plots.curves(series, "words seen", column.metric, chance=column.chance),
    )
    return [Paragraph((said,)), figure]


def human(material: Material, book: Book) -> Section:
    """How scores of human-likeness go with the mean of the other tasks, over entries."""
    title, prose = "Human-likeness", Prose("human-likeness")
    rows: list[Row] = []
    figures: list[Block] = []
    for track in material.results.tracks:
        subject = Subject(track)
        for column in track.columns:
            if slug(column.metric).replace("-", "_") in {name.replace("-", "_") for name in HUMAN}:
                row, figure = _against(subject, column, book)
                rows += [row] if row is not None else []
                figures += [figure] if figure is not None else []
    if not rows:
        said = say(
            "No suite with scores of four entries or more compares models with people, so human-likeness can't be "
            "held against task scores."
        )
        return Section("human-likeness", title, (Paragraph((said,)), prose))
    table = Table(
        "human-likeness",
        say("Human-likeness against the mean of the other tasks, over eligible entries."),
        (
            Heading("Track"),
            Heading("Suite", wide=True),
            Heading("Entries", number=True),
            Heading("Spearman", number=True),
            Heading("p", number=True),
        ),
        tuple(rows),
    )
    return Section("human-likeness", title, (_verdict(rows), table, *figures, prose))


def _against(subject: Subject, column: Column, book: Book) -> tuple[Row | None, Figure | None]:
    others = [one for one in subject.track.columns if one is not column and slug(one.metric) not in HUMAN]
    pairs: list[tuple[Result, float, float]] = []
    for one in subject.counted:
        own = subject.value(one, column)
        rest = [subject.value(one, other) for other in others]
        there = [
            subject.better_of(other) * value for other, value in zip(others, rest, strict=True) if value is not None
        ]
        if own is not None and there and len(there) == len(others):
            pairs.append((one, own, sum(there) / len(there)))
    rho = effects.spearman([mean for _, _, mean in pairs], [own for _, own, _ in pairs])
    if rho is None:
        return None, None
    key = f"{subject.key}.human.{subject.columns[column.key]}"
    row = Row(
        (
            subject.track.title,
            column.title,
            book.count(f"{key}.entries", rho.n, "eligible entries with all of these scores"),
            book.score(
                f"{key}.rho", rho.rho, "Spearman's correlation with the mean of the other tasks", n=rho.n, digits=2
            ),
            book.p_value(f"{key}.p", rho.p, "two-sided p of Spearman's correlation", n=rho.n),
        )
    )
    points = plots.Series(subject.track.title, tuple(mean for _, _, mean in pairs), tuple(own for _, own, _ in pairs))
    digits = digits_of(column)
    figure = Figure(
        f"human-{subject.key}-{subject.columns[column.key]}",
        say("{title} against the mean of the other tasks.", title=column.title),
        f"{column.title} against task scores, {digits} decimals",
        (4.8, 3.2),
        plots.scatter([points], "mean of the other tasks", column.title),
    )
    return row, figure


def _verdict(rows: list[Row]) -> Paragraph:
    """Which correlations can be told from none."""
    clear = [row for row in rows if float(getattr(row.cells[4], "value", 1.0)) < 0.05]
    if not clear:
        return Paragraph((say("No correlation can be told from none at 5 %."),))
    said: list[Sentence] = []
    for row in clear:
        rho = row.cells[3]
        rising = "rises" if float(getattr(rho, "value", 0.0)) > 0 else "falls"
        said.append(
            say(
                "In the track {track}, {suite} {rising} with the mean of the other tasks.",
                track=str(row.cells[0]),
                suite=str(row.cells[1]),
                rising=rising,
            )
        )
    return Paragraph(tuple(said))
