"""A published table is read whole or refused, with the file, the line, the field and what to do."""

import json
from pathlib import Path
from typing import Any

import pytest

from evaluators.protocol.problems import Problem, ProblemsFound
from evaluators.protocol.results import ResultsDocument
from evaluators.results import Head, digest_of, read_results

HEAD = Head("herons-2021", "Herons 2021", 2021, "Proceedings of the herons")


def table(**changes: Any) -> dict[str, Any]:
    entries = [
        {
            "name": "Grey",
            "team": "Reed",
            "scores": {"wading": 0.5, "fishing": {"value": 0.25, "low": 0.2, "high": 0.3}},
        },
        {"name": "Night", "status": "baseline", "scores": {"wading": 0.4, "fishing": None}},
    ]
    track = {"key": "open", "columns": [{"key": "wading"}, {"key": "fishing"}], "entries": entries}
    return {
        "schema": "results/1", "key": "herons-2021", "title": "Herons 2021", "year": 2021, "source": "Proceedings",
        "tracks": [{**track, **changes}],
    }  # fmt: skip


def written(folder: Path, value: Any, name: str = "results.json") -> Path:
    path = folder / name
    path.write_text(json.dumps(value, indent=1))
    return path


def refused(path: Path, head: Head | None = None) -> Problem:
    with pytest.raises(ProblemsFound) as caught:
        read_results(path, head=head)
    return caught.value.problems[0]


def test_json_and_yaml_say_the_same_and_have_one_digest(tmp_path: Path) -> None:
    read = read_results(written(tmp_path, table()))
    (tmp_path / "results.yaml").write_text(read.to_yaml())
    again = read_results(tmp_path / "results.yaml")
    assert again == read
    assert digest_of(again) == digest_of(read)
    assert read.tracks[0].entries[0].scores["fishing"].low == 0.2
    assert read.tracks[0].entries[1].scores["fishing"].value is None


def test_the_digest_is_of_what_the_table_says(tmp_path: Path) -> None:
    before = digest_of(read_results(written(tmp_path, table())))
    changed = table()
    changed["tracks"][0]["entries"][0]["scores"]["wading"] = 0.51
    assert digest_of(read_results(written(tmp_path, changed))) != before


@pytest.mark.parametrize(
    ("place", "value", "code", "field", "stands"),
    [
        (("scores", "wading"), 1.5, "E-RESULTS-ENTRY", "scores.wading.value", '"wading": 1.5'),
        (("scores", "diving"), 0.5, "E-RESULTS-ENTRY", "scores.diving", '"diving": 0.5'),
        (("scores", "fishing", "low"), 0.26, "E-RESULTS-ENTRY", "scores.fishing.low", '"low": 0.26'),
        (("status",), "not_eligible", "E-RESULTS-ENTRY", "status", '"status": "not_eligible"'),
        (("status",), "winner", "E-DOC-VALUE", "status", '"status": "winner"'),
        (("colour",), "grey", "E-DOC-UNKNOWN", "colour", '"colour": "grey"'),
        (("answers",), {"epochs": 3}, "E-RESULTS-ENTRY", "answers.epochs", '"epochs": 3'),
        (("unread",), {"epochs": "3 or 4"}, "E-RESULTS-ENTRY", "unread.epochs", '"epochs": "3 or 4"'),
    ],
)
def test_a_fault_is_named_by_file_line_and_field(
    tmp_path: Path, place: tuple[str, ...], value: Any, code: str, field: str, stands: str
) -> None:
    wrong = table()
    part = wrong["tracks"][0]["entries"][0]
    for name in place[:-1]:
        part = part[name]
    part[place[-1]] = value
    path = written(tmp_path, wrong)
    problem = refused(path)
    assert (problem.code, problem.file, problem.field) == (code, "results.json", f"tracks[0].entries[0].{field}")
    assert path.read_text().splitlines()[(problem.line or 0) - 1].strip(" ,") == stands
    assert problem.remedy or code == "E-DOC-VALUE"


def test_entries_of_one_name_need_keys(tmp_path: Path) -> None:
    twice = table()
    twice["tracks"][0]["entries"][1]["name"] = "Grey"
    assert refused(written(tmp_path, twice)).remedy == "Give each a `key` of its own."
    twice["tracks"][0]["entries"][1]["key"] = "the-other"
    assert [entry.place for entry in read_results(written(tmp_path, twice)).tracks[0].entries] == ["Grey", "the-other"]


def test_answers_fit_the_tracks_questions(tmp_path: Path) -> None:
    asked = table(questions=[{"key": "epochs", "type": "number", "min": 0}])
    asked["tracks"][0]["entries"][0]["answers"] = {"epochs": 3}
    asked["tracks"][0]["entries"][1]["unread"] = {"epochs": "457-458"}
    first, second = read_results(written(tmp_path, asked)).tracks[0].entries
    assert (first.answers, second.answers, second.unread) == ({"epochs": 3}, {}, {"epochs": "457-458"})
    asked["tracks"][0]["entries"][0]["answers"] = {"epochs": "three"}
    assert refused(written(tmp_path, asked)).message == "epochs takes a number"


def test_the_ranking_names_columns(tmp_path: Path) -> None:
    wrong = table(ranking={"aggregate": {"weights": {"swimming": 2}}})
    assert "'swimming', which is no column" in refused(written(tmp_path, wrong)).message


