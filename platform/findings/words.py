"""Small words: singular and plural, lists."""

from collections.abc import Sequence

from findings.document import Inline
from findings.numbers import Number


def plural(number: int | Number, one: str, many: str) -> str:
    """The word that goes with the number."""
    return one if (number.value if isinstance(number, Number) else number) == 1 else many


def listed(names: Sequence[Inline], word: str = "and") -> tuple[Inline, ...]:
    """`a`, `a and b`, `a, b and c`."""
    parts: list[Inline] = []
    for number, name in enumerate(names):
        if number:
            parts.append(f" {word} " if number == len(names) - 1 else ", ")
        parts.append(name)
    return tuple(parts)


def sentence_case(text: str) -> str:
    """The text with a capital first letter."""
    return text[:1].upper() + text[1:]


def mid_sentence(text: str) -> str:
    """The text as it stands inside a sentence: `Training FLOPs` → `training FLOPs`, `BERT layers` stays."""
    first = text.partition(" ")[0]
    return text[:1].lower() + text[1:] if first[1:] == first[1:].lower() else text
