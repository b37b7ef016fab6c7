"""The rows of a leaderboard as HTML, joined in Python: nested template loops would take most of a page's time."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

from leaderboards.presentation import Cell, Heading, Line, Span
from leaderboards.presentation_links import EntryLinks
from leaderboards.presentation_table import Table

PLAIN = '</td><td class="num">'
REFERENCES = {"baseline": "Baseline", "skyline": "Skyline"}
TAKEN_OUT = ("not_eligible", "disqualified")
STATUSES = {
    "late": '<span class="chip warn">Late</span>',
    "not_eligible": '<span class="chip">Not eligible</span>',
    "disqualified": '<span class="chip bad">Excluded</span>',
}


def joined(pieces: Iterable[str]) -> SafeString:
    """The pieces as one text that templates take as it is: whatever came from people is escaped in them already."""
    return mark_safe("".join(pieces))  # noqa: S308


def head_of(table: Table) -> SafeString:
    """The cells of the table's head."""
    aggregate = ""
    if table.aggregate:
        aggregate = f'<th scope="col" class="num">{escape(table.aggregate)}</th>'
    if table.whiskers:
        aggregate += f'<th scope="col">95 % interval<br><span class="meta">{between_ends(table.scale)}</span></th>'
    p_best = '<th scope="col" class="num">P(best)</th>' if table.p_best else ""
    return joined(
        [
            '<th scope="col" class="num">Rank</th><th scope="col">Method</th>',
            '<th scope="col" class="only-wide">Team</th>',
            aggregate,
            p_best,
            *map(_heading, table.headings),
            '<th scope="col">Provenance</th>',
        ]
    )


def between_ends(scale: tuple[str, str]) -> str:
    """What a drawing goes from and to."""
    return f"{escape(scale[0])} to {escape(scale[1])}"


def _heading(heading: Heading) -> str:
    title: str = escape(heading.title)
    if heading.link:
        title = f'<a href="{escape(heading.link)}">{title}</a>'
    whisker = '<th scope="col">95 % interval</th>' if heading.whisker else ""
    return f'<th scope="col" class="num">{title}<br><span class="meta">{escape(heading.detail)}</span></th>{whisker}'


def rows_of(table: Table, *, links: EntryLinks, own: Collection[int] = ()) -> SafeString:
    """The table's rows; `own` are the viewer's entries."""
    return joined(piece for line in table.lines for piece in _row(table, line, links, line.row.get("entry") in own))


def _row(table: Table, line: Line, links: EntryLinks, own: bool) -> Iterable[str]:
    classes = " ".join(
        name for name, there in (("reference", line.reference), ("cut", line.cut), ("own", own)) if there
    )
    yield f'<tr class="{classes}">' if classes else "<tr>"
    if table.ranked:
        yield f'<td class="num rank">{line.rank}</td>'
    yield _method(line, links, own)
    yield f'<td class="wrap only-wide">{escape(line.row["team"])}</td>'
    if table.aggregate:
        yield f'<td class="num"><strong>{line.aggregate}</strong></td>'
    if table.whiskers:
        drawing = span_of(line.span) if line.span else ""
        yield f'<td>{drawing}<span class="meta">{line.interval}</span></td>'
    if table.p_best:
        yield f'<td class="num">{escape(line.p_best)}</td>'
    if line.texts:
        yield f'<td class="num">{PLAIN.join(line.texts)}</td>'
    else:
        for heading, cell in line.columns:
            yield _cell(heading, cell, table.compact)
    yield f"<td>{escape(line.row['provenance'])}</td></tr>"


def _method(line: Line, links: EntryLinks, own: bool) -> str:
    row = line.row
    chips = ""
    if line.reference:
        chips = f' <span class="chip">{REFERENCES[row["status"]]}</span>'
    elif row["status"] in STATUSES:
        chips = f" {STATUSES[row['status']]}"
    if own:
        chips += ' <span class="chip good">Your team</span>'
    if line.tied:
        chips += ' <span class="chip info">tied with first</span>'
    why = ""
    if row.get("reason"):
        why = f'<span class="under">{escape(row["reason"])}</span>'
    elif row.get("why_unranked") and not line.reference and row["status"] not in TAKEN_OUT:
        why = f'<span class="under">Not ranked: {escape(row["why_unranked"])}.</span>'
    name: str = escape(row["name"])
    link = links.of(row)
    if link:
        name = f'<a href="{escape(link)}">{name}</a>'
    team = f'<span class="meta only-narrow">{escape(row["team"])}</span>'
    return f'<th scope="row" class="wrap">{name}{chips}{team}{why}</th>'


