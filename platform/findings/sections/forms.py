"""How complete the forms came back that teams filled in."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from findings.document import Heading, Inline, Paragraph, Prose, Row, Section, Sentence, Table, say
from findings.material import Material
from findings.numbers import Book, Number, slug
from findings.quantities import answered, number_of
from findings.words import listed, mid_sentence, plural, sentence_case
from leaderboards.results import Result

NUMERIC = ("integer", "number")


@dataclass(frozen=True)
class Question:
    """A question with the answers of those who were asked."""

    key: str
    title: str
    numeric: bool
    required: bool
    answers: tuple[Any, ...]
    papers: tuple[bool, ...] = ()

    @property
    def with_paper(self) -> int:
        """How many of those whose paper is known wrote something."""
        return sum(paper and answered(value) for paper, value in zip(self.papers, self.answers, strict=True))

    @property
    def given(self) -> int:
        """How many wrote something."""
        return sum(answered(value) for value in self.answers)

    @property
    def readable(self) -> int:
        """How many wrote one number."""
        return sum(number_of(value) is not None for value in self.answers)


def section(material: Material, book: Book) -> Section:
    """A row for each question, over all scored entries that were asked it."""
    title, prose = "Completeness of the forms", Prose("forms")
    found = questions(material)
    if not found:
        said = say("The tracks ask no questions of their own, so there is no form to be complete.")
        return Section("forms", title, (Paragraph((said,)), prose))
    rows = tuple(_row(question, book) for question in found)
    table = Table(
        "forms",
        say("Questions and how many answered them."),
        (
            Heading("Question", wide=True),
            Heading("Required"),
            Heading("Asked", number=True),
            Heading("Answered", number=True),
            Heading("As one number", number=True),
        ),
        rows,
        say("Asked: every scored entry of a track that asks the question, references included."),
    )
    return Section("forms", title, (Paragraph(tuple(_sentences(found, book))), table, prose))


def questions(material: Material) -> list[Question]:
    """Every question in the order of the tracks' forms; of a track without a form, what its entries answered."""
    titles: dict[str, Mapping[str, Any]] = {}
    asked: dict[str, list[Any]] = {}
    papers: dict[str, list[bool]] = {}
    for track in material.results.tracks:
        own = {str(one["key"]): one for one in track.questions}
        if not own:
            own = {str(key): {"key": key} for one in track.results for key in one.answers}
        for key, question in own.items():
            titles.setdefault(key, question)
            asked.setdefault(key, []).extend(_answer(one, key) for one in track.results)
            papers.setdefault(key, []).extend(answered(one.declared.get("paper")) for one in track.results)
    return [
        Question(
            key=key,
            title=str(question.get("title") or key.replace("_", " ")),
            numeric=question["type"] in NUMERIC if question.get("type") else any(map(number_of, asked[key])),
            required=bool(question.get("required")),
            answers=tuple(asked[key]),
            papers=tuple(papers[key]),
        )
        for key, question in titles.items()
    ]


def _answer(one: Result, key: str) -> Any:
    value = one.answers.get(key)
    if not answered(value) and key == "approaches":
        return one.approaches
    # What an imported form holds and nobody could read: something stands there.
    unread = one.declared.get("unread")
    return unread.get(key) if not answered(value) and isinstance(unread, Mapping) else value


def _row(question: Question, book: Book) -> Row:
    key = f"forms.{slug(question.key) or 'unnamed'}"
    return Row(
        (
            sentence_case(question.title),
            "yes" if question.required else "no",
            book.count(f"{key}.asked", len(question.answers), "scored entries of tracks that ask the question"),
            book.count(f"{key}.answered", question.given, "entries that wrote something"),
            book.count(f"{key}.number", question.readable, "entries whose answer reads as one number")
            if question.numeric
            else None,
        )
    )


def _sentences(found: list[Question], book: Book) -> list[Sentence]:
    """What was given of each number that was asked, and which required questions have gaps."""
    said: list[Sentence] = []
    most = max(len(question.answers) for question in found)
    asked_all = [question for question in found if len(question.answers) == most and question.numeric]
    if asked_all:
        total = book.count("forms.entries", most, "scored entries, references included")
        said += _as_numbers(asked_all, total, book)
        said += _texts(asked_all, book)
        said += _of_papers(asked_all, total, book)
    gaps = [question for question in found if question.required and question.given < len(question.answers)]
    if gaps:
        names = listed([mid_sentence(question.title) for question in gaps])
        said.append(say("Required and yet not answered by all: {names}.", names=names))
    elif any(question.required for question in found):
        said.append(say("Every required question was answered by every entry."))
    return said


def _as_numbers(found: list[Question], total: Number, book: Book) -> list[Sentence]:
    """`44 of 205 entries gave their epochs as one number; 60 gave parameters.`"""
    first, *rest = found
    parts: list[Inline] = [book[f"{_key(first)}.number"], " of ", total, " ", plural(total, "entry", "entries")]
    parts.append(f" gave {mid_sentence(first.title)} as one number")
    for question in rest:
        parts += ["; ", book[f"{_key(question)}.number"], f" gave {mid_sentence(question.title)}"]
    return [Sentence((*parts, "."))]


def _key(question: Question) -> str:
    return f"forms.{slug(question.key) or 'unnamed'}"


def _texts(found: list[Question], book: Book) -> list[Sentence]:
    """Answers to questions for a number that are none, or more than one."""
    said = []
    for question in found:
        more = question.given - question.readable
        if more:
            number = book.count(f"{_key(question)}.text", more, "entries whose answer does not read as one number")
            said.append(
                say(
                    "{number} more wrote on {title} what is not one number.",
                    number=number,
                    title=mid_sentence(question.title),
                )
            )
    return said


def _of_papers(found: list[Question], total: Number, book: Book) -> list[Sentence]:
    """The same for entries whose paper is known, where that is only some of them."""
    papers = sum(found[0].papers)
    if not 0 < papers < len(found[0].papers):
        return []
    number = book.count("forms.papers", papers, "scored entries whose paper is known")
    for question in found:
        book.count(f"{_key(question)}.paper", question.with_paper, "entries of a known paper that wrote something")
    parts: list[Inline] = []
    for place, question in enumerate(found):
        parts += ["; ", book[f"{_key(question)}.paper"]] if place else [book[f"{_key(question)}.paper"], " of ", total]
        parts.append(f" wrote something on {mid_sentence(question.title)}")
    return [say("A paper is known of {number} entries; counting these alone, {parts}.", number=number, parts=parts)]
