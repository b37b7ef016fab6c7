"""The command `import`: what it writes, what it shows, and how it refuses."""

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from evaluators.cli.app import app
from evaluators.importers import IMPORTERS
from evaluators.suites import open_suite
from tests.evaluators.importers.sources_of_tests import SOURCES


def invoke(*arguments: str | Path) -> Result:
    """Run the command."""
    return CliRunner().invoke(app, ["import", *map(str, arguments)])


def test_the_list_names_every_format_with_its_licence() -> None:
    shown = invoke("--list")
    assert shown.exit_code == 0
    for importer in IMPORTERS.values():
        assert f"{importer.name}: " in shown.output
        assert importer.license in shown.output


def test_a_suite_is_written_under_the_names_and_in_the_split_that_were_said(tmp_path: Path) -> None:
    SOURCES["comps"][0](tmp_path / "comps")
    done = invoke(
        "comps", tmp_path / "comps", tmp_path / "suite", "--any-count", "--key", "comps-fast", "--split", "dev",
        "--license", "CC0-1.0", "--hidden",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    assert "comps-fast@2025.1: 8 items" in done.output
    suite = open_suite(tmp_path / "suite")
    assert (suite.manifest.license, suite.manifest.items) == ("CC0-1.0", "hidden")
    assert {item.split for item in suite.items} == {"dev"}


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("comps", "SOURCE", "DEST"), "E-IMPORT-COUNT"),
        (("owls", "SOURCE", "DEST"), "E-IMPORT-FORMAT"),
        (("comps", "SOURCE", "DEST", "--any-count", "--split", "owls"), "E-IMPORT-SPLIT"),
        (("comps", "SOURCE", "DEST", "--any-count", "--key", "Owls!"), "E-DOC-VALUE"),
        (("comps", "DEST", "DEST"), "E-DOC-FILE"),
    ],
)
def test_a_refusal_says_its_code_and_ends_with_2(tmp_path: Path, arguments: tuple[str, ...], code: str) -> None:
    SOURCES["comps"][0](tmp_path / "SOURCE")
    done = invoke(*(tmp_path / name if name.isupper() else name for name in arguments))
    assert done.exit_code == 2
    assert code in done.output
    assert "Traceback" not in done.output
    assert not (tmp_path / "DEST").exists()
