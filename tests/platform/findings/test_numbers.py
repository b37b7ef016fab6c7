"""Numbers, their names, and how they are printed."""

import re

import pytest

from findings.composing import compose
from findings.numbers import Book, KeyTakenTwiceError, decimal, macro_of, slug
from findings.quantities import number_of
from findings.subjects import unique_slugs
from findings.words import listed, mid_sentence, plural
from tests.platform.findings import invented


@pytest.mark.parametrize(
    ("key", "macro"),
    [
        ("strict.winner.score", "numStrictWinnerScore"),
        ("4090.entry.a-1.low", "numFourZeroNineZeroEntryAOneLow"),
        ("all.teams", "numAllTeams"),
    ],
)
def test_a_macro_is_named_by_letters_alone(key: str, macro: str) -> None:
    assert macro_of(key) == macro


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [(0.7434, 3, "0.743"), (-0.0754, 3, "−0.075"), (-0.0001, 2, "0.00"), (12.0, 0, "12"), (0.5, 1, "0.5")],
)
def test_decimals_have_a_true_minus_and_zero_has_none(value: float, digits: int, text: str) -> None:
    assert decimal(value, digits) == text


def test_a_key_holds_one_number() -> None:
    book = Book()
    first = book.score("a.b", 0.25, "half of a half")
    assert book.score("a.b", 0.25, "half of a half") is first
    with pytest.raises(KeyTakenTwiceError):
        book.score("a.b", 0.26, "half of a half")


def test_two_keys_never_share_a_macro() -> None:
    book = Book()
    one, other = book.count("a-b", 1, "one"), book.count("a.b", 2, "two")
    assert one.macro == "numAB"
    assert other.macro.startswith("numAB")
    assert one.macro != other.macro
    assert re.fullmatch("[A-Za-z]+", other.macro)


def test_what_is_not_finite_is_refused() -> None:
    with pytest.raises(ValueError, match="no finite number"):
        Book().score("a", float("nan"), "nothing")


def test_signs_and_shares_and_small_p() -> None:
    book = Book()
    assert book.score("up", 0.1, "x", digits=1, signed=True).text == "+0.1"
    assert book.score("level", 0.0, "x", digits=1, signed=True).text == "0.0"
    assert book.score("down", -0.1, "x", digits=1, signed=True).text == "−0.1"
    assert book.share("share", 0.123, "x").text == "12 %"
    assert [book.share(f"near {value}", value, "x").text for value in (0.003, 0.997, 0.0, 1.0)] == [
        "<1 %", ">99 %", "0 %", "100 %",
    ]  # fmt: skip
    assert book.p_value("p", 0.0002, "x").text == "<0.001"
    assert book.count("many", 12_345, "x").text == "12,345"


def test_every_number_of_a_report_has_a_formula_and_a_macro_of_letters() -> None:
    numbers = list(compose(invented.material()).book)
    assert len(numbers) > 200
    assert all(number.formula for number in numbers)
    assert all(re.fullmatch("num[A-Z][A-Za-z]*", number.macro) for number in numbers)
    assert len({number.macro for number in numbers}) == len(numbers)


def test_a_random_step_says_its_seed() -> None:
    numbers = {number.key: number for number in compose(invented.material()).book}
    assert numbers["scale.flops.slope.low"].seed == 20_231
    assert numbers["small.suite.pairs.reliability"].seed == 20_231


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("300M", 3e8), ("1.5B", 1.5e9), ("92 Million", 92e6), ("94m", 94e6), ("97737216", 97737216.0), ("1e17", 1e17),
        ("1,250", 1250.0), (12, 12.0), (" 10 ", 10.0), ("457-458", None), ("1or42, because", None), ("", None),
        (True, None), (None, None), (0, None), (float("inf"), None), ("lots", None),
    ],
)  # fmt: skip
def test_numbers_are_read_where_nothing_is_guessed(text: object, number: float | None) -> None:
    assert number_of(text) == number


def test_entries_of_one_name_are_told_apart_by_their_keys() -> None:
    assert unique_slugs([("1", "ELC_BERT"), ("2", "Twice"), ("3", "twice"), ("x-4", "中文")]) == {
        "1": "elc-bert", "2": "twice-2", "3": "twice-3", "x-4": "x-4",
    }  # fmt: skip


def test_words() -> None:
    assert (slug("ELC_BERT (base)"), plural(1, "entry", "entries"), plural(0, "entry", "entries")) == (
        "elc-bert-base", "entry", "entries",
    )  # fmt: skip
    assert "".join(str(part) for part in listed(["a", "b", "c"])) == "a, b and c"
    assert (mid_sentence("Training FLOPs"), mid_sentence("BERT layers")) == ("training FLOPs", "BERT layers")
