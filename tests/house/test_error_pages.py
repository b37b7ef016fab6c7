"""Every code has a page of one form, and the reference's table says what the pages say."""

import re
from pathlib import Path

import pytest

from evaluations import faults
from sandbox.inside.refusals import REMEDIES
from sandbox.runner.errors import SENTENCES as RUNNER_SENTENCES
from web import help_pages

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "docs" / "errors"
CODE = re.compile(r"""["']([EW]-[A-Z]+(?:-[A-Z0-9]+)*)["']""")
SOURCES = ("platform", "evaluators", "sandbox")
PAGES = sorted(FOLDER.glob("*.md"))
FAULTS = {"yours", "the platform's", "the organizers'"}
CHARGED = {"yes", "no", "yes; in the rehearsal no"}
HIDDEN = {
    "only that the run failed, and that the fault was yours",
    "only that the run failed, and that the fault was the platform's",
    "the same; nothing hidden is read here",
    "not shown to participants",
}


def codes_raised() -> set[str]:
    """Every code that stands as a literal in the sources."""
    files = [path for folder in SOURCES for path in (ROOT / folder).rglob("*.py") if "__pycache__" not in path.parts]
    return {code for path in files for code in CODE.findall(path.read_text())}


def test_every_code_has_a_page_and_every_page_a_code() -> None:
    there = {path.stem for path in PAGES}
    raised = codes_raised()
    assert sorted(raised - there) == [], "these codes have no page in docs/errors"
    assert sorted(there - raised) == [], "these pages are about codes that nothing raises"


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_a_page_has_its_facts_and_its_sections(path: Path) -> None:
    page = help_pages.parse(path.read_text())
    assert page.code == path.stem
    assert set(page.stages) <= set(help_pages.STAGES)
    assert page.fault in FAULTS
    assert page.charged in CHARGED
    assert page.hidden in HIDDEN
    headings = re.findall(r"^## (.+)$", page.text, re.MULTILINE)
    assert headings == list(help_pages.SECTIONS[: len(headings)])
    assert len(headings) >= 2
    for section in re.split(r"^## .+$", page.text, flags=re.MULTILINE)[1:]:
        assert section.strip()


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_a_page_is_short_and_says_more_than_its_title(path: Path) -> None:
    page = help_pages.parse(path.read_text())
    words = len(page.text.split())
    assert 25 <= words <= 300, f"{words} words"
    assert 10 <= len(page.sentence) <= 100
    assert not page.sentence.endswith(".")
    assert max(len(line) for line in page.text.splitlines()) <= 200


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_only_a_fault_in_a_run_is_charged(path: Path) -> None:
    page = help_pages.parse(path.read_text())
    in_a_run = bool({"run", "collect", "score"} & set(page.stages))
    assert (page.charged != "no") == (in_a_run and page.fault == "yours")
    assert ("only that the run failed" in page.hidden) == in_a_run


@pytest.mark.parametrize("code", [*faults.SENTENCES, *RUNNER_SENTENCES])
def test_a_page_has_the_sentence_that_a_team_is_shown(code: str) -> None:
    shown = faults.SENTENCES[code][0] if code in faults.SENTENCES else RUNNER_SENTENCES[code]
    assert shown.removesuffix(".").startswith(help_pages.pages()[code].sentence)


@pytest.mark.parametrize("code", REMEDIES)
def test_what_the_check_refuses_was_not_charged_and_is_told_in_full(code: str) -> None:
    page = help_pages.pages()[code]
    assert page.stages == ("check",)
    assert (page.fault, page.charged) == ("yours", "no")


def test_the_references_table_is_made_of_the_pages_first_lines() -> None:
    reference = (ROOT / "docs" / "reference" / "errors.md").read_text()
    groups = {}
    for group in re.split(r"^## ", reference, flags=re.MULTILINE)[1:]:
        title, _, rest = group.partition("\n")
        groups[title] = [line for line in rest.splitlines() if line.startswith("| [")]
    assert groups == {title: help_pages.reference_rows(title) for title, _ in help_pages.by_stage()}


def test_the_platforms_image_holds_the_pages() -> None:
    assert "COPY docs/errors ./docs/errors" in (ROOT / "platform" / "Dockerfile").read_text()
    assert "!docs/errors" in (ROOT / ".dockerignore").read_text().splitlines()
