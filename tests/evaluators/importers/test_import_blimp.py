"""BLiMP comes in with the counts it is known to have."""

import shutil
from pathlib import Path

import pytest

from evaluators.importers.blimp import import_blimp
from evaluators.protocol.problems import ProblemsFound
from evaluators.suites import check_suite


@pytest.mark.data
def test_blimp_as_published_has_67_files_of_1000_pairs(data: Path, tmp_path: Path) -> None:
    assert import_blimp(data / "blimp", tmp_path / "blimp") == 67_000
    report = check_suite(tmp_path / "blimp")
    assert report.ok
    assert set(report.counts["groups"].values()) == {1000}
    assert report.suite is not None
    first = sum(line.gold == 0 for line in report.suite.gold.values())
    assert first == pytest.approx(33_500, rel=0.03)  # the order of the candidates does not tell which is right


@pytest.mark.data
def test_a_missing_file_or_line_is_refused(data: Path, tmp_path: Path) -> None:
    source = tmp_path / "source"
    shutil.copytree(data / "blimp", source)
    for path in (source, *source.iterdir()):
        path.chmod(0o755)
    path = source / "causative.jsonl"
    lines = path.read_text().splitlines()
    path.write_text("\n".join(lines[:-1]))
    with pytest.raises(ProblemsFound, match=r"causative\.jsonl.*999"):
        import_blimp(source, tmp_path / "dest")
    path.unlink()
    with pytest.raises(ProblemsFound, match="here are 66"):
        import_blimp(source, tmp_path / "dest")
