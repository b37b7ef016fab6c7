"""The cells of an exported table: their kinds, the text that strangers may put into them, and numbers as text."""

import math
import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum

Cell = str | int | float | bool | None
Row = tuple[Cell, ...]

# What a spreadsheet takes for the beginning of a formula, the wide forms of East Asian keyboards included.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")
MOST_CHARACTERS = 30_000  # a spreadsheet's cell holds 32,767
# Where a spreadsheet's separator is the semicolon, a part of a cell becomes a cell of its own.
INNER_FORMULA = re.compile(r"(;[\s\"]*)(?=[=+\-@＝＋－＠])")
# Marks that turn the direction of what follows them: the cells beside would read backwards.
TURNING = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
BLANK = frozenset({"Cc", "Zl", "Zp"})  # control characters, line and paragraph separators: shown as a space
NOTHING = frozenset({"Cs", "Cn"})  # halves of pairs and what is no character: no format can hold them


class Kind(StrEnum):
    """What a column holds; an empty number is none, an empty text is empty."""

    TEXT = "text"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"


@dataclass(frozen=True)
class Field:
    """A column of an exported table.

    `says`: what it is, for the files that carry a list of columns. `family`: the word that chooses it with its like.
    `key`: whether it tells rows apart.
    """

    name: str
    kind: Kind
    says: str
    family: str = ""
    key: bool = False


def clean(text: str) -> str:
    """Text on one line that every format holds: no control characters, no marks of direction, no more than fits."""
    if text.isascii() and text.isprintable() and "  " not in text and len(text) <= MOST_CHARACTERS:
        return text.strip()  # nearly all there is, without a look at every character
    kept = (" " if unicodedata.category(one) in BLANK else one for one in text if one not in TURNING)
    held = "".join("\ufffd" if unicodedata.category(one) in NOTHING else one for one in kept)
    line = " ".join(held.split())
    return line if len(line) <= MOST_CHARACTERS else f"{line[:MOST_CHARACTERS]}…"


def safe_cell(text: str) -> str:
    """Text that a spreadsheet shows and does not run: what begins like a formula gets an apostrophe in front."""
    if text.startswith(FORMULA_STARTS) or text.lstrip().startswith(FORMULA_STARTS):
        text = f"'{text}"
    return INNER_FORMULA.sub(r"\1'", text) if ";" in text else text


def settled(cell: Cell, precision: int | None) -> Cell:
    """The cell as it is kept: text on one line, a number that is finite and rounded to so many decimals."""
    if isinstance(cell, str):
        return clean(cell)
    if isinstance(cell, float):
        if not math.isfinite(cell):
            return None
        return cell if precision is None else round(cell, precision) + 0.0
    return cell


def number_text(value: float, precision: int | None) -> str:
    """The shortest text that reads back to the same number, or that with so many decimals."""
    return repr(float(value)) if precision is None else f"{value:.{precision}f}"


def cell_text(cell: Cell, kind: Kind, precision: int | None) -> str:
    """The cell as plain text, before any format's escapes; empty where there is none."""
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, str):
        return cell
    return number_text(cell, precision) if kind is Kind.NUMBER else str(cell)
