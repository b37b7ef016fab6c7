"""`results/1`: the published table of an edition that ran elsewhere, as it is imported."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from evaluators.protocol.challenge import Named
from evaluators.protocol.documents import Document
from evaluators.protocol.questions import Question
from evaluators.protocol.ranking import Ranking
from evaluators.protocol.submission import Kind
from evaluators.protocol.values import (
    YEARS,
    Count,
    Key,
    Markdown,
    Moment,
    SuiteReference,
    Title,
    ZoneName,
    distinct,
    once,
    some,
    zone,
)

Status = Literal["official", "late", "not_eligible", "disqualified", "baseline", "skyline"]
Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200, pattern=r"^[^\r\n]*$")]
Text = Annotated[str, StringConstraints(max_length=2_000)]
Link = Annotated[str, StringConstraints(pattern=r"^https?://[^\s<>\"]+$", max_length=500)]
FileName = Annotated[str, StringConstraints(pattern=r"^[^/\\]+\.csv$", max_length=200)]
MOST_NOTES = 20


class ResultColumn(Document):
    """A metric of the table; `suite` names the suite, with its version, that is the same as one of other editions."""

    key: Line
    title: Title | None = None
    metric: Annotated[str, StringConstraints(max_length=60)] = ""
    range: tuple[float, float] = (0.0, 1.0)
    direction: Literal["higher", "lower"] = "higher"
    chance: float | None = None
    suite: SuiteReference | None = None

    @model_validator(mode="after")
    def _range_in_order(self) -> Self:
        if self.range[0] >= self.range[1]:
            raise ValueError("`range` is the lowest and the highest value, in this order")
        return self


class ResultScore(Document):
    """A score on one column; a plain number, or null, stands for its value alone. `groups`: by subtask."""

    value: float | None
    low: float | None = None
    high: float | None = None
    n: Count | None = None
    groups: dict[Line, float | None] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _number_alone(cls, value: Any) -> Any:
        return value if isinstance(value, Mapping | ResultScore) else {"value": value}


class ResultEntry(Document):
    """One row of a track's table: `key` tells entries of one name apart, `reason` says why it is not ranked.

    `aggregate` is the published one. `answers` are those to the track's questions, `unread` those that can't be read
    as an answer to them, as they were written: they count as not given. `declared`: what is known beside, as text.
    """

    name: Line
    key: Line | None = None
    team: Line | None = None
    status: Status = "official"
    reason: Annotated[str, StringConstraints(max_length=300)] = ""
    kind: Kind | None = None
    scores: dict[Line, ResultScore] = Field(default_factory=dict)
    aggregate: float | None = None
    approaches: Annotated[tuple[Line, ...], AfterValidator(distinct)] = ()
    backbone: Annotated[str, StringConstraints(max_length=200)] = ""
    answers: dict[str, Any] = Field(default_factory=dict)
    unread: dict[Line, Text] = Field(default_factory=dict)
    declared: dict[Line, Text] = Field(default_factory=dict)
    link: Link | None = None

    @property
    def place(self) -> str:
        """What tells the entry apart from the others of its track."""
        return self.key or self.name


class ResultFailure(Document):
    """A hand-in that got no score: shown beside the table."""

    name: Line
    team: Line | None = None
    code: Annotated[str, StringConstraints(max_length=60)] = ""
    stage: Annotated[str, StringConstraints(max_length=60)] = ""


class ResultTrack(Named):
    """A track's table: its entries stand here, or in the CSV file `table` beside the document, one a row.

    `decimals`: how many the published aggregates were rounded to. `closes`: when the edition closed its submissions;
    the end of the year where it is not known.
    """

    description: Markdown = ""
    columns: tuple[ResultColumn, ...]
    questions: tuple[Question, ...] = ()
    ranking: Ranking = Ranking()
    decimals: Annotated[int, Field(ge=0, le=12)] = 3
    closes: Moment | None = None
    entries: tuple[ResultEntry, ...] = ()
    table: FileName | None = None
    failures: tuple[ResultFailure, ...] = ()

    @model_validator(mode="after")
    def _keys_once(self) -> Self:
        some(tuple(column.key for column in self.columns))
        once([column.key for column in self.columns], "columns")
        once([question.key for question in self.questions], "questions")
        if self.entries and self.table is not None:
            raise ValueError("give either `entries` or a `table`")
        named = {*(column.key for column in self.columns), *(part.key for part in self.ranking.aggregate.parts)}
        for name in (*self.ranking.aggregate.suites_named, *self.ranking.aggregate.weights):
            if name not in named:
                raise ValueError(f"the ranking names {name!r}, which is no column")
        return self


class ResultsDocument(Document):
    """`results.yaml` or `results.json`: a challenge's final tables, and where they were published.

    `notes` are sentences printed under every table.
    """

    schema_: Literal["results/1"] = Field(alias="schema")
    key: Key
    title: Title
    year: int = Field(ge=YEARS.start, lt=YEARS.stop)
    summary: Annotated[str, StringConstraints(max_length=300)] = ""
    description: Markdown = ""
    timezone: ZoneName = "AoE"
    source: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=1_000)]
    url: Link | None = None
    license: Annotated[str, StringConstraints(max_length=200)] = ""
    notes: Annotated[tuple[Annotated[str, StringConstraints(max_length=1_000)], ...], Field(max_length=MOST_NOTES)] = ()
    tracks: tuple[ResultTrack, ...]

    @model_validator(mode="after")
    def _tracks_once(self) -> Self:
        some(tuple(track.key for track in self.tracks))
        once([track.key for track in self.tracks], "tracks")
        return self

    def closed(self, track: ResultTrack) -> datetime:
        """When the track closed, with its zone: as the table says, or the last minute of the year."""
        moment = track.closes or datetime(self.year, 12, 31, 23, 59)  # noqa: DTZ001
        return moment if moment.tzinfo else moment.replace(tzinfo=zone(self.timezone))
