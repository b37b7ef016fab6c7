"""Texts to classify as tokens, and tokens as batches: padded on the right alone, and never one line left out."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from sandbox.runner.errors import RunFailed

Tokens = tuple[int, ...]
# Padded tokens of one forward and backward pass; a batch of more is worked off in parts.
AT_ONCE = 4096


@dataclass(frozen=True, slots=True)
class Example:
    """A text as tokens with its class's index; -1 where the class is asked."""

    tokens: Tokens
    label: int = -1


def segments(inputs: Mapping[str, str]) -> tuple[str, str | None]:
    """Return the texts as one segment or two: the last one is the second, those before it are joined by a space."""
    *before, last = inputs.values()
    return (" ".join(before), last) if before else (last, None)


def encode(tokenizer: Any, inputs: Sequence[Mapping[str, str]], *, limit: int, rows: int) -> list[Tokens]:
    """Tokenise as the tokenizer joins texts and pairs, cut at the right to `limit` tokens.

    Raises RunFailed with E-RUN-TOKENIZER for an id that has none of the model's `rows` embeddings.
    """
    tokenizer.truncation_side = "right"
    # A text that is nothing at all is still one token.
    blank = next((token for token in (tokenizer.eos_token_id, tokenizer.bos_token_id) if token is not None), 0)
    found: list[Tokens] = [()] * len(inputs)
    pairs = [segments(texts) for texts in inputs]
    for double in (False, True):
        chosen = [index for index, (_, second) in enumerate(pairs) if (second is not None) is double]
        if not chosen:
            continue
        firsts, seconds = [pairs[index][0] for index in chosen], [pairs[index][1] for index in chosen]
        ids = tokenizer(
            firsts,
            seconds if double else None,
            truncation=True,
            max_length=limit,
            padding=False,
            return_attention_mask=False,
            return_token_type_ids=False,
            verbose=False,
        )["input_ids"]
        for index, tokens in zip(chosen, ids, strict=True):
            found[index] = tuple(tokens) or (blank,)
    highest = max((max(tokens) for tokens in found), default=0)
    if highest >= rows:
        raise RunFailed("E-RUN-TOKENIZER", f"token {highest}, but the model has {rows} embeddings")
    return found


def shuffled(count: int, *, size: int, generator: torch.Generator) -> Iterator[list[int]]:
    """Yield the indices of one epoch in batches of `size`; the last one is as short as it comes."""
    order = torch.randperm(count, generator=generator).tolist()
    for start in range(0, count, size):
        yield order[start : start + size]


def parts(examples: Sequence[Example], *, tokens: int = AT_ONCE) -> Iterator[list[Example]]:
    """Cut a batch into parts of like length that hold at most `tokens` tokens each, padding counted."""
    part: list[Example] = []
    for example in sorted(examples, key=lambda example: (-len(example.tokens), example.tokens, example.label)):
        if part and (len(part) + 1) * len(part[0].tokens) > tokens:
            yield part
            part = []
        part.append(example)
    if part:
        yield part


def same_length(texts: Sequence[Tokens], *, tokens: int = AT_ONCE) -> Iterator[list[int]]:
    """Group the indices of texts of exactly one length: without padding, no text can feel its neighbours."""
    part: list[int] = []
    for index in sorted(range(len(texts)), key=lambda index: (len(texts[index]), texts[index])):
        length = len(texts[index])
        if part and (length != len(texts[part[0]]) or (len(part) + 1) * length > tokens):
            yield part
            part = []
        part.append(index)
    if part:
        yield part
