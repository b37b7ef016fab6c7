"""Are words that children learn early learnt early by the model: what the number means, and what it can never be."""

import json
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evaluators.protocol.items import AcquisitionGold
from evaluators.protocol.problems import ProblemsFound
from evaluators.requests import draw_requests, seed_key
from evaluators.scoring import Scored, score, score_answers
from evaluators.selftest import selftest
from evaluators.suites import Suite
from evaluators.tasks.acquisition import learnt, month
from evaluators.tasks.interface import Step

MakeSuite = Callable[..., Suite]
GOLDEN = json.loads((Path(__file__).parents[2] / "golden" / "acquisition.json").read_text())
MANIFEST: dict[str, Any] = {"task": "acquisition", "metric": "pearson", "range": [-1, 1], "chance": None}
# Every 1M words to 10M, every 10M to 100M, every 100M to 1000M: the 28 checkpoints of BabyLM's larger tracks.
WORDS = [*range(1, 11), *range(20, 101, 10), *range(200, 1001, 100)]
STEPS = tuple(Step(f"chck_{millions}M", millions * 10**6) for millions in WORDS)
MONTHS = list(range(16, 31))
CHANCE = math.log(300_000)


def known(half: float) -> list[float]:
    """A share of children that grows by a twentieth a month and passes one half at `half`."""
    return [min(1.0, max(0.0, 0.5 + (age - half) / 20)) for age in MONTHS]


def words(count: int, contexts: int = 2) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Words that children learn one after another, evenly between 17 and 29 months."""
    items = [
        {"id": f"w{n}", "word": f"word{n}", "contexts": [f"context {c} of " for c in range(contexts)]}
        for n in range(count)
    ]
    halves = np.linspace(17, 29, count)
    return items, [{"id": f"w{n}", "months": MONTHS, "known": known(half)} for n, half in enumerate(halves)]


def curve(middle: float, *, low: float = 2.0, high: float = 12.0, slope: float = 6.0) -> list[float]:
    """Surprisals (nats) that fall from high to low around 10^middle words."""
    return [high - (high - low) / (1 + math.exp(-slope * (math.log10(step.words) - middle))) for step in STEPS]


def answered(suite: Suite, curves: Sequence[Sequence[float]]) -> dict[str, dict[int, dict[str, Any]]]:
    """Each word's curve in every context, as answers by item and candidate."""
    return {
        item.id: {
            number * len(item.contexts) + place: {"logprob": -value, "tokens": 1}
            for number, value in enumerate(values)
            for place in range(len(item.contexts))
        }
        for item, values in zip(suite.items, curves, strict=True)
    }


def scored(suite: Suite, curves: Sequence[Sequence[float]]) -> Scored:
    return score_answers(suite, answered(suite, curves), steps=STEPS)


def value(result: Scored) -> float | None:
    return result.document.metrics["pearson"].value


def test_a_sound_suite_meets_every_expectation(make_suite: MakeSuite) -> None:
    assert [(one.name, one.measured) for one in selftest(make_suite(*words(25), **MANIFEST)) if not one.ok] == []


def test_learning_in_the_childrens_order_scores_near_1_and_in_its_reverse_near_minus_1(make_suite: MakeSuite) -> None:
    suite = make_suite(*words(30), **MANIFEST)
    middles = np.linspace(6.5, 8.5, 30)
    forth, back = scored(suite, [curve(one) for one in middles]), scored(suite, [curve(one) for one in middles[::-1]])
    assert value(forth) == pytest.approx(1, abs=0.01)
    assert value(back) == pytest.approx(-1, abs=0.01)
    metrics = forth.document.metrics
    assert metrics["usable-words"].value == 30
    assert metrics["mean-log10-words-seen"].value == pytest.approx(7.5, abs=0.1)
    assert forth.document.complete


def test_the_number_equals_the_golden_one(make_suite: MakeSuite) -> None:
    count = len(GOLDEN["surprisals"])
    items = [{"id": f"w{n}", "word": f"word{n}", "contexts": ["a "]} for n in range(count)]
    gold = [{"id": f"w{n}", "months": GOLDEN["months"], "known": known_} for n, known_ in enumerate(GOLDEN["known"])]
    suite = make_suite(items, gold, **MANIFEST)
    steps = [Step(f"chck_{millions}M", millions * 10**6) for millions in GOLDEN["millions"]]
    result = score_answers(suite, answered(suite, GOLDEN["surprisals"]), steps=steps)
    assert value(result) == pytest.approx(GOLDEN["pearson"], abs=1e-4)
    assert result.document.metrics["usable-words"].value == GOLDEN["usable"]
    measure = result.document.metrics["pearson"]
    assert measure.low is not None
    assert measure.high is not None
    assert -1 <= measure.low < GOLDEN["pearson"] < measure.high <= 1


