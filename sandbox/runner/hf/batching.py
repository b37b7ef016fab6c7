"""Plain batches: sequences of like length, padding and repetition kept small."""

from collections.abc import Iterator, Sequence

from sandbox.runner.hf.packing import Row, Wanted
from sandbox.runner.hf.splitting import Window

# Tokens of a request of ordinary length. Below 1,024 tokens at once, reading the weights from memory shows.
REQUEST = 32


def tokens_at_once(batch_size: int) -> int:
    """Return how many tokens one forward pass may hold: a batch of requests of ordinary length."""
    return batch_size * REQUEST


def plain_rows(windows: Sequence[Window]) -> list[Row]:
    """Return one row for every sequence that is not the beginning of another; the other rides along."""
    order = sorted(range(len(windows)), key=lambda index: (windows[index].inputs, windows[index].targets))
    rows: list[Row] = []
    wanted: list[Wanted] = []
    for owner, following in zip(order, [*order[1:], None], strict=True):
        window = windows[owner]
        length = len(window.inputs)
        wanted.extend(Wanted(position, token, owner) for position, token in window.targets)
        if following is not None and windows[following].inputs[:length] == window.inputs:
            continue
        rows.append(Row(list(window.inputs), list(range(length)), [length] * length, wanted))
        wanted = []
    return rows


def masked_copies(windows: Sequence[Window]) -> dict[tuple[tuple[int, ...], int], list[tuple[int, int]]]:
    """Return every distinct masked copy with those that ask it.

    Keys: the tokens with the hidden one replaced by -1, and its position. Values: (index of the window, hidden token).
    """
    copies: dict[tuple[tuple[int, ...], int], list[tuple[int, int]]] = {}
    for owner, window in enumerate(windows):
        for position, token in window.targets:
            hidden = (*window.inputs[:position], -1, *window.inputs[position + 1 :])
            copies.setdefault((hidden, position), []).append((owner, token))
    return copies


def by_length(
    copies: Sequence[tuple[tuple[int, ...], int]], *, tokens: int
) -> Iterator[list[tuple[tuple[int, ...], int]]]:
    """Group masked copies by length, longest first, into batches of at most `tokens` tokens."""
    batch: list[tuple[tuple[int, ...], int]] = []
    for copy in sorted(copies, key=lambda copy: (-len(copy[0]), copy)):
        if batch and (len(batch) + 1) * len(batch[0][0]) > tokens:
            yield batch
            batch = []
        batch.append(copy)
    if batch:
        yield batch
