"""Encoder-decoder models (T5, BART): the sum of the decoder's ln p of the continuation's tokens.

How a text is shared between encoder and decoder is declared as `scoring`. With B and E what the tokenizer puts before
and after a text, S the token the decoder starts with, C the context's tokens and X the continuation's, all tokenised
together, and M the mask token, or where there is none the sentinel <extra_id_0>:

    prefix         encoder B C E;   decoder S B X. An empty context leaves the encoder B E, or else the eos or padding
                   token: it is never given nothing.
    fill-in        models with sentinels (T5): encoder B C <extra_id_0> E; decoder S <extra_id_0> X.
                   Models with a mask token (BART), which write the whole text anew: encoder B C <mask> E; decoder
                   S B C X.
    babylm-prefix  encoder cls C M eos; decoder bos (or M) X; no S. BabyLM 2025's `enc_dec_prefix`.
    babylm-mask    for each token of X: encoder cls C X eos with that token replaced by M; decoder bos (or M); ln p of
                   the hidden token there. BabyLM 2025's `enc_dec_mask`, a pseudo-log-likelihood.

Only X is scored, never what closes it. BabyLM tokenises context and continuation apart, and where a tokenizer has no
cls, bos or eos token it leaves that one out, as is done here; its pipeline of 2026 gives the decoder one mask more.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch

from sandbox.runner.errors import RunFailed
from sandbox.runner.exchange import Request, Response
from sandbox.runner.hf import engines
from sandbox.runner.hf.batching import masked_copies, tokens_at_once
from sandbox.runner.hf.heads import Asked, Head, padded
from sandbox.runner.hf.splitting import Split, headed_windows, masked_windows, report_tokens, split_texts
from sandbox.runner.hf.surprisal import Words, WordTally, slabs, split_words
from sandbox.runner.hf.tally import Tally
from sandbox.runner.hf.tokens import Tokens
from sandbox.runner.progress import Reporter

SLAB = 4096
TOKENS_SLAB = 1 << 20
SENTINEL = "<extra_id_0>"
Ids = tuple[int, ...]


@dataclass(frozen=True, slots=True, order=True)
class Pair:
    """What encoder and decoder see, and the (position in the decoder, token) to score."""

    encoder: Ids
    decoder: Ids
    targets: tuple[tuple[int, int], ...]


class EncoderDecoderBackend:
    """Answers with an encoder-decoder model, in the declared way."""

    def __init__(
        self, model: Any, tokens: Tokens, *, scoring: str, limit: int, batch_size: int, reporter: Reporter
    ) -> None:
        self._tokens = tokens
        self._limit = limit
        self._scoring = scoring
        start = decoder_start(model)
        if start is None:
            raise RunFailed("E-RUN-MODEL", "the configuration names no decoder_start_token_id")
        self._pairs = Layout(tokens, start=start, limit=limit).ways[scoring]
        self._at_once = tokens_at_once(batch_size)
        self._head = Head(model)
        self._dtype = model.dtype
        self._reporter = reporter
        self.style, self.padded, difference = self._choose()
        layout = "padded" if self.padded else "single"
        reporter.event("engine", layout=layout, head=self.style, difference=difference, scoring=scoring)

    def loglikelihood(self, requests: Sequence[Request]) -> Iterator[list[Response]]:
        """Yield responses; neighbours in the order of their length and tokens are answered together."""
        pairs = [(request["context"], request["continuation"]) for request in requests]
        splits = split_texts(pairs, self._tokens.encode)
        self._report(splits)
        for slab in slabs(splits, lambda _tokens: 1, most=SLAB):
            yield from self._answer([requests[index] for index in slab], [splits[index] for index in slab])

    def surprisal(self, requests: Sequence[Request]) -> Iterator[list[Response]]:
        """Yield the surprisal of each word: it is the continuation, and the words before it are the context.

        Raises RunFailed with E-RUN-ANSWER for `babylm-mask`, where a token is seen between those that follow it.
        """
        if self._scoring == "babylm-mask":
            raise RunFailed("E-RUN-ANSWER", "scoring babylm-mask sees what follows a word, so it has no surprisal")
        texts = split_words(requests, self._tokens.encode, self._tokens.tokenizer)
        self._report([Split(text.tokens, 0) for text in texts])
        for slab in slabs(texts, lambda tokens: tokens * tokens, most=TOKENS_SLAB):
            asked = [texts[index] for index in slab]
            pairs = [self._words(text) for text in asked]
            places = [[{at: word for at, _ in pair.targets} for pair, word in of] for of in pairs]
            tally = WordTally([requests[index] for index in slab], asked, places)
            yield from tally.empty()
            for batch in self._scored([pair for of in pairs for pair, _ in of]):
                yield tally.add(batch)

    def _words(self, text: Words) -> list[tuple[Pair, int]]:
        """Return what each word of a text asks, with the index of the word."""
        bounds = [bisect_left(text.owners, word) for word in range(text.count + 1)]
        splits = [Split(text.tokens[:end], start) for start, end in pairwise(bounds)]
        return [(pair, word) for word, split in enumerate(splits) for pair in self._pairs(split)]

    def _answer(self, requests: Sequence[Request], splits: Sequence[Split]) -> Iterator[list[Response]]:
        pairs = [self._pairs(split) for split in splits]
        tally = Tally(requests, [[len(pair.targets) for pair in of] for of in pairs])
        yield from tally.empty()
        for batch in self._scored([pair for of in pairs for pair in of]):
            yield tally.add((owner, value) for owner, _, value in batch)

    def _scored(self, pairs: Sequence[Pair]) -> Iterator[list[tuple[int, int, float]]]:
        """Yield, batch by batch, (index of the pair, position, log-probability) of all that is asked."""
        owners: dict[Pair, list[int]] = {}
        for owner, pair in enumerate(pairs):
            owners.setdefault(pair, []).append(owner)
        for batch in _batches(owners, tokens=self._at_once if self.padded else 1):
            with torch.inference_mode():
                values = self._score(batch, style=self.style)
            yield [
                (owner, position, value)
                for pair, of in zip(batch, values, strict=True)
                for owner in owners[pair]
                for (position, _), value in zip(pair.targets, of, strict=True)
            ]

    def _score(self, pairs: Sequence[Pair], *, style: str) -> list[list[float]]:
        """Return the log-probabilities of each pair's targets, in their order."""
        encoder, seen = padded([pair.encoder for pair in pairs], padding=self._tokens.padding)
        decoder, written = padded([pair.decoder for pair in pairs], padding=self._tokens.padding)
        width = decoder.shape[1]
        places: dict[int, int] = {}
        indices, tokens = [], []
        for number, pair in enumerate(pairs):
            for position, token in pair.targets:
                indices.append(places.setdefault(number * width + position, len(places)))
                tokens.append(token)
        asked = Asked(torch.tensor(list(places)), torch.tensor(indices), torch.tensor(tokens))
        inputs = {
            "input_ids": encoder,
            "attention_mask": seen,
            "decoder_input_ids": decoder,
            "decoder_attention_mask": written,
        }
        values = iter(self._head.logprobs(inputs, asked, style=style).tolist())
        return [[next(values) for _ in pair.targets] for pair in pairs]

    def _choose(self) -> tuple[str, bool, float]:
        """Return the fastest way that agrees with one text at a time, and the largest difference."""
        generator = torch.Generator().manual_seed(0)
        special = set(self._tokens.tokenizer.all_special_ids)
        pairs: list[Pair] = []
        for context, length in ((0, 2), (1, 1), (3, 5), (9, 2), (5, 11)):
            drawn = torch.randint(0, self._tokens.rows, (8 * (context + length),), generator=generator).tolist()
            plain = tuple(token for token in drawn if token not in special)[: context + length]
            pairs.extend(self._pairs(Split(plain, min(context, len(plain)))))
        with torch.inference_mode():
            found = engines.fastest(
                self._head.styles,
                lambda style: _flat(self._score(pairs, style=style)),
                plain=lambda: _flat([self._score([pair], style="full")[0] for pair in pairs]),
                dtype=self._dtype,
            )
        return ("full", False, 0.0) if found is None else (found[0], True, found[1])

    def _report(self, splits: Sequence[Split]) -> None:
        report_tokens(self._reporter, splits, limit=self._limit, longest=self._limit)


