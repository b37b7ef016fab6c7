"""Ways to run a causal model over many sequences, and the comparison that says which is right for this model."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import torch

from sandbox.runner.errors import RunFailed
from sandbox.runner.hf.batching import plain_rows
from sandbox.runner.hf.heads import Asked, Head, padded
from sandbox.runner.hf.packing import Row, pack, rows_by_width
from sandbox.runner.hf.splitting import Window

Way = TypeVar("Way")
Scored = tuple[int, int, float]
# What a model raises that does not take a mask or positions of ours, or whose output is not what its kin have.
UNFIT = (TypeError, ValueError, RuntimeError, IndexError, KeyError, AttributeError, NotImplementedError)
ROPES = {"default", "linear", "llama3", "yarn"}
LONGEST_PACKED = 2048


@dataclass(frozen=True, slots=True)
class Engine:
    """How sequences are laid out (packed, padded, single) and how the output layer is used."""

    layout: str
    style: str


def engines(head: Head) -> list[Engine]:
    """Return the engines a model may use, the fastest first; the last is the plain one."""
    pairs = [Engine(layout, style) for layout in ("packed", "padded") for style in head.styles]
    return [*pairs, Engine("single", "full")]


def run(
    head: Head, engine: Engine, windows: Sequence[Window], *, tokens: int, dtype: torch.dtype
) -> Iterator[list[Scored]]:
    """Yield, batch by batch, (index of the window, position in it, log-probability) for everything the windows ask."""
    packed = engine.layout == "packed"
    rows = pack(windows) if packed else plain_rows(windows)
    for batch in rows_by_width(rows, tokens=1 if engine.layout == "single" else tokens):
        inputs = packed_inputs(batch, dtype) if packed else padded_inputs(batch)
        width = len(batch[0])
        places: dict[int, int] = {}
        indices = [
            places.setdefault(number * width + wanted.node, len(places))
            for number, row in enumerate(batch)
            for wanted in row.wanted
        ]
        asked = [wanted for row in batch for wanted in row.wanted]
        logprobs = head.logprobs(
            inputs,
            Asked(torch.tensor(list(places)), torch.tensor(indices), torch.tensor([wanted.token for wanted in asked])),
            style=engine.style,
        )
        # A node's depth in its row is the position in the window that asks.
        where = [(wanted.owner, row.depths[wanted.node]) for row in batch for wanted in row.wanted]
        yield [(*place, value) for place, value in zip(where, logprobs.tolist(), strict=True)]


def packed_inputs(rows: Sequence[Row], dtype: torch.dtype) -> dict[str, torch.Tensor]:
    """Return input ids, positions [B, L] and an additive mask [B, 1, L, L]: every node sees its ancestors alone."""
    width = max(len(row) for row in rows)
    ids, _ = padded([row.tokens for row in rows], padding=0)
    depths, _ = padded([row.depths for row in rows], padding=0)
    # Padding sees itself, so that no row of the mask is empty.
    ends = torch.tensor([[*row.ends, *range(len(row) + 1, width + 1)] for row in rows])
    index = torch.arange(width)
    seen = (index[None, None, :] <= index[None, :, None]) & (index[None, :, None] < ends[:, None, :])
    mask = torch.zeros(seen.shape, dtype=dtype).masked_fill_(~seen, torch.finfo(dtype).min)
    return {"input_ids": ids, "position_ids": depths, "attention_mask": mask[:, None]}


def padded_inputs(rows: Sequence[Row]) -> dict[str, torch.Tensor]:
    """Return input ids and mask [B, L] of sequences padded on the right."""
    ids, mask = padded([row.tokens for row in rows], padding=0)
    return {"input_ids": ids, "attention_mask": mask}


def may_pack(config: Any, longest: int) -> bool:
    """Say whether a sequence of that length sees, packed, exactly what it sees alone.

    Sliding windows and positions scaled by the length of the input would differ beyond the lengths that are compared.
    """
    window = getattr(config, "sliding_window", None)
    # As transformers 5 calls them, and 4, and folders older than both.
    parameters = getattr(config, "rope_parameters", None) or getattr(config, "rope_scaling", None) or {}
    kinds = [value for value in parameters.values() if isinstance(value, dict)] or [parameters]
    ropes = {kind.get("rope_type") or kind.get("type") or "default" for kind in kinds}
    return longest <= LONGEST_PACKED and (window is None or longest < window) and ropes <= ROPES


def probe(rows: int, limit: int) -> list[Window]:
    """Return sequences to compare engines on: random tokens from a fixed seed, shared and unequal beginnings."""
    generator = torch.Generator().manual_seed(0)
    stem = torch.randint(0, rows, (24,), generator=generator).tolist()
    windows = []
    for length in (1, 2, 3, 5, 8, 13, 21):
        for shared in (0, length // 2, length - 1):
            own = torch.randint(0, rows, (length - shared + 1,), generator=generator).tolist()
            tokens = (stem[:shared] + own)[: limit + 1]
            targets = tuple((index, token) for index, token in enumerate(tokens[1:]))
            windows.append(Window(tuple(tokens[:-1]), targets))
    return windows


def choose(head: Head, windows: Sequence[Window], *, tokens: int, dtype: torch.dtype) -> tuple[Engine, float]:
    """Return the fastest engine that agrees with the plain one, and the largest difference of one token.

    Raises RunFailed with E-RUN-ANSWER where even the plain one fails.
    """
    *faster, plain = engines(head)

    def table(engine: Engine) -> torch.Tensor:
        return _table(head, engine, windows, tokens=tokens, dtype=dtype)

    return fastest(faster, table, plain=lambda: table(plain), dtype=dtype) or (plain, 0.0)


@contextmanager
def answering() -> Iterator[None]:
    """What a model raises that does not take what it is given ends as RunFailed with E-RUN-ANSWER."""
    try:
        yield
    except UNFIT as error:
        raise RunFailed("E-RUN-ANSWER", f"{type(error).__name__}: {error}") from error


def fastest(
    ways: Iterable[Way],
    values: Callable[[Way], torch.Tensor],
    *,
    plain: Callable[[], torch.Tensor],
    dtype: torch.dtype,
) -> tuple[Way, float] | None:
    """Return the first way whose values agree with the plain ones, and the largest difference; None where none does.

    Raises RunFailed with E-RUN-ANSWER where even the plain ones can't be had.
    """
    with answering():
        reference = plain()
    for way in ways:
        try:
            difference = (values(way) - reference).abs()
        except UNFIT:
            continue
        if agrees(difference, dtype):
            return way, float(difference.max())
    return None


def agrees(difference: torch.Tensor, dtype: torch.dtype) -> bool:
    """Say whether differences of log-probabilities of single tokens are rounding: below 1e-4 in fp32.

    In bf16 a logit of 20 is rounded to 1/16, whatever the engine; a wrong mask costs whole units in the mean.
    """
    if dtype == torch.float32:
        return bool(difference.max() < 1e-4)
    return bool(difference.mean() < 0.1 and difference.max() < 0.75)


def _table(head: Head, engine: Engine, windows: Sequence[Window], *, tokens: int, dtype: torch.dtype) -> torch.Tensor:
    with torch.inference_mode():
        scored = [entry for batch in run(head, engine, windows, tokens=tokens, dtype=dtype) for entry in batch]
    return torch.tensor([value for _, _, value in sorted(scored, key=lambda entry: entry[:2])])
