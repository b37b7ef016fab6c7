"""From hidden states to the log-probabilities that are asked, without the vocabulary's other millions of numbers.

Three ways, the fastest first: `buffered` takes the hidden states in front of the output layer and makes the
asked logits in memory that is used again; `selected` lets the model compute logits of the asked positions alone;
`full` of all.
Which of them are right for a model is found out by comparison, in `engines`.
"""

import inspect
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch

STYLES = ("buffered", "selected", "full")
# Logits held at once: 64 MiB in fp32.
BUFFER = 1 << 24


@dataclass(frozen=True, slots=True)
class Asked:
    """What is scored of a batch: flat `positions` [K]; for each of N targets its index in them, and its token."""

    positions: torch.Tensor
    indices: torch.Tensor
    tokens: torch.Tensor


class Head:
    """A model's output layer."""

    def __init__(self, model: Any) -> None:
        self._model = model
        self._options = {"use_cache": False} if takes(model.forward, "use_cache") else {}
        layer = _output_layer(model)
        self._layer = layer if type(layer) is torch.nn.Linear else None
        self._buffers: dict[torch.dtype, torch.Tensor] = {}

    @property
    def styles(self) -> tuple[str, ...]:
        """Return the ways this model allows."""
        return STYLES if self._layer is not None else ("full",)

    def logprobs(self, inputs: dict[str, torch.Tensor], asked: Asked, *, style: str) -> torch.Tensor:
        """Run the model; return the N targets' log-probabilities in fp32."""
        if style == "buffered":
            with self._select(asked.positions, keep=False) as hidden:
                self._model(**inputs, **self._options)
            return self._buffered(hidden[0], asked)
        if style == "selected":
            with self._select(asked.positions, keep=True):
                logits = self._forward(inputs)
            return _gather(logits.reshape(-1, logits.shape[-1]), asked)
        logits = self._forward(inputs)
        return _gather(logits.reshape(-1, logits.shape[-1])[asked.positions], asked)

    def _forward(self, inputs: dict[str, torch.Tensor]) -> torch.Tensor:
        return logits_of(self._model(**inputs, **self._options))

    @contextmanager
    def _select(self, positions: torch.Tensor, *, keep: bool) -> Iterator[list[torch.Tensor]]:
        """Give the output layer only the asked positions, or, unless they are kept there, one row for form's sake."""
        taken: list[torch.Tensor] = []

        def hook(_: torch.nn.Module, arguments: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
            hidden = arguments[0]
            rows = hidden.reshape(-1, hidden.shape[-1])[positions]
            taken.append(rows)
            return ((rows if keep else rows[:1])[None],)

        if self._layer is None:
            raise RuntimeError("this model's output layer is not a plain linear layer")
        handle = self._layer.register_forward_pre_hook(hook)
        try:
            yield taken
        finally:
            handle.remove()

    def _buffered(self, hidden: torch.Tensor, asked: Asked) -> torch.Tensor:
        if self._layer is None:
            raise RuntimeError("this model's output layer is not a plain linear layer")
        weight, bias = self._layer.weight, self._layer.bias
        order = torch.argsort(asked.indices, stable=True)
        tokens, indices = asked.tokens[order], asked.indices[order]
        step = max(16, BUFFER // len(weight))
        bounds = torch.searchsorted(indices, torch.arange(0, len(hidden) + step, step)).tolist()
        found = hidden.new_empty(len(tokens), dtype=torch.float32)
        for number, rows in enumerate(hidden.split(step)):
            here = slice(bounds[number], bounds[number + 1])
            logits = self._buffer(len(rows), len(weight), hidden.dtype)
            if bias is None:
                torch.mm(rows, weight.t(), out=logits)
            else:
                torch.addmm(bias, rows, weight.t(), out=logits)
            if logits.dtype != torch.float32:
                logits = self._buffer(len(rows), len(weight), torch.float32).copy_(logits)
            torch.log_softmax(logits, dim=-1, out=logits)
            found[here] = logits[indices[here] - number * step, tokens[here]]
        result = torch.empty_like(found)
        result[order] = found
        return result

    def _buffer(self, rows: int, columns: int, dtype: torch.dtype) -> torch.Tensor:
        """Return memory that was touched before: fresh pages cost as much as the matrix product that fills them."""
        buffer = self._buffers.get(dtype)
        if buffer is None or buffer.shape[0] < rows:
            buffer = self._buffers[dtype] = torch.empty(rows, columns, dtype=dtype)
        return buffer[:rows]


def takes(function: Any, name: str) -> bool:
    """Say whether a function has a parameter of that name, or takes any; a model's own code may be strict."""
    parameters = inspect.signature(function).parameters
    return name in parameters or any(entry.kind is entry.VAR_KEYWORD for entry in parameters.values())


def logits_of(outputs: Any) -> torch.Tensor:
    """Return the logits of what a model returned: an object that names them, or a tuple that begins with them."""
    logits: torch.Tensor = outputs[0] if isinstance(outputs, tuple) else outputs["logits"]
    return logits


def _output_layer(model: Any) -> Any:
    """Return a model's output layer; None where a model of its own kind does not say."""
    try:
        return model.get_output_embeddings()
    except (AttributeError, NotImplementedError):
        return None


def _gather(logits: torch.Tensor, asked: Asked) -> torch.Tensor:
    """Return log-probabilities of targets from the logits [K, vocabulary] of the asked positions."""
    return torch.log_softmax(logits.float(), dim=-1)[asked.indices, asked.tokens]


def padded(rows: Sequence[Sequence[int]], *, padding: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return token ids and mask [B, L] of rows, padded on the right."""
    width = max(len(row) for row in rows)
    ids = torch.tensor([[*row, *([padding] * (width - len(row)))] for row in rows])
    lengths = torch.tensor([len(row) for row in rows])
    return ids, (torch.arange(width)[None] < lengths[:, None]).long()
