"""Heat tables: numbers on a ground whose strength says how good they are, by classes of the stylesheet."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from django.utils.html import escape
from django.utils.safestring import SafeString

from leaderboards.rendering import joined

STEPS = 7  # heat-0 (weakest) to heat-6
SIDES = 3  # diff-n3 to diff-p3, with none around zero
# So many columns have their names upright above them.
MOST_LEVEL_HEADS = 5


class Scale(NamedTuple):
    """What the weakest and the strongest ground stand for; where lower is better the strongest is the lower one."""

    low: float
    high: float
    higher: bool = True

    def shade(self, value: float | None) -> int | None:
        """The step of the value, None where there is none; what lies outside takes the nearest."""
        if value is None:
            return None
        width = self.high - self.low
        share = (value - self.low) / width if width > 0 else 0.5
        share = share if self.higher else 1 - share
        return max(0, min(STEPS - 1, int(share * STEPS)))


class Shaded(NamedTuple):
    """A number as text with the class of its ground, "" for none, and what stands below it."""

    text: str
    ground: str = ""
    under: str = ""


class Tile(NamedTuple):
    """A number with its name, one of many side by side."""

    name: str
    cell: Shaded


@dataclass(frozen=True)
class HeatRow:
    """A row of a heat table; `link` leads to what it is about, `mark` stands small below its name."""

    title: str
    cells: Sequence[Shaded]
    link: str = ""
    mark: str = ""
    rank: str = ""


def heat(text: str, shade: int | None, under: str = "") -> Shaded:
    """The number on the ground of this step."""
    return Shaded(text, "" if shade is None else f"heat-{shade}", under)


def leaning(text: str, value: float | None, reach: float, under: str = "") -> Shaded:
    """A difference on the ground of its side: blue above zero, orange below, stronger towards `reach`."""
    if value is None or reach <= 0:
        return Shaded(text, "", under)
    step = min(SIDES, int(abs(value) / reach * (SIDES + 0.5)))
    return Shaded(text, f"diff-{'p' if value > 0 else 'n'}{step}" if step else "", under)


def tiles(found: Sequence[Tile]) -> SafeString:
    """The tiles as the items of a list."""
    return joined(
        f'<li class="{one.cell.ground}"><span class="heat-name">{escape(one.name)}</span>'
        f"<strong>{escape(one.cell.text)}</strong>{_under(one.cell)}</li>"
        for one in found
    )


def heat_head(corner: str, names: Sequence[str], *, ranked: bool = False) -> SafeString:
    """The head of a heat table: the first column's name, then those of the others."""
    upright = ' class="num upright"' if len(names) > MOST_LEVEL_HEADS else ' class="num"'
    rank = '<th scope="col" class="num">Rank</th>' if ranked else ""
    heads = (f'<th scope="col"{upright}><span>{escape(name)}</span></th>' for name in names)
    return joined([rank, f'<th scope="col">{escape(corner)}</th>', *heads])


def heat_rows(rows: Sequence[HeatRow]) -> SafeString:
    """The rows of a heat table."""
    return joined(piece for row in rows for piece in _row(row))


def _row(row: HeatRow) -> list[str]:
    title = escape(row.title)
    name = f'<a href="{escape(row.link)}">{title}</a>' if row.link else title
    mark = f'<span class="under">{escape(row.mark)}</span>' if row.mark else ""
    rank = f'<td class="num rank">{escape(row.rank)}</td>' if row.rank else ""
    cells = (f'<td class="num {cell.ground}">{escape(cell.text)}{_under(cell)}</td>' for cell in row.cells)
    return ["<tr>", rank, f'<th scope="row" class="wrap">{name}{mark}</th>', *cells, "</tr>"]


def _under(cell: Shaded) -> str:
    return f'<span class="heat-under">{escape(cell.under)}</span>' if cell.under else ""
