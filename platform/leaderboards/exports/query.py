"""What is exported: a typed query with one canonical text, which every file carries and which gives the file again."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal, Self, get_args
from urllib.parse import parse_qsl, urlencode

from submissions.models import Entry

Layout = Literal["wide", "long"]
Format = Literal["csv", "json", "parquet", "xlsx", "tex", "md"]
LAYOUTS: tuple[Layout, ...] = get_args(Layout)
FORMATS: tuple[Format, ...] = get_args(Format)
STATUSES: tuple[str, ...] = tuple(dict.fromkeys((*Entry.Status.values, "skyline")))
MOST_DECIMALS = 15
YES = "yes"
LISTS = ("tracks", "phases", "statuses", "columns")
SWITCHES = ("anonymised", "superseded", "people")


class ExportRefused(Exception):
    """The query can't be answered; the sentence is for whoever asked."""


@dataclass(frozen=True, kw_only=True)
class ExportQuery:
    """A table of a challenge's results; what is left empty is everything, or for columns the layout's usual ones.

    `phases` are `track/phase`: in a wide table a track's other phase than its last closed one, in a long one the only
    phases. `precision`: decimals of scores, or None for the shortest text that reads back to the same number.
    `superseded`: in a long table, also the scores of evaluations that a newer one has replaced. `people`: the names and
    e-mail addresses of teams' members, too. Lists are sorted: their order means nothing.
    """

    challenge: str
    layout: Layout = "wide"
    tracks: tuple[str, ...] = ()
    phases: tuple[str, ...] = ()
    statuses: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    precision: int | None = None
    anonymised: bool = False
    superseded: bool = False
    people: bool = False
    format: Format = "csv"

    def __post_init__(self) -> None:
        """Sort the lists; raises ExportRefused for what no query may be."""
        for name in LISTS:
            object.__setattr__(self, name, tuple(sorted(set(getattr(self, name)))))
        _one_of("layout", self.layout, LAYOUTS)
        _one_of("format", self.format, FORMATS)
        for status in self.statuses:
            _one_of("status", status, STATUSES)
        if self.precision is not None and not 0 <= self.precision <= MOST_DECIMALS:
            raise ExportRefused(f"The precision is a number of decimals from 0 to {MOST_DECIMALS}.")
        if self.people and self.anonymised:
            raise ExportRefused("An anonymised table has no people in it: choose one of the two.")
        if any(phase.count("/") != 1 for phase in self.phases):
            raise ExportRefused("A phase is written as track/phase, such as small/test.")

    @property
    def text(self) -> str:
        """The canonical text: `challenge=…&layout=wide&…&format=csv`; what has its usual value is left out."""
        pairs = [("challenge", self.challenge), ("layout", self.layout)]
        pairs += [(name, one) for name in LISTS for one in getattr(self, name)]
        if self.precision is not None:
            pairs.append(("precision", str(self.precision)))
        pairs += [(name, YES) for name in SWITCHES if getattr(self, name)]
        return urlencode([*pairs, ("format", self.format)])

    @classmethod
    def from_text(cls, text: str) -> Self:
        """The query of a canonical text; raises ExportRefused where it is none."""
        pairs = parse_qsl(text, keep_blank_values=True)
        known = {*LISTS, *SWITCHES, "challenge", "layout", "precision", "format"}
        if strange := sorted({name for name, _ in pairs} - known):
            raise ExportRefused(f"A query has no “{strange[0]}”.")
        single = {name: value for name, value in pairs if name not in LISTS}
        if not single.get("challenge"):
            raise ExportRefused("The query names no challenge.")
        more: dict[str, Any] = {name: tuple(value for key, value in pairs if key == name) for name in LISTS}
        more |= {name: single.get(name) == YES for name in SWITCHES}
        return cls(
            challenge=single["challenge"],
            layout=_layout(single.get("layout", "wide")),
            precision=_decimals(single.get("precision", "")),
            format=as_format(single.get("format", "csv")),
            **more,
        )


def as_format(text: str) -> Format:
    """The format of that name; raises ExportRefused."""
    for one in FORMATS:
        if text == one:
            return one
    raise ExportRefused(_wrong("format", text, FORMATS))


def _layout(text: str) -> Layout:
    for one in LAYOUTS:
        if text == one:
            return one
    raise ExportRefused(_wrong("layout", text, LAYOUTS))


def _decimals(text: str) -> int | None:
    if text and not (text.isascii() and text.isdigit() and len(text) <= len(str(MOST_DECIMALS))):
        raise ExportRefused(f"The precision is a number of decimals from 0 to {MOST_DECIMALS}.")
    return int(text) if text else None


def _one_of(what: str, value: str, known: Iterable[str]) -> None:
    if value not in known:
        raise ExportRefused(_wrong(what, value, known))


def _wrong(what: str, value: str, known: Iterable[str]) -> str:
    return f"There is no {what} “{value}”; there are {', '.join(known)}."
