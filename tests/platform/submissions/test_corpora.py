"""The list of the training text, or the text itself, as the check finds it in what was handed in."""

import gzip
import hashlib
import json
import re
import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest
import yaml

from challenges.models import Track
from evaluators.protocol.submission import Data
from submissions.checks import check
from submissions.corpora import corpora_problems
from submissions.models import Submission
from tests.platform.submissions.conftest import CODE, manifest, packed

HandIn = Callable[..., Submission]
TALES = b"Once upon a time\nthere lived an owl.\n"
WORDS, BYTES = 8, len(TALES)
TEXT = {"name": "Tales", "words": WORDS, "bytes": BYTES}


def listed(**changes: Any) -> bytes:
    """A list of one file, as `python -m evaluators words --json` tells it."""
    line = {"path": "tales.txt", "sha256": hashlib.sha256(TALES).hexdigest(), "words": WORDS, "bytes": BYTES}
    return json.dumps({**line, **changes}).encode() + b"\n"


def problems(files: dict[str, bytes], **data: Any) -> list[str]:
    """What is wrong with these files under this declaration, in words."""
    described = manifest(data={"corpora": [TEXT], **data})
    sizes = {path: len(content) for path, content in files.items()}
    return [str(one) for one in corpora_problems(described, sizes, lambda path, most: files[path][:most])]


def test_text_that_is_as_it_is_declared_is_taken() -> None:
    assert problems({"text/a.txt": TALES[:20], "text/b.txt": TALES[20:]}, corpus="text", corpora=[
        {"name": "Tales", "bytes": BYTES}]) == []  # fmt: skip
    assert problems({"text/a.txt": TALES}, corpus="text") == []
    assert problems({"files.jsonl": listed()}, manifest="files.jsonl") == []


@pytest.mark.parametrize(
    ("files", "data", "told"),
    [
        ({"text/a.txt": TALES + b"more"}, {"corpus": "text"}, "8 words are declared, and the corpus .* has 9"),
        ({"text/a.txt": gzip.compress(bytes(10**7))}, {"corpus": "text"}, "no UTF-8 text"),
        ({"text/a.txt": "Zoë".encode("latin-1")}, {"corpus": "text"}, "no UTF-8 text"),
        ({"other/a.txt": TALES}, {"corpus": "text"}, "E-SUB-FILE .*has no text/"),
        ({"files.jsonl": listed(words=9)}, {"manifest": "files.jsonl"}, "declared with 8 words, .* come to 9"),
        ({"files.jsonl": listed() * 2}, {"manifest": "files.jsonl"}, "listed twice"),
        ({"files.jsonl": listed(sha256="x")}, {"manifest": "files.jsonl"}, "64 hexadecimal digits"),
        ({"files.jsonl": listed(words=-8)}, {"manifest": "files.jsonl"}, "must be a whole number"),
        ({"files.jsonl": listed(owner="me")}, {"manifest": "files.jsonl"}, "'owner' is not known"),
        ({"files.jsonl": listed(path="x" * 2_000_000)}, {"manifest": "files.jsonl"}, "at most 1,000 characters"),
        ({"files.jsonl": listed(path="tales\n\x1b[31m")}, {"manifest": "files.jsonl"}, "a text of one line"),
        ({"files.jsonl": b"\xff\xfe"}, {"manifest": "files.jsonl"}, "E-SUB-CORPORA"),
        ({}, {"manifest": "files.jsonl"}, "E-SUB-FILE"),
    ],
)  # fmt: skip
def test_what_does_not_fit_the_declaration_is_refused_with_both_numbers(
    files: dict[str, bytes], data: dict[str, Any], told: str
) -> None:
    (found, *_) = problems(files, **data)
    assert re.search(told, found), found


@pytest.mark.parametrize("path", ["../../etc/passwd", "/etc/passwd", "text/../../x", "a\0b"])
@pytest.mark.parametrize("field", ["corpus", "manifest"])
def test_a_path_that_leads_out_of_the_archive_is_no_path(field: str, path: str) -> None:
    with pytest.raises(ValueError, match=field):
        Data.model_validate({field: path})


def test_a_file_of_one_long_line_takes_little_more_memory_than_its_bytes() -> None:
    data = b"ab " * (1 << 21)
    tracemalloc.start()
    try:
        found = problems({"text/a.txt": data}, corpus="text")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert "has 2,097,152" in found[0]
    assert peak < 64_000_000  # as one text it would be 2 million words of 51 bytes each


# Through the sandbox


def archive(data: dict[str, Any], files: dict[str, bytes]) -> bytes:
    """A zip of a code submission that declares and brings this."""
    described = yaml.safe_dump({**CODE, "data": {"words_seen": WORDS, **data}})
    return packed({"submission.yaml": described, "model.py": "class Model: ...\n", **files})


@pytest.mark.docker
@pytest.mark.django_db
@pytest.mark.parametrize(
    ("data", "files"),
    [
        ({"corpora": [TEXT], "corpus": "text"}, {"text/tales.txt": TALES}),
        ({"corpora": [TEXT], "manifest": "files.jsonl"}, {"files.jsonl": listed()}),
    ],
)
def test_text_within_the_budget_is_accepted(
    received: HandIn, make_track: Callable[..., Track], data: dict[str, Any], files: dict[str, bytes]
) -> None:
    submission = check(submission=received(archive(data, files), track=make_track(budget={"words": WORDS})))
    assert submission.state == Submission.State.ACCEPTED, submission.problems


@pytest.mark.docker
@pytest.mark.django_db
@pytest.mark.parametrize(
    ("words", "content", "code", "told"),
    [
        (WORDS, TALES, "E-SUB-BUDGET", "8 words of 7 allowed"),
        (7, TALES, "E-SUB-CORPORA", "7 words are declared, and the corpus that was handed in has 8"),
    ],
)
def test_text_over_the_budget_is_refused_whether_it_is_declared_or_not(
    received: HandIn, make_track: Callable[..., Track], words: int, content: bytes, code: str, told: str
) -> None:
    data = {"corpora": [{"name": "Tales", "words": words}], "corpus": "text"}
    submission = check(
        submission=received(archive(data, {"text/tales.txt": content}), track=make_track(budget={"words": 7}))
    )
    assert submission.state == Submission.State.REJECTED
    assert [(one["code"], one["message"]) for one in submission.problems] == [(code, told)]


@pytest.mark.docker
@pytest.mark.django_db
def test_hostile_text_is_refused_and_nothing_breaks(received: HandIn) -> None:
    """A compressed bomb, bytes that are no text, and a name of many characters: the first fault is told."""
    files = {f"text/{'ä' * 60}.txt": gzip.compress(bytes(10**6)), "text/z.txt": b"\xff" * 1000}
    submission = check(submission=received(archive({"corpora": [TEXT], "corpus": "text"}, files)))
    assert submission.state == Submission.State.REJECTED
    assert {one["code"] for one in submission.problems} == {"E-SUB-CORPORA"}
    assert "no UTF-8 text" in submission.problems[0]["message"]


def test_a_corpus_in_thousands_of_files_is_refused_before_any_is_fetched() -> None:
    described = manifest(data={"corpora": [TEXT], "corpus": "text"})
    fetched: list[str] = []

    def read(path: str, _most: int) -> bytes:
        fetched.append(path)
        return TALES

    (problem,) = corpora_problems(described, {f"text/{number}.txt": 1 for number in range(501)}, read)
    assert (problem.code, problem.field, fetched) == ("E-SUB-CORPORA", "data.corpus", [])
