"""Images as a model gets them: the staged file, through the folder's own image processor."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from sandbox.runner.errors import RunFailed
from sandbox.runner.hf import engines
from sandbox.runner.hf.tokens import Tokens

PLACEHOLDER = "<image>"
# What a processor says of the text, which is put together here.
OF_TEXT = {"input_ids", "attention_mask"}


@dataclass(frozen=True, slots=True)
class Look:
    """Some images before a text: the tokens that stand for them, and what else the model is given.

    `kinds` are given for each token: the images' own here, 0 for text.
    """

    tokens: tuple[int, ...]
    inputs: dict[str, torch.Tensor]
    kinds: dict[str, list[int]]


class Pictures:
    """Reads images by digest below `media` and processes them as the model folder says."""

    def __init__(self, processor: Any, *, media: Path) -> None:
        self._processor = processor
        self._media = media

    @property
    def processor(self) -> Any:
        """Return the image processor alone."""
        return getattr(self._processor, "image_processor", self._processor)

    def open(self, digest: str) -> Any:
        """Return an image in RGB; raises RunFailed with E-RUN-JOB where it is not staged, or is no image."""
        # Only now: what needs no images does not need Pillow either.
        from PIL import Image, UnidentifiedImageError

        try:
            with Image.open(self._media / digest) as image:
                return image.convert("RGB")
        except (OSError, UnidentifiedImageError) as error:
            raise RunFailed("E-RUN-JOB", f"media/{digest}: {error}") from error

    def placeholder(self, tokens: Tokens) -> str:
        """Return the text that stands for an image; empty for models that take images beside the text alone."""
        for owner in (self._processor, tokens.tokenizer):
            token = getattr(owner, "image_token", None)
            if isinstance(token, str):
                return token
        return PLACEHOLDER if tokens.named(PLACEHOLDER) is not None else ""

    def values(self, images: Sequence[Any]) -> dict[str, torch.Tensor]:
        """Return what the image processor makes of images; raises RunFailed with E-RUN-ANSWER."""
        try:
            return dict(self.processor(images=list(images), return_tensors="pt"))
        except engines.UNFIT as error:
            raise RunFailed("E-RUN-ANSWER", f"the image processor failed: {error}") from error

    def look(self, images: Sequence[Any], tokens: Tokens) -> Look:
        """Return images as a text's beginning; raises RunFailed with E-RUN-ANSWER."""
        mark = self.placeholder(tokens)
        if not mark:
            if len(images) > 1:
                raise RunFailed("E-RUN-ANSWER", "this model has no token for an image, so it sees one at a time")
            return Look((), self.values(images), {})
        if not hasattr(self._processor, "image_processor"):
            return Look(tuple(tokens.encode([mark * len(images)])[0]), self.values(images), {})
        try:
            made = dict(self._processor(text=[mark * len(images)], images=list(images), return_tensors="pt"))
        except engines.UNFIT as error:
            raise RunFailed("E-RUN-ANSWER", f"the image processor failed: {error}") from error
        whole: list[int] = made["input_ids"][0].tolist()
        # What the tokenizer puts around a text is put there once the text is known.
        begin = len(tokens.before) if tuple(whole[: len(tokens.before)]) == tokens.before else 0
        closes = tokens.after and tuple(whole[-len(tokens.after) :]) == tokens.after
        end = len(whole) - (len(tokens.after) if closes else 0)
        others = {name: value for name, value in made.items() if name not in OF_TEXT and torch.is_tensor(value)}
        kinds = {
            name: value[0, begin:end].tolist()
            for name, value in others.items()
            if value.shape == made["input_ids"].shape and not value.is_floating_point()
        }
        inputs = {name: value for name, value in others.items() if name not in kinds}
        return Look(tuple(whole[begin:end]), inputs, kinds)
