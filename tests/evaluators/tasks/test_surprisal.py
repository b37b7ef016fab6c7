"""What a model's surprisal explains of reading, and what must never raise it."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from evaluators.protocol.problems import ProblemsFound
from evaluators.requests import draw_requests, seed_key
from evaluators.scoring import Scored, score, score_answers
from evaluators.selftest import selftest
from evaluators.suites import Suite, check_suite, open_suite

MakeSuite = Callable[..., Suite]
GOLDEN = json.loads((Path(__file__).parents[2] / "golden" / "surprisal.json").read_text())
EYES = ("RTfirstfix", "RTfirstpass", "RTrightbound", "RTgopast")
BASELINE = ("Subtlex_log10", "length", "context_length")
MANIFEST: dict[str, Any] = {"task": "surprisal", "metric": "partial_r2", "range": [0, 100], "chance": 0}
EYE_TRACKING = MANIFEST | {"options": {"measures": list(EYES), "baseline": list(BASELINE)}}
SELF_PACED = MANIFEST | {
    "options": {
        "measures": ["self_paced_reading_time"],
        "baseline": list(BASELINE),
        "previous": ["length", "surprisal"],
    }
}
SMALL = MANIFEST | {"options": {"measures": ["first"], "baseline": ["length", "frequency"]}}


def numbers(values: Sequence[Any]) -> list[float | None]:
    return [None if pd.isna(value) else float(value) for value in values]


def reading_rows(table: pd.DataFrame) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Items and gold: sentences, with null for the first word, of which nothing was measured."""
    items, gold = [], []
    for sentence, rows in table.sort_values("context_length").groupby("sent_id"):
        words = str(rows["sentence"].iloc[0]).split()
        at = {int(row.context_length): place for place, row in enumerate(rows.itertuples())}

        def spread(name: str, rows: pd.DataFrame = rows, at: Mapping[int, int] = at, count: int = len(words)) -> Any:
            column = numbers(rows[name].tolist())
            return [column[at[place]] if place in at else None for place in range(count)]

        lengths = spread("length")
        lengths[0] = len(words[0])
        covariates = {"Subtlex_log10": spread("Subtlex_log10"), "length": lengths}
        covariates["context_length"] = [float(place) for place in range(len(words))]
        measures = {name: spread(name) for name in (*EYES, "self_paced_reading_time")}
        items.append({"id": f"s{sentence}", "words": words, "covariates": covariates})
        gold.append({"id": f"s{sentence}", "measures": measures})
    return items, gold


@pytest.fixture(scope="module")
def table(data: Path) -> pd.DataFrame:
    # "None" is a word of one sentence, not a missing value.
    return pd.read_csv(data / "reading" / "all_measures.csv", keep_default_na=False, na_values=["", "NA"])


def answers_of(suite: Suite, table: pd.DataFrame, column: str) -> dict[str, dict[int, dict[str, Any]]]:
    """The file's surprisals as answers; the first word has none there, and any number does."""
    known = {(f"s{row.sent_id}", int(row.context_length)): getattr(row, column) for row in table.itertuples()}
    return {
        item.id: {0: {"surprisals": [float(known.get((item.id, place), 7.0)) for place in range(len(item.words))]}}
        for item in suite.items
    }


@pytest.mark.data
@pytest.mark.parametrize(
    ("column", "expected"),
    [("s_GPT2", 9.77), ("s_GPT2_medium", 8.69), ("s_GPT2_xl", 9.31), ("s_GPTNeo_125M", 9.77), ("rnn", 1.51),
     ("trigram", 0.49)],
)  # fmt: skip
def test_real_surprisals_give_the_known_partial_r2(
    make_suite: MakeSuite, table: pd.DataFrame, column: str, expected: float
) -> None:
    suite = make_suite(*reading_rows(table), **EYE_TRACKING)
    scored = score_answers(suite, answers_of(suite, table, column))
    measure = scored.document.metrics["partial_r2"]
    assert measure.value == pytest.approx(expected, abs=0.01)
    assert measure.low is not None
    assert measure.high is not None
    assert measure.low < expected < measure.high
    parts = [scored.document.metrics[f"partial_r2.{name}"].value for name in EYES]
    assert measure.value == pytest.approx(np.mean([part for part in parts if part is not None]))


