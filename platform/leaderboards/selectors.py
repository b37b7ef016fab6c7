"""What a leaderboard page may show, and to whom."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.db.models import Q, Subquery, Value
from django.db.models.functions import Coalesce

from accounts.models import Membership
from challenges.models import Phase, Role
from challenges.selectors import roles_of
from evaluations.visibility import Viewer, is_guarded, sight
from leaderboards import blind
from leaderboards.computing import BESIDE, TABLE, UNFINISHED
from leaderboards.history import history_of, since_of
from leaderboards.models import CHUNK, Snapshot, SnapshotChunk, Standing
from leaderboards.rows import TAG, Row, whole
from leaderboards.snapshots import EXACT, TOLD
from submissions.models import Entry
from suites.access import asks_hidden

SECTIONS = (TABLE, BESIDE, UNFINISHED)
# What a reader asks for by one word.
STATUSES: dict[str, tuple[str, ...]] = {
    "official": (Entry.Status.OFFICIAL,),
    "late": (Entry.Status.LATE,),
    "not_eligible": (Entry.Status.NOT_ELIGIBLE,),
    "baseline": (Entry.Status.BASELINE, Entry.Status.SKYLINE),
    "excluded": (Entry.Status.DISQUALIFIED,),
}
# What a team reads of its own run that did not finish.
SAID_OF_UNFINISHED = (
    "section", "entry", "team_id", "submission", "name", "team", "status", "kind", "provenance", "rank", "aggregate",
    "why_unranked", "end", "code", "stage",
)  # fmt: skip
Facts = tuple[str, str, Row]


@dataclass(frozen=True)
class Board:
    """A leaderboard as one viewer sees it; `rows` is empty where nothing may be seen yet.

    `guarded`: it is of hidden data that is not revealed, so only organizers and reviewers see it exactly. `blind`: the
    viewer sees made-up names. `rows` are those of one page of the `total` in the section; the first page of the whole
    board also has what stands beside the table and what did not finish, as their `section` says. `own`: those of the
    viewer's teams, wherever they stand. `counts`: entries by status; `sections`: rows by section.
    `since`: when the viewer first saw it as it is.
    """

    phase: Phase
    snapshot: Snapshot | None
    rows: list[Row]
    columns: list[dict[str, Any]]
    visible: bool
    early: bool
    guarded: bool = False
    rule: str = ""
    digest: str = ""
    parts: list[dict[str, Any]] = field(default_factory=list)
    tags: list[dict[str, Any]] = field(default_factory=list)
    blind: bool = False
    frozen: bool = False
    page: int = 1
    pages: int = 1
    total: int = 0
    own: list[Row] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    sections: dict[str, int] = field(default_factory=dict)
    what_if: list[dict[str, Any]] = field(default_factory=list)
    history: Sequence[tuple[datetime, str]] = ()
    as_of: datetime | None = None
    since: datetime | None = None


@dataclass(frozen=True)
class _Viewer:
    """Who looks; `teams` are those that the viewer is in."""

    organizer: bool
    reviewer: bool
    teams: frozenset[int]


def is_public(phase: Phase) -> bool:
    """Whether everybody may see the phase's scores now."""
    if phase.visibility == Phase.Visibility.PUBLIC:
        return True
    return phase.visibility == Phase.Visibility.AFTER_CLOSE and phase.is_revealed


