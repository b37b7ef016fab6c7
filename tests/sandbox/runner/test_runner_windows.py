"""Texts that begin with what must not be cut off, and texts whose first tokens nothing predicts."""

import pytest

from sandbox.runner.hf.splitting import Split, headed_windows, masked_windows

HEAD = (97, 98)


@pytest.mark.parametrize("limit", [4, 5, 7, 11, 12, 50])
@pytest.mark.parametrize("start", [0, 1, 5])
def test_every_token_is_scored_once_after_the_head(limit: int, start: int) -> None:
    windows = headed_windows(HEAD, Split(tuple(range(10)), start), limit)
    assert [token for window in windows for _, token in window.targets] == list(range(start, 10))
    for window in windows:
        assert len(window.inputs) <= limit
        assert window.inputs[:2] == HEAD
        # What predicts a token is the one before it, or the end of the head.
        for position, token in window.targets:
            assert window.inputs[position] == (token - 1 if token else HEAD[-1])


def test_a_text_that_fits_is_one_window() -> None:
    (window,) = headed_windows(HEAD, Split((1, 2, 3), 1), 4)
    assert window.inputs == (*HEAD, 1, 2)
    assert window.targets == ((2, 2), (3, 3))


def test_without_a_head_nothing_predicts_the_first_token() -> None:
    (window,) = headed_windows((), Split((1, 2, 3), 0), 8)
    assert (window.inputs, window.targets) == ((1, 2), ((0, 2), (1, 3)))


def test_an_empty_continuation_asks_nothing() -> None:
    assert headed_windows(HEAD, Split((1, 2), 2), 8) == []


@pytest.mark.parametrize("limit", [2, 3, 4, 7, 50])
def test_with_a_lead_the_first_token_alone_is_left_out(limit: int) -> None:
    windows = masked_windows(Split(tuple(range(20)), 0), limit, lead=1)
    assert [token for window in windows for _, token in window.targets] == list(range(1, 20))
    for window in windows:
        assert len(window.inputs) <= limit
        assert all(window.inputs[position] == token and position >= 1 for position, token in window.targets)
