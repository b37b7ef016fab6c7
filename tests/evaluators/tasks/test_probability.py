"""How far a model is divided between two candidates, against how far people are."""

import json
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evaluators.requests import draw_requests, seed_key
from evaluators.scoring import Scored, score, score_answers
from evaluators.selftest import selftest
from evaluators.suites import Suite

MakeSuite = Callable[..., Suite]
GOLDEN = json.loads((Path(__file__).parents[2] / "golden" / "probability.json").read_text())
MANIFEST: dict[str, Any] = {"task": "probability", "metric": "spearman", "range": [-1, 1], "chance": None}


def pairs(human: Sequence[float], group: str = "a") -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    items = [
        {"id": f"{group}/{n}", "group": group,
         "choices": [{"continuation": f"wug{n}ness"}, {"continuation": f"wug{n}ability"}]}
        for n in range(len(human))
    ]  # fmt: skip
    return items, [{"id": f"{group}/{n}", "probability": share} for n, share in enumerate(human)]


def answers(suite: Suite, logprobs: Sequence[Sequence[float]]) -> dict[str, dict[int, dict[str, Any]]]:
    return {
        item.id: {place: {"logprob": value, "tokens": 1} for place, value in enumerate(two)}
        for item, two in zip(suite.items, logprobs, strict=True)
    }


def value(scored: Scored, name: str = "spearman") -> float | None:
    return scored.document.metrics[name].value


LEVEL = st.integers(-6, 0)
HUMAN = [0.05, 0.2, 0.2, 0.45, 0.6, 0.75, 0.9, 1.0]


@pytest.mark.parametrize("changes", [{}, {"metric": "pearson"}, {"aggregate": "micro"}, {"length_norm": "bytes"}])
def test_a_sound_suite_meets_every_expectation(make_suite: MakeSuite, changes: dict[str, Any]) -> None:
    first, second = pairs(HUMAN), pairs(HUMAN[::-1], "b")
    suite = make_suite(first[0] + second[0], first[1] + second[1], **MANIFEST | changes)
    assert [(one.name, one.measured) for one in selftest(suite) if not one.ok] == []


def test_a_wrong_range_is_found_before_anybody_is_scored(make_suite: MakeSuite) -> None:
    failed = [
        one.name for one in selftest(make_suite(*pairs(HUMAN), **MANIFEST | {"range": [-100, 100]})) if not one.ok
    ]
    assert failed == ["the human shares score best", "the reverse of the human shares scores worst"]


def test_shares_that_do_not_vary_make_no_suite(make_suite: MakeSuite) -> None:
    failed = [one.name for one in selftest(make_suite(*pairs([0.5] * 6), **MANIFEST)) if not one.ok]
    assert failed == ["the human shares score best", "the reverse of the human shares scores worst"]


def test_both_correlations_equal_the_golden_numbers(make_suite: MakeSuite) -> None:
    suite = make_suite(*pairs(GOLDEN["human"]), **MANIFEST)
    scored = score_answers(suite, answers(suite, GOLDEN["logprobs"]))
    for name in ("spearman", "pearson"):
        assert value(scored, name) == pytest.approx(GOLDEN[name], abs=1e-10)
    measure = scored.document.metrics["spearman"]
    assert measure.low is not None
    assert measure.high is not None
    assert -1 <= measure.low < GOLDEN["spearman"] < measure.high <= 1


def test_the_models_probability_is_the_softmax_over_both(make_suite: MakeSuite) -> None:
    suite = make_suite(*pairs(HUMAN), **MANIFEST)
    scored = score_answers(suite, answers(suite, [(-3.0, -4.0)] * len(HUMAN)))
    one = scored.items[0]
    assert one.values == (pytest.approx(math.exp(-3) / (math.exp(-3) + math.exp(-4))),)
    assert one.score == pytest.approx(1 - abs(one.values[0] - HUMAN[0]))


def test_a_model_that_is_never_divided_otherwise_is_undefined_not_0(make_suite: MakeSuite) -> None:
    suite = make_suite(*pairs(HUMAN), **MANIFEST)
    scored = score_answers(suite, answers(suite, [(-5.0, -5.0)] * len(HUMAN)))
    measure = scored.document.metrics["spearman"]
    assert (measure.value, measure.low, measure.high) == (None, None, None)
    assert scored.document.flags == ("constant-predictor",)


def test_rounding_does_not_decide_which_item_ranks_first(make_suite: MakeSuite) -> None:
    # One tenth of a nat each, in other digits: all the same to a reader.
    equal = [(-7.0, -6.9), (-6.9, -6.8), (-1.3, -1.2), (-0.1, 0.0)] * 2
    assert len({second - first for first, second in equal}) > 1
    suite = make_suite(*pairs(HUMAN), **MANIFEST)
    assert value(score_answers(suite, answers(suite, equal))) is None


def test_a_missing_answer_leaves_the_number_undefined(make_suite: MakeSuite) -> None:
    suite = make_suite(*pairs(HUMAN), **MANIFEST)
    draw = draw_requests(suite, key=seed_key(1))
    given_ = [
        {"id": request["id"], "logprob": -float(len(request["continuation"])) - n / 9, "tokens": 1}
        for n, request in enumerate(draw.requests)
    ]
    assert value(score(suite, given_, draw=draw)) is not None
    scored = score(suite, given_[1:], draw=draw)
    assert value(scored) is None
    assert (scored.document.coverage.asked, scored.document.coverage.answered) == (8, 7)


def test_a_prediction_gives_the_probability_at_once(make_suite: MakeSuite) -> None:
    suite = make_suite(*pairs(HUMAN), **MANIFEST)
    logprobs = [(math.log(0.1 + n / 10), math.log(0.9 - n / 10)) for n in range(len(HUMAN))]
    predicted = {item.id: {0: {"probability": 0.1 + n / 10}} for n, item in enumerate(suite.items)}
    scored = score_answers(suite, predicted)
    assert scored.document.complete
    assert value(scored) == value(score_answers(suite, answers(suite, logprobs)))


def test_answers_without_any_bound_raise_nothing(make_suite: MakeSuite) -> None:
    suite = make_suite(*pairs(HUMAN), **MANIFEST)
    wild = [(-1.7e308, 0.0), (0.0, -1.7e308), (-1.7e308, -1.7e308)] * 3
    assert value(score_answers(suite, answers(suite, wild[: len(HUMAN)]))) is not None


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=8, deadline=None)
@given(
    levels=st.lists(st.tuples(st.integers(-6, 0), st.integers(-6, 0)), min_size=8, max_size=8), seed=st.integers(0, 99)
)
def test_order_moves_nothing_and_the_range_holds(
    make_suite: MakeSuite, levels: list[tuple[int, int]], seed: int
) -> None:
    items, gold = pairs(HUMAN)
    suite, turned = make_suite(items, gold, **MANIFEST), make_suite(items[::-1], gold, **MANIFEST)
    by = {item["id"]: two for item, two in zip(items, levels, strict=True)}
    values = []
    for one in (suite, turned):
        draw = draw_requests(one, key=seed_key(seed))
        resolved = [(request["id"], draw.resolve(request["id"])) for request in draw.requests]
        given_ = [{"id": name, "logprob": float(by[item][place]), "tokens": 1} for name, (item, place) in resolved]
        values.append(value(score(one, given_, draw=draw)))
    assert values[0] == pytest.approx(values[1], abs=1e-12)
    assert values[0] is None or -1 <= values[0] <= 1