def board(
    user: AbstractBaseUser | AnonymousUser,
    phase: Phase,
    *,
    page: int | None = 1,
    status: str | None = None,
    section: str | None = None,
    query: str = "",
    as_of: datetime | None = None,
    tag: str = "",
    entries: Sequence[int] | None = None,
) -> Board:
    """The phase's leaderboard for this viewer: a page of it, or all of it where `page` is None. Up to six queries.

    `status` is a word of STATUSES, `section` one of SECTIONS (none: the table, and on its first page the others),
    `query` a part of a method's or team's name, `tag` one of the board's tags, by whose items the rows are then ranked;
    `entries`: their rows alone, wherever they stand. `as_of`: the board as it stood then, told as may be told now.
    Before hidden data is revealed only organizers and reviewers get the exact rows, by which the final table is made.
    """
    viewer = _viewer(user, phase)
    public = is_public(phase)
    visible = public or viewer.reviewer
    guarded = visible and _is_guarded(phase)
    audience = TOLD if guarded and not viewer.reviewer else EXACT
    hidden_names = blind.is_blind(phase, organizer=viewer.organizer)
    asked = _Asked(page, status or "", section or "", query.strip(), tag, entries)
    snapshot, chunks = _read(phase, str(audience), asked, viewer, as_of) if visible else (None, [])
    if snapshot is None:
        return Board(phase, None, [], [], visible, visible and not public, guarded, blind=hidden_names)
    told = audience == TOLD
    shown = _Shown(snapshot, chunks, asked, viewer, phase, guarded=guarded, blind=hidden_names, as_of=as_of)
    facts, total = shown.page()
    rows, own = shown.rows(facts)
    counts = snapshot.told_counts if told else snapshot.counts
    pages = 1 if page is None else max(1, -(-total // CHUNK))
    # How many had failed by an earlier moment would say when each of them did.
    failed = _unfinished(snapshot) if as_of is None or viewer.reviewer else {}
    what_if = shown.without_withdrawn(snapshot.told_what_if if told else snapshot.what_if)
    history = history_of(snapshot, told=told)
    if not (viewer.reviewer or told or _is_over(phase)):
        history = [step for step in history if step[1] not in {exact for _, exact, other in snapshot.history if other}]
    digest = snapshot.told_digest if told else snapshot.digest
    if hidden_names:
        # A digest goes over names: who guesses them could see whether the guess is right.
        digest, history = blind.digest(digest), [(at, blind.digest(one)) for at, one in history]
    return Board(
        phase=phase,
        snapshot=snapshot,
        rows=rows,
        columns=snapshot.columns,
        visible=visible,
        early=visible and not public,
        guarded=guarded,
        rule=snapshot.told_rule if told else snapshot.rule,
        digest=digest,
        parts=snapshot.parts,
        tags=_tags(snapshot.told_tags if told else snapshot.tags, tag, facts),
        blind=hidden_names,
        frozen=snapshot.frozen,
        page=page or 1,
        pages=pages,
        total=total,
        own=own,
        counts=_by_status(counts),
        sections={name: sum(own.values()) for name, own in {**counts, **failed}.items()},
        what_if=_named(what_if, phase, hidden_names),
        history=history,
        as_of=as_of,
        since=since_of(snapshot) if told else snapshot.created_at,
    )


def _viewer(user: AbstractBaseUser | AnonymousUser, phase: Phase) -> _Viewer:
    """Two queries for who is logged in, none for others."""
    roles = roles_of(user, phase.track.challenge)
    teams: frozenset[int] = frozenset()
    if user.is_authenticated:
        teams = frozenset(Membership.objects.filter(user=user.pk).values_list("team", flat=True))
    return _Viewer(Role.Kind.ORGANIZER in roles, Role.Kind.REVIEWER in roles, teams)


def _is_guarded(phase: Phase) -> bool:
    hidden = asks_hidden(phase.phase_suites.select_related("suite_version"))
    return is_guarded(hidden=hidden, visibility=phase.visibility, closed=phase.is_revealed)


def _is_over(phase: Phase) -> bool:
    """Whether the phase has closed and is revealed: nothing of it is guarded then."""
    return not is_guarded(hidden=True, visibility=phase.visibility, closed=phase.is_revealed)


@dataclass(frozen=True)
class _Asked:
    """What of the board is asked for."""

    page: int | None
    status: str
    section: str
    query: str
    tag: str
    entries: Sequence[int] | None

    @property
    def scattered(self) -> bool:
        """Whether the rows may stand anywhere, so that every chunk is looked through."""
        return self.page is None or bool(self.status or self.query) or self.entries is not None

    @property
    def place(self) -> str:
        """The section whose pages are counted."""
        return f"{TAG}{self.tag}" if self.tag else self.section or TABLE

    @property
    def places(self) -> tuple[str, ...]:
        """The sections that are looked through."""
        whole = not (self.tag or self.section)
        if self.entries is not None or (whole and (self.page in (1, None) or self.scattered)):
            return SECTIONS
        return (self.place,)


def _read(
    phase: Phase, audience: str, asked: _Asked, viewer: _Viewer, as_of: datetime | None
) -> tuple[Snapshot | None, list[SnapshotChunk]]:
    """The snapshot with the chunks that hold what is asked. One query, two where it has none of these."""
    snapshots = phase.snapshots.filter(Q(current=True) | Q(frozen=True)).order_by("-frozen", "-created_at")
    if as_of is not None:
        snapshots = phase.snapshots.filter(created_at__lte=as_of).order_by("-created_at", "-pk")
        if not viewer.reviewer:
            # What was computed since the board was frozen is not to be had by its date either.
            frozen = phase.snapshots.filter(frozen=True).values("created_at")[:1]
            snapshots = snapshots.filter(created_at__lte=Coalesce(Subquery(frozen), Value(as_of)))
    if audience == EXACT and not (viewer.reviewer or _is_over(phase)):
        # Hidden data that the phase asks no more is guarded all the same.
        snapshots = snapshots.filter(told=False)
    # What did not finish is kept once: `_Shown` decides who may see how much of it.
    kept = Q(audience=audience) | Q(audience=EXACT, section=UNFINISHED)
    chunks = SnapshotChunk.objects.filter(kept, section__in=asked.places, snapshot__in=snapshots.values("pk")[:1])
    if not asked.scattered:
        wanted = Q(number=asked.page)
        for team in viewer.teams:
            wanted |= Q(teams__contains=f"|{team}|")
        chunks = chunks.filter(wanted)
    found = list(chunks.select_related("snapshot").order_by("section", "number"))
    return (found[0].snapshot, found) if found else (snapshots.first(), [])


@dataclass(frozen=True)
class _Shown:
    """The rows of a snapshot for one viewer."""

    snapshot: Snapshot
    chunks: Sequence[SnapshotChunk]
    asked: _Asked
    viewer: _Viewer
    phase: Phase
    guarded: bool
    blind: bool
    as_of: datetime | None

    def page(self) -> tuple[list[Facts], int]:
        """What chunks hold of the rows that are asked for, and how many there are on all pages."""
        facts = [fact for fact in self._facts() if self._may_see(fact)]
        number, asked = self.asked.page, self.asked
        if asked.scattered:
            facts = self._narrowed(facts)
            shown = facts if number is None else facts[(number - 1) * CHUNK : number * CHUNK]
            return shown, len(facts)
        here = {(chunk.section, id(row)) for chunk in self.chunks if chunk.number == number for row in chunk.rows}
        shown = [fact for fact in facts if (fact[0], id(fact[2])) in here]
        return shown, self._total(asked.place, facts)

    def _facts(self) -> list[Facts]:
        by_section = {section: number for number, section in enumerate(SECTIONS)}
        chunks = sorted(self.chunks, key=lambda chunk: (by_section.get(chunk.section, 0), chunk.number))
        return [(chunk.section, chunk.audience, row) for chunk in chunks for row in chunk.rows]

    def _may_see(self, fact: Facts) -> bool:
        """Of what did not finish, reviewers see all, and others what is their own team's."""
        section, _, row = fact
        return section != UNFINISHED or self.viewer.reviewer or row.get("team_id") in self.viewer.teams

    def _total(self, section: str, facts: Sequence[Facts]) -> int:
        if section == UNFINISHED and not self.viewer.reviewer:
            return sum(1 for fact in facts if fact[0] == section)
        told = self.guarded and not self.viewer.reviewer and section != UNFINISHED
        counts = self.snapshot.told_counts if told else self.snapshot.counts
        # A tag's table has the rows of the whole one.
        return sum(counts.get(TABLE if section.startswith(TAG) else section, {}).values())

    def _narrowed(self, facts: Sequence[Facts]) -> list[Facts]:
        """Those of a status, with a name, or of some entries."""
        asked, found = self.asked, list(facts)
        if asked.entries is not None:
            found = [fact for fact in found if fact[2]["entry"] in asked.entries]
        if asked.status:
            wanted = STATUSES.get(asked.status, ())
            found = [fact for fact in found if fact[2]["status"] in wanted and fact[0] != UNFINISHED]
        if asked.query:
            names = self._called(asked.query.casefold())
            found = [fact for fact in found if names(fact[2])]
        return found

    def _called(self, part: str) -> Callable[[Row], bool]:
        """Whether the method or team of a row has this in its name, as the viewer sees the name. One query."""
        pks = [row["standing"] for _, _, row in self._facts() if "standing" in row]
        standings = Standing.objects.filter(pk__in=pks)
        known = ("pk", "name", "team_name", "status", "team_id", "entry")
        names = {}
        for pk, name, team, status, team_id, entry in standings.values_list(*known):
            row = {"name": name, "team": team, "status": status, "team_id": team_id, "entry": entry}
            names[pk] = self._named(row)

        def called(row: Row) -> bool:
            shown = names.get(row.get("standing", 0)) or self._named(row)
            return part in str(shown["name"]).casefold() or part in str(shown["team"]).casefold()

        return called

    def _named(self, row: Row) -> Row:
        """The row under the names that the viewer may see."""
        if not self.blind or row.get("team_id") in self.viewer.teams:
            return row
        return blind.blinded(row, self.phase.track.challenge_id)

    def rows(self, facts: Sequence[Facts]) -> tuple[list[Row], list[Row]]:
        """The whole rows, and those of the viewer's teams among all that was read. One query, two of earlier boards."""
        own = [fact for fact in self._facts() if fact[2].get("team_id") in self.viewer.teams]
        made = [self._named(row) for row in whole(self.snapshot, [*facts, *own])]
        gone = self._withdrawn(made)
        shown = [self._told(row) for row in made if row.get("entry") not in gone or row.get("entry") is None]
        count = sum(1 for row in made[: len(facts)] if row.get("entry") not in gone or row.get("entry") is None)
        return shown[:count], shown[count:]

    def _withdrawn(self, rows: Sequence[Row]) -> frozenset[int]:
        """Entries that have been withdrawn since: an earlier board shows them to reviewers alone."""
        if self.as_of is None or self.viewer.reviewer:
            return frozenset()
        entries = Entry.objects.filter(pk__in=[row["entry"] for row in rows if row.get("entry")])
        return frozenset(entries.filter(status=Entry.Status.WITHDRAWN).values_list("pk", flat=True))

    def without_withdrawn(self, what_if: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """The orders by other methods without entries that this viewer does not see any more."""
        gone = self._withdrawn([row for one in what_if for row in one["order"]])
        if not gone:
            return what_if
        return [{**one, "order": [row for row in one["order"] if row["entry"] not in gone]} for one in what_if]

    def _told(self, row: Row) -> Row:
        """Of a run that did not finish, why and where as far as the viewer may know; never a score."""
        if row["section"] != UNFINISHED:
            return row
        seen = sight(
            Viewer.STAFF if self.viewer.reviewer else Viewer.TEAM,
            hidden=self.guarded, visibility=self.phase.visibility, closed=self.phase.is_revealed,
        )  # fmt: skip
        if not self.viewer.reviewer:
            row = {name: row.get(name, "") for name in SAID_OF_UNFINISHED} | {"scores": {}}
        return row if seen.reason else {**row, "code": "", "stage": ""}


def _tags(heads: Sequence[dict[str, Any]], tag: str, facts: Sequence[Facts]) -> list[dict[str, Any]]:
    """The board's tags; the one that was asked for with its rows."""
    return [{**head, "rows": [row for _, _, row in facts] if head["tag"] == tag else []} for head in heads]


def _by_status(counts: Mapping[str, Mapping[str, int]]) -> dict[str, int]:
    """Entries of the table and beside it, by the words of STATUSES."""
    found = {
        word: sum(counts.get(section, {}).get(status, 0) for section in (TABLE, BESIDE) for status in statuses)
        for word, statuses in STATUSES.items()
    }
    return {word: count for word, count in found.items() if count}


def _unfinished(snapshot: Snapshot) -> dict[str, dict[str, int]]:
    """How many runs did not finish: that much everybody may know."""
    counts: dict[str, int] = snapshot.counts.get(UNFINISHED, {})
    return {UNFINISHED: counts} if counts else {}


def _named(what_if: Sequence[dict[str, Any]], phase: Phase, hidden_names: bool) -> list[dict[str, Any]]:
    """The order by other methods, under the names that the viewer may see."""
    if not hidden_names:
        return list(what_if)
    return [{**one, "order": [blind.blinded(row, phase.track.challenge_id) for row in one["order"]]} for one in what_if]
