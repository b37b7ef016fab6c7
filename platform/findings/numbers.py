"""Every number of a report, once: its value, how it is printed, the formula, its sources and its LaTeX macro."""

import hashlib
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass

MINUS = "−"
# Rounded to so many digits, so that the last ones of a sum don't depend on how a machine adds.
DIGITS = 10
DIGIT_WORDS = ("Zero", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine")
SPELLED = dict(zip("0123456789", DIGIT_WORDS, strict=True))
PREFIX = "num"


@dataclass(frozen=True)
class Number:
    """A number of the report; `text` is how it is printed, `macro` its LaTeX name without the backslash.

    `source` names what it was computed from, `n` how many values went in, `seed` that of a random step.
    """

    key: str
    value: float
    text: str
    macro: str
    formula: str
    source: tuple[str, ...] = ()
    n: int | None = None
    seed: int | None = None


class KeyTakenTwiceError(Exception):
    """Two different numbers were given one key: a fault of the program."""


class Book:
    """The numbers of one report, in the order in which they were first named."""

    def __init__(self) -> None:
        self._numbers: dict[str, Number] = {}
        self._macros: set[str] = set()

    def __iter__(self) -> Iterator[Number]:
        return iter(self._numbers.values())

    def __len__(self) -> int:
        return len(self._numbers)

    def __getitem__(self, key: str) -> Number:
        return self._numbers[key]

    def score(
        self,
        key: str,
        value: float,
        formula: str,
        *,
        source: tuple[str, ...] = (),
        n: int | None = None,
        seed: int | None = None,
        digits: int = 3,
        signed: bool = False,
    ) -> Number:
        """A number with so many decimals; `signed`: with a plus where it is above zero."""
        text = decimal(value, digits)
        plus = "+" if signed and text.strip("0.") and not text.startswith(MINUS) else ""
        return self._add(key, value, plus + text, formula, source, n, seed)

    def count(self, key: str, value: int, formula: str, *, source: tuple[str, ...] = ()) -> Number:
        """A whole number."""
        return self._add(key, value, f"{value:,}".replace("-", MINUS), formula, source, None, None)

    def share(
        self,
        key: str,
        value: float,
        formula: str,
        *,
        source: tuple[str, ...] = (),
        n: int | None = None,
        seed: int | None = None,
    ) -> Number:
        """A share, printed in percent; what is near 0 or 1 and is neither is not rounded to it."""
        text = "<1 %" if 0 < value < 0.005 else ">99 %" if 0.995 <= value < 1 else f"{decimal(100 * value, 0)} %"
        return self._add(key, value, text, formula, source, n, seed)

    def p_value(
        self,
        key: str,
        value: float,
        formula: str,
        *,
        source: tuple[str, ...] = (),
        n: int | None = None,
        seed: int | None = None,
    ) -> Number:
        """A p-value, of which nothing below 0.001 is told apart."""
        return self._add(key, value, "<0.001" if value < 0.001 else decimal(value, 3), formula, source, n, seed)

    def _add(
        self, key: str, value: float, text: str, formula: str, source: tuple[str, ...], n: int | None, seed: int | None
    ) -> Number:
        if not math.isfinite(value):
            raise ValueError(f"{key} is no finite number")
        value = value if isinstance(value, int) else float(f"{value:.{DIGITS}g}")
        known = self._numbers.get(key)
        if known is None:
            known = Number(key, value, text, self._macro(key), formula, source, n, seed)
            self._numbers[key] = known
        elif (known.value, known.text) != (value, text):
            raise KeyTakenTwiceError(f"{key}: {known.text} and {text}")
        return known

    def _macro(self, key: str) -> str:
        macro = macro_of(key)
        if macro in self._macros:
            macro += letters(hashlib.sha256(key.encode()).hexdigest()[:6])
        self._macros.add(macro)
        return macro


def decimal(value: float, digits: int) -> str:
    """The number with so many decimals, a true minus sign, and no minus before a zero."""
    text = f"{value:.{digits}f}"
    if not text.strip("-0."):
        text = text.lstrip("-")
    return text.replace("-", MINUS)


def slug(text: str) -> str:
    """Lower-case words of ASCII letters and digits joined by hyphens; "" where there are none."""
    return "-".join(re.findall(r"[a-z0-9]+", text.lower()))


def letters(text: str) -> str:
    """The text with digits spelled out: LaTeX's names take letters only."""
    return "".join(SPELLED.get(char, char) for char in text)


def macro_of(key: str) -> str:
    """`strict.winner.score` → numStrictWinnerScore."""
    words = re.findall(r"[A-Za-z]+|[0-9]", key)
    return PREFIX + "".join(letters(word[0].upper() + word[1:]) for word in words)
