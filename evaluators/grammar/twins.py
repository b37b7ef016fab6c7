"""Twins: two minimal pairs that change the same words in opposite directions."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import NamedTuple, TypeVar

from evaluators.grammar.lexicon import Noun

T = TypeVar("T")


class Twin(NamedTuple):
    """Two pairs made from one choice of words.

    What the first pair's good sentence has and its bad one lacks, the second's bad one has and its good one lacks.
    So a scorer that adds up a number per word (its length, its frequency) gets exactly half of every twin.
    """

    good: str
    bad: str
    other_good: str
    other_bad: str


class Draw:
    """The random choices of one twin, and a record of them that says which combination of words it is."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self.chosen: list[str] = []

    def pick(self, pool: Sequence[T], *, but: Sequence[T] = ()) -> T:
        """One member of `pool` that is not among `but`."""
        while (choice := self._random.choice(pool)) in but:
            pass
        self.chosen.append(str(choice))
        return choice

    def two(self, pool: Sequence[T]) -> tuple[T, T]:
        """Two different members of `pool`."""
        first = self.pick(pool)
        return first, self.pick(pool, but=(first,))

    def maybe(self, pool: Sequence[str]) -> str:
        """One word of `pool` and a space after it, or, as often, nothing."""
        word = self.pick(pool) if self._random.random() < 0.5 else ""
        return f"{word} " if word else ""

    def number(self, noun: Noun) -> str:
        """The noun in the singular or the plural."""
        return self.pick(noun)


@dataclass(frozen=True)
class Phenomenon:
    """One rule of the grammar: how to draw a twin, and how to draw a sentence that teaches the rule.

    `teach` is given where the good sentences of twins alone would give the rule away to a model that sees only
    neighbouring words (a singular verb after a plural neighbour, say).
    """

    key: str
    tag: str
    twin: Callable[[Draw], Twin]
    teach: Callable[[Draw], str] | None = None

    def lesson(self, draw: Draw) -> str:
        """One grammatical sentence for a text to train on."""
        if self.teach is not None:
            return self.teach(draw)
        twin = self.twin(draw)
        return draw.pick((twin.good, twin.other_good))


def said(words: str, *, end: str = ".") -> str:
    """The words as a sentence: a capital at its beginning, a mark at its end."""
    return words[0].upper() + words[1:] + end


def twin(good: str, bad: str, other_good: str, other_bad: str, *, end: str = ".") -> Twin:
    """A twin of four sentences from their words."""
    return Twin(*(said(words, end=end) for words in (good, bad, other_good, other_bad)))
