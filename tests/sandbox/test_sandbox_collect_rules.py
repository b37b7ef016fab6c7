"""What the collector takes and refuses, on real files that a hostile submission could leave."""

import json
import os
from pathlib import Path

import pytest

from sandbox.inside.collect import Refused, open_plain, records

RULES = {"max_line_bytes": 1000, "max_file_bytes": 100_000, "max_total_bytes": 100_000, "max_depth": 4}
PATH = "main/demo/0/responses.jsonl"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    file = tmp_path / PATH
    file.parent.mkdir(parents=True)
    return file


def collected(root: Path, *, max_lines: int = 3, **rules: int) -> list[bytes]:
    with open_plain(str(root), PATH) as file:
        return list(records(file, max_lines=max_lines, rules=RULES | rules))


def refusal(root: Path) -> tuple[str, int | None]:
    with pytest.raises(Refused) as caught:
        collected(root)
    return caught.value.code, caught.value.line


def test_records_are_rewritten_in_canonical_form(tmp_path: Path, place: Path) -> None:
    place.write_text('{ "tokens": 2,  "id":"b", "logprob":-1.50}\n{"id":"a","logprob":-2}')
    assert collected(tmp_path) == [b'{"id":"b","logprob":-1.5,"tokens":2}', b'{"id":"a","logprob":-2}']


def test_answers_of_every_type_are_taken(tmp_path: Path, place: Path) -> None:
    lines = [
        b'{"id":"a","surprisals":[0,1.5,2]}',
        b'{"id":"b","matrix":[[0.5,-1],[1,2.25]]}',
        b'{"id":"c","label":"entailment"}',
    ]
    place.write_bytes(b"\n".join(lines) + b"\n")
    assert collected(tmp_path) == lines


def test_the_largest_answers_are_taken_where_the_rules_make_room(tmp_path: Path, place: Path) -> None:
    surprisals, cell = [0.1 + 1 / 3] * 5000, -(0.1 + 1 / 7)
    answers = [{"id": "a", "surprisals": surprisals}, {"id": "b", "matrix": [[cell] * 500] * 500}]
    place.write_text("".join(json.dumps(answer) + "\n" for answer in answers))
    most = 32 * 500 * 500
    assert [json.loads(line) for line in collected(tmp_path, max_line_bytes=most, max_file_bytes=2 * most)] == answers


def test_missing_file_is_said(tmp_path: Path, place: Path) -> None:
    assert refusal(tmp_path) == ("E-OUT-MISSING", None)


def test_missing_folder_is_said(tmp_path: Path) -> None:
    assert refusal(tmp_path) == ("E-OUT-MISSING", None)


def test_pipe_is_refused_without_waiting(tmp_path: Path, place: Path) -> None:
    os.mkfifo(place)
    assert refusal(tmp_path) == ("E-OUT-FILE", None)


def test_folder_in_place_of_the_file_is_refused(tmp_path: Path, place: Path) -> None:
    place.mkdir()
    assert refusal(tmp_path) == ("E-OUT-FILE", None)


def test_symbolic_link_is_refused(tmp_path: Path, place: Path) -> None:
    place.symlink_to("/etc/hostname")
    assert refusal(tmp_path) == ("E-OUT-FILE", None)


def test_folder_that_is_a_symbolic_link_is_refused(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere" / "demo" / "0"
    elsewhere.mkdir(parents=True)
    (elsewhere / "responses.jsonl").write_text('{"id":"a"}\n')
    root = tmp_path / "root"
    root.mkdir()
    (root / "main").symlink_to(tmp_path / "elsewhere")
    assert refusal(root) == ("E-OUT-FILE", None)


def test_file_with_two_names_is_refused(tmp_path: Path, place: Path) -> None:
    place.write_text('{"id":"a"}\n')
    (tmp_path / "other").hardlink_to(place)
    assert refusal(tmp_path) == ("E-OUT-FILE", None)


def test_sparse_giant_is_refused_by_its_size(tmp_path: Path, place: Path) -> None:
    with place.open("wb") as file:
        file.truncate(1 << 40)
    assert refusal(tmp_path) == ("E-OUT-SIZE", None)


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b'{"id":"b","logprob":NaN}', "E-OUT-NUMBER"),
        (b'{"id":"b","logprob":-Infinity}', "E-OUT-NUMBER"),
        (b'{"id":"b","logprob":-1e999}', "E-OUT-NUMBER"),
        (b'{"id":"b","tokens":' + b"9" * 500 + b"}", "E-OUT-NUMBER"),
        (b'{"id":"b","id":"c"}', "E-OUT-FORMAT"),
        (b'{"id":"b","x":[[[[1]]]]}', "E-OUT-FORMAT"),
        (b'{"id":"b","matrix":[[[1]]]}', "E-OUT-FORMAT"),
        (b'{"id":"b","matrix":[[1],[]]}', "E-OUT-FORMAT"),
        (b'{"id":"b","matrix":[[1],2]}', "E-OUT-FORMAT"),
        (b'{"id":"b","matrix":[[1],["2"]]}', "E-OUT-FORMAT"),
        (b'{"id":"b","matrix":[[NaN]]}', "E-OUT-NUMBER"),
        (b'{"id":"b","surprisals":[1,null]}', "E-OUT-FORMAT"),
        (b'{"id":"b","surprisals":[1,true]}', "E-OUT-FORMAT"),
        (b'{"id":"b","surprisals":[1,1e999]}', "E-OUT-NUMBER"),
        (b'{"id":"b","surprisals":[' + b"[]," * 300 + b"[]]}", "E-OUT-FORMAT"),
        (b'{"id":"b","label":{"name":1}}', "E-OUT-FORMAT"),
        (b'{"id":"b","x":' + b"[" * 480 + b"]" * 480 + b"}", "E-OUT-FORMAT"),
        (b'["b"]', "E-OUT-FORMAT"),
        (b'{"logprob":-1}', "E-OUT-FORMAT"),
        (b'{"id":7}', "E-OUT-FORMAT"),
        (b'{"id":"' + b"x" * 200 + b'"}', "E-OUT-FORMAT"),
        (b'{"id":"b"', "E-OUT-FORMAT"),
        (b"", "E-OUT-FORMAT"),
        (b'{"id":"b"} {"id":"c"}', "E-OUT-FORMAT"),
        (b'{"id":"a","logprob":-1}', "E-OUT-DUPLICATE"),
        (b'{"id":"b","text":"' + b"x" * 1000 + b'"}', "E-OUT-SIZE"),
        (b'\xef\xbb\xbf{"id":"b"}', "E-OUT-ENCODING"),
        ('{"id":"b"}'.encode("utf-16"), "E-OUT-ENCODING"),
        (b'{"id":"\xff"}', "E-OUT-ENCODING"),
        (b'{"id":"b","text":"\\ud800"}', "E-OUT-ENCODING"),
    ],
)
def test_line_that_is_not_strict_is_refused_with_its_number(
    tmp_path: Path, place: Path, line: bytes, code: str
) -> None:
    place.write_bytes(b'{"id":"a"}\n' + line + b"\n")
    assert refusal(tmp_path) == (code, 2)


def test_more_lines_than_requests_are_refused(tmp_path: Path, place: Path) -> None:
    place.write_text("".join(f'{{"id":"{number}"}}\n' for number in range(4)))
    assert refusal(tmp_path) == ("E-OUT-SIZE", 4)


def test_fewer_lines_than_requests_are_no_problem(tmp_path: Path, place: Path) -> None:
    place.write_text("")
    assert collected(tmp_path) == []
