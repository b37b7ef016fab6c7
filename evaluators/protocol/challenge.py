"""`challenge/1`: a whole challenge in one document, applied and exported without loss."""

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, StringConstraints, model_validator

from evaluators.protocol.documents import Document
from evaluators.protocol.submission import Backend, Kind, Name, Sha256

# "Anywhere on Earth": a deadline has passed only when it has passed everywhere.
AOE = timezone(timedelta(hours=-12), "AoE")

SIZE = re.compile(r"^(?P<number>\d+)(?P<unit>[kmgt]?)(?:i?b)?\Z", re.IGNORECASE)
SIZE_UNITS = {"": 1, "k": 1024, "m": 1024**2, "g": 1024**3, "t": 1024**4}
DURATION = re.compile(r"^(?P<number>\d+)(?P<unit>[smhd]?)\Z", re.IGNORECASE)
DURATION_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400}

# Far beyond what anybody needs, and within what every database's columns and every clock can hold.
MAX_SIZE = 2**50
MAX_DURATION = 366 * 86_400
MAX_COUNT = 1_000_000
YEARS = range(2000, 2200)


def _scaled(value: Any, pattern: re.Pattern[str], units: dict[str, int], example: str) -> Any:
    if isinstance(value, str):
        match = pattern.match(value.strip())
        if match is None:
            raise ValueError(f"write a whole number with a unit, such as {example}")
        return int(match["number"]) * units[match["unit"].lower()]
    return value


def unscaled(value: int, units: dict[str, int]) -> int | str:
    """The shortest exact form: 8589934592 → "8g"; a plain number where no unit divides it."""
    for unit, factor in sorted(units.items(), key=lambda pair: -pair[1]):
        if unit and factor > 1 and value and value % factor == 0:
            return f"{value // factor}{unit}"
    return value


def read_size(value: Any) -> Any:
    """Bytes from `8g`, `512m` or a plain number; raises ValueError."""
    return _scaled(value, SIZE, SIZE_UNITS, "`8g` or `512m`")


def read_duration(value: Any) -> Any:
    """Seconds from `2h`, `90m` or a plain number; raises ValueError."""
    return _scaled(value, DURATION, DURATION_UNITS, "`2h` or `90m`")


def _write_size(value: int) -> int | str:
    return unscaled(value, SIZE_UNITS)


def _write_duration(value: int) -> int | str:
    return unscaled(value, DURATION_UNITS)


def zone(name: str) -> timezone | ZoneInfo:
    """The time zone of a name, "AoE" included; raises ValueError where there is none."""
    if name == "AoE":
        return AOE
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise ValueError(f"there is no time zone {name!r}; write AoE, UTC or a name such as Europe/Berlin") from error


def written(moment: datetime, *, zone_name: str) -> datetime:
    """A moment as the local time of a zone, with its offset only where that time comes twice (clocks put back)."""
    where = zone(zone_name)
    local = moment.astimezone(where)
    plain = local.replace(tzinfo=None, fold=0)
    if plain.replace(tzinfo=where).astimezone(UTC) == moment:
        return plain
    return datetime.fromisoformat(local.isoformat())


def _zone_name(value: str) -> str:
    zone(value)
    return value


def _written_out(value: Any) -> Any:
    """Refuse what would be read as a moment that nobody meant: a number of seconds, a day without a time."""
    day = isinstance(value, date) and not isinstance(value, datetime)
    other_text = isinstance(value, str) and not re.match(r"\d{4}-\d\d-\d\d[T ]", value)
    if day or other_text or isinstance(value, int | float):
        raise ValueError("write a date and a time, such as 2026-05-31T23:59")
    return value


def _in_our_time(value: datetime) -> datetime:
    if value.year not in YEARS:
        raise ValueError(f"the year must lie between {YEARS.start} and {YEARS.stop - 1}")
    return value


def _six_digits(value: float) -> float:
    return round(value, 6)


def ladder_text(value: str | float) -> str:
    """A ladder's rule as a column holds it: 0.5 → "0.5"."""
    return value if isinstance(value, str) else f"{value:.6f}".rstrip("0").rstrip(".")


def ladder_value(text: str) -> str | float:
    """The rule back from the column."""
    return text if text in ("off", "standard-error") else float(text)


def _distinct(values: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(values)) < len(values):
        raise ValueError("the same value stands twice")
    return values


