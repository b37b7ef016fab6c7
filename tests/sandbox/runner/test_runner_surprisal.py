"""Which token belongs to which word, and the running sums of words; no model is needed for either."""

import pytest

from sandbox.runner.errors import RunFailed
from sandbox.runner.hf.splitting import Split, causal_windows
from sandbox.runner.hf.surprisal import (
    MASKS,
    Words,
    WordTally,
    by_offset,
    by_prefix,
    owners_in,
    prefix_copies,
    slabs,
    split_words,
)

WORDS = ["The", "dogs", "bark."]


class Letters:
    """A tokenizer without offsets: every letter is a token, and so is every space, its code its id."""

    is_fast = False

    def encode(self, texts: list[str]) -> list[list[int]]:
        return [[ord(letter) for letter in text] for text in texts]


class Pairs:
    """A tokenizer whose tokens straddle words: two letters each, whatever they are."""

    def encode(self, texts: list[str]) -> list[list[int]]:
        return [[int.from_bytes(text[at : at + 2].encode()) for at in range(0, len(text), 2)] for text in texts]


@pytest.mark.parametrize(
    ("starts", "owners"),
    [
        pytest.param([0, 3, 5, 8, 13], (0, 1, 1, 2, 2), id="the space is the following word's"),
        pytest.param([0, 4, 9], (0, 1, 2), id="offsets that leave the space out"),
        pytest.param([0, 0, 3, 4, 8, 9], (0, 0, 1, 1, 2, 2), id="a token for the space alone, and one of no width"),
        pytest.param([0, 2, 9], (0, 0, 2), id="a token over two words is the first's"),
    ],
)
def test_a_token_belongs_to_the_word_in_which_it_begins(starts: list[int], owners: tuple[int, ...]) -> None:
    assert by_offset(WORDS, starts) == owners


def test_without_offsets_words_are_told_by_what_each_makes_alone() -> None:
    owners = by_prefix(WORDS, Letters().encode([" ".join(WORDS)])[0], Letters().encode)
    assert owners == (0,) * 3 + (1,) * 5 + (2,) * 6


def test_without_offsets_tokens_that_straddle_words_are_told_by_prefixes() -> None:
    text = " ".join(WORDS)
    owners = by_prefix(WORDS, Pairs().encode([text])[0], Pairs().encode)
    assert len(owners) == 7
    assert list(owners) == sorted(owners)
    assert set(owners) == {0, 1, 2}


def test_an_empty_word_has_its_space_alone() -> None:
    requests = [{"id": "a", "words": ["a", "", "b"]}]
    assert split_words(requests, Letters().encode, Letters()) == [Words((97, 32, 32, 98), (0, 1, 2, 2), 3)]


def test_every_token_of_a_long_text_is_its_words_in_whichever_window_it_lies() -> None:
    owners = (0, 0, 1, 2, 2, 2, 3, 4, 4, 5)
    windows = causal_windows(Split(tuple(range(100, 111)), 1), 4)  # one token stands before the text
    assert len(windows) > 2
    places = owners_in(windows, owners)
    found = [
        (token, places[number][position]) for number, window in enumerate(windows) for position, token in window.targets
    ]
    assert found == list(zip(range(101, 111), owners, strict=True))


def test_a_masked_model_sees_what_stands_before_and_masks() -> None:
    copies = prefix_copies([Words((7, 8, 9), (0, 0, 1), 2)], 10)
    hidden = (-1,) * MASKS
    assert copies == {(hidden, 0): [(0, 7)], ((7, *hidden), 1): [(1, 8)], ((7, 8, *hidden), 2): [(2, 9)]}


def test_a_masked_model_sees_the_nearest_tokens_of_a_long_text() -> None:
    text = Words(tuple(range(20)), (0,) * 20, 1)
    copies = prefix_copies([text], 8)
    assert max(len(tokens) for tokens, _ in copies) == 8
    assert ((14, 15, 16, 17, 18, *(-1,) * MASKS), 5) in copies


def test_what_texts_share_is_asked_once() -> None:
    copies = prefix_copies([Words((7, 8), (0, 1), 2), Words((7, 9), (0, 1), 2)], 10)
    assert copies[((-1,) * MASKS, 0)] == [(0, 7), (2, 7)]
    assert len(copies) == 2


def test_sums_are_kept_word_by_word_until_the_text_is_complete() -> None:
    texts = [Words((1, 2, 3), (0, 0, 2), 3), Words((), (), 1)]
    tally = WordTally([{"id": "a"}, {"id": "b"}], texts, [[{0: 0, 1: 0}, {1: 2}], []])
    assert list(tally.empty()) == [[{"id": "b", "surprisals": [0.0]}]]
    assert tally.add([(1, 1, -4.0), (0, 0, -1.0)]) == []
    assert tally.add([(0, 1, -2.0)]) == [{"id": "a", "surprisals": [3.0, 0.0, 4.0]}]


def test_a_probability_that_is_no_number_ends_the_run() -> None:
    tally = WordTally([{"id": "a"}], [Words((1,), (0,), 1)], [[{0: 0}]])
    with pytest.raises(RunFailed, match="E-RUN-VALUE"):
        tally.add([(0, 0, float("nan"))])


def test_texts_are_answered_in_parts_that_do_not_depend_on_their_order() -> None:
    texts = [Words(tuple(range(length)), (0,) * length, 1) for length in (3, 1, 2, 5)]
    for order in ([0, 1, 2, 3], [3, 2, 1, 0], [2, 0, 3, 1]):
        given = [texts[index] for index in order]
        parts = [[len(given[index].tokens) for index in part] for part in slabs(given, lambda tokens: tokens, most=3)]
        assert parts == [[1, 2], [3], [5]]
