"""Every file that items show is in media/, and what no item shows is noticed."""

import hashlib
from pathlib import Path

from evaluators.suites import check_suite, write_suite
from tests.evaluators.conftest import manifest

OWL, MILL = b"a picture of an owl", b"a picture of a mill"


def named(data: bytes) -> str:
    """Under which name a file lies."""
    return hashlib.sha256(data).hexdigest()


def shown(folder: Path, *files: bytes) -> Path:
    """A suite whose items all show the owl, with these files."""
    choices = [{"continuation": text, "images": [named(OWL)]} for text in ("An owl.", "A mill.")]
    items = [{"id": f"a/{n}", "group": "a", "choices": choices} for n in range(2)]
    write_suite(folder, manifest(), items, [{"id": f"a/{n}", "gold": n} for n in range(2)], "Made for a test.")
    (folder / "media").mkdir()
    for data in files:
        (folder / "media" / named(data)).write_bytes(data)
    return folder


def test_a_suite_with_just_the_files_that_its_items_show_is_valid(tmp_path: Path) -> None:
    report = check_suite(shown(tmp_path / "suite", OWL))
    assert (report.problems, report.warnings) == ([], [])


def test_a_file_that_is_missing_is_refused_with_the_item_that_shows_it(tmp_path: Path) -> None:
    problems = check_suite(shown(tmp_path / "suite", MILL)).problems
    assert [(problem.code, problem.file) for problem in problems] == [("E-SUITE-MEDIA", "items.jsonl")] * 2
    assert "'a/0'" in problems[0].message
    assert named(OWL)[:12] in problems[0].message


def test_a_file_that_no_item_shows_is_a_warning(tmp_path: Path) -> None:
    report = check_suite(shown(tmp_path / "suite", OWL, MILL))
    assert report.ok
    assert [(warning.code, warning.file) for warning in report.warnings] == [("W-SUITE-MEDIA", f"media/{named(MILL)}")]
