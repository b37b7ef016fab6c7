"""Every suite that a template of an edition names is made by a command that the documentation shows."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from evaluators.cli.app import app
from evaluators.suites import open_suite
from tests.evaluators.importers import sources_of_tests as made
from tests.evaluators.importers.sources_of_tests import SOURCES

ROOT = Path(__file__).resolve().parents[3]
TEMPLATES = sorted((ROOT / "platform" / "challenges" / "editions").glob("*.yaml"))
PAGE = ROOT / "docs" / "how-to" / "import-a-benchmark.md"
COMMAND = re.compile(r"^    \.venv/bin/python -m evaluators (import \S+ \S+ suites/.*)$", re.MULTILINE)


def commands() -> list[list[str]]:
    """The documented commands that write a suite of an edition, word by word."""
    return [shlex.split(line) for line in COMMAND.findall(PAGE.read_text(encoding="utf-8"))]


def named() -> Iterator[tuple[str, str, str]]:
    """Each suite that a template names: the template, the suite's key and version."""
    for template in TEMPLATES:
        for suite in yaml.safe_load(template.read_text(encoding="utf-8"))["suites"]:
            yield template.stem, suite["key"], str(suite["version"])


def write_source(form: str, path: Path, language: str) -> None:
    """An invented source in the format's layout, where the command expects it."""
    if form in ("hellaswag", "winogrande", "xstorycloze") and language != "en":
        folder = path.parent / f"{path.stem}-folder"
        made.mubench(folder)
        (folder / "test.jsonl").rename(path)
    elif form == "multiblimp":
        made.multiblimp(path.parent / f"{path.name}-folder")
        (path.parent / f"{path.name}-folder" / "eng").rename(path)
    elif form == "global-piqa":
        rows = [
            {"prompt": f"To light lamp {n},", "solution0": "strike it.", "solution1": "eat it.", "label": n % 2,
             "example_id": f"eng_{n}"} for n in range(4)
        ]  # fmt: skip
        made.lines(path, rows)
    elif form == "finetune-2026":
        rows = [{"idx": n, "sentence": f"Lamp {n}?", "label": "AB"[n % 2]} for n in range(4)]
        for name in ("arc", "belebele"):
            for part in ("train", "valid"):
                made.lines(path / name / f"{name}_{language}.{part}.jsonl", rows)
    elif path.suffix:  # one file, of a layout that comes as a file in a folder
        folder = path.parent / f"{path.stem}-folder"
        SOURCES[form][0](folder)
        next(file for file in folder.rglob("*") if file.is_file()).rename(path)
    else:
        SOURCES[form][0](path)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Each suite that the documented commands write, by key@version: its folder's name."""
    place = tmp_path_factory.mktemp("editions")
    suites = {}
    for _, form, source, dest, *options in commands():
        language = options[options.index("--language") + 1] if "--language" in options else ""
        path = place / form / source
        path.parent.mkdir(parents=True, exist_ok=True)
        write_source(form, path, language)
        images = next(iter(path.parent.rglob("images")), None)
        options = [str(images) if word == "IMAGES" else word for word in options]
        target = place / dest / form
        done = CliRunner().invoke(app, ["import", form, str(path), str(target), *options, "--any-count"])
        assert done.exit_code == 0, done.output
        suites[open_suite(target).name] = Path(dest)
    return suites


@pytest.mark.parametrize(("edition", "key", "version"), list(named()))
def test_a_suite_of_an_edition_is_made_by_a_documented_command(
    written: dict[str, Path], edition: str, key: str, version: str
) -> None:
    assert f"{key}@{version}" in written, edition
    assert written[f"{key}@{version}"].name == key  # where `challenge new --suites` looks for it


def test_the_templates_are_those_of_four_editions_and_name_suites() -> None:
    assert [template.stem for template in TEMPLATES] == [f"babylm-{year}" for year in range(2023, 2027)]
    assert {edition for edition, _, _ in named()} == {template.stem for template in TEMPLATES}
