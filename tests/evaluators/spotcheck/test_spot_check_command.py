"""`spot-check`: recommends a size, writes the sample's requests, and compares the answers to them with the file."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from evaluators.cli.app import app
from tests.evaluators.conftest import item

ITEMS = 300


def right(number: int) -> bool:
    return number % 4 != 0


@pytest.fixture
def suite(make_folder: Callable[..., Path]) -> Path:
    return make_folder([item(n, group="ab"[n % 2]) for n in range(ITEMS)], None)


def file_of(folder: Path, *forged: int) -> Path:
    path = folder / "predictions.jsonl"
    lines = [
        {"id": f"{'ab'[n % 2]}/{n}", "choice": n % 2 if right(n) or n in forged else 1 - n % 2} for n in range(ITEMS)
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def run(*arguments: object) -> tuple[int, dict[str, Any]]:
    found = CliRunner().invoke(app, ["spot-check", *map(str, arguments), "--json"])
    return found.exit_code, json.loads(found.stdout)


def answered(folder: Path) -> Path:
    """What the model answers: `Good …` comes first, and gold is alternately first and second."""
    lines = []
    for line in (folder / "requests.jsonl").read_text().splitlines():
        request = json.loads(line)
        text = request["continuation"]
        number = int("".join(one for one in text if one.isdigit()))
        is_gold = ("Good" in text) == (number % 2 == 0)
        lines.append({"id": request["id"], "logprob": -1.0 - 2.0 * (is_gold != right(number)), "tokens": 2})
    path = folder / "responses.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def test_it_recommends_a_size_and_tells_a_forged_file_from_an_honest_one(suite: Path, tmp_path: Path) -> None:
    wrong = [n for n in range(ITEMS) if not right(n)]
    code, size = run(suite, file_of(tmp_path), "--flipped", 0.2)
    assert (code, size["frame"], size["changed"]) == (0, 225, 17)
    assert size["items"] < 75
    for forged, verdict, ends in (([], "consistent", 0), (wrong[::2], "inconsistent", 1)):
        file = file_of(tmp_path, *forged)
        options = (suite, file, "--flipped", 0.2, "--seed", 7)
        written = CliRunner().invoke(app, ["spot-check", *map(str, options), "--requests", str(tmp_path)])
        assert written.exit_code == 0, written.output
        code, found = run(*options, "--responses", answered(tmp_path))
        assert (found["verdict"], code) == (verdict, ends)
        assert found["compared"] * 2 == len((tmp_path / "requests.jsonl").read_text().splitlines())
        assert found["smallest_of_wrong"] < 0.2 or forged


def test_a_sample_that_is_not_answered_whole_is_refused(suite: Path, tmp_path: Path) -> None:
    options = (suite, file_of(tmp_path), "--size", 10)
    CliRunner().invoke(app, ["spot-check", *map(str, options), "--requests", str(tmp_path)])
    path = answered(tmp_path)
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:-1]))
    code, found = run(*options, "--responses", path)
    assert (code, [problem["code"] for problem in found["problems"]]) == (2, ["E-OUT-MISSING"])
