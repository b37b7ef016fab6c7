"""Scores by approach and by backbone: n, mean, interval, and those with a label against those without."""

from collections import Counter
from collections.abc import Callable, Sequence

from findings import effects
from findings.document import Block, Cell, Figure, Heading, Paragraph, Prose, Row, Section, Sentence, Strong, Table, say
from findings.figures import plots
from findings.material import DRAWS, SEED, Material
from findings.numbers import Book, slug
from findings.subjects import Subject
from findings.words import plural
from leaderboards.results import Result

Pair = tuple[Subject, Result]
LEAST = 2
# Labels that fewer entries name are not compared, nor those behind the most frequent ones.
MOST_LABELS = 20


def section(material: Material, book: Book) -> Section:
    """Approaches and backbones over all tracks."""
    pairs = [
        (subject, one) for track in material.results.tracks for subject in [Subject(track)] for one in subject.counted
    ]
    return Section(
        "methods",
        "Methods",
        (Prose("methods"),),
        (
            _labels("approach", "Approaches", "approach", "approaches", lambda one: one.approaches, pairs, book),
            _labels("backbone", "Backbones", "backbone", "backbones", _backbone, pairs, book),
        ),
    )


def _backbone(one: Result) -> tuple[str, ...]:
    return (one.backbone,) if one.backbone.strip() else ()


def _labels(
    key: str,
    title: str,
    single: str,
    many: str,
    labels_of: Callable[[Result], Sequence[str]],
    pairs: list[Pair],
    book: Book,
) -> Section:
    named = [(subject, one) for subject, one in pairs if labels_of(one)]
    if not named:
        said = say("No entry names its {single}, so scores can't be compared by it.", single=single)
        return Section(key, title, (Paragraph((said,)),))
    counts = Counter(label for _, one in named for label in set(labels_of(one)))
    shown = sorted((label for label in counts if counts[label] >= LEAST), key=lambda label: (-counts[label], label))
    shown = shown[:MOST_LABELS]
    number = book.count(f"{key}.entries", len(named), f"eligible entries with an aggregate that name their {single}")
    of = book.count("methods.entries", len(pairs), "eligible entries with an aggregate, in all tracks")
    sentences = [
        say(
            "{number} of {of} eligible {word} {verb} at least one {single}.",
            number=number,
            of=of,
            word=plural(of, "entry", "entries"),
            verb=plural(number, "names", "name"),
            single=single,
        ),
    ]
    rows, dots = [], []
    for label in shown:
        row, dot = _row(key, label, [label in labels_of(one) for _, one in named], named, book)
        rows.append(row)
        dots += [dot] if dot is not None else []
    if not rows:
        sentences.append(say("Every {single} is named by one entry alone, so nothing can be compared.", single=single))
        return Section(key, title, (Paragraph(tuple(sentences)),))
    sentences += _clear(dots, many)
    table = Table(
        key,
        say("Aggregate by {single}; an entry may have several.", single=single),
        (
            Heading(title[:-2] if key == "approach" else title[:-1], wide=True),
            Heading("Entries", number=True),
            Heading("Teams", number=True),
            Heading("Mean", number=True),
            Heading("95 % interval", number=True),
            Heading("Mean without", number=True),
            Heading("With − without", number=True),
            Heading("95 % interval", number=True),
        ),
        tuple(rows),
        _note(),
    )
    blocks: list[Block] = [Paragraph(tuple(sentences)), table]
    if dots:
        caption = say("Entries with a label against those without, within their track, with 95 % intervals.")
        alt = f"Differences of the aggregate by {single}"
        drawn = plots.dots(dots, "difference of the aggregate", [plots.Line("no difference", 0.0)])
        blocks.append(Figure(key, caption, alt, (6.4, plots.dots_height(len(dots))), drawn))
    return Section(key, title, tuple(blocks))


