"""Texts to tokens: boundary, first token, windows."""

import pytest

from sandbox.runner.hf.splitting import (
    FirstToken,
    Split,
    add_first,
    causal_windows,
    masked_windows,
    move_spaces,
    split_texts,
)

BOS = 99


def letters(texts: list[str]) -> list[list[int]]:
    """One token a letter; a space and the letter after it are one token."""
    result = []
    for text in texts:
        tokens: list[int] = []
        rest = text
        while rest:
            size = 2 if rest[0] == " " and len(rest) > 1 else 1
            tokens.append(sum(map(ord, rest[:size])))
            rest = rest[size:]
        result.append(tokens)
    return result


def test_spaces_that_end_the_context_move_to_the_continuation() -> None:
    assert move_spaces("The dogs  ", "bark") == ("The dogs", "  bark")
    assert move_spaces("The dogs", " bark") == ("The dogs", " bark")


def test_a_space_on_either_side_of_the_boundary_gives_the_same_tokens() -> None:
    left, right = split_texts([("ab ", "c"), ("ab", " c")], letters)
    assert left == right
    assert left == Split((97, 98, 131), 2)


def test_a_context_of_spaces_is_an_empty_context() -> None:
    assert split_texts([(" ", "c")], letters) == [Split((131,), 0)]


def test_each_text_is_tokenised_once() -> None:
    seen: list[str] = []

    def encode(texts: list[str]) -> list[list[int]]:
        seen.extend(texts)
        return letters(texts)

    split_texts([("a", "b"), ("a", "c"), ("", "ab")], encode)
    assert sorted(seen) == ["", "a", "ab", "ac"]


def test_bos_none_leaves_the_first_token_of_an_empty_context_unscored() -> None:
    assert add_first(Split((1, 2, 3), 0), FirstToken()) == Split((1, 2, 3), 1)
    assert add_first(Split((1, 2, 3), 2), FirstToken()) == Split((1, 2, 3), 2)


def test_the_declared_first_token_stands_before_every_text() -> None:
    first = FirstToken((BOS,), (BOS,))
    assert add_first(Split((1, 2), 0), first) == Split((BOS, 1, 2), 1)
    assert add_first(Split((1, 2), 1), first) == Split((BOS, 1, 2), 2)


def test_a_stand_in_for_an_empty_context_is_given_to_no_other() -> None:
    first = FirstToken((), (BOS,))
    assert add_first(Split((1, 2), 0), first) == Split((BOS, 1, 2), 1)
    assert add_first(Split((1, 2), 1), first) == Split((1, 2), 1)


def test_the_first_token_is_not_doubled() -> None:
    assert add_first(Split((BOS, 1, 2), 0), FirstToken((BOS,), (BOS,))) == Split((BOS, 1, 2), 1)


def test_nothing_is_scored_of_an_empty_continuation() -> None:
    split = add_first(Split((), 0), FirstToken())
    assert causal_windows(split, 8) == []
    assert masked_windows(Split((1, 2), 2), 8) == []


def test_a_short_text_is_one_window() -> None:
    (window,) = causal_windows(Split((BOS, 1, 2, 3), 2), 8)
    assert window.inputs == (BOS, 1, 2)
    assert window.targets == ((1, 2), (2, 3))


def test_a_long_context_loses_its_left_end() -> None:
    (window,) = causal_windows(Split((1, 2, 3, 4, 5, 6), 5), 3)
    assert window.inputs == (3, 4, 5)
    assert window.targets == ((2, 6),)


@pytest.mark.parametrize("limit", [1, 2, 3, 4, 7, 50])
def test_every_token_of_a_continuation_is_scored_once_whatever_the_limit(limit: int) -> None:
    split = Split(tuple(range(20)), 3)
    windows = causal_windows(split, limit)
    assert all(len(window.inputs) <= limit for window in windows)
    assert [token for window in windows for _, token in window.targets] == list(range(3, 20))
    for window in windows:
        assert all(window.inputs[position] == token - 1 for position, token in window.targets)


@pytest.mark.parametrize("limit", [1, 2, 3, 4, 7, 50])
def test_every_token_is_hidden_once_whatever_the_limit(limit: int) -> None:
    windows = masked_windows(Split(tuple(range(20)), 3), limit)
    assert all(len(window.inputs) <= limit for window in windows)
    assert [token for window in windows for _, token in window.targets] == list(range(3, 20))
    for window in windows:
        assert all(window.inputs[position] == token for position, token in window.targets)