@pytest.mark.data
def test_self_paced_reading_equals_the_golden_number(make_suite: MakeSuite, table: pd.DataFrame) -> None:
    suite = make_suite(*reading_rows(table), **SELF_PACED)
    for column, expected in GOLDEN["self_paced"].items():
        scored = score_answers(suite, answers_of(suite, table, column))
        assert scored.document.metrics["partial_r2"].value == pytest.approx(expected, abs=1e-6)


@pytest.mark.data
def test_each_measure_equals_the_golden_number(make_suite: MakeSuite, table: pd.DataFrame) -> None:
    suite = make_suite(*reading_rows(table), **EYE_TRACKING)
    for column, expected in GOLDEN["eye_tracking"].items():
        scored = score_answers(suite, answers_of(suite, table, column))
        for name in EYES:
            assert scored.document.metrics[f"partial_r2.{name}"].value == pytest.approx(expected[name], abs=1e-6)


def invented(
    sentences: int = 12, length: int = 9, *, seed: int = 3
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Sentences with covariates and two measures, one of which the surprisal of `fitting` explains in part."""
    random = np.random.default_rng(3)
    items, gold = [], []
    for number in range(sentences):
        known = {"length": random.integers(1, 9, length), "frequency": random.normal(5, 2, length).round(3)}
        times = 200 + 9 * known["length"] - 4 * known["frequency"] + random.normal(0, 20, length)
        other = random.normal(300, 50, length)
        covariates = {name: [float(one) for one in values] for name, values in known.items()}
        items.append({"id": f"s{number}", "words": [f"w{n}" for n in range(length)], "covariates": covariates})
        measures = {"first": [float(one) for one in times], "second": [float(one) for one in other]}
        gold.append({"id": f"s{number}", "measures": measures})
    return items, gold


def fitting(suite: Suite) -> dict[str, dict[int, dict[str, Any]]]:
    """Surprisals that follow the first measure, with noise."""
    random = np.random.default_rng(5)
    return {
        item.id: {
            0: {
                "surprisals": [
                    5.0 if one is None else max(0.0, one / 50 + random.normal(0, 1))
                    for one in suite.gold[item.id].measures["first"]
                ]
            }
        }
        for item in suite.items
    }


def value(scored: Scored, name: str = "partial_r2") -> float | None:
    return scored.document.metrics[name].value


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"measures": ["first", "second"]},
        {"previous": ["length", "surprisal"]},
        {"products": False},
        {"baseline": []},
    ],
)
def test_a_sound_suite_meets_every_expectation(make_suite: MakeSuite, changes: dict[str, Any]) -> None:
    suite = make_suite(*invented(), **MANIFEST | {"options": SMALL["options"] | changes})
    assert [(one.name, one.measured) for one in selftest(suite) if not one.ok] == []


def test_surprisals_that_follow_reading_explain_some_of_it(make_suite: MakeSuite) -> None:
    suite = make_suite(*invented(), **SMALL)
    measure = score_answers(suite, fitting(suite)).document.metrics["partial_r2"]
    assert measure.value is not None
    assert measure.low is not None
    assert measure.high is not None
    assert 1 < measure.low < measure.value < measure.high < 60


def test_adding_or_scaling_what_the_baseline_knows_moves_nothing(make_suite: MakeSuite) -> None:
    suite = make_suite(*invented(), **SMALL)
    plain = fitting(suite)
    moved = {
        item.id: {
            0: {
                "surprisals": [
                    3 * one + 2 * length + 1
                    for one, length in zip(plain[item.id][0]["surprisals"], item.covariates["length"], strict=True)
                ]
            }
        }
        for item in suite.items
    }
    assert value(score_answers(suite, moved)) == pytest.approx(value(score_answers(suite, plain)), abs=1e-9)


def test_the_order_of_texts_moves_nothing_but_rounding(make_suite: MakeSuite) -> None:
    items, gold = invented()
    suite, turned = make_suite(items, gold, **SMALL), make_suite(items[::-1], gold[::-1], **SMALL)
    assert value(score_answers(turned, fitting(suite))) == pytest.approx(value(score_answers(suite, fitting(suite))))


def test_a_text_without_an_answer_leaves_the_number_undefined(make_suite: MakeSuite) -> None:
    suite = make_suite(*invented(), **SMALL)
    answers = fitting(suite)
    del answers["s3"]
    scored = score_answers(suite, answers)
    assert value(scored) is None
    assert (scored.document.coverage.asked, scored.document.coverage.answered) == (12, 11)


def test_a_missing_number_drops_its_word_from_that_measure_alone(make_suite: MakeSuite) -> None:
    items, gold = invented()
    both = {"measures": ["first", "second"], "baseline": ["length", "frequency"]}
    suite = make_suite(items, gold, **MANIFEST | {"options": both})
    answers = fitting(suite)
    whole = score_answers(suite, answers)
    gold[4]["measures"]["second"][2] = None
    gap = score_answers(make_suite(items, gold, **MANIFEST | {"options": both}), answers)
    assert value(gap, "partial_r2.first") == value(whole, "partial_r2.first")
    assert value(gap, "partial_r2.second") != value(whole, "partial_r2.second")


def test_the_first_words_surprisal_is_no_previous_surprisal(make_suite: MakeSuite) -> None:
    items, gold = invented()
    for line in gold:
        line["measures"]["first"][0] = None
    suite = make_suite(items, gold, **MANIFEST | {"options": SMALL["options"] | {"previous": ["surprisal"]}})
    answers = fitting(suite)
    before = value(score_answers(suite, answers))
    for answer in answers.values():
        answer[0]["surprisals"][0] = 40.0
    assert value(score_answers(suite, answers)) == before


def test_too_few_words_to_fit_are_undefined_not_perfect(make_suite: MakeSuite) -> None:
    suite = make_suite(*invented(1, 4), **SMALL)
    assert value(score_answers(suite, fitting(suite))) is None


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({}, "options.measures"),
        ({"measures": ["first"], "covariates": ["length"]}, "options.covariates"),
        ({"measures": ["first"], "baseline": ["surprisal"]}, "options."),
        ({"measures": ["first", "first"]}, "options."),
    ],
)
def test_options_that_are_not_the_tasks_are_refused(make_suite: MakeSuite, options: Any, field: str) -> None:
    with pytest.raises(ProblemsFound) as caught:
        make_suite(*invented(), **MANIFEST | {"options": options})
    assert caught.value.problems[0].field.startswith(field)


@pytest.mark.parametrize("options", [{"measures": ["third"]}, {"measures": ["first"], "baseline": ["height"]}])
def test_names_that_items_or_gold_lack_are_refused_by_the_check_and_in_scoring(
    make_folder: Callable[..., Path], options: dict[str, Any]
) -> None:
    folder = make_folder(*invented(), **MANIFEST | {"options": options})
    report = check_suite(folder)
    assert not report.ok
    assert report.problems[0].code == "E-SUITE-GOLD"
    suite = open_suite(folder)
    with pytest.raises(ProblemsFound, match="options name"):
        score_answers(suite, {})


def test_measures_of_another_length_than_the_text_are_refused(make_suite: MakeSuite) -> None:
    items, gold = invented()
    gold[2]["measures"]["first"].append(1.0)
    with pytest.raises(ProblemsFound, match="first has 10 numbers for 9 words"):
        make_suite(items, gold, **SMALL)


def test_equal_surprisals_are_flagged(make_suite: MakeSuite) -> None:
    suite = make_suite(*invented(), **SMALL)
    draw = draw_requests(suite, key=seed_key(1))
    given = [{"id": request["id"], "surprisals": [2.5] * len(request["words"])} for request in draw.requests]
    scored = score(suite, given, draw=draw)
    assert scored.document.flags == ("constant-predictor",)
    assert value(scored) == 0


def test_answers_without_any_bound_raise_nothing(make_suite: MakeSuite) -> None:
    suite = make_suite(*invented(), **MANIFEST | {"options": SMALL["options"] | {"previous": ["surprisal"]}})
    wild = {item.id: {0: {"surprisals": [1.7e308, 0.0, 1e-300] * 3}} for item in suite.items}
    found = value(score_answers(suite, wild))
    assert found is not None
    assert 0 <= found <= 100
