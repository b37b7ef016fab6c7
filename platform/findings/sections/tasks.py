"""Scores by task and, where a suite has groups, by group."""

from statistics import median

from findings.document import Block, Cell, Heading, Paragraph, Prose, Row, Section, Sentence, Table, say
from findings.material import Material
from findings.numbers import Book, slug
from findings.sections.ranking import MOST_COLUMNS
from findings.subjects import Subject, digits_of
from findings.words import plural
from leaderboards.results import Column, Result

MOST_ENTRIES = 12


def section(material: Material, book: Book) -> Section:
    """One subsection for each track with scores by task."""
    inside = tuple(
        _track(Subject(track), book) for track in material.results.tracks if track.columns and Subject(track).ranked
    )
    blocks: tuple[Block, ...] = (Prose("tasks"),)
    if not inside:
        blocks = (Paragraph((say("No track has ranked entries, so tasks can't be compared."),)), *blocks)
    return Section("tasks", "Results by task", blocks, inside)


def _track(subject: Subject, book: Book) -> Section:
    rows = []
    hardest: list[tuple[float, Column]] = []
    for column in subject.track.columns:
        there = [(one, value) for one in subject.ranked if (value := subject.value(one, column)) is not None]
        if there:
            rows.append(_row(subject, column, there, book))
            hardest += [(_above_chance(column, there), column)] if column.chance is not None else []
    sentences = [_first_places(subject, book)] if len(subject.track.columns) > 1 else []
    sentences += _at_chance(subject, hardest, book)
    table = Table(
        f"tasks-{subject.key}",
        say("The track {track} by task, ranked entries.", track=subject.title),
        (
            Heading("Task", wide=True),
            Heading("Metric"),
            Heading("Entries", number=True),
            Heading("Best", number=True),
            Heading("Reached by", wide=True),
            Heading("Median", number=True),
            Heading("Best baseline", number=True),
            Heading("Chance", number=True),
        ),
        tuple(rows),
        say("Best is the lowest where a task's metric is better low: {names}.", names=_low(subject))
        if _low(subject)
        else None,
    )
    blocks: list[Block] = [Paragraph(tuple(sentences))] if sentences else []
    return Section(
        f"tasks-{subject.key}", subject.track.title, (*blocks, table, *_scores(subject, book), *_groups(subject, book))
    )


def _scores(subject: Subject, book: Book) -> list[Block]:
    """Every score of a table whose columns are too many to stand beside the ranks, an entry a column."""
    if len(subject.track.columns) <= MOST_COLUMNS or len(subject.ranked) > MOST_ENTRIES:
        return []
    rows = []
    for column in subject.track.columns:
        cells: list[Cell] = [column.title]
        for one in subject.ranked:
            value = subject.value(one, column)
            key = f"{subject.entry(one)}.on.{subject.columns[column.key]}"
            cells.append(
                None
                if value is None
                else book.score(
                    key,
                    value,
                    f"{column.metric} on {column.title}",
                    source=(f"{subject.track.key}/{one.key}: {column.key}",),
                    digits=digits_of(column),
                )
            )
        rows.append(Row(tuple(cells)))
    headings = (Heading("Task", wide=True), *(Heading(one.name, number=True) for one in subject.ranked))
    caption = say("Scores of the track {track} by task, entries by rank.", track=subject.title)
    return [Table(f"scores-{subject.key}", caption, headings, tuple(rows))]


def _low(subject: Subject) -> str:
    return "; ".join(column.title for column in subject.track.columns if not column.higher_is_better)


def _first_places(subject: Subject, book: Book) -> Sentence:
    """On how many tasks the winner is best."""
    winner = subject.ranked[0]
    first = of = 0
    for column in subject.track.columns:
        values = [value for one in subject.ranked if (value := subject.value(one, column)) is not None]
        own = subject.value(winner, column)
        of += bool(values)
        first += own is not None and own == _best(subject, column, values)
    number = book.count(
        f"{subject.key}.winner.tasks", first, "tasks on which no ranked entry is better than the winner"
    )
    total = book.count(f"{subject.key}.tasks", of, "tasks with scores of ranked entries")
    return say(
        "The first ranked entry is best, or level with the best, on {number} of {total} {word}.",
        number=number,
        total=total,
        word=plural(total, "task", "tasks"),
    )


