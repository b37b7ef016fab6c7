"""The results of a challenge as one value: what findings, exports, comparisons and year-over-year pages read.

It is the same whether an edition ran here or its published table was imported. Everything in it is exact and meant for
organizers and reviewers; what everybody may see before a reveal is on the board alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from evaluators.protocol.ranking import Ranking


@dataclass(frozen=True)
class Column:
    """A suite as a column of a track's table; `weight` is its share of the aggregate's outermost mean before scaling.

    `bounds` is the metric's range, `digest` is "" where the suite never was here.
    """

    key: str
    title: str
    metric: str
    bounds: tuple[float, float] = (0.0, 1.0)
    higher_is_better: bool = True
    chance: float | None = None
    weight: float = 1.0
    version: str = ""
    digest: str = ""


@dataclass(frozen=True)
class ScoreOf:
    """A score on one column with its 95 % interval; `groups` are the scores of its groups or subtasks."""

    value: float | None
    low: float | None = None
    high: float | None = None
    n: int = 0
    asked: int = 0
    answered: int = 0
    sd: float | None = None
    trainings: int = 1
    groups: Mapping[str, float | None] = field(default_factory=dict)
    tags: Mapping[str, float | None] = field(default_factory=dict)


@dataclass(frozen=True)
class Result:
    """One scored entry of a track; `key` is stable and unique in it.

    `status` is a word of `Entry.Status`, or "skyline". `rank` is None for references and for what is not ranked or not
    the one of its team that counts; `why_unranked` says so in words. `answers` are those to the track's method
    questions, `declared` what the manifest says of data and method beside.
    """

    key: str
    name: str
    team: str
    status: str
    provenance: str
    scores: Mapping[str, ScoreOf]
    aggregate: float | None = None
    aggregate_low: float | None = None
    aggregate_high: float | None = None
    rank: int | None = None
    rank_low: int | None = None
    rank_high: int | None = None
    p_best: float | None = None
    tied_with_first: bool = False
    why_unranked: str = ""
    kind: str = ""
    approaches: tuple[str, ...] = ()
    backbone: str = ""
    answers: Mapping[str, Any] = field(default_factory=dict)
    declared: Mapping[str, Any] = field(default_factory=dict)
    submission_id: str = ""
    submission_digest: str = ""
    entry_id: int | None = None
    run_id: str = ""
    handed_in_at: datetime | None = None
    finished_at: datetime | None = None

    @property
    def reference(self) -> bool:
        """Whether it is an organizer's baseline or skyline, never ranked."""
        return self.status in ("baseline", "skyline")


@dataclass(frozen=True)
class Failure:
    """A run that did not end in a score, or not in a whole one: shown beside the table, never in it."""

    name: str
    team: str
    code: str
    stage: str
    partial: bool = False
    submission_id: str = ""


@dataclass(frozen=True)
class TrackResults:
    """A track's final table: its columns, every scored entry in the order of the table, and what failed."""

    key: str
    title: str
    phase: str
    ranking: Ranking
    rule: str
    columns: tuple[Column, ...]
    results: tuple[Result, ...]
    failures: tuple[Failure, ...] = ()
    questions: tuple[Mapping[str, Any], ...] = ()
    higher_is_better: bool = True
    phase_id: int | None = None
    # Where the numbers come from, for a table that was imported: a citation, and the digest of the file.
    source: str = ""
    source_digest: str = ""

    @property
    def ranked(self) -> tuple[Result, ...]:
        """The ranked entries, best first."""
        return tuple(sorted((one for one in self.results if one.rank is not None), key=lambda one: one.rank or 0))


@dataclass(frozen=True)
class Results:
    """All tracks of a challenge; `images` and `evaluators` are those that made the scores, by digest or version."""

    key: str
    title: str
    tracks: tuple[TrackResults, ...]
    images: tuple[str, ...] = ()
    evaluators: tuple[str, ...] = ()
    year: int | None = None
