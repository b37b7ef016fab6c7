"""Documents name file, line and field of every fault."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluators.protocol.challenge import ChallengeDocument
from evaluators.protocol.documents import parse_yaml
from evaluators.protocol.lines import parse_lines
from evaluators.protocol.problems import ProblemsFound
from evaluators.protocol.submission import SubmissionManifest

GOOD = """schema: submission/1
kind: model
model: {path: ., backend: causal}
method: {name: Heron}
"""


def problems(text: str) -> list[tuple[str, int | None, str]]:
    with pytest.raises(ProblemsFound) as caught:
        SubmissionManifest.from_yaml(text, file="submission.yaml")
    assert all(problem.file == "submission.yaml" for problem in caught.value.problems)
    return [(problem.code, problem.line, problem.field) for problem in caught.value.problems]


def test_an_unknown_field_is_refused_with_its_line() -> None:
    assert problems(GOOD + "metod: {}\n") == [("E-DOC-UNKNOWN", 5, "metod")]


def test_a_missing_field_is_named_at_the_mapping_that_lacks_it() -> None:
    assert problems(GOOD.replace(", backend: causal", "")) == [("E-DOC-MISSING", 3, "model.backend")]


def test_a_key_that_stands_twice_is_refused() -> None:
    assert problems(GOOD + "kind: code\n") == [("E-DOC-DUPLICATE", 5, "kind")]


def test_broken_yaml_is_refused_with_its_line() -> None:
    assert problems("schema: submission/1\nkind: [model\n")[0][:2] == ("E-DOC-SYNTAX", 3)


def test_aliases_are_refused_so_that_no_bomb_can_be_written() -> None:
    bomb = "a: &a [x, x]\nb: &b [*a, *a]\n"
    assert problems(bomb)[0][:2] == ("E-DOC-SYNTAX", 2)


def test_a_part_of_another_kind_is_refused() -> None:
    assert problems(GOOD + "code: {entry: 'model.py:Model'}\n")[0][0] == "E-DOC-VALUE"


@pytest.mark.parametrize("path", ["../x", "/etc", "a/../../b", "a\\\\b"])
def test_a_path_that_leaves_the_submission_is_refused(path: str) -> None:
    assert problems(GOOD.replace("path: .", f'path: "{path}"'))[0][2] == "model.path"


def test_every_document_reads_back_what_it_writes() -> None:
    manifest = SubmissionManifest.from_yaml(GOOD, file="x")
    assert SubmissionManifest.from_yaml(manifest.to_yaml(), file="x") == manifest


def test_sizes_and_durations_take_units() -> None:
    text = (
        "schema: challenge/1\nkey: a\ntitle: A\ntracks: [{key: t, kinds: [code], sandbox: {memory: 3g, wall: 90m}}]\n"
    )
    document = ChallengeDocument.from_yaml(text, file="challenge.yaml")
    assert (document.tracks[0].sandbox.memory, document.tracks[0].sandbox.wall) == (3 * 1024**3, 5400)
    assert ChallengeDocument.from_yaml(document.to_yaml(), file="x") == document


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        (b'{"a": NaN}', "NaN"),
        (b'{"a": Infinity}', "Infinity"),
        (b'{"a": 1, "a": 2}', "twice"),
        (b'{"a": ' + b"9" * 5000 + b"}", "digits"),
        (b"[1]", "not a JSON object"),
        (b"\xff\xfe{}", "byte order mark"),
        (b'{"a": "\xff"}', "UTF-8"),
        (b'{"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "nested"),
    ],
)
def test_json_lines_are_strict(line: bytes, sentence: str) -> None:
    with pytest.raises(ProblemsFound, match=sentence):
        list(parse_lines(line, file="x.jsonl"))


def test_a_fault_names_the_line_it_stands_on() -> None:
    with pytest.raises(ProblemsFound) as caught:
        list(parse_lines(b'{"a": 1}\n\n{"a": }\n', file="x.jsonl"))
    assert caught.value.problems[0].line == 3


@given(st.text(max_size=200))
def test_no_text_does_anything_but_be_read_or_refused(text: str) -> None:
    with contextlib.suppress(ProblemsFound):
        SubmissionManifest.from_yaml(text, file="x")


@pytest.mark.parametrize("text", [r'a: "x\0y"', r'a: "\ud800"', r'"\0": 1', r'{b: [{c: "\0"}]}'])
def test_text_that_no_database_takes_is_refused_with_its_line(text: str) -> None:
    with pytest.raises(ProblemsFound) as caught:
        parse_yaml(text, file="it.yaml")
    (problem,) = caught.value.problems
    assert (problem.code, problem.line) == ("E-DOC-SYNTAX", 1)
    assert "\0" not in problem.field
