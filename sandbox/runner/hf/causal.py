"""Causal models: ln p of the continuation's tokens, or of each word's, left to right."""

from collections.abc import Iterator, Sequence
from typing import Any

import torch

from sandbox.runner.exchange import Request, Response
from sandbox.runner.hf import engines
from sandbox.runner.hf.batching import tokens_at_once
from sandbox.runner.hf.heads import Head
from sandbox.runner.hf.splitting import Split, Window, add_first, causal_windows, report_tokens, split_texts
from sandbox.runner.hf.surprisal import WordTally, owners_in, slabs, split_words
from sandbox.runner.hf.tally import Tally
from sandbox.runner.hf.tokens import Tokens
from sandbox.runner.progress import Reporter

SLAB = 16384
WORDS_SLAB = 1 << 18  # tokens


class CausalBackend:
    """Answers with a causal model; a score depends on the request's text, not on its neighbours or their order."""

    def __init__(
        self, model: Any, tokens: Tokens, *, bos: str, limit: int, batch_size: int, reporter: Reporter
    ) -> None:
        self._tokens = tokens
        self._first = tokens.first_token(bos)
        self._limit = limit
        self._at_once = tokens_at_once(batch_size)
        self._head = Head(model)
        self._config = model.config.get_text_config()
        self._dtype = model.dtype
        self._reporter = reporter
        self.engine, difference = engines.choose(
            self._head,
            engines.probe(model.get_input_embeddings().weight.shape[0], limit),
            tokens=self._at_once,
            dtype=self._dtype,
        )
        reporter.event("engine", layout=self.engine.layout, head=self.engine.style, difference=difference)

    def loglikelihood(self, requests: Sequence[Request]) -> Iterator[list[Response]]:
        """Yield responses; neighbours in the order of their tokens are answered together."""
        pairs = [(request["context"], request["continuation"]) for request in requests]
        splits = [add_first(split, self._first) for split in split_texts(pairs, self._tokens.encode)]
        self._report(splits)
        order = sorted(range(len(splits)), key=lambda index: (splits[index].tokens, splits[index].start))
        for start in range(0, len(order), SLAB):
            slab = order[start : start + SLAB]
            yield from self._answer([requests[index] for index in slab], [splits[index] for index in slab])

    def surprisal(self, requests: Sequence[Request]) -> Iterator[list[Response]]:
        """Yield each word's surprisal: -ln p of its tokens, given the words before it.

        A text's surprisals add up to minus the log-likelihood of the whole text after an empty context; where nothing
        stands before it, its own first token is not counted.
        """
        texts = split_words(requests, self._tokens.encode, self._tokens.tokenizer)
        splits = [add_first(Split(text.tokens, 0), self._first) for text in texts]
        self._report(splits)
        for slab in slabs(texts, lambda tokens: tokens, most=WORDS_SLAB):
            windows = [causal_windows(splits[index], self._limit) for index in slab]
            asked = [texts[index] for index in slab]
            places = [owners_in(of, text.owners) for of, text in zip(windows, asked, strict=True)]
            tally = WordTally([requests[index] for index in slab], asked, places)
            yield from tally.empty()
            for batch in self._scored([window for of in windows for window in of]):
                yield tally.add(batch)

    def _answer(self, requests: Sequence[Request], splits: Sequence[Split]) -> Iterator[list[Response]]:
        windows = [causal_windows(split, self._limit) for split in splits]
        tally = Tally(requests, [[len(window.targets) for window in asked] for asked in windows])
        yield from tally.empty()
        for batch in self._scored([window for asked in windows for window in asked]):
            yield tally.add((owner, value) for owner, _, value in batch)

    def _scored(self, windows: Sequence[Window]) -> Iterator[list[engines.Scored]]:
        groups: dict[engines.Engine, list[int]] = {}
        for index, window in enumerate(windows):
            groups.setdefault(self._engine(len(window.inputs)), []).append(index)
        for engine, indices in groups.items():
            chosen = [windows[index] for index in indices]
            batches = engines.run(self._head, engine, chosen, tokens=self._at_once, dtype=self._dtype)
            while (batch := self._next(batches)) is not None:
                yield [(indices[owner], position, value) for owner, position, value in batch]

    def _next(self, batches: Iterator[list[engines.Scored]]) -> list[engines.Scored] | None:
        # The mode is entered for each batch: a generator that is left alone must not leave it switched on.
        with torch.inference_mode():
            return next(batches, None)

    def _engine(self, length: int) -> engines.Engine:
        if self.engine.layout == "packed" and not engines.may_pack(self._config, length):
            return engines.Engine("padded", self.engine.style)
        return self.engine

    def _report(self, splits: Sequence[Split]) -> None:
        report_tokens(self._reporter, splits, limit=self._limit, longest=self._limit + 1)
