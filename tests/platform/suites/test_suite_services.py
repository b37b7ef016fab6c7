"""Adding, freezing and opening suite versions."""

from collections.abc import Callable

from suites.models import SuiteVersion


def test_a_made_version_is_frozen(make_suite_version: Callable[..., SuiteVersion]) -> None:
    assert make_suite_version().state == SuiteVersion.State.FROZEN
