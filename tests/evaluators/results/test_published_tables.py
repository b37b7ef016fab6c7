"""The real tables of past challenges become documents that say what was published, and no more."""

import csv
import gzip
import json
import statistics
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from evaluators.aggregates import Table, aggregate
from evaluators.cli import app
from evaluators.protocol.problems import ProblemsFound
from evaluators.protocol.results import ResultEntry, ResultsDocument
from evaluators.results import babylm_2023, efficiency_2023, read_results
from evaluators.results.babylm_2023_form import read_count, read_number


@pytest.fixture
def babylm(data: Path) -> ResultsDocument:
    return babylm_2023(data / "babylm2023")


def entries(document: ResultsDocument) -> list[ResultEntry]:
    return [entry for track in document.tracks for entry in track.entries]


def best(document: ResultsDocument, track: str) -> ResultEntry:
    (found,) = [one for one in document.tracks if one.key == track]
    ranked = [entry for entry in found.entries if entry.status in ("official", "late") and entry.aggregate is not None]
    return max(ranked, key=lambda entry: entry.aggregate or 0)


@pytest.mark.data
@pytest.mark.parametrize(
    ("track", "models", "name", "aggregate"),
    [
        ("strict", 38, "ELC_BERT", 0.743),
        ("strict-small", 123, "ELC_BERT", 0.659),
        ("loose", 44, "contextualizer-roberta-base-100M", 0.730),
    ],
)
def test_babylm_2023_has_its_tracks_and_their_winners(
    babylm: ResultsDocument, track: str, models: int, name: str, aggregate: float
) -> None:
    (found,) = [one for one in babylm.tracks if one.key == track]
    winner = best(babylm, track)
    assert (len(found.entries), winner.name, winner.aggregate) == (models, name, aggregate)


@pytest.mark.data
def test_every_model_of_babylm_2023_is_there_with_its_flags(babylm: ResultsDocument, data: Path) -> None:
    rows = list(csv.DictReader((data / "babylm2023" / "model_summary.csv").read_text().splitlines(keepends=True)))
    assert len(entries(babylm)) == len(rows) == 205
    found = {entry.place.removesuffix("-2") + entry.name: entry for entry in entries(babylm)}
    for row in rows:
        entry = found[row["model_id"] + row["model_name"].strip()[:200]]
        reference = {"Baseline": "baseline", "Skyline": "skyline"}
        status = next((reference[name] for name in reference if row[name] == "1.0"), "")
        if not status:
            chosen = row["official"] == row["include"] == "1"
            status = ("official" if row["ontime"] == "1" else "late") if chosen else "not_eligible"
        assert entry.status == status
        assert bool(entry.reason) == (not row["official"] == row["include"] == "1")


@pytest.mark.data
def test_the_forms_of_babylm_2023_are_read_where_nothing_is_guessed(babylm: ResultsDocument) -> None:
    answered = [entry.answers for entry in entries(babylm)]
    assert sum("epochs" in answers for answers in answered) == 44
    assert sum("parameters" in answers for answers in answered) == 60
    unread = [entry.unread["epochs"] for entry in entries(babylm) if "epochs" in entry.unread]
    assert sorted(text[:6] for text in unread) == ["1or42,", "2104-2", "457-45"]
    assert "44 give their epochs as a number (3 more as a text) and 60 a count" in babylm.notes[1]
    assert "of the 141 with a paper, 44 wrote of their epochs and 52 of their parameters" in babylm.notes[1]
    assert sum(bool(entry.link) for entry in entries(babylm)) == 1


@pytest.mark.data
def test_subtasks_are_the_last_row_of_each_and_make_the_score(babylm: ResultsDocument) -> None:
    sizes = {"blimp": 17, "glue": 11, "msgs": 11}
    checked = 0
    for entry in entries(babylm):
        for part, size in sizes.items():
            score = entry.scores[part]
            assert len(score.groups) in (0, size)
            # The one row whose numbers do not fit has the subtasks of another row of the same model.
            if score.groups and score.value is not None and entry.place != "1344-2":
                mean = statistics.fmean(value for value in score.groups.values() if value is not None)
                assert mean == pytest.approx(score.value, abs=0.00055 if entry.place != "1343" else 0.0006)
                checked += 1
    assert checked > 600


@pytest.mark.data
def test_approaches_are_several_of_nine(babylm: ResultsDocument) -> None:
    labels = [entry.approaches for entry in entries(babylm)]
    assert len({label for several in labels for label in several}) == 9
    assert max(map(len, labels)) > 1


@pytest.mark.data
def test_the_efficiency_challenge_keeps_raw_metrics_and_their_directions(data: Path) -> None:
    file = data / "efficiency2023" / "metrics_4090.json"
    (track,) = efficiency_2023(file).tracks
    low = [column.key for column in track.columns if column.direction == "lower"]
    assert (len(track.entries), len(track.columns), len(low)) == (8, 31, 4)
    assert all("Stereotypes" in key or "Representation" in key for key in low)
    table = {entry.name: {key: score.value for key, score in entry.scores.items()} for entry in track.entries}
    raw = json.loads(file.read_text())
    assert aggregate("efficiency-2023", Table(table)) == aggregate("efficiency-2023", Table(raw))


