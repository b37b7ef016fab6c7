"""The whole page of a leaderboard as one value: its table, what stands beside it, and the links around it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, NamedTuple

from django.utils.safestring import SafeString

from leaderboards.computing import BESIDE, TABLE, UNFINISHED
from leaderboards.drilldown_groups import sees_groups
from leaderboards.drilldown_matrix import Matrix, matrix, suite_views
from leaderboards.presentation import aggregate_in_percent, lines_of, number
from leaderboards.presentation_links import PAGE_ROWS, Address, EntryLinks, View
from leaderboards.presentation_table import Table, page
from leaderboards.rendering import head_of, options_of, order_of, rows_of, suites_of
from leaderboards.selectors import Board

STATUSES = (
    ("official", "Official"),
    ("late", "Late"),
    ("not_eligible", "Not eligible"),
    ("baseline", "Organizer's"),
    ("excluded", "Excluded"),
)
MOST_ALTERNATIVES = 20


class Pager(NamedTuple):
    """Which rows of how many the page shows, and the links to those before and after, "" at the ends."""

    first: int
    last: int
    total: int
    before: str
    after: str


class Unfinished(NamedTuple):
    """A run that has no whole score, and why as far as it may be told."""

    name: str
    team: str
    why: str
    code: str
    submission: str


class Further(NamedTuple):
    """What stands beside the table and is not on this page: a link to it, and how many runs have no whole score."""

    beside: View | None
    unfinished: int


class Moment(NamedTuple):
    """An earlier state of the board, and the link to it."""

    at: datetime
    digest: str
    link: str


class Alternative(NamedTuple):
    """The best by another aggregate than the track's."""

    title: str
    rows: SafeString


class Choice(NamedTuple):
    """An entry that can be compared."""

    entry: int
    title: str


class Pair(NamedTuple):
    """The options of the two lists from which a comparison is chosen."""

    one: SafeString
    other: SafeString


@dataclass(frozen=True)
class BoardPage:
    """What the template prints; `path` is the board's address without its query."""

    address: Address
    path: str
    table: Table
    head: SafeString
    rows: SafeString
    own_rows: SafeString | str
    beside: SafeString | str
    unfinished: Sequence[Unfinished]
    pager: Pager
    statuses: Sequence[View]
    further: Further
    suites: Sequence[View]
    matrix: Matrix | None
    history: Sequence[Moment]
    what_if: Sequence[Alternative]
    asked: SafeString
    pair: Pair | None

    @property
    def filtered(self) -> bool:
        """Whether only some of the rows are asked for."""
        return bool(self.address.status or self.address.q or self.address.section)

    @property
    def shows_rows(self) -> bool:
        """Whether there is any row to show, in whichever section."""
        return bool(self.table.lines or self.own_rows or self.beside or self.unfinished)

    @property
    def now(self) -> str:
        """The link to the board as it is now."""
        return self.address.link(as_of="", page=1)

    @property
    def search_fields(self) -> list[tuple[str, str]]:
        """What the search form sends along."""
        return self.address.hidden_fields("q")

    @property
    def unsearched(self) -> str:
        """The link to every row."""
        return self.address.link(q="", status="", section="", page=1)


def board_page(board: Board, address: Address, *, path: str, reviewer: bool) -> BoardPage | None:
    """The page of the board at this address; None for a part, tag or suite that is not there."""
    shown = replace(board, rows=_section(board, TABLE))
    table = page(shown, address)
    told = sees_groups(board, reviewer=reviewer)
    if table is None or (address.suite and not told):
        return None
    links = EntryLinks(path, Address(as_of=address.as_of).link() if address.as_of else "")
    found = matrix(shown, address, links=links) if address.suite else None
    if address.suite and found is None:
        return None
    own = {row["entry"] for row in board.own if row.get("entry")}
    return BoardPage(
        address=address,
        path=path,
        table=table,
        head=head_of(table),
        rows=rows_of(table, links=links, own=own),
        own_rows=_own_rows(board, address, table, links),
        beside=_beside(board, links, own),
        unfinished=[_unfinished(row, board) for row in _section(board, UNFINISHED)],
        pager=_pager(board, address),
        statuses=_statuses(board, address),
        further=_further(board, address),
        suites=suite_views(board, address) if told else (),
        matrix=found,
        history=_history(board, address),
        what_if=_what_if(board),
        asked=suites_of(board.columns),
        pair=pair_among(choices_of(shown.rows)) if told else None,
    )


