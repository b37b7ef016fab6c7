"""Texts to tokens: where a continuation begins, what stands before it, and which window of it a model can see.

Context and continuation are tokenised together and split at the length of the context's own tokens, with the spaces
that end the context moved to the continuation: what lm-evaluation-harness does.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sandbox.runner.progress import Reporter

Encode = Callable[[list[str]], list[list[int]]]


@dataclass(frozen=True, slots=True)
class FirstToken:
    """What a causal model is given before the text: always, and in place of an empty context."""

    always: tuple[int, ...] = ()
    when_empty: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Split:
    """A request's tokens; those from index `start` on are scored."""

    tokens: tuple[int, ...]
    start: int


@dataclass(frozen=True, slots=True)
class Window:
    """What a model sees at once: its input, and (position, token) to score, the token being the position's next."""

    inputs: tuple[int, ...]
    targets: tuple[tuple[int, int], ...]


def move_spaces(context: str, continuation: str) -> tuple[str, str]:
    """Move the white space that ends the context to the continuation."""
    bare = context.rstrip()
    return bare, context[len(bare) :] + continuation


def split_texts(pairs: Sequence[tuple[str, str]], encode: Encode) -> list[Split]:
    """Tokenise (context, continuation) pairs without special tokens; each text is tokenised once."""
    moved = [move_spaces(*pair) for pair in pairs]
    texts = sorted({context + continuation for context, continuation in moved} | {context for context, _ in moved})
    tokens = dict(zip(texts, encode(texts), strict=True))
    splits = []
    for context, continuation in moved:
        whole = tuple(tokens[context + continuation])
        splits.append(Split(whole, min(len(tokens[context]), len(whole)) if context else 0))
    return splits


def add_first(split: Split, first: FirstToken) -> Split:
    """Put the first token before the text, unless the text begins with it.

    Where nothing stands before a text, its own first token is not scored: nothing predicts it.
    """
    before = first.always if split.start else first.when_empty
    if before and split.tokens[: len(before)] != before:
        return Split(before + split.tokens, split.start + len(before))
    return Split(split.tokens, min(max(split.start, len(before), 1), len(split.tokens)))


def causal_windows(split: Split, limit: int) -> list[Window]:
    """Cut a text to inputs of at most `limit` tokens.

    A long context loses its left end. A continuation that alone is too long is scored in several windows, the last
    one full, so that every one of its tokens counts.
    """
    windows: list[Window] = []
    end = len(split.tokens)
    while end > split.start:
        begin = max(0, end - limit - 1)
        scored = range(max(split.start, begin + 1), end)
        targets = tuple((index - begin - 1, split.tokens[index]) for index in scored)
        windows.append(Window(split.tokens[begin : end - 1], targets))
        end = begin + 1
    return windows[::-1]


def headed_windows(head: tuple[int, ...], split: Split, limit: int) -> list[Window]:
    """Cut a text to inputs of at most `limit` tokens, each beginning with `head`, which is kept whole.

    What does not fit loses its left end, or is scored in several windows, as of `causal_windows`. Without a head, the
    text's own first token is not scored.
    """
    if not head:
        return causal_windows(Split(split.tokens, max(split.start, 1)), limit)
    if len(head) + len(split.tokens) <= limit + 1:
        return causal_windows(Split(head + split.tokens, split.start + len(head)), limit)
    marked = Split((-1, *split.tokens), split.start + 1)
    windows = []
    for window in causal_windows(marked, max(1, limit - len(head))):
        begins = window.inputs[0] == -1
        moved = len(head) - begins
        targets = tuple((position + moved, token) for position, token in window.targets)
        windows.append(Window(head + window.inputs[begins:], targets))
    return windows


def masked_windows(split: Split, limit: int, *, lead: int = 0) -> list[Window]:
    """Cut a text to at most `limit` tokens, special tokens not counted; a target's position is the token's own.

    A long context loses its left end; a continuation that alone is too long is scored piece by piece. `lead` tokens
    at a window's beginning are seen but not scored: 1 where a token is read at the position before it, and nothing
    stands there.
    """
    windows: list[Window] = []
    end = len(split.tokens)
    while end > max(split.start, lead):
        begin = max(0, end - limit)
        scored = range(max(split.start, begin + lead), end)
        targets = tuple((index - begin, split.tokens[index]) for index in scored)
        windows.append(Window(split.tokens[begin:end], targets))
        end = scored.start
    return windows[::-1]


def report_tokens(reporter: Reporter, splits: Sequence[Split], *, limit: int, longest: int) -> None:
    """Tell how many tokens are scored, and how many texts are longer than `longest`, the most that are seen at once."""
    reporter.event(
        "tokens",
        requests=len(splits),
        scored=sum(len(split.tokens) - split.start for split in splits),
        truncated=sum(len(split.tokens) > longest for split in splits),
        limit=limit,
    )