def _cell(heading: Heading, cell: Cell, compact: bool) -> str:
    partial = ' <span class="chip bad">partial</span>' if cell.partial else ""
    if compact:
        under = "".join(f'<span class="under">{one}</span>' for one in (cell.interval, cell.splits) if one)
        return f'<td class="num">{cell.text}{partial}{under}</td>'
    text = cell.text if heading.link else f"<strong>{cell.text}</strong>"
    under = "".join(f'<span class="under">{one}</span>' for one in (cell.spread, cell.counts, cell.splits) if one)
    return f'<td class="num">{text}{under}{partial}</td>{_whisker_cell(cell) if heading.whisker else ""}'


def _whisker_cell(cell: Cell) -> str:
    if not cell.interval:
        return "<td></td>"
    return f'<td>{whisker(cell)}<span class="meta">{cell.interval}</span></td>'


def whisker(cell: Cell) -> SafeString:
    """A score with its interval and chance on its suite's scale, as a drawing."""
    chance = "" if cell.chance is None else _line("chance", cell.chance, cell.chance, 0, 12)
    return _drawing(f"{_line('axis', 0, 100, 6, 6)}{chance}", cell.point, cell.low, cell.high)


def span_of(span: Span) -> SafeString:
    """An aggregate with its interval, as a drawing."""
    return _drawing(_line("axis", 0, 100, 6, 6), *span)


def difference_of(point: float, low: float, high: float, *, reach: float) -> SafeString:
    """A difference with its interval around zero, in a drawing that reaches from −`reach` to `reach`."""

    def place(value: float) -> float:
        share = value / reach if reach > 0 else 0.0
        return round(50 + 50 * max(-1.0, min(1.0, share)), 1)

    back = f"{_line('axis', 0, 100, 6, 6)}{_line('chance', 50, 50, 0, 12)}"
    return _drawing(back, place(point), place(low), place(high))


def _drawing(back: str, point: float | None, low: float | None, high: float | None) -> SafeString:
    fore = "" if low is None or high is None else _line("range", low, high, 6, 6)
    mark = (
        ""
        if point is None
        else f'<rect class="point" x="{max(0, min(98.4, point - 0.8)):g}" y="2.5" width="1.6" height="7"/>'
    )
    return joined(
        [
            '<svg class="whisker" viewBox="0 0 100 12" preserveAspectRatio="none" aria-hidden="true">',
            back,
            fore,
            mark,
            "</svg>",
        ]
    )


def _line(name: str, x1: float, x2: float, y1: float, y2: float) -> str:
    return f'<line class="{name}" x1="{x1:g}" y1="{y1:g}" x2="{x2:g}" y2="{y2:g}"/>'


def options_of(choices: Iterable[tuple[int, str]], *, chosen: int | None) -> SafeString:
    """The options of a list to choose an entry from."""
    return joined(
        f'<option value="{int(entry)}"{" selected" if entry == chosen else ""}>{escape(title)}</option>'
        for entry, title in choices
    )


def suites_of(columns: Iterable[Mapping[str, Any]]) -> SafeString:
    """What the columns are: a line for each suite with its version and the beginning of its digest, where it has them.

    The columns of a published table are no suites of the platform, and name a version at most.
    """
    return joined(
        f'<p class="meta">{escape(column["title"])}: version {escape(column["version"])}{_digest(column)}.</p>'
        for column in columns
        if column["version"]
    )


def _digest(column: Mapping[str, Any]) -> str:
    return f", digest <code>{escape(column['digest'][:12])}</code>" if column["digest"] else ""


def order_of(rows: Iterable[tuple[str, str, str]]) -> SafeString:
    """Rows of rank, method and value."""
    return joined(
        f'<tr><td class="num">{escape(rank)}</td><th scope="row" class="wrap">{escape(name)}</th>'
        f'<td class="num">{escape(value)}</td></tr>'
        for rank, name, value in rows
    )
