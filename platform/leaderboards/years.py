"""Year over year: what editions that ask the same suites scored on them; only what everybody may see, and exactly."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, NamedTuple

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.db.models import Prefetch, Q

from challenges.models import Challenge, Phase
from evaluations.selectors import suite_columns
from evaluations.visibility import is_guarded
from leaderboards.blind import is_blind
from leaderboards.models import PublishedTable, Snapshot, SnapshotChunk
from leaderboards.rows import TABLE, Row, whole
from leaderboards.selectors import is_public
from suites.access import asks_hidden
from suites.models import PhaseSuite


class Asked(NamedTuple):
    """What was asked of a suite: a version, and `selection` where it was not the whole private split."""

    version: str
    selection: str = ""

    @property
    def words(self) -> str:
        """`2024.1`, or `2024.1, private#400`."""
        return ", ".join(part for part in self if part)


class Best(NamedTuple):
    """The best score of a year, and whose it is."""

    value: float
    name: str
    team: str


@dataclass(frozen=True)
class YearScores:
    """What the entries of one edition's track scored on a suite; `n` of them are ranked and have a score on it."""

    challenge: Challenge
    phase: Phase
    year: int
    asked: Asked
    column: Mapping[str, Any]
    n: int
    best: Best | None
    median: float | None
    baseline: Best | None
    published: bool

    @property
    def track(self) -> str:
        """The key of the track, by which editions are compared."""
        return self.phase.track.key


@dataclass(frozen=True)
class TrackYears:
    """A suite in the tracks of one key, over the years."""

    key: str
    title: str
    years: tuple[YearScores, ...]

    @property
    def comparable(self) -> bool:
        """Whether every edition asked the same."""
        return len({one.asked for one in self.years}) == 1


@dataclass(frozen=True)
class SuiteYears:
    """A suite that two editions or more have asked."""

    key: str
    title: str
    metric: str
    higher_is_better: bool
    tracks: tuple[TrackYears, ...]


def years(user: AbstractBaseUser | AnonymousUser) -> list[SuiteYears]:
    """The suites that at least two editions share, by their titles, each with its tracks over the years.

    An edition is there from when its scores are public and exact, with the last phase of each track that has some. Five
    queries, however many editions.
    """
    phases = _phases(user)
    rows = _rows([_board(phase) for phase in phases])
    found: dict[str, list[YearScores]] = defaultdict(list)
    for phase in phases:
        board = _board(phase)
        for suite, scores in _scores(phase, board, rows.get(board.pk, [])):
            found[suite].append(scores)
    shared = [_suite(key, scores) for key, scores in found.items() if len({one.challenge.pk for one in scores}) > 1]
    return sorted(shared, key=lambda suite: (suite.title, suite.key))


def _suite(key: str, scores: Sequence[YearScores]) -> SuiteYears:
    by_track: dict[str, list[YearScores]] = defaultdict(list)
    for one in sorted(scores, key=lambda one: (one.year, one.phase.closes, one.challenge.key)):
        by_track[one.track].append(one)
    tracks = tuple(TrackYears(track, own[-1].phase.track.title, tuple(own)) for track, own in by_track.items())
    newest = max(scores, key=lambda one: one.year)
    return SuiteYears(
        key=key,
        title=str(newest.column["title"]),
        metric=str(newest.column["metric"]),
        higher_is_better=newest.column["direction"] == "higher",
        tracks=tuple(sorted(tracks, key=lambda track: (-len(track.years), track.title))),
    )


def _phases(user: AbstractBaseUser | AnonymousUser) -> list[Phase]:
    """Of each track the last closed phase whose board everybody may see exactly, else the last such phase."""
    shown = Snapshot.objects.filter(Q(current=True) | Q(frozen=True)).order_by("-frozen", "-created_at")
    phases = (
        Phase.objects.filter(track__challenge__in=Challenge.objects.visible_to(user))
        .select_related("track__challenge", "published_table")
        .prefetch_related(
            Prefetch("snapshots", queryset=shown.only("phase", "columns", "counts", "told"), to_attr="boards"),
            Prefetch("phase_suites", queryset=PhaseSuite.objects.select_related("suite_version__suite")),
        )
        .order_by("closes", "pk")
    )
    last: dict[int, Phase] = {}
    for phase in phases:
        before = last.get(phase.track_id)
        if _is_told(phase) and (phase.is_closed or before is None or not before.is_closed):
            last[phase.track_id] = phase
    return list(last.values())


