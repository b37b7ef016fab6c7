"""Masked next-token prediction (GPT-BERT, LTG-BERT trained so): a hidden token is read at the position before it.

Every token of the continuation is hidden once, alone, all others stay visible, and its log-probability is that of the
output at the position before it: the sum over t of ln p(x_t | x without x_t), read at t - 1. This is what the
evaluations of GPT-BERT and of BabyLM 2025 compute, with these particulars. Before a text stands what the tokenizer
puts there, or else its cls or bos token; after it nothing, though the tokenizer itself might put a token there: so do
GPT-BERT's evaluation and BabyLM 2025's (2026's leaves the tokenizer's own closing token where it is). Where nothing
stands before a text, its first token is not scored; BabyLM 2025 leaves it out too, but then reads every other token
at its own position instead of the one before.
"""

from sandbox.runner.hf.masked import MaskedBackend
from sandbox.runner.hf.tokens import Tokens


class MntpBackend(MaskedBackend):
    """Answers with a model trained by masked next-token prediction."""

    shift = 1

    def _around(self, tokens: Tokens) -> tuple[tuple[int, ...], tuple[int, ...]]:
        return tokens.opening, ()
