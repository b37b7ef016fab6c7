"""Packing: every distinct prefix once, every node seeing exactly its ancestors."""

import random

from sandbox.runner.hf.batching import by_length, masked_copies, plain_rows
from sandbox.runner.hf.packing import Row, pack, rows_by_width
from sandbox.runner.hf.splitting import Window


def window(*tokens: int) -> Window:
    return Window(tokens[:-1], tuple((index, token) for index, token in enumerate(tokens[1:])))


def many(count: int, *, seed: int = 0) -> list[Window]:
    """Random sequences over a small vocabulary, so that many begin alike."""
    draw = random.Random(seed)
    return [window(9, *(draw.randrange(3) for _ in range(draw.randrange(1, 12)))) for _ in range(count)]


def ancestors(row: Row, node: int) -> list[int]:
    """What the attention mask shows a node: those before it whose subtree it lies in."""
    return [row.tokens[other] for other in range(node + 1) if node < row.ends[other]]


def test_a_shared_prefix_is_laid_out_once() -> None:
    (row,) = pack([window(1, 2, 3, 4), window(1, 2, 5, 6)])
    assert row.tokens == [1, 2, 3, 5]
    assert row.depths == [0, 1, 2, 2]
    assert row.ends == [4, 4, 3, 4]
    assert [(wanted.node, wanted.token) for wanted in row.wanted] == [(0, 2), (1, 3), (2, 4), (0, 2), (1, 5), (3, 6)]


def test_every_target_sees_exactly_its_own_prefix() -> None:
    windows = many(500)
    found = []
    for row in pack(windows, row=32):
        for wanted in row.wanted:
            found.append((wanted.owner, tuple(ancestors(row, wanted.node)), wanted.token))
            assert row.depths[wanted.node] == len(ancestors(row, wanted.node)) - 1
    expected = [
        (owner, entry.inputs[: position + 1], token)
        for owner, entry in enumerate(windows)
        for position, token in entry.targets
    ]
    assert sorted(found) == sorted(expected)


def test_a_row_without_limit_holds_each_distinct_prefix_once() -> None:
    windows = many(500)
    (row,) = pack(windows, row=10_000)
    prefixes = {entry.inputs[: end + 1] for entry in windows for end in range(len(entry.inputs))}
    assert len(row) == len(prefixes)


def test_rows_do_not_depend_on_the_order_of_the_requests() -> None:
    windows = many(300)
    shuffled = random.Random(5).sample(windows, len(windows))
    assert [row.tokens for row in pack(windows, row=32)] == [row.tokens for row in pack(shuffled, row=32)]


def test_rows_keep_to_their_size_unless_a_sequence_is_longer() -> None:
    assert all(len(row) <= 48 for row in pack(many(500), row=48))
    (row,) = pack([window(*range(60))], row=8)
    assert len(row) == 59


def test_batches_hold_every_row_and_keep_to_their_size() -> None:
    rows = list(pack(many(500), row=32))
    batches = list(rows_by_width(rows, tokens=100))
    assert sorted(map(id, rows)) == sorted(id(row) for batch in batches for row in batch)
    assert all(len(batch) * max(map(len, batch)) <= 100 for batch in batches)


def test_a_plain_sequence_that_begins_another_rides_along() -> None:
    rows = plain_rows([window(1, 2, 3), window(1, 2, 3, 4), window(1, 2, 3), window(1, 5)])
    assert [row.tokens for row in rows] == [[1, 2, 3]]
    assert sorted(wanted.owner for wanted in rows[0].wanted) == [0, 0, 1, 1, 1, 2, 2, 3]


def test_a_masked_copy_that_two_sentences_share_is_made_once() -> None:
    one, other = Window((1, 2, 3), ((0, 1), (1, 2), (2, 3))), Window((1, 2, 4), ((0, 1), (1, 2), (2, 4)))
    copies = masked_copies([one, other])
    assert len(copies) == 5
    assert copies[((1, 2, -1), 2)] == [(0, 3), (1, 4)]


def test_masked_copies_are_grouped_by_length() -> None:
    copies = list(masked_copies([Window((1,) * size, ((0, 1),)) for size in (3, 1, 2, 3, 2, 1)]))
    batches = list(by_length(copies, tokens=3))
    assert [len(tokens) for batch in batches for tokens, _ in batch] == [3, 2, 1]