def _is_told(phase: Phase) -> bool:
    """Whether there is a board, and everybody may see it as it is."""
    if not getattr(phase, "boards", []) or not _board(phase).counts.get(TABLE):
        return False
    hidden = asks_hidden(phase.phase_suites.all())
    guarded = is_guarded(hidden=hidden, visibility=phase.visibility, closed=phase.is_revealed)
    # A board of hidden data that the phase asks no more is guarded until the reveal all the same.
    guarded = guarded or (_board(phase).told and not phase.is_revealed)
    return is_public(phase) and not guarded and not is_blind(phase, organizer=False)


def _board(phase: Phase) -> Snapshot:
    """The board that the phase's page shows, fetched with the phase: the frozen one where there is one."""
    boards: list[Snapshot] = getattr(phase, "boards", [])
    return boards[0]


def _rows(boards: Sequence[Snapshot]) -> dict[int, list[Row]]:
    """The exact rows of these boards' tables, by board. Two queries."""
    chunks = SnapshotChunk.objects.filter(snapshot__in=boards, section=TABLE, audience=SnapshotChunk.Audience.EXACT)
    facts = [(chunk, row) for chunk in chunks.order_by("snapshot", "number") for row in chunk.rows]
    if not facts:
        return {}
    # Exact rows are whole without anything else of their board, so that all boards' can be fetched at once.
    made = whole(boards[0], [(TABLE, SnapshotChunk.Audience.EXACT, row) for _, row in facts])
    found: dict[int, list[Row]] = defaultdict(list)
    for (chunk, _), row in zip(facts, made, strict=True):
        found[chunk.snapshot_id].append(row)
    return found


def _scores(phase: Phase, board: Snapshot, rows: Sequence[Row]) -> Iterable[tuple[str, YearScores]]:
    """What each suite of the phase was scored by, with the suite's key."""
    table: PublishedTable | None = getattr(phase, "published_table", None)
    asked = _asked_of_table(table) if table is not None else _asked(phase)
    for column in board.columns:
        if column["key"] in asked:
            suite, what = asked[column["key"]]
            yield suite, _year(phase, rows, column, what, table)


def _asked(phase: Phase) -> dict[str, tuple[str, Asked]]:
    """By column, the suite's key and what the phase asks of it."""
    suites = list(phase.phase_suites.all())
    keys = suite_columns(suites)
    return {
        keys[one.suite_version_id, one.selection]: (
            one.suite_version.suite.key,
            Asked(one.suite_version.version, "" if one.selection == "private" else one.selection),
        )
        for one in suites
    }


def _asked_of_table(table: PublishedTable) -> dict[str, tuple[str, Asked]]:
    """By column, the suite that a published table says it is; columns that name none are of no other edition."""
    named = {column["key"]: column.get("suite") for column in table.columns}
    return {
        key: (suite.partition("@")[0], Asked(suite.partition("@")[2]))
        for key, suite in named.items()
        if suite is not None
    }


def _year(
    phase: Phase, rows: Sequence[Row], column: Mapping[str, Any], asked: Asked, table: PublishedTable | None
) -> YearScores:
    higher = column["direction"] == "higher"
    ranked = _values([row for row in rows if row["rank"] is not None], column["key"])
    references = _values([row for row in rows if row["status"] == "baseline"], column["key"])
    return YearScores(
        challenge=phase.track.challenge,
        phase=phase,
        year=table.year if table is not None else phase.closes.year,
        asked=asked,
        column=column,
        n=len(ranked),
        best=_best(ranked, higher=higher),
        median=median(one.value for one in ranked) if ranked else None,
        baseline=_best(references, higher=higher),
        published=table is not None,
    )


def _values(rows: Iterable[Mapping[str, Any]], key: str) -> list[Best]:
    scores = [(row, row["scores"].get(key)) for row in rows]
    return [
        Best(float(score["value"]), row["name"], row["team"])
        for row, score in scores
        if score is not None and score["value"] is not None
    ]


def _best(found: Sequence[Best], *, higher: bool) -> Best | None:
    return (max if higher else min)(found, key=lambda one: one.value, default=None)