def _section(board: Board, section: str) -> list[dict[str, Any]]:
    """The rows of a section; those of a tag's table stand for the table."""
    others = {BESIDE, UNFINISHED} - {section}
    rows = [row for row in board.rows if row.get("section", TABLE) not in others]
    return rows if section == TABLE else [row for row in rows if row.get("section") == section]


def _own_rows(board: Board, address: Address, table: Table, links: EntryLinks) -> SafeString | str:
    """The viewer's rows that stand on another page, under the same headings."""
    here = {line.row["entry"] for line in table.lines}
    others = [row for row in board.own if row["entry"] not in here and row.get("section", TABLE) == TABLE]
    if not others or address.tag or address.status or address.q or address.section:
        return ""
    made = page(replace(board, rows=others), address)
    if made is None:
        return ""
    # Drawings are on the scale of the page's own rows.
    lines = [replace(line, cut=False, span=None) for line in made.lines]
    return rows_of(replace(table, lines=lines), links=links, own={row["entry"] for row in others})


def _beside(board: Board, links: EntryLinks, own: set[int]) -> SafeString | str:
    """Rows without a rank: method, team, why, aggregate, provenance."""
    rows = _section(board, BESIDE)
    if not rows:
        return ""
    return rows_of(Table([], lines_of(board, [], rows), "Aggregate", compact=True, ranked=False), links=links, own=own)


def _unfinished(row: dict[str, Any], board: Board) -> Unfinished:
    stage, code = str(row.get("stage") or ""), str(row.get("code") or "")
    why = f"failed while {stage}" if stage else "failed"
    if row.get("end") == "partial":
        why = "some items were left without an answer"
    # A made-up name must not lead to the submission that it stands for.
    own = {one["entry"] for one in board.own}
    link = "" if board.blind and row.get("entry") not in own else str(row.get("submission") or "")
    return Unfinished(str(row["name"]), str(row["team"]), why, code, link)


def _further(board: Board, address: Address) -> Further:
    """Where the rows stand that this page has no room for."""
    shown = {section: len(_section(board, section)) for section in (BESIDE, UNFINISHED)}
    if address.status or address.q or address.section or address.tag or address.suite:
        return Further(None, 0)
    beside, unfinished = (board.sections.get(section, 0) for section in (BESIDE, UNFINISHED))
    link = View("", address.link(section=BESIDE, page=1), current=False, count=beside)
    return Further(link if beside > shown[BESIDE] else None, max(0, unfinished - shown[UNFINISHED]))


def _pager(board: Board, address: Address) -> Pager:
    first = (board.page - 1) * PAGE_ROWS + 1
    return Pager(
        first=first,
        last=min(board.total, board.page * PAGE_ROWS),
        total=board.total,
        before=address.link(page=min(board.page - 1, board.pages)) if board.page > 1 else "",
        after=address.link(page=board.page + 1) if board.page < board.pages else "",
    )


def _statuses(board: Board, address: Address) -> list[View]:
    found = [
        View(title, address.link(status=key, page=1), address.status == key, board.counts.get(key))
        for key, title in STATUSES
        if board.counts.get(key) or address.status == key
    ]
    if len(found) < 2 and not address.status:
        return []
    return [View("All", address.link(status="", page=1), not address.status), *found]


def _history(board: Board, address: Address) -> list[Moment]:
    return [Moment(at, digest, address.link(as_of=at.isoformat(), page=1)) for at, digest in board.history]


def _what_if(board: Board) -> list[Alternative]:
    digits = board.phase.track.round_digits
    found = []
    for one in board.what_if:
        percent = aggregate_in_percent(board, method=str(one["method"]))
        rows = [
            (str(row["rank"]), str(row["name"]), number(row["value"], digits=digits, percent=percent))
            for row in one["order"][:MOST_ALTERNATIVES]
        ]
        found.append(Alternative(str(one["title"]), order_of(rows)))
    return found


def choices_of(rows: Sequence[dict[str, Any]]) -> list[Choice]:
    """The entries of these rows that can be looked into, as they stand in a list to choose from."""
    return [
        Choice(row["entry"], f"{row['rank'] or '–'}. {row['name']} ({row['team']})")
        for row in rows
        if row.get("entry") and not row.get("blind")
    ]


def pair_among(choices: Sequence[Choice], one: int | None = None, other: int | None = None) -> Pair | None:
    """The lists to choose two entries from, the first two of them where none is named; None where there are no two."""
    if len(choices) < 2:
        return None
    first = choices[0].entry if one is None else one
    second = next((choice.entry for choice in choices if choice.entry != first), None) if other is None else other
    return Pair(options_of(choices, chosen=first), options_of(choices, chosen=second))