def test_each_words_age_equals_the_golden_one() -> None:
    curves = np.array(GOLDEN["surprisals"])
    ages = learnt(curves, [millions * 10**6 for millions in GOLDEN["millions"]], chance=math.log(GOLDEN["vocabulary"]))
    expected = [math.nan if one is None else one for one in GOLDEN["model"]]
    assert ages == pytest.approx(np.array(expected), abs=1e-4, nan_ok=True)
    months = [
        month(AcquisitionGold(id="w", months=GOLDEN["months"], known=known_)) or math.nan for known_ in GOLDEN["known"]
    ]
    assert months == pytest.approx([one or math.nan for one in GOLDEN["children"]], nan_ok=True)


def test_a_model_that_never_learns_is_undefined_not_0(make_suite: MakeSuite) -> None:
    suite = make_suite(*words(25), **MANIFEST)
    result = scored(suite, [[6.0] * len(STEPS)] * 25)
    measure = result.document.metrics["pearson"]
    assert (measure.value, measure.low, measure.high) == (None, None, None)
    assert result.document.metrics["usable-words"].value == 0
    assert result.document.metrics["mean-log10-words-seen"].value is None
    assert result.document.flags == ("constant-predictor",)


@pytest.mark.parametrize(("count", "defined"), [(19, False), (20, True)])
def test_with_too_few_usable_words_it_is_undefined(make_suite: MakeSuite, count: int, defined: bool) -> None:
    suite = make_suite(*words(24), **MANIFEST)
    curves = [curve(6.5 + 2 * n / 24) if n < count else [6.0] * len(STEPS) for n in range(24)]
    result = scored(suite, curves)
    assert (value(result) is not None) == defined
    assert result.document.metrics["usable-words"].value == count


def test_the_least_number_of_words_is_the_suites_to_say(make_suite: MakeSuite) -> None:
    few = MANIFEST | {"options": {"least_words": 5}}
    assert value(scored(make_suite(*words(6), **few), [curve(6.5 + n / 4) for n in range(6)])) is not None
    for options in ({"least_words": 2}, {"vocabulary": 1}, {"chance_surprisal": 12.6}):
        with pytest.raises(ProblemsFound) as caught:
            make_suite(*words(6), **MANIFEST | {"options": options})
        assert caught.value.problems[0].field == f"options.{next(iter(options))}"


def test_no_manifest_lets_a_correlation_times_100_pass(make_suite: MakeSuite) -> None:
    """A leaderboard was led by an age of acquisition of 1545, a correlation times 100."""
    wide = make_suite(*words(25), **MANIFEST | {"range": [-10_000, 10_000]})
    measure = scored(wide, [curve(6.5 + 2 * n / 25) for n in range(25)]).document.metrics["pearson"]
    assert measure.value is not None
    assert abs(measure.value) <= 1
    narrow = make_suite(*words(25), **MANIFEST | {"range": [0, 1]})
    with pytest.raises(ProblemsFound) as caught:
        scored(narrow, [curve(8.5 - 2 * n / 25) for n in range(25)])
    assert caught.value.problems[0].code == "E-SCORE-RANGE"


def test_a_missing_answer_leaves_the_number_undefined(make_suite: MakeSuite) -> None:
    suite = make_suite(*words(25), **MANIFEST)
    curves = [curve(6.5 + 2 * n / 25) for n in range(25)]
    given_ = answered(suite, curves)
    del given_["w7"][3]
    result = score_answers(suite, given_, steps=STEPS)
    assert value(result) is None
    assert (result.document.coverage.asked, result.document.coverage.answered) == (25, 24)
    assert value(score_answers(suite, answered(suite, curves))) is None, "without checkpoints nothing is learnt"


def test_leaving_out_the_words_that_fit_worst_never_helps(make_suite: MakeSuite) -> None:
    suite = make_suite(*words(25), **MANIFEST)
    curves = [curve(6.5 + 2 * n / 25) for n in range(24)] + [curve(6.5)]
    given_ = answered(suite, curves)
    del given_["w24"]
    assert value(score_answers(suite, given_, steps=STEPS)) is None
    assert value(scored(suite, curves)) is not None


