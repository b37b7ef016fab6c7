"""Sequences that share prefixes, packed so that every distinct prefix is computed once.

Sorted sequences are the leaves of a trie in depth-first order. A row holds a piece of that trie, node by node. A node
is an ancestor of another exactly if the other lies between it and the end of its subtree, so that two numbers a node,
its own index and its end, give the whole attention mask.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from sandbox.runner.hf.splitting import Window

ROW = 128
# Attention costs the square of a row's length: beyond this, it would cost more than a shared prefix saves.
LONG_ROW = 1024


@dataclass(frozen=True, slots=True)
class Wanted:
    """A token to score after the node `node` of its row; `owner` is the index of the window that asks."""

    node: int
    token: int
    owner: int


@dataclass(slots=True)
class Row:
    """A piece of the trie in depth-first order: tokens, depths, subtree ends, and the tokens to score."""

    tokens: list[int] = field(default_factory=list)
    depths: list[int] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)
    wanted: list[Wanted] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.tokens)


class _Packer:
    """Fills one row after another with sequences in sorted order."""

    def __init__(self) -> None:
        self.row = Row()
        self._path: list[int] = []

    def shared(self, inputs: Sequence[int]) -> int:
        """Return how many of the inputs already are a path of this row, ending in its last node."""
        count = 0
        for node, token in zip(self._path, inputs, strict=False):
            if self.row.tokens[node] != token:
                break
            count += 1
        return count

    def add(self, window: Window, owner: int) -> None:
        """Add a sequence: its new nodes, and what it asks."""
        keep = self.shared(window.inputs)
        self._close(keep)
        row = self.row
        for depth in range(keep, len(window.inputs)):
            self._path.append(len(row.tokens))
            row.tokens.append(window.inputs[depth])
            row.depths.append(depth)
            row.ends.append(0)
        row.wanted.extend(Wanted(self._path[position], token, owner) for position, token in window.targets)

    def finish(self) -> Row:
        """Return the row, all of its subtrees closed, and begin another."""
        self._close(0)
        row, self.row = self.row, Row()
        return row

    def _close(self, keep: int) -> None:
        for node in self._path[keep:]:
            self.row.ends[node] = len(self.row.tokens)
        del self._path[keep:]


def pack(windows: Sequence[Window], *, row: int = ROW) -> Iterator[Row]:
    """Yield rows of at most `row` nodes; more, up to LONG_ROW or its first sequence's length, where sequences are long.

    Every window lies whole in one row. Rows depend on the set of windows, not on their order.
    """
    order = sorted(range(len(windows)), key=lambda index: (windows[index].inputs, windows[index].targets))
    packer = _Packer()
    capacity = row
    for owner in order:
        window = windows[owner]
        grown = len(packer.row) + len(window.inputs) - packer.shared(window.inputs)
        if len(packer.row) and grown > capacity:
            yield packer.finish()
        if not len(packer.row):
            length = len(window.inputs)
            capacity = max(row, length, min(4 * length, LONG_ROW))
        packer.add(window, owner)
    if len(packer.row):
        yield packer.finish()


def rows_by_width(rows: Iterable[Row], *, tokens: int) -> Iterator[list[Row]]:
    """Group rows of like width, widest first, into batches of at most `tokens` tokens, padding counted."""
    batch: list[Row] = []
    for row in sorted(rows, key=lambda row: -len(row)):
        if batch and (len(batch) + 1) * len(batch[0]) > tokens:
            yield batch
            batch = []
        batch.append(row)
    if batch:
        yield batch
