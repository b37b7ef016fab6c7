"""The table of each track: who leads, by how much, who is tied, and how far above the best baseline."""

from findings.document import Block, Cell, Figure, Heading, Inline, Paragraph, Prose, Row, Section, Sentence, Table, say
from findings.figures import plots
from findings.material import Material
from findings.numbers import Book, Number
from findings.subjects import BY_RULE, Subject, digits_of, named
from findings.words import listed, plural
from leaderboards.results import Result

MOST_COLUMNS = 6
MOST_DOTS = 30


def section(material: Material, book: Book) -> Section:
    """One subsection for each track."""
    inside = tuple(_track(Subject(track), book) for track in material.results.tracks)
    blocks: tuple[Block, ...] = (Prose("ranking"),)
    if not inside:
        blocks = (Paragraph((say("No track has a scored entry, so there is no table."),)), *blocks)
    return Section("ranking", "Results by track", blocks, inside)


def _track(subject: Subject, book: Book) -> Section:
    sentences = [*_winner(subject, book), *_baseline(subject, book), *_skyline(subject, book), *_ties(subject, book)]
    blocks: list[Block] = [Paragraph(tuple(sentences)), _table(subject, book)]
    blocks += [_figure(subject)] if len(subject.table) > 1 else []
    if subject.track.rule:
        blocks.append(Paragraph((say("Rule of the table: {rule}", rule=subject.track.rule),), quiet=True))
    return Section(f"ranking-{subject.key}", subject.track.title, tuple(blocks))


def _score(subject: Subject, one: Result, book: Book) -> Number:
    return book.score(
        f"{subject.entry(one)}.score",
        one.aggregate or 0.0,
        BY_RULE,
        source=(f"{subject.track.key}/{one.key}: aggregate",),
        digits=subject.digits,
    )


def _winner(subject: Subject, book: Book) -> list[Sentence]:
    if not subject.winners:
        return [say("No entry of the track {track} is ranked.", track=subject.title)]
    first = subject.winners[0]
    score = book.score(
        f"{subject.key}.winner.score",
        first.aggregate or 0.0,
        "the aggregate of the entry on rank 1",
        source=(f"{subject.track.key}/{first.key}: aggregate",),
        digits=subject.digits,
    )
    if len(subject.winners) > 1:
        names = listed([part for one in subject.winners for part in named(one)[:1]])
        return [
            say(
                "{names} share the first place of the track {track} with {score}.",
                names=names,
                track=subject.title,
                score=score,
            )
        ]
    said = say("{name} leads the track {track} with {score}", name=named(first), track=subject.title, score=score)
    parts: list[Inline] = list(said.parts)
    if first.aggregate_low is not None and first.aggregate_high is not None:
        parts += [" (95 % interval ", *_interval(subject, first, book), ")"]
    second = next((one for one in subject.ranked if one.rank is not None and one.rank > 1), None)
    if second is not None and second.aggregate is not None and first.aggregate is not None:
        margin = book.score(
            f"{subject.key}.winner.margin",
            subject.better * (first.aggregate - second.aggregate),
            "the winner's aggregate minus that of the next entry",
            digits=subject.digits,
        )
        parts += [", ", margin, " ahead of ", *named(second)[:1]]
    return [Sentence((*parts, "."))]


def _interval(subject: Subject, one: Result, book: Book) -> tuple[Inline, ...]:
    key = subject.entry(one)
    formula = "95 % percentile interval of the aggregate, items drawn anew, the same for all entries"
    low = book.score(f"{key}.low", one.aggregate_low or 0.0, formula, digits=subject.digits)
    high = book.score(f"{key}.high", one.aggregate_high or 0.0, formula, digits=subject.digits)
    return (low, " to ", high)


