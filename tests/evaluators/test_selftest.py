"""Every suite is tested before it may rank anybody."""

from collections.abc import Callable

import pytest

from evaluators.selftest import selftest
from evaluators.suites import Suite


@pytest.mark.parametrize("changes", [{}, {"length_norm": "bytes"}, {"length_norm": "tokens"}, {"aggregate": "micro"}])
def test_a_sound_suite_meets_every_expectation(make_suite: Callable[..., Suite], changes: dict[str, str]) -> None:
    assert [one.name for one in selftest(make_suite(**changes)) if not one.ok] == []


def test_a_wrong_range_is_found_before_anybody_is_scored(make_suite: Callable[..., Suite]) -> None:
    failed = [one.name for one in selftest(make_suite(range=[0, 2])) if not one.ok]
    assert failed == ["the gold itself scores best"]


def test_a_wrong_chance_is_found_and_a_rounded_one_is_taken(make_suite: Callable[..., Suite]) -> None:
    failed = [one.name for one in selftest(make_suite(chance=0.25)) if not one.ok]
    assert failed == ["the manifest's chance is what answers that know nothing score"]
    assert all(one.ok for one in selftest(make_suite(chance=0.501)))
