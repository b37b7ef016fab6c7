"""What a valid suite folder is, and what its digest means."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from evaluators.suites import Suite, check_suite, open_suite, select

Folder = Callable[..., Path]


def item(number: int, group: str = "a", **fields: Any) -> dict[str, Any]:
    texts = (f"Good {number}.", f"Bad {number}!?")
    return {"id": f"{group}/{number}", "group": group, "choices": [{"continuation": text} for text in texts], **fields}


def codes(folder: Path) -> list[tuple[str, int | None]]:
    return [(problem.code, problem.line) for problem in check_suite(folder).problems]


def test_a_good_folder_passes_and_is_counted(make_folder: Folder) -> None:
    report = check_suite(make_folder())
    assert (report.ok, report.warnings, report.counts["splits"]) == (True, [], {"private": 4})


def test_a_missing_file_is_named(make_folder: Folder) -> None:
    folder = make_folder()
    (folder / "gold.jsonl").unlink()
    assert codes(folder) == [("E-SUITE-FILE", None)]


def test_an_item_without_gold_and_gold_without_an_item_are_refused(make_folder: Folder) -> None:
    folder = make_folder([item(0), item(1)], [{"id": "a/0", "gold": 0}, {"id": "a/9", "gold": 0}])
    assert codes(folder) == [("E-SUITE-GOLD", None), ("E-SUITE-GOLD", None)]


def test_gold_beyond_the_choices_is_refused(make_folder: Folder) -> None:
    assert codes(make_folder([item(0)], [{"id": "a/0", "gold": 2}])) == [("E-SUITE-GOLD", None)]


def test_an_id_that_stands_twice_is_refused_on_its_second_line(make_folder: Folder) -> None:
    assert codes(make_folder([item(0), item(0)], [{"id": "a/0", "gold": 0}])) == [("E-SUITE-DUPLICATE", 2)]


def test_two_equal_candidates_warn_since_published_suites_hold_some(make_folder: Folder) -> None:
    same = item(0) | {"choices": [{"continuation": "Same."}, {"continuation": "Same."}]}
    report = check_suite(make_folder([same], [{"id": "a/0", "gold": 0}]))
    assert (report.ok, [warning.code for warning in report.warnings]) == (True, ["W-SUITE-CHOICES"])


def test_gold_inside_the_items_file_is_an_unknown_field(make_folder: Folder) -> None:
    assert codes(make_folder([item(0, gold=0)], [{"id": "a/0", "gold": 0}])) == [("E-DOC-UNKNOWN", 1)]


def test_a_task_that_is_not_implemented_is_said_so(make_folder: Folder) -> None:
    assert codes(make_folder(task="generation", metric="f1")) == [("E-SUITE-TASK", None)]


def test_a_folder_without_a_readme_warns_and_passes(make_folder: Folder) -> None:
    folder = make_folder()
    (folder / "README.md").unlink()
    report = check_suite(folder)
    assert (report.ok, [warning.code for warning in report.warnings]) == (True, ["W-SUITE-README"])


def test_the_digest_does_not_depend_on_order_or_layout(make_folder: Folder) -> None:
    folder = make_folder()
    before = open_suite(folder).digest
    lines = (folder / "items.jsonl").read_text().splitlines()
    loose = [json.dumps(json.loads(line), indent=None, separators=(" , ", " : ")) for line in reversed(lines)]
    (folder / "items.jsonl").write_text("\n\n".join(loose))
    assert open_suite(folder).digest == before


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [("items.jsonl", "Good 1.", "Good 1,"), ("gold.jsonl", '"gold": 1', '"gold": 0'), ("suite.yaml", "Tiny", "Tinier")],
)
def test_the_digest_moves_with_anything_that_could_move_a_score(
    make_folder: Folder, file: str, old: str, new: str
) -> None:
    folder = make_folder()
    before = open_suite(folder).digest
    path = folder / file
    path.write_text(path.read_text().replace(old, new, 1))
    assert open_suite(folder).digest != before


def test_a_suite_opens_without_gold_when_gold_is_not_there(make_folder: Folder) -> None:
    folder = make_folder()
    (folder / "gold.jsonl").unlink()
    suite = open_suite(folder, with_gold=False)
    assert (len(suite.items), suite.gold) == (4, {})


def test_select_keeps_the_splits_and_a_sample_that_is_even_over_groups(make_suite: Callable[..., Suite]) -> None:
    items = [item(n, group, split="dev" if n < 10 else "private") for group in "ab" for n in range(20)]
    suite = make_suite(items)
    assert len(select(suite, splits=["dev"]).items) == 20
    sample = select(suite, splits=["dev", "private"], sample=8)
    assert sorted(one.group for one in sample.items) == ["a"] * 4 + ["b"] * 4
    assert sample.items == select(suite, splits=["dev", "private"], sample=8).items
    assert set(sample.gold) == {one.id for one in sample.items}


@pytest.mark.parametrize("weights", [{"a": 1}, {"a": 1, "b": 1, "c": 1}])
def test_groups_and_weights_must_name_each_other(make_folder: Folder, weights: dict[str, int]) -> None:
    assert codes(make_folder(aggregate={"weights": weights})) == [("E-SUITE-WEIGHT", None)]


def test_a_folder_in_media_is_a_problem_and_no_crash(make_folder: Folder) -> None:
    folder = make_folder()
    (folder / "media" / "inner").mkdir(parents=True)
    assert codes(folder) == [("E-SUITE-MEDIA", None)]
