"""Dual encoders (CLIP, SigLIP and their kin): a vector for a text, a vector for an image, and how near they are.

Similarity of a text and an image is the model's own: the cosine of their vectors times its learnt scale, plus its bias
where it has one (`logits_per_image`). Of two images or two texts: the cosine. Vectors are made one at a time, so that
nothing depends on what else is asked. Such a model gives no log-probabilities.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch

from sandbox.runner.errors import RunFailed
from sandbox.runner.exchange import Request, Response
from sandbox.runner.hf import engines
from sandbox.runner.hf.pictures import Pictures
from sandbox.runner.hf.vision import Seen, cosines, kind_of
from sandbox.runner.progress import Reporter
from sandbox.runner.values import finite

# They were trained on texts padded to their full length, and read the last position.
FULL_LENGTH = ("siglip",)


class DualEncoderBackend:
    """Answers similarity requests; each text and each image of a request is encoded once."""

    def __init__(self, model: Any, tokenizer: Any, pictures: Pictures, *, limit: int, reporter: Reporter) -> None:
        self._model = model
        self._tokenizer = tokenizer
        self._pictures = pictures
        self._limit = limit
        self._full = str(getattr(model.config, "model_type", "")).startswith(FULL_LENGTH)
        reporter.event("engine", layout="single", head="full", difference=0.0)

    def similarity(self, requests: Sequence[Request]) -> Iterator[list[Response]]:
        """Yield matrices; raises RunFailed with E-RUN-ANSWER for what is both text and image, and for mixtures."""
        for request in requests:
            sides = {kind_of(request["rows"]), kind_of(request["cols"])}
            if "both" in sides:
                raise RunFailed("E-RUN-ANSWER", "a dual encoder looks at a text or at an image, not at both at once")
            found: dict[tuple[str, str], torch.Tensor] = {}
            rows, cols = ([self._vector(seen, found) for seen in request[side]] for side in ("rows", "cols"))
            matrix = cosines(rows, cols)
            if len(sides) > 1:
                scale, bias = self._scale()
                matrix = [[finite(scale * value + bias) for value in row] for row in matrix]
            yield [{"id": request["id"], "matrix": matrix}]

    def _vector(self, seen: Seen, found: dict[tuple[str, str], torch.Tensor]) -> torch.Tensor:
        ((kind, value),) = seen.items()
        if (kind, value) not in found:
            make: Callable[[str], torch.Tensor] = self._text if kind == "text" else self._image
            with engines.answering(), torch.inference_mode():
                found[kind, value] = make(value)
        return found[kind, value]

    def _text(self, text: str) -> torch.Tensor:
        inputs = self._tokenizer(
            [text],
            padding="max_length" if self._full else False,
            padding_side="right",
            truncation=True,
            max_length=self._limit,
            return_tensors="pt",
            return_token_type_ids=False,
        )
        return _pooled(self._model.get_text_features(**inputs))

    def _image(self, digest: str) -> torch.Tensor:
        values = self._pictures.values([self._pictures.open(digest)])
        inputs = {
            name: value.to(self._model.dtype) if value.is_floating_point() else value for name, value in values.items()
        }
        return _pooled(self._model.get_image_features(**inputs))

    def _scale(self) -> tuple[float, float]:
        """Return the model's own scale and bias, 1 and 0 where it has none."""
        scale, bias = (getattr(self._model, name, None) for name in ("logit_scale", "logit_bias"))
        return (1.0 if scale is None else float(scale.exp())), (0.0 if bias is None else float(bias))


def _pooled(output: Any) -> torch.Tensor:
    """Return the one vector [H] of what a model returned: the vectors [1, H], or an object that holds them."""
    vectors = output if isinstance(output, torch.Tensor) else output.pooler_output
    vector: torch.Tensor = vectors[0].float()
    return vector