def test_a_word_is_usable_only_where_its_curve_passes_half_of_the_way_between_the_checkpoints() -> None:
    steps = [step.words for step in STEPS]
    curves = {
        "learnt": curve(7.4),
        "before the first": curve(5.0),
        "after the last": curve(9.8),
        "never": [6.0] * len(STEPS),
        "never, with noise": [6.0 + 0.2 * (-1) ** n for n in range(len(STEPS))],
        "forgotten": curve(7.4)[::-1],
        "worse than chance": [30.0 - n / 10 for n in range(len(STEPS))],
    }
    ages = learnt(np.array(list(curves.values())), steps, chance=CHANCE)
    assert [name for name, age in zip(curves, ages, strict=True) if not math.isnan(age)] == ["learnt"]
    assert ages[0] == pytest.approx(7.4, abs=0.05)


def test_chance_and_surprisal_are_of_one_unit() -> None:
    """A floor in bits, 18.19 for 300,000 words, against surprisals in nats would call this word learnt too early."""
    age = learnt(np.array([curve(7.4, low=2.0, high=CHANCE)]), [step.words for step in STEPS], chance=CHANCE)
    assert age[0] == pytest.approx(7.4, abs=0.01)


def test_the_order_of_checkpoints_moves_nothing_and_one_at_0_words_is_left_out() -> None:
    curves = np.array([curve(7.1), curve(7.9)])
    steps = [step.words for step in STEPS]
    plain = learnt(curves, steps, chance=CHANCE)
    assert learnt(curves[:, ::-1], steps[::-1], chance=CHANCE) == pytest.approx(plain, abs=1e-6)
    began = np.column_stack([np.full(2, 40.0), curves])
    assert learnt(began, [0, *steps], chance=CHANCE) == pytest.approx(plain, abs=1e-6)
    assert np.isnan(learnt(curves[:, :3], steps[:3], chance=CHANCE)).all(), "three points fit any curve"


@pytest.mark.parametrize(
    ("shares", "expected"),
    [
        ([0.1, 0.3, 0.7, 0.9], 21.0),
        ([0.0, 0.5, 0.6, 0.7], 20.0),
        ([0.1, 0.2, 0.3, 0.49], None),
        ([0.6, 0.7, 0.8, 0.9], None),
        ([0.2, 0.6, 0.4, 0.8], 19.5),
    ],
)
def test_the_month_is_where_half_of_the_children_come_to_know_the_word(
    shares: list[float], expected: float | None
) -> None:
    found = month(AcquisitionGold(id="w", months=(18, 20, 22, 24), known=tuple(shares)))
    assert found == (None if expected is None else pytest.approx(expected))


def test_contexts_are_averaged_and_each_is_asked_at_each_checkpoint(make_suite: MakeSuite) -> None:
    suite = make_suite(*words(3, contexts=2), **MANIFEST)
    draw = draw_requests(suite, key=seed_key(1), steps=STEPS)
    assert len(draw.requests) == 3 * 2 * len(STEPS)
    first = draw.at("chck_1M")
    assert {(request["context"], request["continuation"]) for request in first} == {
        (f"context {place} of ", f"word{number}") for number in range(3) for place in range(2)
    }
    given_ = [
        {"id": request["id"], "logprob": -1.0 if "0" in request["context"] else -3.0, "tokens": 1}
        for request in draw.requests
    ]
    one = score(suite, given_, draw=draw).items[0]
    assert one.values == (2.0,) * len(STEPS)


def test_answers_without_any_bound_raise_nothing(make_suite: MakeSuite) -> None:
    suite = make_suite(*words(25), **MANIFEST)
    wild = [[1.7e308 if (n + k) % 3 else 0.0 for k in range(len(STEPS))] for n in range(25)]
    scored(suite, wild)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=6, deadline=None)
@given(st.lists(st.floats(6.2, 8.8), min_size=22, max_size=22))
def test_order_moves_nothing_and_the_range_holds(make_suite: MakeSuite, middles: list[float]) -> None:
    items, gold = words(22, contexts=1)
    curves = {item["id"]: curve(middle) for item, middle in zip(items, middles, strict=True)}
    suites = make_suite(items, gold, **MANIFEST), make_suite(items[::-1], gold, **MANIFEST)
    values = [value(scored(suite, [curves[item.id] for item in suite.items])) for suite in suites]
    assert values[0] == pytest.approx(values[1], abs=1e-6)
    assert values[0] is None or -1 <= values[0] <= 1