def _baseline(subject: Subject, book: Book) -> list[Sentence]:
    best = subject.best("baseline")
    if best is None or best.aggregate is None:
        return [say("The track has no scored baseline to compare with.")]
    score = book.score(
        f"{subject.key}.baseline.score", best.aggregate, "the highest aggregate of a baseline", digits=subject.digits
    )
    said = [say("Its best baseline, {name}, reaches {score}.", name=named(best)[:1], score=score)]
    values = [one.aggregate for one in subject.ranked if one.aggregate is not None]
    if not values:
        return said
    above = sum(subject.better * value > subject.better * best.aggregate for value in values)
    number = book.count(f"{subject.key}.above-baseline", above, "ranked entries better than the best baseline")
    of = book.count(f"{subject.key}.ranked", len(subject.ranked), "entries with a rank")
    verb = plural(number, "is", "are")
    said.append(
        say(
            "{number} of {of} ranked {word} {verb} better than it.",
            number=number,
            of=of,
            word=plural(of, "entry", "entries"),
            verb=verb,
        )
    )
    lead = subject.better * ((subject.ranked[0].aggregate or 0.0) - best.aggregate)
    if lead:
        gap = book.score(
            f"{subject.key}.winner.from-baseline",
            abs(lead),
            "distance of the winner's aggregate to the best baseline's",
            digits=subject.digits,
        )
        where = "better" if lead > 0 else "worse"
        said.append(say("The first place is {gap} {where} than this baseline.", gap=gap, where=where))
    return said


def _skyline(subject: Subject, book: Book) -> list[Sentence]:
    best = subject.best("skyline")
    if best is None or best.aggregate is None or not subject.ranked:
        return []
    score = book.score(
        f"{subject.key}.skyline.score", best.aggregate, "the highest aggregate of a skyline", digits=subject.digits
    )
    gap = subject.better * ((subject.ranked[0].aggregate or 0.0) - best.aggregate)
    where = "better than" if gap > 0 else "worse than" if gap < 0 else "level with"
    return [
        say(
            "The best skyline, {name}, reaches {score}; the first place is {where} that.",
            name=named(best)[:1],
            score=score,
            where=where,
        )
    ]


def _ties(subject: Subject, book: Book) -> list[Sentence]:
    if not subject.ranked:
        return []
    if all(one.aggregate_low is None for one in subject.ranked):
        return [say("No intervals are known for this table, so it can't be said who is tied with whom.")]
    alpha = f"{subject.track.ranking.alpha:g}"
    tied = [one for one in subject.ranked if one.tied_with_first and one not in subject.winners]
    if not any(one.rank_low is not None for one in subject.ranked):
        return [say("The entries' items were not compared in pairs, so ties with the first place are not known.")]
    number = book.count(f"{subject.key}.tied", len(tied), "entries whose Holm-corrected p against the first is ≥ α")
    if not tied:
        return [say("No other entry is tied with it (α = {alpha}, Holm).", alpha=alpha)]
    word, verb = plural(number, "entry", "entries"), plural(number, "is", "are")
    names = listed([part for one in tied[:6] for part in named(one)[:1]])
    more = f" and {len(tied) - 6} more" if len(tied) > 6 else ""
    return [
        say(
            "{number} other {word} {verb} tied with it (α = {alpha}, Holm): {names}{more}.",
            number=number,
            word=word,
            verb=verb,
            alpha=alpha,
            names=names,
            more=more,
        )
    ]


