"""Small suites to test with."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from evaluators.protocol.suite import SuiteManifest
from evaluators.suites import Suite, open_suite, write_suite


def manifest(**changes: Any) -> SuiteManifest:
    """A valid manifest of a choice suite."""
    value = {
        "schema": "suite/1",
        "key": "tiny",
        "title": "Tiny",
        "version": "1",
        "task": "choice",
        "metric": "accuracy",
        "chance": 0.5,
        "range": [0, 1],
        "direction": "higher",
        "license": "CC0-1.0",
    }
    return SuiteManifest.from_value(value | changes, file="suite.yaml")


def item(number: int, *texts: str, group: str = "a", **fields: Any) -> dict[str, Any]:
    """An item with these candidates."""
    return {
        "id": f"{group}/{number}",
        "group": group,
        "choices": [{"continuation": text} for text in texts or (f"Good {number}.", f"Bad {number}!?")],
        **fields,
    }


@pytest.fixture
def make_folder(tmp_path: Path) -> Callable[..., Path]:
    """`make_folder(items, gold, **manifest)`: a suite folder; by default four items in two groups."""

    def make(
        items: list[dict[str, Any]] | None = None, gold: list[dict[str, Any]] | None = None, **changes: Any
    ) -> Path:
        items = items if items is not None else [item(n, group=group) for group in "ab" for n in range(2)]
        gold = gold if gold is not None else [{"id": one["id"], "gold": n % 2} for n, one in enumerate(items)]
        folder = tmp_path / f"suite{len(list(tmp_path.iterdir()))}"
        write_suite(folder, manifest(**changes), items, gold, "Made for a test.")
        return folder

    return make


@pytest.fixture
def make_suite(make_folder: Callable[..., Path]) -> Callable[..., Suite]:
    """The same, opened."""
    return lambda *args, **changes: open_suite(make_folder(*args, **changes))
