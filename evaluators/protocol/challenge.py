"""`challenge/1`: a whole challenge in one document, applied and exported without loss."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from evaluators.protocol.documents import Document
from evaluators.protocol.questions import Question
from evaluators.protocol.ranking import Ranking
from evaluators.protocol.submission import Backend, CheckpointName, Kind, Name, Sha256
from evaluators.protocol.values import (
    MAX_COUNT,
    Count,
    Duration,
    Key,
    Markdown,
    Moment,
    Size,
    Split,
    SuiteReference,
    Title,
    ZoneName,
    distinct,
    once,
    some,
    written,
    zone,
)

Schedule = Literal["babylm-strict", "babylm-strict-small"]


class Budget(Document):
    """What a submission may have used; null is no limit.

    `bytes` are UTF-8 bytes of English: with `byte_premium: table` each corpus counts as its bytes over its language's
    premium; a number is one premium for every corpus; null takes bytes as they are. `tolerance`: by what share a count
    may lie above its budget, since two programs hardly ever count alike. `teachers`: who may have taught (null: anyone;
    an empty list: nobody).
    """

    words: int | None = Field(default=None, gt=0)
    words_seen: int | None = Field(default=None, gt=0)
    epochs: int | None = Field(default=None, gt=0)
    bytes: int | None = Field(default=None, gt=0)
    byte_premium: Annotated[float, Field(gt=0)] | Literal["table"] | None = None
    tolerance: float = Field(default=0, ge=0, le=0.5)
    teachers: tuple[Name, ...] | None = None


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


class PhaseSuiteEntry(Document):
    """A suite version that the phase asks: which splits, and of how many items a fixed sample (null: all).

    `checkpoints`: whether the finished model is asked, or every checkpoint of the track's rule, the finished one too.
    """

    suite: SuiteReference
    splits: Annotated[tuple[Split, ...], AfterValidator(some), AfterValidator(distinct)] = ("private",)
    sample: int | None = Field(default=None, gt=0, le=MAX_COUNT)
    checkpoints: Literal["main", "all"] = "main"


class CheckpointRule(Document):
    """The checkpoints that a track takes: listed, or by a published schedule; `required`: none may be missing."""

    names: Annotated[tuple[CheckpointName, ...], AfterValidator(distinct)] = ()
    schedule: Schedule | None = None
    required: bool = False

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if bool(self.names) == (self.schedule is not None):
            raise ValueError("give either `names` or a `schedule`")
        return self

    @property
    def expected(self) -> tuple[str, ...]:
        """The names in the order of training."""
        return self.names or scheduled(self.schedule)


def scheduled(schedule: Schedule | None) -> tuple[str, ...]:
    """The checkpoints of a published schedule, `chck_<N>M` after N million words; none for None.

    BabyLM 2025 and 2026: every million up to 10, every ten up to 100, and except in strict-small every hundred up to
    1,000 (19 and 28 checkpoints).
    """
    if schedule is None:
        return ()
    words = [*range(1, 11), *range(20, 101, 10)]
    if schedule == "babylm-strict":
        words += range(200, 1001, 100)
    return tuple(f"chck_{number}M" for number in words)


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
    """A time window; a time without a zone is in the challenge's zone.

    `reveal`: when its scores become public and exact, null for when it closes. `blind`: until then teams and methods
    have made-up names on its board.
    """

    opens: Moment
    closes: Moment
    suites: tuple[PhaseSuiteEntry, ...] = ()
    quota: Quota = Quota()
    visibility: Literal["public", "after_close", "hidden"] = "after_close"
    reveal: Moment | None = None
    blind: bool = False

    @model_validator(mode="after")
    def _suites_once(self) -> Self:
        names = [entry.suite for entry in self.suites]
        if len(set(names)) < len(names):
            raise ValueError("a suite version stands twice in this phase")
        return self


class TrackDocument(Named):
    """A division of the challenge with rules of its own."""

    description: Markdown = ""
    kinds: Annotated[tuple[Kind, ...], AfterValidator(some), AfterValidator(distinct)]
    backends: Annotated[tuple[Backend, ...], AfterValidator(distinct)] = ("causal", "masked")
    budget: Budget = Budget()
    max_size: Size = 2 * 1024**3
    sandbox: SandboxSettings = SandboxSettings()
    weights: Weights = Weights()
    rehearsal: Rehearsal = Rehearsal()
    checkpoints: CheckpointRule | None = None
    questions: tuple[Question, ...] = ()
    # Until when a team may answer and mend its answers; without it, until the last phase closes.
    metadata_until: Moment | None = None
    ranking: Ranking = Ranking()
    phases: tuple[PhaseDocument, ...] = ()

    @model_validator(mode="after")
    def _keys_once(self) -> Self:
        once([phase.key for phase in self.phases], "phases")
        once([question.key for question in self.questions], "questions")
        return self


class SuiteSource(Document):
    """A suite version that the challenge uses: by digest where it is sealed here, by folder where it is to be added."""

    key: Key
    version: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$")]
    source: Annotated[str, StringConstraints(max_length=500)] = ""
    digest: Sha256 | None = None


class BaselineSource(Document):
    """A reference row: where it comes from and the track it stands in; never ranked.

    `role`: what every method should beat, or what none is expected to.
    """

    key: Key
    track: Key
    role: Literal["baseline", "skyline"] = "baseline"
    source: Annotated[str, StringConstraints(max_length=500)]
    title: Name | None = None


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
        once([track.key for track in self.tracks], "tracks")
        once([f"{suite.key}@{suite.version}" for suite in self.suites], "suites")
        once([f"{baseline.track}/{baseline.key}" for baseline in self.baselines], "baselines")
        keys = {track.key for track in self.tracks}
        for baseline in self.baselines:
            if baseline.track not in keys:
                raise ValueError(f"the baseline {baseline.key!r} names the track {baseline.track!r}, which is not here")
        for track in self.tracks:
            for phase in track.phases:
                if track.checkpoints is None and any(entry.checkpoints == "all" for entry in phase.suites):
                    raise ValueError(f"the phase {track.key}/{phase.key} asks checkpoints, and the track takes none")
                for name in ("opens", "closes"):
                    # Documents that mean the same moments are equal, whichever zone they were written in.
                    local = written(self.moment(getattr(phase, name)), zone_name=self.timezone)
                    object.__setattr__(phase, name, local)
                if self.moment(phase.closes) <= self.moment(phase.opens):
                    raise ValueError(f"the phase {track.key}/{phase.key} closes before it opens")
                self._reveal(track, phase)
            self._metadata_deadline(track)
        return self

    def _reveal(self, track: TrackDocument, phase: PhaseDocument) -> None:
        if phase.reveal is None:
            return
        object.__setattr__(phase, "reveal", written(self.moment(phase.reveal), zone_name=self.timezone))
        if self.moment(phase.reveal) < self.moment(phase.closes):
            raise ValueError(f"the phase {track.key}/{phase.key} is revealed before it closes")

    def _metadata_deadline(self, track: TrackDocument) -> None:
        if track.metadata_until is None:
            return
        local = written(self.moment(track.metadata_until), zone_name=self.timezone)
        object.__setattr__(track, "metadata_until", local)
        opens = [self.moment(phase.opens) for phase in track.phases]
        if opens and self.moment(local) <= min(opens):
            raise ValueError(f"`metadata_until` of the track {track.key} has passed before its first phase opens")

    def moment(self, value: datetime) -> datetime:
        """The exact moment, in UTC, of a time of this document; raises ValueError for one that clocks skip."""
        if value.tzinfo:
            return value.astimezone(UTC)
        where = zone(self.timezone)
        moment = value.replace(tzinfo=where).astimezone(UTC)
        if moment.astimezone(where).replace(tzinfo=None) != value:
            raise ValueError(f"{value:%Y-%m-%dT%H:%M} does not exist in {self.timezone}: clocks are put forward then")
        return moment