def _some(values: tuple[str, ...]) -> tuple[str, ...]:
    if not values:
        raise ValueError("name at least one")
    return values


Key = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=60)]
Size = Annotated[int, BeforeValidator(read_size), PlainSerializer(_write_size), Field(gt=0, le=MAX_SIZE)]
Duration = Annotated[
    int, BeforeValidator(read_duration), PlainSerializer(_write_duration), Field(gt=0, le=MAX_DURATION)
]
Moment = Annotated[datetime, BeforeValidator(_written_out), AfterValidator(_in_our_time)]
Count = Annotated[int, Field(ge=0, le=MAX_COUNT)]
Title = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Markdown = Annotated[str, StringConstraints(max_length=50_000)]
ZoneName = Annotated[str, AfterValidator(_zone_name)]
SuiteReference = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*@[A-Za-z0-9][A-Za-z0-9._-]{0,39}$")]
Split = Literal["dev", "public", "private"]
# When a team's shown score changes on a board of hidden data: at once, or once it is better by the standard error of
# the paired difference, or by a step in the units of the score.
Ladder = Literal["off", "standard-error"] | Annotated[float, Field(ge=1e-6, le=1000), AfterValidator(_six_digits)]


class Budget(Document):
    """What a submission may have used; null is no limit."""

    words: int | None = Field(default=None, gt=0)
    words_seen: int | None = Field(default=None, gt=0)
    epochs: int | None = Field(default=None, gt=0)
    bytes: int | None = Field(default=None, gt=0)
    byte_premium: float | None = Field(default=None, gt=0)
    teachers: tuple[str, ...] = ()


class SandboxSettings(Document):
    """The figures of a track's sandbox; its flags are fixed. `image` is a runner image's name, or `name@sha256:…`."""

    image: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]*(@sha256:[0-9a-f]{64})?$")] = "model"
    cpus: float = Field(default=2, gt=0, le=256)
    memory: Size = Field(default=4 * 1024**3, ge=64 * 1024**2)
    pids: int = Field(default=256, ge=8, le=4096)
    gpus: int = Field(default=0, ge=0, le=16)
    wall: Duration = 3600
    disk: Size = 256 * 1024**2
    hardware: Key = "cpu"


class Weights(Document):
    """Which model folders a track takes beside safetensors with a library's own architecture."""

    convert: bool = False
    remote_code: bool = False


class Rehearsal(Document):
    """The free run on public items before hidden data: how often in an hour (null: no limit), items of each suite."""

    hour: Annotated[int, Field(ge=1, le=MAX_COUNT)] | None = 10
    items: int = Field(default=20, ge=1, le=10_000)


class Question(Document):
    """A question of the track's own, answered in the manifest under `answers`."""

    key: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,59}$")]
    type: Literal["integer", "number", "text", "boolean", "choice", "multi"]
    title: str = ""
    help: str = ""
    required: bool = False
    options: tuple[str, ...] = ()
    min: float | None = None
    max: float | None = None

    @model_validator(mode="after")
    def _options_where_chosen(self) -> Self:
        if (self.type in ("choice", "multi")) != bool(self.options):
            raise ValueError("`options` belong to the types choice and multi, and only to these")
        return self


class Aggregate(Document):
    """How the scores of a phase's suites become the number that ranks."""

    method: Literal["macro"] = "macro"
    weights: dict[str, Annotated[float, Field(ge=0)]] = Field(default_factory=dict)


class Ranking(Document):
    """Which entry of a team counts, and how entries are ordered."""

    counts: Literal["best", "last", "picked"] = "best"
    aggregate: Aggregate = Aggregate()
    missing: Literal["unranked", "worst"] = "unranked"
    ladder: Ladder = "off"
    alpha: float = Field(default=0.05, gt=0, lt=0.5)
    round: int = Field(default=2, ge=0, le=6)


class PhaseSuiteEntry(Document):
    """A suite version that the phase asks: which splits, and of how many items a fixed sample (null: all)."""

    suite: SuiteReference
    splits: Annotated[tuple[Split, ...], AfterValidator(_some), AfterValidator(_distinct)] = ("private",)
    sample: int | None = Field(default=None, gt=0, le=MAX_COUNT)


class Quota(Document):
    """Hand-ins per team: in a day (UTC), in all, at the same time; null is no limit."""

    day: Count | None = None
    total: Count | None = None
    concurrent: Count | None = Field(default=None, ge=1)


