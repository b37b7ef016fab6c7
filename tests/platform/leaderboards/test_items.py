"""The item scores of several entries side by side."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from challenges.models import Phase
from leaderboards.items import item_matrix

pytestmark = pytest.mark.django_db
Make = Callable[..., Any]


@pytest.fixture
def phase(make_phase: Make, make_suite_version: Make) -> Phase:
    made: Phase = make_phase()
    make_suite_version(made, key="pairs")
    return made


def test_scores_stand_by_item_and_entry(phase: Phase, make_scored: Make) -> None:
    one = make_scored(phase, 0.5, items=[1.0, 0.0, 1.0])
    other = make_scored(phase, 0.5, items=[0.0, 0.5, 1.0])
    found = item_matrix(phase, "pairs", [other.entry_id, one.entry_id])
    assert found is not None
    assert found.ids == ["item/0", "item/1", "item/2"]
    np.testing.assert_array_equal(found.scores, np.array([[0.0, 1.0], [0.5, 0.0], [1.0, 1.0]], dtype=np.float32))
    assert (found.groups, found.strata.tolist(), found.clusters, found.weights) == (["all"], [0, 0, 0], None, None)


def test_an_entry_that_lacks_an_item_has_none_there(phase: Phase, make_scored: Make) -> None:
    one = make_scored(phase, 0.5, items=[1.0, 0.0, 1.0])
    other = make_scored(phase, 0.5, items=[0.0, 0.5])
    bare = make_scored(phase, 0.5)
    found = item_matrix(phase, "pairs", [one.entry_id, other.entry_id, bare.entry_id])
    assert found is not None
    assert np.isnan(found.scores).tolist() == [[False, False, True], [False, False, True], [False, True, True]]


def test_there_is_none_for_a_suite_that_is_not_asked_or_has_no_items(phase: Phase, make_scored: Make) -> None:
    run = make_scored(phase, 0.5)
    assert item_matrix(phase, "pairs", [run.entry_id]) is None
    assert item_matrix(phase, "other", [run.entry_id]) is None


def test_there_is_none_for_a_metric_that_is_no_mean_of_items(phase: Phase, make_scored: Make) -> None:
    run = make_scored(phase, 0.5, items=[1.0, 0.0])
    version = phase.phase_suites.get().suite_version
    version.manifest = {**version.manifest, "task": "classification", "metric": "macro-f1"}
    version.save()
    assert item_matrix(phase, "pairs", [run.entry_id]) is None
