"""The baselines' archives: made once, the same bytes each time, made again when their sources change."""

import zipfile
from pathlib import Path

import pytest

from web.demo.archives import archive_of


def never(line: str) -> None:
    """Neither of these baselines is trained here."""
    raise AssertionError(line)


@pytest.fixture
def text(tmp_path: Path) -> Path:
    path = tmp_path / "train.txt"
    path.write_text("The boy smiles.\n")
    return path


def test_the_archive_of_the_trigram_holds_its_text(text: Path, tmp_path: Path) -> None:
    path = archive_of("ngram", text=text, folder=tmp_path / "made", say=never)
    with zipfile.ZipFile(path) as archive:
        assert sorted(archive.namelist()) == ["model.py", "submission.yaml", "train.txt"]
        assert archive.read("train.txt") == text.read_bytes()


def test_an_archive_that_stands_is_not_made_again(text: Path, tmp_path: Path) -> None:
    path = archive_of("random", text=text, folder=tmp_path / "made", say=never)
    path.write_bytes(b"as it was")
    assert archive_of("random", text=text, folder=tmp_path / "made", say=never).read_bytes() == b"as it was"


def test_another_text_gives_another_archive_of_the_trigram_and_the_same_of_the_random_one(
    text: Path, tmp_path: Path
) -> None:
    def made() -> list[Path]:
        return [archive_of(key, text=text, folder=tmp_path / "made", say=never) for key in ("random", "ngram")]

    before = made()
    text.write_text("The girl smiles.\n")
    after = made()
    assert (before[0] == after[0], before[1] == after[1]) == (True, False)


def test_the_same_sources_give_the_same_bytes(text: Path, tmp_path: Path) -> None:
    first, second = (archive_of("ngram", text=text, folder=tmp_path / name, say=never) for name in ("a", "b"))
    assert first.read_bytes() == second.read_bytes()
