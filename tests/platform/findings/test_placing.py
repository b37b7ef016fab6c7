"""What people wrote or changed in a report's folder stays."""

import hashlib
import json
from pathlib import Path

from findings.placing import place


def put(out: Path, **files: str) -> tuple[str, ...]:
    """Place files of these texts, as a manifest lists them; returns the names that were kept."""
    data = {name.replace("_", "."): text.encode() for name, text in files.items()}
    listed = {name: hashlib.sha256(text).hexdigest() for name, text in data.items()}
    return tuple(kept.name for kept in place(data, {"version": "v1", "files": listed}, out).kept)


def test_files_of_ours_are_replaced(tmp_path: Path) -> None:
    assert put(tmp_path, report_md="one") == ()
    assert put(tmp_path, report_md="two") == ()
    assert (tmp_path / "report.md").read_text() == "two"


def test_a_file_that_was_changed_by_hand_stays_and_the_new_one_lies_beside(tmp_path: Path) -> None:
    put(tmp_path, report_md="one")
    (tmp_path / "report.md").write_text("mine")
    assert put(tmp_path, report_md="two") == ("report.md",)
    assert (tmp_path / "report.md").read_text() == "mine"
    assert (tmp_path / "report.md.new").read_text() == "two"
    assert put(tmp_path, report_md="three") == ("report.md",)
    assert (tmp_path / "report.md.new").read_text() == "three"


def test_a_new_file_that_somebody_took_over_stays_too(tmp_path: Path) -> None:
    put(tmp_path, report_md="one")
    (tmp_path / "report.md").write_text("mine")
    put(tmp_path, report_md="two")
    (tmp_path / "report.md.new").write_text("mine as well")
    put(tmp_path, report_md="three")
    assert (tmp_path / "report.md.new").read_text() == "mine as well"
    assert (tmp_path / "report.md.new.2").read_text() == "three"


def test_a_file_that_was_there_before_stays(tmp_path: Path) -> None:
    (tmp_path / "report.md").write_text("somebody's")
    assert put(tmp_path, report_md="one") == ("report.md",)
    assert (tmp_path / "report.md").read_text() == "somebody's"


def test_taking_the_new_file_over_ends_it(tmp_path: Path) -> None:
    put(tmp_path, report_md="one")
    (tmp_path / "report.md").write_text("mine")
    put(tmp_path, report_md="two")
    (tmp_path / "report.md.new").replace(tmp_path / "report.md")
    assert put(tmp_path, report_md="three") == ()
    assert (tmp_path / "report.md").read_text() == "three"


def test_what_is_no_longer_made_goes_unless_it_was_changed(tmp_path: Path) -> None:
    put(tmp_path, a_md="a", b_md="b", c_md="c")
    (tmp_path / "b.md").write_text("mine")
    assert put(tmp_path, c_md="c") == ("b.md",)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["MANIFEST.json", "b.md", "c.md"]


def test_other_files_and_folders_are_not_touched(tmp_path: Path) -> None:
    (tmp_path / "prose").mkdir()
    (tmp_path / "prose" / "introduction.md").write_text("words")
    (tmp_path / "paper.tex").write_text("a paper")
    (tmp_path / "report.md").mkdir()
    assert put(tmp_path, report_md="one") == ("report.md",)
    assert (tmp_path / "report.md").is_dir()
    assert (tmp_path / "prose" / "introduction.md").read_text() == "words"
    assert (tmp_path / "paper.tex").read_text() == "a paper"


def test_a_link_is_not_written_through(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere.md"
    elsewhere.write_text("theirs")
    out = tmp_path / "out"
    out.mkdir()
    (out / "report.md").symlink_to(elsewhere)
    assert put(out, report_md="one") == ("report.md",)
    assert elsewhere.read_text() == "theirs"


def test_a_manifest_that_was_tampered_with_removes_nothing_outside(tmp_path: Path) -> None:
    outside = tmp_path / "outside.md"
    outside.write_text("theirs")
    out = tmp_path / "out"
    out.mkdir()
    digest = hashlib.sha256(b"theirs").hexdigest()
    (out / "MANIFEST.json").write_text(json.dumps({"files": {"../outside.md": digest, str(outside): digest}}))
    put(out, report_md="one")
    assert outside.read_text() == "theirs"


def test_a_manifest_that_can_not_be_read_protects_everything(tmp_path: Path) -> None:
    put(tmp_path, report_md="one")
    (tmp_path / "MANIFEST.json").write_text("not JSON")
    assert put(tmp_path, report_md="two") == ("report.md",)
    assert (tmp_path / "report.md").read_text() == "one"
