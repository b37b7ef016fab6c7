"""`export-results` and `verify-export`: the file is as it was, was changed, or its data has changed since."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from django.contrib.admin.models import LogEntry
from django.core.management import CommandError, call_command

from accounts.models import User
from challenges.models import Challenge, Phase
from evaluations.models import Run, Score
from leaderboards.exports import table
from leaderboards.exports.making import write
from leaderboards.exports.query import FORMATS, ExportQuery, Format
from leaderboards.exports.verifying import Outcome, verify
from leaderboards.services import refresh

pytestmark = pytest.mark.django_db
Make = Callable[..., Any]


@pytest.fixture
def organizer(make_user: Make) -> User:
    made: User = make_user("organizer@example.org", "Olga")
    return made


@pytest.fixture
def phase(make_challenge: Make, make_track: Make, make_phase: Make, make_suite_version: Make, organizer: User) -> Phase:
    challenge = make_challenge("birds", organizers=(organizer,))
    made: Phase = make_phase(make_track(challenge, "small"), "test", open=False)
    make_suite_version(made, key="pairs", items="public", gold="public")
    return made


@pytest.fixture
def run(phase: Phase, make_scored: Make) -> Run:
    made: Run = make_scored(phase, 0.65349, name="Heron")
    make_scored(phase, 0.5, name="Wren")
    refresh(phase=phase)
    return made


def change(run: Run, value: float) -> None:
    Score.objects.filter(evaluation__response_set__runs=run, group="").update(value=value)
    refresh(phase=run.phase)


def exported(folder: Path, kind: Format, **more: Any) -> Path:
    path = folder / f"results.{kind}"
    with path.open("wb") as file:
        write(ExportQuery(challenge="birds", format=kind, **more), file)
    return path


@pytest.mark.usefixtures("run")
@pytest.mark.parametrize("layout", ["wide", "long"])
@pytest.mark.parametrize("kind", FORMATS)
def test_a_file_that_nobody_changed_is_what_its_query_gives(tmp_path: Path, kind: Format, layout: str) -> None:
    path = exported(tmp_path, kind, layout=layout, precision=3)
    assert verify(path).outcome is Outcome.IDENTICAL
    assert verify(path, offline=True).outcome is Outcome.IDENTICAL
    assert path.read_bytes() == exported(tmp_path, kind, layout=layout, precision=3).read_bytes()


@pytest.mark.parametrize("layout", ["wide", "long"])
@pytest.mark.parametrize("kind", FORMATS)
def test_data_that_changed_since_is_told_score_by_score(tmp_path: Path, run: Run, kind: Format, layout: str) -> None:
    path = exported(tmp_path, kind, layout=layout)
    change(run, 0.75)
    found = verify(path)
    assert found.outcome is Outcome.DATA_CHANGED
    said = " ".join(f"{one.place}: {one.says}" for one in found.differences)
    assert "0.65349" in said
    assert "0.75" in said
    assert "Wren" not in said
    if kind not in ("tex", "md"):
        column = "pairs" if layout == "wide" else "value"
        assert f"column {column}: " in said
        assert "0.65349 → 0.75" in said
    assert verify(path, offline=True).outcome is Outcome.IDENTICAL


def test_an_entry_that_came_later_is_told(tmp_path: Path, run: Run, make_scored: Make) -> None:
    path = exported(tmp_path, "csv", layout="long")
    make_scored(run.phase, 0.25, name="Kite")
    found = verify(path)
    assert found.outcome is Outcome.DATA_CHANGED
    assert {one.place for one in found.differences if "Kite" in one.says} == {"missing"}
    assert "the head, time" in {one.place for one in found.differences}


@pytest.mark.usefixtures("run")
@pytest.mark.parametrize("kind", ["csv", "json", "tex", "md"])
def test_a_text_that_was_changed_is_told_with_its_line(tmp_path: Path, kind: Format) -> None:
    path = exported(tmp_path, kind, columns=("submission", "pairs"))
    lines = path.read_text().splitlines()
    (number,) = [number for number, line in enumerate(lines, start=1) if "0.65349" in line]
    path.write_text(path.read_text().replace("0.65349", "0.99"))
    assert verify(path, offline=True).outcome is Outcome.FILE_CHANGED
    found = verify(path)
    assert found.outcome is Outcome.FILE_CHANGED
    assert found.differences[0].place.startswith(f"line {number}")
    assert "0.99" in found.differences[0].says


@pytest.mark.usefixtures("run")
def test_a_sheet_that_was_changed_is_told_with_its_row(tmp_path: Path) -> None:
    path = exported(tmp_path, "xlsx", columns=("submission", "pairs"))
    book = openpyxl.load_workbook(path)
    assert book["Results"]["B2"].value == 0.65349
    book.save(path)
    assert verify(path).outcome is Outcome.IDENTICAL, "saved by another program, with the same content"
    book["Results"]["B2"] = 0.99
    book.save(path)
    found = verify(path)
    assert found.outcome is Outcome.FILE_CHANGED
    assert [(one.place, one.says) for one in found.differences] == [
        ("row 2, column pairs", "submission Heron: 0.99 → 0.65349")
    ]


@pytest.mark.usefixtures("run")
def test_a_parquet_file_that_was_changed_is_told_with_its_row(tmp_path: Path) -> None:
    path = exported(tmp_path, "parquet", columns=("submission", "pairs"))
    content, about = pq.read_table(path), pq.read_metadata(path).metadata
    changed = content.set_column(1, content.schema.field(1), pa.array([0.65349, 0.99]))
    pq.write_table(changed.replace_schema_metadata({b"export": about[b"export"]}), path)
    found = verify(path)
    assert found.outcome is Outcome.FILE_CHANGED
    assert [(one.place, one.says) for one in found.differences] == [
        ("row 2, column pairs", "submission Wren: 0.99 → 0.5")
    ]


@pytest.mark.usefixtures("run")
def test_a_row_that_was_taken_out_is_missing(tmp_path: Path) -> None:
    path = exported(tmp_path, "csv")
    path.write_text("".join(line for line in path.read_text().splitlines(keepends=True) if "Wren" not in line))
    found = verify(path)
    assert found.outcome is Outcome.FILE_CHANGED
    assert [one.place for one in found.differences] == ["missing"]


@pytest.mark.usefixtures("run")
def test_another_query_in_the_head_is_noticed(tmp_path: Path) -> None:
    path = exported(tmp_path, "csv")
    path.write_text(path.read_text().replace("challenge=birds", "challenge=fish"))
    found = verify(path)
    assert found.outcome is Outcome.FILE_CHANGED
    assert "no challenge “fish”" in found.says


@pytest.mark.usefixtures("run")
def test_other_code_over_the_same_data_is_told_and_is_no_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = exported(tmp_path, "csv")
    monkeypatch.setattr(table, "code", lambda: f"proctor 9.9.9 sha256:{'0' * 64}")
    found = verify(path)
    assert found.outcome is Outcome.IDENTICAL
    assert "code is another" in found.says


# The commands


@pytest.mark.usefixtures("run")
@pytest.mark.parametrize("kind", FORMATS)
def test_the_commands_write_and_check_a_file(tmp_path: Path, kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / f"out.{kind}"
    call_command("export-results", "birds", out=path, layout="long", precision=2)
    call_command("verify-export", path)
    assert "nothing has changed" in capsys.readouterr().out


@pytest.mark.usefixtures("run")
def test_a_query_from_a_file_writes_the_file_again(tmp_path: Path) -> None:
    first = exported(tmp_path, "csv", layout="long", anonymised=True)
    query = verify(first).query
    second = tmp_path / "again.csv"
    call_command("export-results", query=query, out=second)
    assert first.read_bytes() == second.read_bytes()


def test_exit_codes_tell_what_was_found(tmp_path: Path, run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    path = exported(tmp_path, "csv")
    change(run, 0.75)
    with pytest.raises(SystemExit) as data:
        call_command("verify-export", path, json=True)
    told = json.loads(capsys.readouterr().out)
    assert (data.value.code, told["outcome"], told["query"]) == (
        2,
        "data-changed",
        "challenge=birds&layout=wide&format=csv",
    )
    assert told["found"] == len(told["differences"]) > 0
    path.write_text(path.read_text().replace("Heron", "Heroin"))
    with pytest.raises(SystemExit) as changed:
        call_command("verify-export", path)
    assert changed.value.code == 1
    assert "was changed" in capsys.readouterr().out


ODD = {
    "empty.csv": b"", "other.csv": b"a,b\n1,2\n", "head.csv": b"# format: export/2\n# checksum: sha256:" + b"0" * 64,
    "odd.json": b"{", "deep.json": b'{"about":' + b"[" * 100_000, "none.parquet": b"PAR1 and nothing more",
    "none.xlsx": b"PK\x03\x04 and nothing more", "text.tex": b"% a paper of mine\n\\documentclass{article}",
    "list.json": b'{"about": 1, "columns": [], "rows": []}', "bytes.csv": b"# format: \xff\xfe\n",
}  # fmt: skip


@pytest.mark.parametrize("name", ODD)
def test_what_is_no_export_can_not_be_checked(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(ODD[name])
    with pytest.raises(CommandError) as refused:
        call_command("verify-export", path)
    assert refused.value.returncode == 3


def test_a_file_that_is_not_there_can_not_be_checked(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="No such file") as refused:
        call_command("verify-export", tmp_path / "none.csv")
    assert refused.value.returncode == 3


@pytest.mark.usefixtures("run")
def test_the_command_gives_people_to_an_organizer_alone_and_notes_it(
    tmp_path: Path, make_user: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "people.csv"
    make_user("stranger@example.org")
    for email, says in (
        (None, "--as EMAIL"),
        ("nobody@example.org", "--as EMAIL"),
        ("stranger@example.org", "organizers"),
    ):
        with pytest.raises(CommandError, match=says):
            call_command("export-results", "birds", out=path, with_people=True, user=email)
    assert not path.exists()
    assert not LogEntry.objects.exists()
    call_command("export-results", "birds", out=path, with_people=True, user="Organizer@example.org")
    assert "@example.org" in path.read_text()
    entry = LogEntry.objects.get()
    assert (entry.user.email, entry.get_edited_object()) == ("organizer@example.org", Challenge.objects.get())
    assert "people=yes" in entry.change_message


@pytest.mark.usefixtures("run")
def test_the_command_refuses_with_a_sentence_and_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    for arguments, says in (
        ({"challenge": "fish"}, "no challenge"), ({"challenge": "birds", "track": ["large"]}, "no track"),
        ({"challenge": "birds", "format": "xlsx", "column": ["colour"]}, "no column"), ({}, "Name a challenge"),
    ):  # fmt: skip
        with pytest.raises(CommandError, match=says):
            call_command("export-results", out=path, **arguments)
    with pytest.raises(CommandError, match="--out"):
        call_command("export-results", "birds")
    with pytest.raises(CommandError, match="no format"):
        call_command("export-results", "birds", out=tmp_path / "out.doc")
    assert list(tmp_path.glob("*out*")) == []


@pytest.mark.usefixtures("run")
def test_the_command_lists_the_columns(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("export-results", "birds", columns=True)
    listed = capsys.readouterr().out.split()
    assert {"rank", "suites", "intervals", "pairs"} <= set(listed)
    assert "emails" not in listed


def test_what_changed_in_an_anonymised_file_is_told_without_names(tmp_path: Path, run: Run) -> None:
    path = exported(tmp_path, "csv", anonymised=True)
    change(run, 0.75)
    said = " ".join(one.says for one in verify(path).differences)
    assert "0.65349 → 0.75" in said
    assert "Heron" not in said
