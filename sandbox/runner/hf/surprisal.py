"""Surprisals of words: which token belongs to which word, and adding up what comes in any order.

The text is the words joined by single spaces. A token belongs to the word, its leading space included, in which the
token begins; so the words of a text share all of its tokens out among them, and their surprisals add up to the text's.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

from sandbox.runner.exchange import Request, Response
from sandbox.runner.hf.splitting import Encode, Split, Window
from sandbox.runner.values import surprisal

# What a masked model sees in place of the end of a text: BabyLM's pipeline gives it as many.
MASKS = 3
Copies = dict[tuple[tuple[int, ...], int], list[tuple[int, int]]]


@dataclass(frozen=True, slots=True)
class Words:
    """A text's tokens without special ones, for each of them the index of its word, and how many words there are."""

    tokens: tuple[int, ...]
    owners: tuple[int, ...]
    count: int


def split_words(requests: Sequence[Request], encode: Encode, tokenizer: Any) -> list[Words]:
    """Tokenise each request's words as one text, and say which token is whose."""
    texts = [" ".join(request["words"]) for request in requests]
    tokens = encode(texts)
    if getattr(tokenizer, "is_fast", False) and texts:
        found = tokenizer(texts, add_special_tokens=False, return_offsets_mapping=True, verbose=False)
        owners = [
            by_offset(request["words"], [int(start) for start, _ in offsets])
            for request, offsets in zip(requests, found["offset_mapping"], strict=True)
        ]
    else:
        owners = [by_prefix(request["words"], of, encode) for request, of in zip(requests, tokens, strict=True)]
    return [
        Words(tuple(of), owner, len(request["words"]))
        for request, of, owner in zip(requests, tokens, owners, strict=True)
    ]


def by_offset(words: Sequence[str], starts: Sequence[int]) -> tuple[int, ...]:
    """Return the word of each token by the character of the text at which the token begins."""
    # The space before a word is its own: it begins where the word before it ends.
    begins = [0, *accumulate(len(word) + (number > 0) for number, word in enumerate(words[:-1]))]
    return tuple(max(0, bisect_right(begins, start) - 1) for start in starts)


def by_prefix(words: Sequence[str], tokens: Sequence[int], encode: Encode) -> tuple[int, ...]:
    """Return the word of each token by how many tokens the words up to each make; for tokenizers without offsets."""
    pieces = encode([word if number == 0 else f" {word}" for number, word in enumerate(words)])
    if [token for piece in pieces for token in piece] == list(tokens):
        ends = list(accumulate(len(piece) for piece in pieces))
    else:
        ends = [len(encode([" ".join(words[: number + 1])])[0]) for number in range(len(words) - 1)]
        # A prefix alone may end in more tokens than it has in the whole: its end never moves back.
        ends = [*accumulate(ends, max), len(tokens)]
    return tuple(min(bisect_right(ends, index), len(words) - 1) for index in range(len(tokens)))


def prefix_copies(texts: Sequence[Words], limit: int) -> Copies:
    """Return what a masked model is asked: every token after those before it alone, with masks in place of the rest.

    Keys: the tokens, -1 for a mask, and the position of the first mask. Values: (index of its window, token), where
    the windows of all texts are counted through, one for each token.
    """
    copies: Copies = {}
    window = 0
    for text in texts:
        for index, token in enumerate(text.tokens):
            before = text.tokens[max(0, index - limit + MASKS) : index]
            copies.setdefault(((*before, *[-1] * MASKS), len(before)), []).append((window, token))
            window += 1
    return copies


def owners_in(windows: Sequence[Window], owners: Sequence[int]) -> list[dict[int, int]]:
    """Return for each window of a text, by position, the word of the token that is scored there.

    The windows score the text's tokens in order, the last of them its last.
    """
    places = [(number, position) for number, window in enumerate(windows) for position, _ in window.targets]
    found: list[dict[int, int]] = [{} for _ in windows]
    scored = owners[len(owners) - len(places) :]
    for (number, position), word in zip(places, scored, strict=True):
        found[number][position] = word
    return found


class WordTally:
    """The running sums of some texts' words.

    `places` holds for each text, for each of its windows, the word that every position scores.
    """

    def __init__(
        self, requests: Sequence[Request], texts: Sequence[Words], places: Sequence[Sequence[dict[int, int]]]
    ) -> None:
        self._requests = requests
        self._places = [(text, window) for text, of in enumerate(places) for window in of]
        self._left = [sum(len(window) for window in of) for of in places]
        self._sums = [[0.0] * text.count for text in texts]

    def empty(self) -> Iterator[list[Response]]:
        """Yield responses to texts of which no token is scored."""
        done = [text for text, left in enumerate(self._left) if not left]
        if done:
            yield [self._response(text) for text in done]

    def add(self, scored: Iterable[tuple[int, int, float]]) -> list[Response]:
        """Add (index of the window, position, log-probability); return the responses that are complete now."""
        done = []
        for window, position, value in scored:
            text, words = self._places[window]
            self._sums[text][words[position]] -= value
            self._left[text] -= 1
            if not self._left[text]:
                done.append(text)
        return [self._response(text) for text in done]

    def _response(self, text: int) -> Response:
        return {"id": self._requests[text]["id"], "surprisals": [surprisal(value) for value in self._sums[text]]}


def slabs(texts: Sequence[Words] | Sequence[Split], cost: Callable[[int], int], *, most: int) -> Iterator[list[int]]:
    """Yield indices of texts in the order of their tokens, a part of about `most` at a time, by a text's `cost`."""
    slab: list[int] = []
    spent = 0
    for index in sorted(range(len(texts)), key=lambda index: (len(texts[index].tokens), texts[index].tokens)):
        slab.append(index)
        spent += cost(len(texts[index].tokens))
        if spent >= most:
            yield slab
            slab, spent = [], 0
    if slab:
        yield slab