def _table(subject: Subject, book: Book) -> Table:
    track = subject.track
    shown = track.columns if len(track.columns) <= MOST_COLUMNS else ()
    intervals = any(one.aggregate_low is not None for one in subject.table)
    ranks = any(one.rank_low is not None for one in subject.table)
    best = subject.best("baseline")
    teams = any(one.team for one in subject.table)
    headings = [Heading("Rank", number=True), Heading("Method", wide=True)]
    headings += [Heading("Team")] if teams else []
    headings += [Heading("Score", number=True)]
    headings += [Heading("95 % interval", number=True)] if intervals else []
    headings += [Heading("Ranks", number=True), Heading("P(best)", number=True), Heading("Tied")] if ranks else []
    headings += [Heading("To best baseline", number=True)] if best else []
    headings += [Heading(column.title, number=True) for column in shown]
    rows = []
    for one in subject.table:
        cells: list[Cell] = [
            _rank(subject, one, book),
            one.name,
            *([one.team] if teams else []),
            _score(subject, one, book),
        ]
        if intervals:
            cells.append(_interval(subject, one, book) if one.aggregate_low is not None else None)
        if ranks:
            cells += [_rank_interval(one), _p_best(subject, one, book), "yes" if one.tied_with_first else ""]
        if best:
            cells.append(_to_baseline(subject, one, best, book))
        for column in shown:
            value = subject.value(one, column)
            cells.append(
                None
                if value is None
                else book.score(
                    f"{subject.entry(one)}.on.{subject.columns[column.key]}",
                    value,
                    f"{column.metric} on {column.title}",
                    source=(f"{track.key}/{one.key}: {column.key}",),
                    n=one.scores[column.key].n or None,
                    digits=digits_of(column),
                )
            )
        rows.append(Row(tuple(cells), "reference" if one.reference else ""))
    notes = []
    if any(one.reference for one in subject.table):
        notes.append("Shaded: baselines and skylines, which are not ranked.")
    if not intervals:
        notes.append("Neither draws of items nor training seeds are known, so there are no intervals.")
    elif not _replicated(subject):
        notes.append("Training noise is not in the intervals.")
    return Table(
        f"ranking-{subject.key}",
        say("Entries and references of the track {track}.", track=subject.title),
        tuple(headings),
        tuple(rows),
        say("{notes}", notes=" ".join(notes)) if notes else None,
    )


def _replicated(subject: Subject) -> bool:
    return any(score.trainings > 1 for one in subject.ranked for score in one.scores.values())


def _rank(subject: Subject, one: Result, book: Book) -> Cell:
    if one.rank is None:
        return one.status.replace("_", " ")
    return book.count(f"{subject.entry(one)}.rank", one.rank, "1 + the number of ranked entries that are better")


def _rank_interval(one: Result) -> Cell:
    if one.rank_low is None or one.rank_high is None:
        return None
    return str(one.rank_low) if one.rank_low == one.rank_high else f"{one.rank_low}–{one.rank_high}"


def _p_best(subject: Subject, one: Result, book: Book) -> Cell:
    if one.p_best is None:
        return None
    return book.share(f"{subject.entry(one)}.p-best", one.p_best, "share of the draws in which the entry is first")


def _to_baseline(subject: Subject, one: Result, best: Result, book: Book) -> Cell:
    if one.aggregate is None or best.aggregate is None or one is best:
        return None
    return book.score(
        f"{subject.entry(one)}.above-baseline",
        subject.better * (one.aggregate - best.aggregate),
        "the aggregate minus that of the track's best baseline",
        digits=subject.digits,
        signed=True,
    )


def _figure(subject: Subject) -> Figure:
    shown = subject.table[:MOST_DOTS]
    rows = [
        plots.Dot(one.name, one.aggregate or 0.0, one.aggregate_low, one.aggregate_high, hollow=one.reference)
        for one in shown
    ]
    best = subject.best("baseline")
    lines = [plots.Line("best baseline", best.aggregate)] if best is not None and best.aggregate is not None else []
    all_of = f"The first {MOST_DOTS} of the track" if len(subject.table) > MOST_DOTS else "The track"
    whiskers = " with 95 % intervals" if any(one.aggregate_low is not None for one in shown) else ""
    hollow = "; hollow: references" if any(one.reference for one in shown) else ""
    caption = say(
        "{all_of} {track}{whiskers}{hollow}.", all_of=all_of, track=subject.title, whiskers=whiskers, hollow=hollow
    )
    return Figure(
        f"ranking-{subject.key}",
        caption,
        f"Scores of the track {subject.track.title}, from the best downwards",
        (6.4, plots.dots_height(len(rows))),
        plots.dots(rows, "score", lines),
    )