def _note() -> Sentence:
    return say(
        "With − without is the difference within tracks (least squares with a constant for each track). Intervals draw "
        "whole teams, {draws} times. These are observations: teams chose their methods, and nothing here says that a "
        "method causes a score. Shown are labels of {least} entries or more, at most {most}.",
        least=str(LEAST),
        most=str(MOST_LABELS),
        draws=f"{DRAWS:,}",
    )


def _row(key: str, label: str, having: list[bool], named: list[Pair], book: Book) -> tuple[Row, plots.Dot | None]:
    name = f"{key}.{slug(label) or 'unnamed'}"
    own = [pair for pair, there in zip(named, having, strict=True) if there]
    others = [pair for pair, there in zip(named, having, strict=True) if not there]
    mean = effects.mean_of(*_columns(own), seed=SEED, draws=DRAWS)
    digits = max(subject.digits for subject, _ in named) if named else 3
    y, teams = _columns(named)
    tracks = [subject.key for subject, _ in named]
    slope = effects.slope_within([float(there) for there in having], y, tracks, teams, seed=SEED, draws=DRAWS)
    cells: list[Cell] = [
        Strong(label),
        book.count(f"{name}.entries", len(own), "eligible entries with the label"),
        book.count(f"{name}.teams", len({one.team for _, one in own}), "teams of these entries"),
        book.score(f"{name}.mean", mean.value, "mean aggregate of entries with the label", n=len(own), digits=digits),
        _interval(name, "mean", mean, book, digits, len(own), signed=False),
        None,
        None,
        None,
    ]
    if others:
        values, _ = _columns(others)
        cells[5] = book.score(
            f"{name}.mean-without",
            sum(values) / len(values),
            "mean aggregate of the other entries",
            n=len(others),
            digits=digits,
        )
    if slope is None:
        return Row(tuple(cells)), None
    formula = "difference within tracks: least squares on the label with a constant for each track"
    cells[6] = book.score(f"{name}.difference", slope.value, formula, n=len(named), digits=digits, signed=True)
    cells[7] = _interval(name, "difference", slope, book, digits, len(named), signed=True)
    return Row(tuple(cells)), plots.Dot(label, slope.value, slope.low, slope.high)


def _columns(pairs: list[Pair]) -> tuple[list[float], list[str]]:
    return [one.aggregate or 0.0 for _, one in pairs], [one.team for _, one in pairs]


def _interval(
    name: str, what: str, estimate: effects.Estimate, book: Book, digits: int, n: int, *, signed: bool
) -> Cell:
    if estimate.low is None or estimate.high is None:
        return None
    formula = "95 % percentile interval, whole teams drawn"
    low = book.score(f"{name}.{what}.low", estimate.low, formula, n=n, seed=SEED, digits=digits, signed=signed)
    high = book.score(f"{name}.{what}.high", estimate.high, formula, n=n, seed=SEED, digits=digits, signed=signed)
    return (low, " to ", high)


def _clear(dots: list[plots.Dot], many: str) -> list[Sentence]:
    """Which differences' intervals leave zero out; with as many as there are, some do by chance."""
    known = [dot for dot in dots if dot.low is not None and dot.high is not None]
    if not known:
        return [say("There are too few teams for intervals, so no difference between {many} can be told.", many=many)]
    up = [dot.name for dot in known if dot.low is not None and dot.low > 0]
    down = [dot.name for dot in known if dot.high is not None and dot.high < 0]
    if not up and not down:
        return [say("No interval of a difference leaves zero out.")]
    said = []
    for names, where in ((up, "above"), (down, "below")):
        if names:
            said.append(
                say(
                    "The interval of the difference lies {where} zero for {names}.", where=where, names=", ".join(names)
                )
            )
    chance = f"{0.05 * len(known):.1f}"
    said.append(
        say("Of {n} intervals, {chance} would leave zero out by chance alone.", n=str(len(known)), chance=chance)
    )
    return said
