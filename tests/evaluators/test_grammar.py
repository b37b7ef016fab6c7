"""The grammar's pairs: balanced, distinct, and apart from the training text."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from random import Random

import pytest

from evaluators.grammar.lexicon import ALONE, BREAKING, HANDLING, PEOPLE, SOCIAL, THINGS, Noun
from evaluators.grammar.pairs import Pair, SuitePairs, draw_pairs, training_text
from evaluators.grammar.phenomena import PHENOMENA
from evaluators.grammar.twins import Draw, Phenomenon

SEED = 1


@pytest.fixture(scope="module")
def pairs() -> SuitePairs:
    return draw_pairs(SEED)


@pytest.fixture(scope="module")
def text(pairs: SuitePairs) -> list[str]:
    return training_text(SEED, 5_000, without=pairs.sentences())


def words(sentence: str) -> Counter[str]:
    """The lower-case words and marks of a sentence."""
    return Counter(re.findall(r"\w+|[.?]", sentence.lower()))


def by_phenomenon(suite: Iterable[Pair]) -> dict[str, list[Pair]]:
    """The suite's pairs of each phenomenon."""
    found = defaultdict(list)
    for pair in suite:
        found[pair.phenomenon].append(pair)
    return found


def accuracy(suite: Iterable[Pair], scores: dict[str, float]) -> float:
    """Share of pairs where the grammatical sentence has the higher score; ties share the point."""
    points = [
        0.5 if scores[pair.candidates[0]] == scores[pair.candidates[1]]
        else float(scores[pair.candidates[pair.gold]] > scores[pair.candidates[1 - pair.gold]])
        for pair in suite
    ]  # fmt: skip
    return sum(points) / len(points)


def test_there_are_at_least_12_phenomena_of_100_pairs_half_public_half_hidden(pairs: SuitePairs) -> None:
    assert len(PHENOMENA) >= 12
    for suite in (pairs.public, pairs.hidden):
        assert {key: len(found) for key, found in by_phenomenon(suite).items()} == {
            phenomenon.key: 100 for phenomenon in PHENOMENA
        }


def test_no_sentence_stands_twice_in_either_suite(pairs: SuitePairs) -> None:
    sentences = [text for pair in (*pairs.public, *pairs.hidden) for text in pair.candidates]
    assert len(set(sentences)) == len(sentences) == len(pairs.sentences())


def test_ids_are_unique_over_both_suites_and_no_cluster_crosses_them(pairs: SuitePairs) -> None:
    ids = [pair.id for pair in (*pairs.public, *pairs.hidden)]
    assert len(set(ids)) == len(ids)
    assert {pair.cluster for pair in pairs.public}.isdisjoint(pair.cluster for pair in pairs.hidden)


def test_a_cluster_is_one_twin_of_two_pairs(pairs: SuitePairs) -> None:
    assert set(Counter(pair.cluster for pair in pairs.hidden).values()) == {2}


@pytest.mark.parametrize("phenomenon", PHENOMENA, ids=lambda phenomenon: phenomenon.key)
def test_the_pairs_of_a_twin_change_the_same_words_in_opposite_directions(phenomenon: Phenomenon) -> None:
    random = Random(SEED)
    for _ in range(200):
        good, bad, other_good, other_bad = phenomenon.twin(Draw(random))
        assert words(good) + words(other_good) == words(bad) + words(other_bad)


def test_a_scorer_by_length_gets_exactly_half_of_every_phenomenon(pairs: SuitePairs) -> None:
    lengths = {sentence: float(-len(sentence)) for sentence in pairs.sentences()}
    for suite in (pairs.public, pairs.hidden):
        assert {accuracy(found, lengths) for found in by_phenomenon(suite).values()} == {0.5}


def test_a_scorer_by_word_frequency_gets_exactly_half_of_every_phenomenon(pairs: SuitePairs, text: list[str]) -> None:
    counts = sum((words(sentence) for sentence in text), Counter())
    scores = {
        sentence: float(sum(counts[word] * count for word, count in words(sentence).items()))
        for sentence in pairs.sentences()
    }
    for found in by_phenomenon(pairs.hidden).values():
        assert accuracy(found, scores) == 0.5


def test_the_grammatical_sentence_stands_first_in_half_of_every_phenomenon(pairs: SuitePairs) -> None:
    for suite in (pairs.public, pairs.hidden):
        for found in by_phenomenon(suite).values():
            assert Counter(pair.gold for pair in found) == {0: 50, 1: 50}


def test_no_sentence_of_a_suite_stands_in_the_training_text(pairs: SuitePairs, text: list[str]) -> None:
    assert pairs.sentences().isdisjoint(text)
    assert len(text) == 5_000


def test_the_training_text_never_holds_an_ungrammatical_sentence_of_any_twin(text: list[str]) -> None:
    random = Random(SEED)
    bad = set()
    for phenomenon in PHENOMENA:
        for _ in range(1_000):
            twin = phenomenon.twin(Draw(random))
            bad |= {twin.bad, twin.other_bad}
    assert bad.isdisjoint(text)


def test_every_word_of_the_suites_occurs_in_the_training_text(pairs: SuitePairs) -> None:
    text = training_text(SEED, 30_000, without=pairs.sentences())
    known = set().union(*map(words, text))
    assert {word for sentence in pairs.sentences() for word in words(sentence)} <= known


def test_the_same_seed_gives_the_same_pairs_and_text_and_another_gives_others(pairs: SuitePairs) -> None:
    assert draw_pairs(SEED) == pairs
    assert training_text(SEED, 50) == training_text(SEED, 50)
    assert draw_pairs(SEED + 1, pairs=4) != draw_pairs(SEED, pairs=4)
    assert training_text(SEED, 50) != training_text(SEED + 1, 50)


def test_the_candidates_of_a_pair_have_no_double_spaces_and_end_with_a_mark(pairs: SuitePairs) -> None:
    assert [sentence for sentence in pairs.sentences() if not re.fullmatch(r"[A-Z]\w*( \w+)*[.?]", sentence)] == []


@pytest.mark.parametrize("count", [0, -4, 6, 101])
def test_pairs_refuses_a_number_that_does_not_make_whole_twins_in_both_halves(count: int) -> None:
    with pytest.raises(ValueError, match="multiple of 4"):
        draw_pairs(SEED, pairs=count)


def test_inflection_follows_english_spelling() -> None:
    plurals = {noun.one: noun.many for noun in (*PEOPLE, *THINGS)}
    assert plurals["box"] == "boxes"
    assert plurals["waitress"] == "waitresses"
    assert plurals["knife"] == "knives"
    assert plurals["man"] == "men"
    forms = {verb.base: verb for verb in (*SOCIAL, *HANDLING, *ALONE, *BREAKING)}
    assert forms["carry"] == ("carry", "carries", "carried", "carried", "carrying")
    assert forms["praise"] == ("praise", "praises", "praised", "praised", "praising")
    assert forms["vanish"].third == "vanishes"
    assert forms["use"].gerund == "using"
    assert forms["see"] == ("see", "sees", "saw", "seen", "seeing")
    assert Noun("cup", "cups") in THINGS
