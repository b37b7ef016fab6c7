"""The grammar's suite folders: valid, apart, and the same again from the same seed."""

import subprocess
import sys
from pathlib import Path

import pytest

from evaluators.grammar.folders import write_all
from evaluators.suites import check_suite, open_suite

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Path]:
    return write_all(tmp_path_factory.mktemp("grammar"), seed=1, pairs=8, sentences=500)


def test_both_folders_are_valid_suites_without_a_warning(folders: tuple[Path, Path, Path]) -> None:
    for folder in folders[:2]:
        report = check_suite(folder)
        assert (report.ok, list(report.problems), list(report.warnings)) == (True, [], [])


def test_the_public_suite_is_public_and_dev_the_hidden_one_hidden_and_mostly_private(
    folders: tuple[Path, Path, Path],
) -> None:
    found = [open_suite(folder) for folder in folders[:2]]
    assert [(suite.manifest.key, suite.manifest.items, suite.manifest.gold) for suite in found] == [
        ("minimal-pairs-public", "public", "public"),
        ("minimal-pairs-hidden", "hidden", "hidden"),
    ]
    assert [{item.split for item in suite.items} for suite in found] == [{"dev"}, {"private", "public"}]


def test_the_hidden_suite_gives_out_a_small_sample_of_every_phenomenon_in_whole_twins(
    folders: tuple[Path, Path, Path],
) -> None:
    items = open_suite(folders[1]).items
    sample = [item for item in items if item.split == "public"]
    assert {item.group for item in sample} == {item.group for item in items if item.split == "private"}
    assert not {item.cluster for item in sample} & {item.cluster for item in items if item.split == "private"}
    assert len(sample) <= len(items) / 2


def test_the_command_writes_the_same_bytes_again(folders: tuple[Path, Path, Path], tmp_path: Path) -> None:
    command = [sys.executable, "-m", "evaluators.grammar", "--out", str(tmp_path), "--seed", "1", "--pairs", "8"]
    done = subprocess.run(
        [*command, "--sentences", "500"], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    )
    assert [Path(line).name for line in done.stdout.splitlines()] == [path.name for path in folders]
    written = {path.relative_to(tmp_path): path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    folder = folders[2].parent
    assert written == {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