class Named(Document):
    """What has a key and, where that says too little, a title."""

    key: Key
    title: Title | None = None

    @model_validator(mode="before")
    @classmethod
    def _title_says_more(cls, value: Any) -> Any:
        """A title that only repeats the key is none, so that documents that mean the same are the same."""
        if not isinstance(value, Mapping) or not isinstance(value.get("title"), str):
            return value
        return {**value, "title": None} if value["title"].strip() == value.get("key") else value


class PhaseDocument(Named):
    """A time window; a time without a zone is in the challenge's zone."""

    opens: Moment
    closes: Moment
    suites: tuple[PhaseSuiteEntry, ...] = ()
    quota: Quota = Quota()
    visibility: Literal["public", "after_close", "hidden"] = "after_close"

    @model_validator(mode="after")
    def _suites_once(self) -> Self:
        names = [entry.suite for entry in self.suites]
        if len(set(names)) < len(names):
            raise ValueError("a suite version stands twice in this phase")
        return self


class TrackDocument(Named):
    """A division of the challenge with rules of its own."""

    description: Markdown = ""
    kinds: Annotated[tuple[Kind, ...], AfterValidator(_some), AfterValidator(_distinct)]
    backends: Annotated[tuple[Backend, ...], AfterValidator(_distinct)] = ("causal", "masked")
    budget: Budget = Budget()
    max_size: Size = 2 * 1024**3
    sandbox: SandboxSettings = SandboxSettings()
    weights: Weights = Weights()
    rehearsal: Rehearsal = Rehearsal()
    questions: tuple[Question, ...] = ()
    ranking: Ranking = Ranking()
    phases: tuple[PhaseDocument, ...] = ()

    @model_validator(mode="after")
    def _keys_once(self) -> Self:
        _once([phase.key for phase in self.phases], "phases")
        _once([question.key for question in self.questions], "questions")
        return self


class SuiteSource(Document):
    """A suite version that the challenge uses: by digest where it is sealed here, by folder where it is to be added."""

    key: Key
    version: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$")]
    source: Annotated[str, StringConstraints(max_length=500)] = ""
    digest: Sha256 | None = None


class BaselineSource(Document):
    """A reference row: where it comes from and the track it stands in; never ranked."""

    key: Key
    track: Key
    source: Annotated[str, StringConstraints(max_length=500)]
    title: Name | None = None


def _once(names: list[str], what: str) -> None:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"two {what} have the key {twice[0]!r}")


class ChallengeDocument(Document):
    """`challenge.yaml`."""

    schema_: Literal["challenge/1"] = Field(alias="schema")
    key: Key
    title: Title
    summary: Annotated[str, StringConstraints(max_length=300)] = ""
    description: Markdown = ""
    timezone: ZoneName = "AoE"
    published: bool = False
    tracks: tuple[TrackDocument, ...] = ()
    suites: tuple[SuiteSource, ...] = ()
    baselines: tuple[BaselineSource, ...] = ()

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        _once([track.key for track in self.tracks], "tracks")
        _once([f"{suite.key}@{suite.version}" for suite in self.suites], "suites")
        _once([f"{baseline.track}/{baseline.key}" for baseline in self.baselines], "baselines")
        keys = {track.key for track in self.tracks}
        for baseline in self.baselines:
            if baseline.track not in keys:
                raise ValueError(f"the baseline {baseline.key!r} names the track {baseline.track!r}, which is not here")
        for track in self.tracks:
            for phase in track.phases:
                for name in ("opens", "closes"):
                    # Documents that mean the same moments are equal, whichever zone they were written in.
                    local = written(self.moment(getattr(phase, name)), zone_name=self.timezone)
                    object.__setattr__(phase, name, local)
                if self.moment(phase.closes) <= self.moment(phase.opens):
                    raise ValueError(f"the phase {track.key}/{phase.key} closes before it opens")
        return self

    def moment(self, value: datetime) -> datetime:
        """The exact moment, in UTC, of a time of this document; raises ValueError for one that clocks skip."""
        if value.tzinfo:
            return value.astimezone(UTC)
        where = zone(self.timezone)
        moment = value.replace(tzinfo=where).astimezone(UTC)
        if moment.astimezone(where).replace(tzinfo=None) != value:
            raise ValueError(f"{value:%Y-%m-%dT%H:%M} does not exist in {self.timezone}: clocks are put forward then")
        return moment
