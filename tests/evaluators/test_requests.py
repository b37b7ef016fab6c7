"""Nothing about a request tells which candidate is right."""

import json
from collections.abc import Callable
from typing import Any

from evaluators.requests import draw_requests, seed_key
from evaluators.suites import Suite

MakeSuite = Callable[..., Suite]


def many(count: int = 300) -> list[dict[str, Any]]:
    return [
        {"id": f"secret-{n}", "group": "g", "choices": [{"continuation": f"good {n}"}, {"continuation": f"bad {n}"}]}
        for n in range(count)
    ]


def test_a_draw_follows_from_suite_and_key(make_suite: MakeSuite) -> None:
    suite = make_suite(many())
    assert draw_requests(suite, key=seed_key(1)) == draw_requests(suite, key=seed_key(1))
    assert draw_requests(suite, key=seed_key(1)).requests != draw_requests(suite, key=seed_key(2)).requests


def test_requests_hold_neither_item_ids_nor_groups_nor_gold(make_suite: MakeSuite) -> None:
    text = json.dumps(draw_requests(make_suite(many()), key=b"k").requests)
    assert "secret" not in text
    assert {key for request in json.loads(text) for key in request} == {"id", "type", "context", "continuation"}


def test_candidates_of_an_item_stand_apart_and_in_no_telling_order(make_suite: MakeSuite) -> None:
    draw = draw_requests(make_suite(many()), key=b"k")
    places: dict[str, list[tuple[int, int]]] = {}
    for place, request in enumerate(draw.requests):
        item, candidate = draw.resolve(request["id"])
        places.setdefault(item, []).append((place, candidate))
    first = [sorted(two)[0][1] for two in places.values()]
    neighbours = sum(abs(two[0][0] - two[1][0]) == 1 for two in places.values())
    assert 100 < sum(first) < 200  # either candidate comes first about as often
    assert neighbours < 10


def test_every_candidate_is_asked_once(make_suite: MakeSuite) -> None:
    draw = draw_requests(make_suite(many(50)), key=b"k")
    assert len({draw.resolve(request["id"]) for request in draw.requests}) == len(draw.requests) == 100
