"""What scores mean."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evaluators.protocol.problems import ProblemsFound
from evaluators.requests import Draw, draw_requests, seed_key
from evaluators.scoring import Scored, score
from evaluators.suites import Suite, open_suite

MakeSuite = Callable[..., Suite]


def item(number: int, group: str = "a", choices: int = 2, **fields: Any) -> dict[str, Any]:
    texts = [f"{'word ' * (n + 1)}{number}" for n in range(choices)]
    return {"id": f"{group}/{number}", "group": group, "choices": [{"continuation": text} for text in texts], **fields}


def answer(suite: Suite, by: Callable[[Suite, str, int, str], float], seed: int = 1) -> Scored:
    draw = draw_requests(suite, key=seed_key(seed))
    return score(suite, responses(suite, draw, by), draw=draw)


def responses(suite: Suite, draw: Draw, by: Callable[[Suite, str, int, str], float]) -> list[dict[str, Any]]:
    return [
        {"id": request["id"], "logprob": by(suite, *draw.resolve(request["id"]), request["continuation"]), "tokens": 1}
        for request in draw.requests
    ]


def oracle(suite: Suite, item_id: str, candidate: int, _text: str) -> float:
    return 0.0 if suite.gold[item_id].gold == candidate else -1.0


def value(scored: Scored) -> float | None:
    return scored.document.metrics["accuracy"].value


def test_the_same_number_for_everything_scores_exactly_chance(make_suite: MakeSuite) -> None:
    items = [item(n, group, choices=k) for group, k in (("a", 2), ("b", 4)) for n in range(7)]
    scored = answer(make_suite(items), lambda *_: -3.25)
    assert value(scored) == (1 / 2 + 1 / 4) / 2
    assert scored.document.flags == ("constant-predictor",)


def test_the_oracle_scores_1_and_its_opposite_0(make_suite: MakeSuite) -> None:
    suite = make_suite()
    assert value(answer(suite, oracle)) == 1
    assert value(answer(suite, lambda *about: -1 - oracle(*about))) == 0


def test_length_in_characters_scores_the_same_whatever_the_seed(make_suite: MakeSuite) -> None:
    suite = make_suite([item(n, group) for group in "abc" for n in range(11)])
    scores = {value(answer(suite, lambda _suite, _item, _candidate, text: -len(text), seed)) for seed in range(20)}
    assert len(scores) == 1


def test_macro_weighs_groups_and_micro_weighs_items(make_suite: MakeSuite) -> None:
    items = [item(0, "a"), *(item(n, "b") for n in range(3))]
    right_in_a = lambda suite, item_id, candidate, text: (  # noqa: E731
        oracle(suite, item_id, candidate, text)
        if item_id.startswith("a")
        else -1 - oracle(suite, item_id, candidate, text)
    )
    assert value(answer(make_suite(items), right_in_a)) == 0.5
    assert value(answer(make_suite(items, aggregate="micro"), right_in_a)) == 0.25
    weighted = make_suite(items, aggregate={"weights": {"a": 3, "b": 1}})
    assert value(answer(weighted, right_in_a)) == 0.75


@pytest.mark.parametrize(("norm", "expected"), [("none", 1.0), ("tokens", 0.0), ("bytes", 0.0)])
def test_length_normalisation_divides_by_tokens_or_bytes(make_suite: MakeSuite, norm: str, expected: float) -> None:
    one = {"id": "a/0", "choices": [{"continuation": "ab"}, {"continuation": "abcdefgh"}]}
    suite = make_suite([one], [{"id": "a/0", "gold": 0}], length_norm=norm)
    draw = draw_requests(suite, key=b"k")
    given_ = [
        {"id": request["id"], "logprob": -2.0 if len(request["continuation"]) == 2 else -3.0,
         "tokens": len(request["continuation"])}
        for request in draw.requests
    ]  # fmt: skip
    assert value(score(suite, given_, draw=draw)) == expected


def test_a_missing_answer_counts_as_wrong_and_is_a_gap(make_suite: MakeSuite) -> None:
    suite = make_suite()
    draw = draw_requests(suite, key=b"k")
    scored = score(suite, responses(suite, draw, oracle)[1:], draw=draw)
    assert (scored.document.coverage.asked, scored.document.coverage.answered) == (4, 3)
    assert sum(scored.document.gaps.values()) == 1
    assert not scored.document.complete
    assert value(scored) == 0.75


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"logprob": math.nan}, "logprob"),
        ({"logprob": -math.inf}, "logprob"),
        ({"logprob": 0.5}, "logprob"),
        ({"logprob": "-1"}, "logprob"),
        ({"logprob": True}, "logprob"),
        ({"tokens": -1}, "tokens"),
        ({"id": "nobody asked"}, "id"),
        ({"gold": 1}, "gold"),
    ],
)
def test_a_response_that_is_no_answer_is_refused_with_its_line(
    make_suite: MakeSuite, change: dict[str, Any], field: str
) -> None:
    suite = make_suite()
    draw = draw_requests(suite, key=b"k")
    given_ = responses(suite, draw, oracle)
    given_[2] |= change
    with pytest.raises(ProblemsFound) as caught:
        score(suite, given_, draw=draw)
    problem = caught.value.problems[0]
    assert (problem.code, problem.line, problem.field) == ("E-OUT-FORMAT", 3, field)


def test_an_id_that_is_answered_twice_is_refused(make_suite: MakeSuite) -> None:
    suite = make_suite()
    draw = draw_requests(suite, key=b"k")
    given_ = responses(suite, draw, oracle)
    with pytest.raises(ProblemsFound, match="twice"):
        score(suite, [*given_, given_[0]], draw=draw)


def test_item_scores_recompute_the_score(make_suite: MakeSuite, tmp_path: Path) -> None:
    scored = answer(make_suite([item(n, group) for group in "ab" for n in range(5)]), lambda *about: -len(about[3]))
    scored.write_items(tmp_path / "items.parquet")
    table = pd.read_parquet(tmp_path / "items.parquet")
    assert list(table.columns) == [
        "item_id",
        "group",
        "cluster",
        "weight",
        "response",
        "score",
        "gold_rank",
        "margin",
        "values",
    ]
    assert table.groupby("group")["score"].mean().mean() == pytest.approx(value(scored))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25, deadline=None)
@given(numbers=st.lists(st.floats(-50, 0), min_size=8, max_size=8), seed=st.integers(0, 1000))
def test_permuting_requests_changes_no_score(make_folder: Callable[..., Path], numbers: list[float], seed: int) -> None:
    suite = open_suite(make_folder())
    known = {
        (one.id, candidate): numbers[2 * n + candidate] for n, one in enumerate(suite.items) for candidate in (0, 1)
    }
    by = lambda _suite, item_id, candidate, _text: known[item_id, candidate]  # noqa: E731
    assert value(answer(suite, by, seed)) == value(answer(suite, by, seed + 1))


def test_a_suite_that_divides_by_tokens_refuses_answers_without_them(make_suite: MakeSuite) -> None:
    suite = make_suite(length_norm="tokens")
    draw = draw_requests(suite, key=b"k")
    with pytest.raises(ProblemsFound, match="tokens"):
        score(suite, [{"id": request["id"], "logprob": -1.0} for request in draw.requests], draw=draw)
