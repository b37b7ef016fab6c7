"""A practice version is a small public sample of a suite, under a version of its own."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from evaluators.protocol.problems import ProblemsFound
from evaluators.selftest import selftest
from evaluators.suites import check_suite, open_suite
from evaluators.suites.practice import practise

MakeFolder = Callable[..., Path]


def items(count: int) -> list[dict[str, Any]]:
    """So many items in each of three groups."""
    return [
        {
            "id": f"{group}/{number}",
            "group": group,
            "choices": [{"continuation": f"Owls {group} {number}."}, {"continuation": f"Owl {group} {number}!"}],
        }
        for group in "abc"
        for number in range(count)
    ]


def test_a_practice_version_is_a_public_sample_of_every_group(make_folder: MakeFolder) -> None:
    folder = make_folder(items(20), version="7")
    whole = open_suite(folder)
    assert practise(folder, items=6) == 6
    report = check_suite(folder)
    assert report.ok
    assert report.suite is not None
    assert report.suite.name == "tiny@7-practice"
    assert (report.suite.manifest.items, report.suite.manifest.gold) == ("public", "public")
    assert report.counts["groups"] == {"a": 2, "b": 2, "c": 2}
    assert report.counts["splits"] == {"dev": 6}
    assert {name: line.gold for name, line in report.suite.gold.items()}.items() <= {
        name: line.gold for name, line in whole.gold.items()
    }.items()
    assert all(expectation.ok for expectation in selftest(report.suite))


def test_the_sample_is_the_same_every_time(make_folder: MakeFolder) -> None:
    folders = [make_folder(items(20)) for _ in range(2)]
    for folder in folders:
        practise(folder, items=5)
    first, second = (open_suite(folder) for folder in folders)
    assert first.digest == second.digest


def test_a_suite_smaller_than_the_sample_is_kept_whole(make_folder: MakeFolder) -> None:
    assert practise(make_folder(items(2)), items=100) == 6


def test_a_gated_suite_gives_nothing_out(make_folder: MakeFolder) -> None:
    folder = make_folder(items(5), gated=True)
    before = (folder / "gold.jsonl").read_bytes()
    with pytest.raises(ProblemsFound, match="gated"):
        practise(folder, items=3)
    assert (folder / "gold.jsonl").read_bytes() == before
