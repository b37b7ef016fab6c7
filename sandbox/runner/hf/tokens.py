"""A tokenizer as the backends need it: plain tokens, and what it puts around a text."""

from typing import Any

from sandbox.runner.errors import RunFailed
from sandbox.runner.hf.splitting import FirstToken


class Tokens:
    """A tokenizer whose ids are checked against the model's `rows` embeddings."""

    def __init__(self, tokenizer: Any, *, rows: int) -> None:
        self.tokenizer = tokenizer
        self.rows = rows
        self.before, self.after = self._around()

    def encode(self, texts: list[str]) -> list[list[int]]:
        """Tokenise texts without special tokens; raises RunFailed with E-RUN-TOKENIZER for an id without embedding."""
        if not texts:
            return []
        ids: list[list[int]] = self.tokenizer(
            texts, add_special_tokens=False, return_attention_mask=False, return_token_type_ids=False, verbose=False
        )["input_ids"]
        highest = max((max(tokens) for tokens in ids if tokens), default=0)
        if highest >= self.rows:
            raise RunFailed("E-RUN-TOKENIZER", f"token {highest}, but the model has {self.rows} embeddings")
        return ids

    def first_token(self, bos: str) -> FirstToken:
        """Return what `bos` declares.

        `none`: nothing. `tokenizer`: what the tokenizer itself puts before a text; where it puts nothing, an empty
        context is still its bos token, or else its eos token. Anything else: that token, before every text.
        """
        if bos == "none":
            return FirstToken()
        if bos == "tokenizer":
            if self.before:
                return FirstToken(self.before, self.before)
            for token in (self.tokenizer.bos_token_id, self.tokenizer.eos_token_id):
                if token is not None:
                    return FirstToken((), (token,))
            raise RunFailed("E-RUN-BOS", "the tokenizer has neither a bos nor an eos token; declare another")
        token = self.tokenizer.get_vocab().get(bos)
        if token is None or token >= self.rows:
            raise RunFailed("E-RUN-BOS", bos)
        return FirstToken((token,), (token,))

    @property
    def mask(self) -> int:
        """Return the mask token's id; raises RunFailed with E-RUN-TOKENIZER where there is none."""
        token = self.tokenizer.mask_token_id
        if token is None:
            raise RunFailed("E-RUN-TOKENIZER", "the tokenizer has no mask token")
        return int(token)

    @property
    def opening(self) -> tuple[int, ...]:
        """Return what stands before a text: what the tokenizer puts there, or else its cls or bos token, or nothing."""
        if self.before:
            return self.before
        for token in (self.tokenizer.cls_token_id, self.tokenizer.bos_token_id):
            if token is not None:
                return (int(token),)
        return ()

    @property
    def padding(self) -> int:
        """Return the padding token's id, 0 where there is none: what stands there is hidden from the model."""
        token = self.tokenizer.pad_token_id
        return 0 if token is None else int(token)

    def named(self, token: str) -> int | None:
        """Return the id of a token by its name; None where the tokenizer or the model has no such token."""
        found = self.tokenizer.get_vocab().get(token)
        return None if found is None or found >= self.rows else int(found)

    def _around(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Return the special tokens before and after a text."""
        text = "a"
        bare = self.tokenizer(text, add_special_tokens=False)["input_ids"]
        full = self.tokenizer(text)["input_ids"]
        for start in range(len(full) - len(bare) + 1):
            if full[start : start + len(bare)] == bare:
                return tuple(full[:start]), tuple(full[start + len(bare) :])
        return (), ()
