"""Masked models: pseudo-log-likelihood, every token of the continuation hidden once, alone.

Surprisal, for which a masked model has no definition of its own, is what BabyLM's evaluation of reading times takes
for it (after Samuel 2024, "BERTs are generative in-context learners"): a word's tokens from left to right, each with
the tokens before it and three hidden ones from it on, itself the first. BabyLM tokenises what stands before a word
and the word apart; here the text is tokenised whole.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch

from sandbox.runner.exchange import Request, Response
from sandbox.runner.hf import engines
from sandbox.runner.hf.batching import by_length, masked_copies, tokens_at_once
from sandbox.runner.hf.heads import Asked, Head
from sandbox.runner.hf.splitting import Split, Window, masked_windows, report_tokens, split_texts
from sandbox.runner.hf.surprisal import WordTally, prefix_copies, slabs, split_words
from sandbox.runner.hf.tally import Tally
from sandbox.runner.hf.tokens import Tokens
from sandbox.runner.progress import Reporter

SLAB = 4096
TOKENS_SLAB = 1 << 20
Copy = tuple[tuple[int, ...], int]
Copies = Mapping[Copy, list[tuple[int, int]]]


class MaskedBackend:
    """Answers with a masked model; copies that two requests share are computed once."""

    # How far before a hidden token the output that predicts it stands.
    shift = 0

    def __init__(self, model: Any, tokens: Tokens, *, limit: int, batch_size: int, reporter: Reporter) -> None:
        self._tokens = tokens
        self._mask = tokens.mask
        self._before, self._after = self._around(tokens)
        # Where nothing stands before a text, nothing predicts its first token from the position before it.
        self._lead = 0 if self._before else self.shift
        self._limit = limit - len(self._before) - len(self._after)
        self._at_once = tokens_at_once(batch_size)
        self._head = Head(model)
        self._reporter = reporter
        self._dtype = model.dtype
        self.style, self.padded, difference = self._choose(tokens.rows)
        layout = "padded" if self.padded else "single"
        reporter.event("engine", layout=layout, head=self.style, difference=difference)

    def loglikelihood(self, requests: Sequence[Request]) -> Iterator[list[Response]]:
        """Yield responses; neighbours in the order of their length and tokens are answered together."""
        pairs = [(request["context"], request["continuation"]) for request in requests]
        splits = split_texts(pairs, self._tokens.encode)
        self._report(splits)
        for slab in slabs(splits, lambda _tokens: 1, most=SLAB):
            yield from self._answer([requests[index] for index in slab], [splits[index] for index in slab])

    def surprisal(self, requests: Sequence[Request]) -> Iterator[list[Response]]:
        """Yield the surprisals of words; texts in the order of their length are answered together."""
        texts = split_words(requests, self._tokens.encode, self._tokens.tokenizer)
        self._report([Split(text.tokens, 0) for text in texts])
        for slab in slabs(texts, lambda tokens: tokens * tokens, most=TOKENS_SLAB):
            asked = [texts[index] for index in slab]
            # One window for each token; what stands in front of all that is scored belongs to no word's sum.
            places = [
                [{0: word} if index >= self._lead else {} for index, word in enumerate(text.owners)] for text in asked
            ]
            tally = WordTally([requests[index] for index in slab], asked, places)
            yield from tally.empty()
            copies = prefix_copies(asked, self._limit)
            for batch in self._scored({copy: of for copy, of in copies.items() if copy[1] >= self._lead}):
                yield tally.add((window, 0, value) for window, value in batch)

    def _answer(self, requests: Sequence[Request], splits: Sequence[Split]) -> Iterator[list[Response]]:
        windows = [masked_windows(split, self._limit, lead=self._lead) for split in splits]
        tally = Tally(requests, [[len(window.targets) for window in asked] for asked in windows])
        yield from tally.empty()
        for batch in self._scored(masked_copies([window for asked in windows for window in asked])):
            yield tally.add(batch)

    def _scored(self, copies: Copies) -> Iterator[list[tuple[int, float]]]:
        """Yield, batch by batch, (index of the window, log-probability) of all that the copies are asked for."""
        for batch in by_length(list(copies), tokens=self._at_once if self.padded else 1):
            with torch.inference_mode():
                values = self._score(batch, [copies[copy] for copy in batch], style=self.style)
            owners = [owner for copy in batch for owner, _ in copies[copy]]
            yield list(zip(owners, values.tolist(), strict=True))

    def _around(self, tokens: Tokens) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Return the special tokens before and after a text."""
        return tokens.before, tokens.after

    def _score(
        self, copies: Sequence[Copy], asking: Sequence[Sequence[tuple[int, int]]], *, style: str
    ) -> torch.Tensor:
        """Return the hidden tokens' log-probabilities, copy by copy, in the order they are asked."""
        before, after = self._before, self._after
        width = max(len(tokens) for tokens, _ in copies) + len(before) + len(after)
        # Some models count positions by what is not padding, so it has to be their own padding token.
        padding = self._tokens.padding
        ids, lengths, positions = [], [], []
        for number, (tokens, position) in enumerate(copies):
            shown = [self._mask if token < 0 else token for token in tokens]
            row = [*before, *shown, *after]
            lengths.append(len(row))
            positions.append(number * width + len(before) + position - self.shift)
            ids.append(row + [padding] * (width - len(row)))
        mask = (torch.arange(width)[None] < torch.tensor(lengths)[:, None]).long()
        asked = Asked(
            torch.tensor(positions),
            torch.tensor([number for number, of in enumerate(asking) for _ in of]),
            torch.tensor([token for of in asking for _, token in of]),
        )
        return self._head.logprobs({"input_ids": torch.tensor(ids), "attention_mask": mask}, asked, style=style)

    def _choose(self, rows: int) -> tuple[str, bool, float]:
        """Return the fastest way that agrees with one copy at a time, and the largest difference."""
        plain = torch.Generator().manual_seed(0)
        special = {*self._tokens.tokenizer.all_special_ids, -1}
        windows = []
        for length in (1, 3, 6, 11):
            drawn = torch.randint(0, rows, (4 * length,), generator=plain).tolist()
            tokens = tuple(token for token in drawn if token not in special)[: min(length, self._limit)]
            windows.append(Window(tokens, tuple(enumerate(tokens))[self._lead :]))
        copies = masked_copies(windows)
        with torch.inference_mode():
            found = engines.fastest(
                self._head.styles,
                lambda style: self._score(list(copies), list(copies.values()), style=style),
                plain=lambda: torch.cat([self._score([copy], [of], style="full") for copy, of in copies.items()]),
                dtype=self._dtype,
            )
        return ("full", False, 0.0) if found is None else (found[0], True, found[1])

    def _report(self, splits: Sequence[Split]) -> None:
        report_tokens(self._reporter, splits, limit=self._limit, longest=self._limit)