@pytest.mark.parametrize(
    ("text", "code", "line"),
    [
        ("{", "E-DOC-SYNTAX", 1),
        ("[]", "E-DOC-SYNTAX", 1),
        ('{"schema": "results/1", "schema": "results/1"}', "E-DOC-SYNTAX", None),
        ('{"schema": "results/1",\n "key": "a\\u0000"}', "E-DOC-SYNTAX", None),
        ('{\n"schema": "results/2"}', "E-DOC-VALUE", 2),
    ],
)
def test_what_is_no_table_is_refused(tmp_path: Path, text: str, code: str, line: int | None) -> None:
    path = tmp_path / "results.json"
    path.write_text(text)
    problem = refused(path)
    assert (problem.code, problem.line) == (code, line)


def test_what_is_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    path.write_bytes(b"{\n\xff}")
    assert (refused(path).code, refused(path).line) == ("E-DOC-SYNTAX", 2)
    path.write_bytes(b"{\n\n\0}")
    assert (refused(path).code, refused(path).line) == ("E-DOC-SYNTAX", 3)
    assert refused(tmp_path / "nothing.json").code == "E-DOC-FILE"


CSV = """track,name,team,status,reason,aggregate,approaches,wading,wading low,wading high,fishing
small,Grey,Reed,official,,0.5,data processing; curriculum,0.6,0.5,0.7,0.4
small,"Night, black-crowned",Rush,not_eligible,handed in by an organizer,,,0.9,,,0.8
large,Purple,Reed,,,,,0.7,,,–
"""


def test_a_csv_file_is_a_table_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "herons.csv"
    path.write_text("\ufeff" + CSV)
    document = read_results(path, head=HEAD)
    small, large = document.tracks
    assert ([column.key for column in small.columns], large.key) == (["wading", "fishing"], "large")
    grey, night = small.entries
    assert (grey.approaches, grey.aggregate) == (("data processing", "curriculum"), 0.5)
    assert (grey.scores["wading"].low, grey.scores["fishing"].value) == (0.5, 0.4)
    assert (night.name, night.reason) == ("Night, black-crowned", "handed in by an organizer")
    assert (large.entries[0].scores["fishing"].value, large.entries[0].status) == (None, "official")


@pytest.mark.parametrize(
    ("before", "after", "line", "field"),
    [
        ("0.6,0.5,0.7,0.4", "60%,0.5,0.7,0.4", 2, "wading"),
        ("0.6,0.5,0.7,0.4", "0.6,0.5,0.7,nan", 2, "fishing"),
        ("0.6,0.5,0.7,0.4", "0.6,0.5,0.7,0.4,1", 2, ""),
        ("name,team", "label,team", 1, "name"),
        ("team,status", "name,status", 1, "name"),
        (",wading low", ",wading", 1, "wading"),
        ('"Night', 'Night" x', 3, ""),
    ],
)
def test_a_cell_that_cant_be_read_is_named(tmp_path: Path, before: str, after: str, line: int, field: str) -> None:
    path = tmp_path / "herons.csv"
    path.write_text(CSV.replace(before, after, 1))
    problem = refused(path, HEAD)
    assert (problem.code, problem.file, problem.line, problem.field) == ("E-RESULTS-CELL", "herons.csv", line, field)


def test_a_wrong_entry_of_a_csv_file_is_named_by_its_row(tmp_path: Path) -> None:
    path = tmp_path / "herons.csv"
    path.write_text(CSV.replace("Reed,official", "Reed,champion"))
    assert (refused(path, HEAD).line, refused(path, HEAD).field) == (2, "status")
    path.write_text(CSV.replace("0.9,,,0.8", "0.9,,,8"))
    problem = refused(path, HEAD)
    assert (problem.code, problem.line, problem.field) == ("E-RESULTS-ENTRY", 3, "scores.fishing.value")


def test_a_csv_file_alone_does_not_say_which_challenge_it_is_of(tmp_path: Path) -> None:
    path = tmp_path / "herons.csv"
    path.write_text(CSV)
    assert (refused(path).code, "--key" in refused(path).remedy) == ("E-DOC-MISSING", True)


def test_a_document_takes_its_rows_from_a_csv_file_beside_it(tmp_path: Path) -> None:
    (tmp_path / "herons.csv").write_text(CSV.replace("0.6,0.5,0.7,0.4", "60,50,70,0.4"))
    columns = [{"key": "wading", "range": [0, 100]}, {"key": "fishing"}]
    value = table(columns=columns, entries=[], table="herons.csv", key="small")
    value["tracks"].append({**value["tracks"][0], "key": "large"})
    document = read_results(written(tmp_path, value))
    assert [[entry.name for entry in track.entries] for track in document.tracks] == [
        ["Grey", "Night, black-crowned"], ["Purple"],
    ]  # fmt: skip
    assert document.tracks[0].entries[0].scores["wading"].value == 60
    assert isinstance(ResultsDocument.from_value(document.to_value(), file="again"), ResultsDocument)


def test_a_column_or_track_that_the_document_does_not_have_is_named(tmp_path: Path) -> None:
    (tmp_path / "herons.csv").write_text(CSV)
    value = table(columns=[{"key": "wading"}], entries=[], table="herons.csv", key="small")
    problem = refused(written(tmp_path, value))
    assert (problem.file, problem.line, problem.field) == ("herons.csv", 4, "track")
    value["tracks"].append({**value["tracks"][0], "key": "large"})
    problem = refused(written(tmp_path, value))
    assert (problem.file, problem.line, problem.field) == ("herons.csv", 1, "fishing")


def test_a_table_names_no_file_in_another_folder(tmp_path: Path) -> None:
    assert refused(written(tmp_path, table(entries=[], table="../herons.csv"))).field == "tracks[0].table"
