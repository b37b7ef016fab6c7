"""The paired draws of evaluations: computed once, kept, and the same items for every submission."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from pytest_django import DjangoAssertNumQueries

from challenges.models import Phase
from evaluations.draws import keep_draws, sealed_items, stored_draws
from evaluations.models import Evaluation, SuiteDraws
from tests.platform.leaderboards.conftest import make_scored  # noqa: F401 - a fixture

pytestmark = pytest.mark.django_db
Make = Callable[..., Any]


@pytest.fixture
def phase(make_phase: Make, make_suite_version: Make) -> Phase:
    made: Phase = make_phase()
    make_suite_version(made, key="pairs", aggregate="micro")
    return made


def evaluation_of(run: Any) -> Evaluation:
    return Evaluation.objects.get(response_set__runs=run)


def test_draws_are_kept_and_pair_submissions_item_by_item(phase: Phase, make_scored: Make) -> None:  # noqa: F811
    worse = evaluation_of(make_scored(phase, 0.5, items=[1.0] * 50 + [0.0] * 50))
    better = evaluation_of(make_scored(phase, 0.6, items=[1.0] * 60 + [0.0] * 40))
    keep_draws([worse.pk, better.pk])
    found = stored_draws([worse.pk, better.pk])
    assert found[worse.pk].shape == (1000,)
    assert (found[better.pk] >= found[worse.pk]).all()
    assert np.mean(found[better.pk] - found[worse.pk]) == pytest.approx(0.1, abs=0.01)


def test_draws_are_computed_once(
    phase: Phase, make_scored: Make, django_assert_num_queries: DjangoAssertNumQueries  # noqa: F811
) -> None:  # fmt: skip
    evaluation = evaluation_of(make_scored(phase, 0.5, items=[1.0, 0.0] * 10))
    keep_draws([evaluation.pk])
    before = SuiteDraws.objects.get()
    with django_assert_num_queries(1):
        keep_draws([evaluation.pk])
    assert SuiteDraws.objects.get().created_at == before.created_at


def test_an_evaluation_whose_items_were_not_kept_has_none(phase: Phase, make_scored: Make) -> None:  # noqa: F811
    evaluation = evaluation_of(make_scored(phase, 0.5))
    keep_draws([evaluation.pk])
    assert stored_draws([evaluation.pk]) == {}


def test_items_come_in_the_order_of_their_ids_and_are_clusters_of_their_own(
    phase: Phase, make_scored: Make  # noqa: F811
) -> None:  # fmt: skip
    evaluation = evaluation_of(make_scored(phase, 0.5, items=[float(number) for number in range(11)]))
    items = sealed_items(evaluation.items_name)
    assert items.ids[:3] == ["item/0", "item/1", "item/10"]
    assert (items.scores[:3].tolist(), items.clusters) == ([0.0, 1.0, 10.0], items.ids)
    assert items.weights.tolist() == [1.0] * 11