def _best(subject: Subject, column: Column, values: list[float]) -> float:
    return max(values, key=lambda value: subject.better_of(column) * value)


def _above_chance(column: Column, there: list[tuple[Result, float]]) -> float:
    return median(value for _, value in there) - (column.chance or 0.0)


def _at_chance(subject: Subject, found: list[tuple[float, Column]], book: Book) -> list[Sentence]:
    """Tasks on which half of the entries are not above chance."""
    low = [column for gap, column in found if gap <= 0]
    if not found:
        return []
    number = book.count(f"{subject.key}.tasks-at-chance", len(low), "tasks whose median score is not above chance")
    if not low:
        return [say("On every task with a known chance level, the median entry is above it.")]
    names = ", ".join(column.title for column in low[:5])
    return [
        say(
            "On {number} {word} the median entry is not above chance: {names}.",
            number=number,
            word=plural(number, "task", "tasks"),
            names=names,
        )
    ]


def _row(subject: Subject, column: Column, there: list[tuple[Result, float]], book: Book) -> Row:
    key = f"{subject.key}.task.{subject.columns[column.key]}"
    digits = digits_of(column)
    best = _best(subject, column, [value for _, value in there])
    by = [one.name for one, value in there if value == best]
    baselines = [
        value
        for one in subject.track.results
        if one.status == "baseline" and (value := subject.value(one, column)) is not None
    ]
    source = (f"{subject.track.key}: {column.key}",)
    who = by[0] if len(by) == 1 else f"{by[0]} and {len(by) - 1} more"
    cells: tuple[Cell, ...] = (
        column.title,
        column.metric,
        book.count(f"{key}.entries", len(there), "ranked entries with a score on the task"),
        book.score(f"{key}.best", best, "best score of a ranked entry", source=source, n=len(there), digits=digits),
        who,
        book.score(
            f"{key}.median",
            median(value for _, value in there),
            "median over ranked entries",
            source=source,
            n=len(there),
            digits=digits,
        ),
        book.score(
            f"{key}.baseline",
            _best(subject, column, baselines),
            "best score of a baseline",
            source=source,
            n=len(baselines),
            digits=digits,
        )
        if baselines
        else None,
        book.score(f"{key}.chance", column.chance, "what a model that knows nothing scores", digits=digits)
        if column.chance is not None
        else None,
    )
    return Row(cells)


def _groups(subject: Subject, book: Book) -> list[Block]:
    rows = []
    for column in subject.track.columns:
        names = sorted({name for one in subject.ranked for name in _of(one, column)})
        # A single group is the task again.
        for name in names if len(names) > 1 else []:
            there = [(one, value) for one in subject.ranked if (value := _of(one, column).get(name)) is not None]
            if there:
                rows.append(_group_row(subject, column, name, there, book))
    if not rows:
        return [Paragraph((say("No scores of groups are known for this track."),))]
    return [
        Table(
            f"groups-{subject.key}",
            say("The track {track} by group, ranked entries.", track=subject.title),
            (
                Heading("Task"),
                Heading("Group", wide=True),
                Heading("Entries", number=True),
                Heading("Mean", number=True),
                Heading("Best", number=True),
                Heading("Reached by", wide=True),
            ),
            tuple(rows),
        )
    ]


def _of(one: Result, column: Column) -> dict[str, float | None]:
    score = one.scores.get(column.key)
    return dict(score.groups) if score is not None else {}


def _group_row(subject: Subject, column: Column, name: str, there: list[tuple[Result, float]], book: Book) -> Row:
    key = f"{subject.key}.task.{subject.columns[column.key]}.group.{slug(name) or 'unnamed'}"
    digits = digits_of(column)
    values = [value for _, value in there]
    best = _best(subject, column, values)
    by = [one.name for one, value in there if value == best]
    who = by[0] if len(by) == 1 else f"{by[0]} and {len(by) - 1} more"
    source = (f"{subject.track.key}: {column.key}/{name}",)
    return Row(
        (
            column.title,
            name,
            book.count(f"{key}.entries", len(there), "ranked entries with a score on the group"),
            book.score(
                f"{key}.mean",
                sum(values) / len(values),
                "mean over ranked entries",
                source=source,
                n=len(there),
                digits=digits,
            ),
            book.score(f"{key}.best", best, "best score of a ranked entry", source=source, n=len(there), digits=digits),
            who,
        )
    )
