"""Score against what training cost: log FLOPs, parameters, epochs."""

import math

from findings import effects
from findings.document import Block, Figure, Paragraph, Prose, Section, Sentence, say
from findings.figures import plots
from findings.material import DRAWS, SEED, Material
from findings.numbers import Book
from findings.quantities import QUANTITIES, Quantity, quantity_of
from findings.subjects import Subject
from findings.words import plural
from leaderboards.results import Result

LEAST = 5


def section(material: Material, book: Book) -> Section:
    """One subsection for each quantity."""
    subjects = [Subject(track) for track in material.results.tracks]
    inside = tuple(_quantity(quantity, subjects, book) for quantity in QUANTITIES)
    return Section("scale", "Scale", (Prose("scale"),), inside)


def _quantity(quantity: Quantity, subjects: list[Subject], book: Book) -> Section:
    found: list[tuple[Subject, Result, float]] = [
        (subject, one, amount)
        for subject in subjects
        for one in subject.counted
        if (amount := quantity_of(one, quantity)) is not None
    ]
    key = f"scale.{quantity.key}"
    title = quantity.title[0].upper() + quantity.title[1:]
    number = book.count(f"{key}.entries", len(found), f"eligible entries that give {quantity.title} as one number")
    if not found:
        none = say(
            "No eligible entry gives {what} as one number, so scores can't be related to it.", what=quantity.title
        )
        return Section(f"scale-{quantity.key}", title, (Paragraph((none,)),))
    lead = say(
        "{number} eligible {word} {verb} {what} as one number",
        number=number,
        word=plural(number, "entry", "entries"),
        verb=plural(number, "gives", "give"),
        what=quantity.title,
    )
    if len(found) < LEAST or len({amount for _, _, amount in found}) < 2:
        few = Sentence((*lead.parts, f", too few to relate to scores: it takes {LEAST} with different values."))
        return Section(f"scale-{quantity.key}", title, (Paragraph((few,)),))
    sentences = [Sentence((*lead.parts, ".")), *_relation(key, quantity, found, book)]
    series = []
    for subject in subjects:
        own = [(amount, one.aggregate or 0.0) for of, one, amount in found if of is subject]
        if own:
            series.append(plots.Series(subject.track.title, tuple(x for x, _ in own), tuple(y for _, y in own)))
    caption = say("Aggregate against {what}, on a logarithmic axis.", what=quantity.title)
    figure = Figure(
        f"scale-{quantity.key}",
        caption,
        f"Scores against {quantity.title}, a point for each entry",
        (5.6, 3.4),
        plots.scatter(series, quantity.title, "aggregate", log=True),
    )
    blocks: tuple[Block, ...] = (Paragraph(tuple(sentences)), figure)
    return Section(f"scale-{quantity.key}", title, blocks)


def _relation(key: str, quantity: Quantity, found: list[tuple[Subject, Result, float]], book: Book) -> list[Sentence]:
    x = [math.log10(amount) for _, _, amount in found]
    y = [one.aggregate or 0.0 for _, one, _ in found]
    tracks = [subject.key for subject, _, _ in found]
    teams = [one.team for _, one, _ in found]
    said: list[Sentence] = []
    rho = effects.spearman(x, y)
    if rho is not None:
        value = book.score(f"{key}.rho", rho.rho, "Spearman's rank correlation over entries", n=rho.n, digits=2)
        p = book.p_value(
            f"{key}.p", rho.p, "two-sided p of Spearman's correlation, entries taken as independent", n=rho.n
        )
        said.append(
            say("Over all tracks the rank correlation with the aggregate is {rho} (p = {p}).", rho=value, p=p)
            if not p.text.startswith("<")
            else say("Over all tracks the rank correlation with the aggregate is {rho} (p {p}).", rho=value, p=p)
        )
    slope = effects.slope_within(x, y, tracks, teams, seed=SEED, draws=DRAWS)
    if slope is None:
        said.append(say("Within each track it does not vary, so no slope can be given."))
        return said
    digits = max(subject.digits for subject, _, _ in found)
    formula = "slope on log10 within tracks: least squares with a constant for each track"
    value = book.score(f"{key}.slope", slope.value, formula, n=len(x), digits=digits, signed=True)
    if slope.low is None or slope.high is None:
        said.append(
            say(
                "Within tracks, ten times the {what} go with {slope}; there are too few teams for an interval.",
                what=quantity.title,
                slope=value,
            )
        )
        return said
    how = "95 % percentile interval, whole teams drawn"
    low = book.score(f"{key}.slope.low", slope.low, how, n=len(x), seed=SEED, digits=digits, signed=True)
    high = book.score(f"{key}.slope.high", slope.high, how, n=len(x), seed=SEED, digits=digits, signed=True)
    verdict = "which leaves zero out" if slope.low > 0 or slope.high < 0 else "which holds zero"
    said.append(
        say(
            "Within tracks, ten times the {what} go with {slope} (95 % interval {low} to {high}, {verdict}).",
            what=quantity.title,
            slope=value,
            low=low,
            high=high,
            verdict=verdict,
        )
    )
    return said