class Layout:
    """The ways to share a text between encoder and decoder; `limit`: how many tokens either sees."""

    def __init__(self, tokens: Tokens, *, start: int, limit: int) -> None:
        named = tokens.tokenizer
        self._before, self._after = tokens.before, tokens.after
        self._start = start
        self._limit = limit
        self._sentinel = tokens.named(SENTINEL)
        self._mask = self._sentinel if named.mask_token_id is None else int(named.mask_token_id)
        self._cls, self._bos, self._eos = (
            () if token is None else (int(token),)
            for token in (named.cls_token_id, named.bos_token_id, named.eos_token_id)
        )
        self._nothing = self._eos or (tokens.padding,)

    @property
    def ways(self) -> Mapping[str, Callable[[Split], list[Pair]]]:
        """Return, by `scoring`, what makes the pairs of a text."""
        return {
            "prefix": self.prefix,
            "fill-in": self.fill_in,
            "babylm-prefix": self.babylm_prefix,
            "babylm-mask": self.babylm_mask,
        }

    def prefix(self, split: Split) -> list[Pair]:
        """Context to the encoder, continuation to the decoder."""
        encoder = self._around(split.tokens[: split.start], self._before, self._after) or self._nothing
        return self._written(encoder, (self._start, *self._before), _rest(split))

    def fill_in(self, split: Split) -> list[Pair]:
        """The continuation as a gap of the text that the encoder sees."""
        context = split.tokens[: split.start]
        if self._sentinel is not None:
            encoder = self._around(context, self._before, (self._sentinel, *self._after))
            return self._written(encoder, (self._start, self._sentinel), _rest(split))
        encoder = self._around(context, self._before, (self._hidden(), *self._after))
        return self._written(encoder, (self._start, *self._before), split)

    def babylm_prefix(self, split: Split) -> list[Pair]:
        """As the pipeline of BabyLM 2025 calls `enc_dec_prefix`."""
        encoder = self._around(split.tokens[: split.start], self._cls, (self._hidden(), *self._eos))
        return self._written(encoder, self._bos or (self._hidden(),), _rest(split))

    def babylm_mask(self, split: Split) -> list[Pair]:
        """As the pipeline of BabyLM 2025 calls `enc_dec_mask`: one pair for each token of the continuation."""
        windows = masked_windows(split, self._limit - len(self._cls) - len(self._eos))
        pairs: list[Pair] = []
        for (tokens, _), asking in masked_copies(windows).items():
            shown = tuple(self._hidden() if token < 0 else token for token in tokens)
            encoder = (*self._cls, *shown, *self._eos)
            pairs.extend(Pair(encoder, self._bos or (self._hidden(),), ((0, token),)) for _, token in asking)
        return pairs

    def _written(self, encoder: Ids, head: Ids, split: Split) -> list[Pair]:
        windows = headed_windows(head, split, self._limit)
        return [Pair(encoder, window.inputs, window.targets) for window in windows]

    def _around(self, context: Ids, before: Ids, after: Ids) -> Ids:
        """Return a context with what stands around it; one that is too long loses its left end."""
        room = max(0, self._limit - len(before) - len(after))
        return (*before, *context[max(0, len(context) - room) :], *after)

    def _hidden(self) -> int:
        if self._mask is None:
            raise RunFailed("E-RUN-TOKENIZER", f"the tokenizer has neither a mask token nor {SENTINEL}")
        return self._mask


def decoder_start(model: Any) -> int | None:
    """Return the token that the decoder starts with; None where none is configured."""
    for settings in (model.config, getattr(model, "generation_config", None)):
        token = getattr(settings, "decoder_start_token_id", None)
        if isinstance(token, int):
            return token
    return None


def _rest(split: Split) -> Split:
    """Return the continuation alone, all of it scored."""
    return Split(split.tokens[split.start :], 0)


def _batches(pairs: Mapping[Pair, object], *, tokens: int) -> Iterator[list[Pair]]:
    """Group pairs of like length, the longest first, into batches of at most `tokens` tokens, padding counted."""
    batch: list[Pair] = []
    encoder = decoder = 0
    for pair in sorted(pairs, key=lambda pair: (-len(pair.encoder), -len(pair.decoder), pair)):
        widths = max(encoder, len(pair.encoder)), max(decoder, len(pair.decoder))
        if batch and (len(batch) + 1) * sum(widths) > tokens:
            yield batch
            batch = []
            widths = len(pair.encoder), len(pair.decoder)
        encoder, decoder = widths
        batch.append(pair)
    if batch:
        yield batch


def _flat(values: Sequence[Sequence[float]]) -> torch.Tensor:
    return torch.tensor([value for of in values for value in of])