@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "source"), [("babylm-2023", "babylm2023"), ("efficiency-2023", "efficiency2023/metrics_4090.json")]
)
def test_the_command_writes_what_import_results_reads_the_same_bytes_each_time(
    data: Path, tmp_path: Path, name: str, source: str
) -> None:
    for file in ("one.json", "two.json"):
        done = CliRunner().invoke(app, ["results", name, str(data / source), "--out", str(tmp_path / file)])
        assert done.exit_code == 0, done.output
    assert (tmp_path / "one.json").read_bytes() == (tmp_path / "two.json").read_bytes()
    assert read_results(tmp_path / "one.json").key == name


def test_the_command_names_the_tables_that_there_are(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["results", "babylm-1999", str(tmp_path), "--out", str(tmp_path / "x.json")])
    assert (done.exit_code, "babylm-2023, efficiency-2023" in " ".join(done.stderr.split())) == (2, True)


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("125M", 125_000_000), ("1.55M", 1_550_000), ("1.5B", 1_500_000_000), ("94m", 94_000_000),
        ("92 Million", 92_000_000), ("97737216", 97_737_216), ("12k", 12_000), ("about 125M", None), ("125-130M", None),
        ("1.5", None), ("", None), ("1e8", None),
    ],
)  # fmt: skip
def test_a_count_is_read_with_its_unit_or_not_at_all(text: str, count: int | None) -> None:
    assert read_count(text) == count


@pytest.mark.parametrize(
    ("text", "value"), [("10", 10), ("1e-4", 0.0001), ("2.5", 2.5), ("457-458", None), ("1or42", None), ("-3", None)]
)
def test_a_number_is_read_as_it_stands_or_not_at_all(text: str, value: float | None) -> None:
    assert read_number(text) == value


SUMMARY = (
    "team,official,include,model_name,architecture,# of epochs,# of params,model_id,track,ontime,blimp,glue,msgs_test,"
    "aggregate_score,Data processing,Hyperparameters,Curriculum,Training objective,Architecture,Multimodal,"
    "Teacher / Expert / Aux model,Linguistic bias,Data augmentation,Baseline,Skyline\n"
    "team-reed,1.0,1,Grey,?,3,1M,7,Strict,0,0.5,0.5,0.0,0.4,1.0,,1.0,,,,,,,,\n"
)
SUBTASKS = (
    "track,model_id,upload_datetime,dataset,task,sub_task,performance\n"
    "strict,7,2023-07-01,glue-strict,glue,cola,0.1\n"
    "strict,7,2023-07-02,glue-strict,glue,cola,0.2\n"
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "model_summary.csv").write_text(SUMMARY)
    (tmp_path / "paper_summary.csv").write_text("model_id,checkpoint,code\n7,,https://example.org/grey\n")
    (tmp_path / "subtask_scores.csv.gz").write_bytes(gzip.compress(SUBTASKS.encode()))
    return tmp_path


def test_a_row_becomes_an_entry(folder: Path) -> None:
    (entry,) = entries(babylm_2023(folder))
    assert (entry.place, entry.status, entry.backbone, entry.link) == ("7", "late", "", "https://example.org/grey")
    assert (entry.approaches, entry.answers) == (
        ("data processing", "curriculum"), {"epochs": 3, "parameters": 1_000_000},
    )  # fmt: skip
    assert entry.scores["glue"].groups == {}  # one of eleven subtasks is no whole


@pytest.mark.parametrize(
    ("before", "after", "line", "field"),
    [
        (",Strict,0", ",Strictest,0", 2, "track"),
        (",Strict,0", ",Strict,2", 2, "ontime"),
        ("0.5,0.5,0.0", "0.5,half,0.0", 2, "glue"),
        ("model_id,track", "id,track", 1, ""),
        ("7,Strict", "Strict", 2, ""),
    ],
)
def test_a_table_that_is_not_the_published_one_is_refused(
    folder: Path, before: str, after: str, line: int, field: str
) -> None:
    (folder / "model_summary.csv").write_text(SUMMARY.replace(before, after))
    with pytest.raises(ProblemsFound) as caught:
        babylm_2023(folder)
    (problem,) = caught.value.problems
    assert (problem.code, problem.file, problem.line, problem.field) == (
        "E-RESULTS-SOURCE", "model_summary.csv", line, field,
    )  # fmt: skip


def test_a_file_that_is_cut_off_is_refused(folder: Path) -> None:
    path = folder / "subtask_scores.csv.gz"
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(ProblemsFound, match="E-DOC-FILE"):
        babylm_2023(folder)


@pytest.mark.parametrize(
    "value", [[], {}, {"one": 3}, {"one": {"MMLU": 0.5}}, {"one": {"MMLU - EM": "high"}}, {"one": {"MMLU - EM": True}}]
)
def test_raw_metrics_of_another_form_are_refused(tmp_path: Path, value: Any) -> None:
    path = tmp_path / "metrics.json"
    path.write_text(json.dumps(value))
    with pytest.raises(ProblemsFound, match="E-RESULTS-SOURCE"):
        efficiency_2023(path)
