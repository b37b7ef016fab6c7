"""A model with a classification head of our own: one definition for every architecture.

The head and the place it looks at are those of BabyLM's evaluation pipeline of 2025 (`finetune/classifier_model.py`).
"""

from typing import Any

import torch
from torch import nn

from sandbox.runner.hf.encoder_decoder import decoder_start

EPSILON = 1e-5


class Classifier(nn.Module):  # type: ignore[misc, unused-ignore]  # PyTorch is in the images alone
    """The model's body and a new head over one token's last hidden state.

    Causal models are read at the text's last token, masked ones at the first, encoder-decoders at the one token that
    their decoder is started with.
    """

    def __init__(self, model: Any, *, backend: str, classes: int, head: str, dropout: float, padding: int) -> None:
        super().__init__()
        model.config.use_cache = False
        self.model = model
        self._backend = backend
        self.padding = padding
        size = self._hidden_size()
        self.head = _mlp(size, classes, dropout) if head == "mlp" else _linear(size, classes, dropout)

    def forward(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Return logits [B, classes] of token ids and mask [B, L], padded on the right."""
        logits: torch.Tensor = self.head(self._pooled(ids, mask).float())
        return logits

    def _pooled(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        if self._backend == "encoder-decoder":
            token = decoder_start(self.model)
            start = torch.full((len(ids), 1), self.padding if token is None else token)
            return self._hidden({"input_ids": ids, "attention_mask": mask, "decoder_input_ids": start})[:, 0]
        hidden = self._hidden({"input_ids": ids, "attention_mask": mask})
        if self._backend in ("causal", "vision"):
            return hidden[torch.arange(len(ids)), mask.sum(dim=1) - 1]
        return hidden[:, 0]

    def _hidden(self, inputs: dict[str, torch.Tensor]) -> torch.Tensor:
        """Return the last hidden states [B, L, H]: the body's output, or what the whole model names so."""
        body = getattr(self.model, "base_model", self.model)
        if body is not self.model:
            output = body(**inputs)
            hidden = output[0] if isinstance(output, tuple) else getattr(output, "last_hidden_state", None)
        else:
            output = self.model(**inputs, output_hidden_states=True)
            states = getattr(output, "decoder_hidden_states", None) or getattr(output, "hidden_states", None)
            hidden = states[-1] if isinstance(states, (list, tuple)) else states
        if not isinstance(hidden, torch.Tensor):
            raise TypeError("the model returns no hidden states")
        return hidden

    def _hidden_size(self) -> int:
        """Return H, found by a try: configurations name it in many ways."""
        with torch.no_grad():
            return int(self._pooled(torch.tensor([[self.padding]]), torch.tensor([[1]])).shape[-1])


def _mlp(size: int, classes: int, dropout: float) -> nn.Module:
    return nn.Sequential(
        nn.LayerNorm(size, EPSILON, elementwise_affine=False),
        nn.Linear(size, size),
        nn.GELU(),
        nn.LayerNorm(size, EPSILON, elementwise_affine=False),
        nn.Dropout(dropout),
        nn.Linear(size, classes),
    )


def _linear(size: int, classes: int, dropout: float) -> nn.Module:
    return nn.Sequential(nn.Dropout(dropout), nn.Linear(size, classes))
