"""Two entries side by side: the numbers, and who may see them."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from django.contrib.auth.models import AnonymousUser
from django.test import Client
from django.utils import timezone

from accounts.models import User
from challenges.models import Phase
from evaluations.models import Run
from evaluators.statistics.pairs import mcnemar
from leaderboards.comparison import declared_differences, p_in_words, signed
from leaderboards.comparison_tests import tests_of as paired_tests_of
from leaderboards.drilldown_configuration import Fact
from leaderboards.selectors import board
from leaderboards.services import refresh

pytestmark = pytest.mark.django_db
Make = Callable[..., Any]
# Of a hundred items one gets 25 alone and the other 40, which leaves 35.
ONE = [1.0] * 25 + [0.0] * 40 + [1.0] * 30 + [0.0] * 5
OTHER = [0.0] * 25 + [1.0] * 40 + [1.0] * 30 + [0.0] * 5


@pytest.fixture
def people(make_user: Make) -> dict[str, User]:
    return {name: make_user(f"{name}@example.org") for name in ("organizer", "reviewer", "stranger")}


@pytest.fixture
def make_pair(
    make_challenge: Make, make_track: Make, make_phase: Make, make_suite_version: Make, make_scored: Make,
    people: dict[str, User],
) -> Callable[..., tuple[Phase, Run, Run]]:  # fmt: skip
    """`make_pair(hidden=False, suites=1, items=True, track={}, …)`: a board with two entries, ONE and OTHER."""

    def make(
        *, hidden: bool = False, suites: int = 1, items: bool = True, track: dict[str, Any] | None = None, **fields: Any
    ) -> tuple[Phase, Run, Run]:
        challenge = make_challenge("pairs", organizers=(people["organizer"],), reviewers=(people["reviewer"],))
        phase: Phase = make_phase(make_track(challenge, "small", **(track or {})), "dev", **fields)
        for number in range(suites):
            public = {} if hidden else {"items": "public", "gold": "public"}
            make_suite_version(phase, key=f"suite-{number}", **public)
        runs = [
            make_scored(phase, float(np.mean(scores)), name=name, items=scores if items else ())
            for name, scores in (("Heron", ONE), ("Curlew", OTHER))
        ]
        refresh(phase=phase)
        return phase, runs[0], runs[1]

    return make


def address(one: Run, other: Run) -> str:
    return f"/c/pairs/small/dev/compare?a={one.entry_id}&b={other.entry_id}"


def page(client: Client, one: Run, other: Run) -> str:
    response = client.get(address(one, other))
    assert response.status_code == 200
    return str(response.content.decode())


def test_the_difference_has_its_test_and_the_items_behind_it(make_pair: Make, client: Client) -> None:
    _, one, other = make_pair()
    text = page(client, one, other)
    assert all(part in text for part in ("55.00", "70.00", "−15.00", "0.082", ">25<", ">40<", ">35<", "exact McNemar"))


def test_the_overall_difference_is_that_of_the_aggregates(make_pair: Make) -> None:
    phase, one, other = make_pair(suites=3, track={"aggregate": {"weights": {"suite-1": 3}}})
    shown = board(AnonymousUser(), Phase.objects.get(pk=phase.pk))
    found = paired_tests_of(shown, one.entry_id, other.entry_id)
    assert found.overall is not None
    rows = {row["entry"]: row["aggregate"] for row in shown.rows}
    assert found.overall.difference == pytest.approx(rows[one.entry_id] - rows[other.entry_id])
    assert (found.overall.won, found.overall.lost, found.overall.tied) == (75, 120, 105)
    assert found.overall.low < found.overall.difference < found.overall.high
    assert found.suites["suite-0"].p == pytest.approx(mcnemar(25, 40))


def test_an_aggregate_that_is_no_mean_is_not_tested_and_says_so(make_pair: Make, client: Client) -> None:
    _, one, other = make_pair(suites=2, track={"aggregate": {"method": "geometric-mean"}})
    assert "no mean of suites" in page(client, one, other)


def test_without_item_scores_there_is_a_difference_and_no_test(make_pair: Make, client: Client) -> None:
    _, one, other = make_pair(items=False)
    text = page(client, one, other)
    assert "no item scores of both" in text
    assert "−15.00" in text


def test_before_the_reveal_only_reviewers_compare(make_pair: Make, client_of: Make, people: dict[str, User]) -> None:
    phase, one, other = make_pair(hidden=True)
    for name, status in (("reviewer", 200), ("organizer", 200), ("stranger", 404)):
        assert client_of(people[name]).get(address(one, other)).status_code == status
    assert client_of(None).get(address(one, other)).status_code == 404
    assert "compare" not in client_of(None).get("/c/pairs/small/dev/leaderboard").content.decode()
    Phase.objects.filter(pk=phase.pk).update(closes=timezone.now() - timedelta(seconds=1))
    assert client_of(None).get(address(one, other)).status_code == 200


def test_a_board_that_is_not_published_is_compared_by_reviewers_alone(
    make_pair: Make, client_of: Make, people: dict[str, User]
) -> None:
    _, one, other = make_pair(visibility=Phase.Visibility.HIDDEN)
    assert client_of(people["stranger"]).get(address(one, other)).status_code == 404
    assert client_of(people["reviewer"]).get(address(one, other)).status_code == 200


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("", "Compare"),
        ("?a=1&b=999999", "does not stand on this leaderboard"),
        ("?a=x&b=" + "9" * 40, "Compare"),
    ],
)
def test_what_can_not_be_compared_is_answered_with_the_choice(
    make_pair: Make, client: Client, query: str, sentence: str
) -> None:
    make_pair()
    response = client.get(f"/c/pairs/small/dev/compare{query}")
    assert response.status_code == 200
    assert sentence in response.content.decode()
    assert "Curlew" in response.content.decode()


def test_an_entry_is_not_compared_with_itself(make_pair: Make, client: Client) -> None:
    _, one, _ = make_pair()
    assert "Choose two different entries." in page(client, one, one)


def test_what_was_declared_otherwise_stands_side_by_side(
    make_pair: Make, client_of: Make, people: dict[str, User]
) -> None:
    _, one, other = make_pair()
    for run, order in ((one, 2), (other, 5)):
        run.entry.submission.manifest = {
            "schema": "submission/1", "kind": "code", "code": {}, "method": {"name": "x", "backbone": "n-gram",
            "description": f"<b>Order {order}</b>"},
        }  # fmt: skip
        run.entry.submission.save()
    text = page(client_of(people["reviewer"]), one, other)
    assert "&lt;b&gt;Order 2&lt;/b&gt;" in text
    assert "2 fields in which both say the same" in text
    assert "Order 2" not in page(client_of(people["stranger"]), one, other)


def test_fields_that_one_declares_are_listed_once() -> None:
    found = declared_differences(
        [Fact("Kind", "code"), Fact("Backbone", "n-gram")], [Fact("Kind", "code"), Fact("Words", "9")]
    )
    assert [(one.name, one.one, one.other, one.same) for one in found] == [
        ("Kind", "code", "code", True), ("Backbone", "n-gram", "", False), ("Words", "", "9", False),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("value", "text"), [(0.0125, "+1.25"), (-0.004, "−0.40"), (0.0, "0.00"), (-0.00001, "0.00"), (None, "–")]
)
def test_a_difference_has_a_sign_unless_it_is_nothing(value: float | None, text: str) -> None:
    assert signed(value, digits=2, percent=True) == text


@pytest.mark.parametrize(("p", "text"), [(0.0817, "0.082"), (0.0009, "< 0.001"), (1.0, "1.000")])
def test_a_p_is_printed_with_three_digits(p: float, text: str) -> None:
    assert p_in_words(p) == text
