"""From phenomena to pairs and to a text to train on: drawn from one seed, with nothing shared between them."""

from collections.abc import Collection, Iterator
from hashlib import sha256
from itertools import count
from random import Random
from typing import Literal, NamedTuple

from evaluators.grammar.phenomena import PHENOMENA
from evaluators.grammar.twins import Draw, Phenomenon, Twin

PAIRS = 200  # of each phenomenon: half of them public, half hidden
HALVES: dict[str, Literal["dev", "private"]] = {"public": "dev", "hidden": "private"}  # each half's suite and its split
HELD_OUT = 4  # every fourth combination of words is kept for the suites and never taught


class Pair(NamedTuple):
    """One minimal pair as it stands in a suite; `candidates[gold]` is the grammatical sentence."""

    id: str
    phenomenon: str
    tag: str
    cluster: str
    candidates: tuple[str, str]
    gold: int


class SuitePairs(NamedTuple):
    """The pairs of both suites."""

    public: tuple[Pair, ...]
    hidden: tuple[Pair, ...]

    def sentences(self) -> frozenset[str]:
        """Every sentence of both suites, grammatical or not."""
        return frozenset(text for pair in (*self.public, *self.hidden) for text in pair.candidates)


def _held_out(draw: Draw) -> bool:
    """Whether this combination of words belongs to the suites; the same for every seed."""
    return sha256(" ".join(draw.chosen).encode()).digest()[0] % HELD_OUT == 0


def _twins(phenomenon: Phenomenon, random: Random, seen: set[str]) -> Iterator[Twin]:
    """Twins without end that share no sentence with each other or with `seen`, which grows."""
    while True:
        draw = Draw(random)
        drawn = phenomenon.twin(draw)
        if _held_out(draw) and len(set(drawn)) == 4 and seen.isdisjoint(drawn):
            seen.update(drawn)
            yield drawn


def draw_pairs(seed: int, *, pairs: int = PAIRS) -> SuitePairs:
    """Draw `pairs` pairs of every phenomenon (a multiple of 4), half for each suite.

    Both pairs of a twin stand in the same suite as one cluster, and the grammatical sentence comes first in half of
    the pairs of each phenomenon and suite.
    """
    if pairs <= 0 or pairs % 4:
        raise ValueError(f"pairs must be a positive multiple of 4: each half holds whole twins, not {pairs} / 4")
    halves: dict[str, list[Pair]] = {half: [] for half in HALVES}
    seen: set[str] = set()
    for phenomenon in PHENOMENA:
        random = Random(f"{seed}/{phenomenon.key}")  # noqa: S311 - reproducible, not secret
        drawn = _twins(phenomenon, random, seen)
        numbers = count()
        for half in HALVES:
            positions = [0, 1] * (pairs // 4)
            random.shuffle(positions)
            while positions:
                number, twin = next(numbers), next(drawn)
                for place, good, bad in ((0, twin.good, twin.bad), (1, twin.other_good, twin.other_bad)):
                    gold = positions.pop()
                    halves[half].append(
                        Pair(
                            id=f"{phenomenon.key}/{2 * number + place}",
                            phenomenon=phenomenon.key,
                            tag=phenomenon.tag,
                            cluster=f"{phenomenon.key}/twin-{number}",
                            candidates=(bad, good) if gold else (good, bad),
                            gold=gold,
                        )
                    )
    return SuitePairs(public=tuple(halves["public"]), hidden=tuple(halves["hidden"]))


def training_text(seed: int, sentences: int, *, without: Collection[str] = ()) -> list[str]:
    """`sentences` grammatical sentences of every phenomenon alike, of the combinations that no suite may use.

    `without` names sentences that must not occur, whichever phenomenon they came from (see `SuitePairs.sentences`).
    """
    random = Random(f"{seed}/text")  # noqa: S311 - reproducible, not secret
    text: list[str] = []
    while len(text) < sentences:
        draw = Draw(random)
        sentence = PHENOMENA[len(text) % len(PHENOMENA)].lesson(draw)
        if not _held_out(draw) and sentence not in without:
            text.append(sentence)
    random.shuffle(text)
    return text
