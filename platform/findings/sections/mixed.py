"""The mixed model: score ~ log10(FLOPs) + track + backbone, with a random intercept for each team."""

from evaluators.statistics.mixed import Model, Observation, fit_scores
from findings.document import Cell, Heading, Paragraph, Prose, Row, Section, Sentence, Table, say
from findings.material import Material
from findings.numbers import Book, slug
from findings.quantities import FLOPS, quantity_of
from findings.subjects import Subject
from findings.words import plural

FORMULA = "score ~ log10(FLOPs) + C(track) + C(backbone), random intercept per team"
LEAST = 8
UNKNOWN = "not named"


def section(material: Material, book: Book) -> Section:
    """The model's terms over all tracks."""
    title, prose = "Mixed model", Prose("mixed-model")
    observations = [
        Observation(one.aggregate or 0.0, flops, track.key, one.backbone.strip() or UNKNOWN, one.team or one.key)
        for track in material.results.tracks
        for one in Subject(track).counted
        if (flops := quantity_of(one, FLOPS)) is not None
    ]
    number = book.count("mixed.entries", len(observations), "eligible entries that give training FLOPs")
    model = fit_scores(observations) if len(observations) >= LEAST else None
    if model is None:
        few = "{number} do, which is too few" if observations else "none does"
        said = say(
            "The model {formula} was not fitted: it needs eligible entries that give training FLOPs, and " + few + ".",
            formula=FORMULA,
            number=number,
        )
        return Section("mixed-model", title, (Paragraph((said,)), prose))
    table = Table(
        "mixed-model",
        say("Terms of the model {formula}.", formula=FORMULA),
        (
            Heading("Term", wide=True),
            Heading("Coefficient", number=True),
            Heading("Standard error", number=True),
            Heading("p", number=True),
            Heading("95 % interval", number=True),
        ),
        tuple(_rows(model, book)),
        say(
            "Compared with the track {track} and the backbone {backbone}.",
            track=model.references["track"],
            backbone=model.references["backbone"],
        ),
    )
    return Section("mixed-model", title, (Paragraph(tuple(_sentences(model, book))), table, prose))


def _rows(model: Model, book: Book) -> list[Row]:
    rows = []
    for term in model.terms:
        key = f"mixed.{slug(term.name) or 'unnamed'}"
        how = f"{model.method}: {FORMULA}"
        cells: tuple[Cell, ...] = (
            term.name,
            book.score(f"{key}.coefficient", term.coefficient, how, n=model.n, digits=4, signed=True),
            book.score(f"{key}.se", term.se, how, n=model.n, digits=4),
            book.p_value(f"{key}.p", term.p, how, n=model.n),
            (
                book.score(f"{key}.low", term.low, how, n=model.n, digits=4, signed=True),
                " to ",
                book.score(f"{key}.high", term.high, how, n=model.n, digits=4, signed=True),
            ),
        )
        rows.append(Row(cells))
    return rows


def _sentences(model: Model, book: Book) -> list[Sentence]:
    n = book.count("mixed.n", model.n, "entries in the model")
    teams = book.count("mixed.teams", model.teams, "teams in the model")
    said = [
        say(
            "A {method} of {n} entries by {teams} {word} was fitted: {why}.",
            method=model.method,
            n=n,
            teams=teams,
            word=plural(teams, "team", "teams"),
            why=model.why,
        )
    ]
    flops = next((term for term in model.terms if term.name.startswith("log10")), None)
    if flops is not None:
        how = f"{model.method}: {FORMULA}"
        value = book.score("mixed.log10-flops.coefficient", flops.coefficient, how, n=model.n, digits=4, signed=True)
        verdict = "leaves zero out" if flops.low > 0 or flops.high < 0 else "holds zero"
        said.append(
            say("Ten times the FLOPs go with {value}; its 95 % interval {verdict}.", value=value, verdict=verdict)
        )
    if model.between is not None:
        sd = book.score("mixed.between", model.between, "standard deviation between teams", n=model.n, digits=4)
        said.append(say("The standard deviation between teams is {sd}.", sd=sd))
    if model.left_out:
        said.append(say("What the data can't tell apart was left out: {names}.", names=", ".join(model.left_out)))
    return said
