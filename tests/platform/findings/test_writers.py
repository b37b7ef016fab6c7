"""Three formats of one report, none of which a stranger's text can break out of."""

import csv
import html.parser
import io
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from findings.bundle import Bundle, build, bundle_of, zipped
from findings.document import Heading, Row, Table, say
from findings.numbers import Book
from findings.writers import cells, latex, markdown
from findings.writers import html as page
from findings.writers.cleaning import clean
from tests.platform.findings import invented

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return bundle_of(invented.material())


class Tags(html.parser.HTMLParser):
    """The elements of a page, and those that were left open or closed twice."""

    VOID = frozenset({"meta", "link", "br", "img", "input", "hr", "path", "use", "rect"})

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []
        self.open: list[str] = []
        self.wrong: list[str] = []
        self.ids: list[str] = []
        self.outside: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        self.ids += [value for name, value in attrs if name == "id" and value]
        self.outside += [
            value or "" for name, value in attrs if name in ("src", "href") and not (value or "").startswith("#")
        ]
        self.wrong += [name for name, _ in attrs if name.startswith("on")]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in self.VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        if tag in self.VOID:
            return
        if not self.open or self.open.pop() != tag:
            self.wrong.append(tag)


def test_the_page_is_whole_and_needs_nothing_else(bundle: Bundle) -> None:
    tags = Tags()
    tags.feed(bundle.files["report.html"].decode())
    assert (tags.open, tags.wrong, tags.outside) == ([], [], [])
    assert "script" not in tags.seen
    assert len(set(tags.ids)) == len(tags.ids)
    assert tags.seen.count("svg") >= 6


def test_a_page_shows_a_strangers_text_as_text(bundle: Bundle) -> None:
    text = bundle.files["report.html"].decode()
    assert "&lt;/table&gt;&lt;script&gt;alert(1)&lt;/script&gt; &amp; 50 %" in text
    assert "\u202e" not in text


def test_figures_of_the_page_take_its_colours_and_those_in_files_their_own(bundle: Bundle) -> None:
    assert b"#1f5f5b" in bundle.files["figures/ranking-small.svg"]
    figures = re.findall(r"<svg.*?</svg>", bundle.files["report.html"].decode(), re.DOTALL)
    assert all("#1f5f5b" not in figure for figure in figures)
    assert any("var(--accent)" in figure for figure in figures)


def test_markdown_shows_a_strangers_text_as_text(bundle: Bundle) -> None:
    text = bundle.files["report.md"].decode()
    rendered = MarkdownIt("commonmark", {"html": True}).enable("table").render(text)
    assert "<script>" not in rendered
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in rendered
    rows = [line for line in text.splitlines() if line.startswith("|") and "alert" in line]
    widths = {len(re.findall(r"(?<!\\)\|", line)) for line in rows}
    assert rows
    assert all(width >= 3 for width in widths)


def test_a_markdown_table_has_as_many_cells_in_each_row(bundle: Bundle) -> None:
    lines = bundle.files["tables/ranking-small.md"].decode().strip().splitlines()[2:]
    assert len({len(re.findall(r"(?<!\\)\|", line)) for line in lines}) == 1


def test_latex_holds_no_command_of_a_stranger(bundle: Bundle) -> None:
    for name, data in bundle.files.items():
        if name.endswith(".tex"):
            assert r"\input{/etc" not in data.decode().replace(r"\textbackslash{}", "")
    assert r"\textbackslash{}input\{/\allowbreak{}etc" in bundle.files["tables/ranking-small.tex"].decode()


def test_a_letter_that_latex_lacks_is_written_as_its_code_point() -> None:
    assert latex.escape("中é√") == r"[U+4E2D]é\ensuremath{\surd}"


@pytest.mark.parametrize("start", ["- a", "+ a", "= a", "1. a", "2) a", "# a", "> a", "* a"])
def test_a_sentence_of_markdown_stays_a_sentence(start: str) -> None:
    rendered = MarkdownIt().render(markdown.sentence(say("{text} leads.", text=start)))
    assert rendered.startswith("<p>")
    assert "<li>" not in rendered


@pytest.mark.parametrize("name", ["=1+1", "+1", "-cmd", "@x"])
def test_no_cell_of_a_csv_is_a_formula(name: str) -> None:
    table = Table(
        "t", say("T."), (Heading(name), Heading("n", number=True)), (Row((name, Book().score("a", -0.5, "x"))),)
    )
    rows = list(csv.reader(io.StringIO(cells.table(table))))
    assert rows == [[f"'{name}", "n"], [f"'{name}", "-0.500"]]


def test_what_can_not_be_seen_is_left_out() -> None:
    assert clean("a\u202eb\x00c\n\nd\u200be") == "abc de"
    assert len(clean("x" * 3_000)) == 2_000


def test_a_number_on_the_page_says_how_it_was_computed(bundle: Bundle) -> None:
    assert (
        'title="small.winner.score: the aggregate of the entry on rank 1">2.88</data>'
        in bundle.files["report.html"].decode()
    )


def test_sentences_of_latex_name_numbers_by_their_macros(bundle: Bundle) -> None:
    assert r"with \numSmallWinnerScore{}" in bundle.files["report.tex"].decode()
    assert r"\newcommand{\numSmallWinnerScore}{2.88} % small.winner.score" in bundle.files["numbers.tex"].decode()


def test_stats_hold_every_number_of_the_macros(bundle: Bundle) -> None:
    stats = json.loads(bundle.files["stats.json"])
    macros = set(re.findall(r"\\newcommand\{\\(\w+)\}", bundle.files["numbers.tex"].decode()))
    assert {one["macro"] for one in stats["numbers"].values()} == macros
    assert stats["version"] == bundle.version
    assert stats["numbers"]["small.winner.score"]["value"] == 2.875


def test_each_table_comes_in_three_forms_and_each_figure_in_two(bundle: Bundle) -> None:
    names = {Path(name) for name in bundle.files}
    for folder, endings in (("tables", {".tex", ".md", ".csv"}), ("figures", {".svg", ".pdf"})):
        stems = {path.stem for path in names if path.parent.name == folder}
        assert stems
        assert all({path.suffix for path in names if path.parent.name == folder and path.stem == stem} == endings
                   for stem in stems)  # fmt: skip


def test_what_people_wrote_stands_in_the_report_and_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "prose").mkdir()
    (tmp_path / "prose" / "introduction.md").write_text("We **thank** everybody. <script>alert(2)</script>\n")
    (tmp_path / "prose" / "introduction.tex").write_text("We \\emph{thank} everybody.\n")
    build(invented.bare(), tmp_path)
    page_text = (tmp_path / "report.html").read_text()
    assert "We <strong>thank</strong> everybody." in page_text
    assert "<script>" not in page_text
    assert "We **thank** everybody." in (tmp_path / "report.md").read_text()
    assert r"\InputIfFileExists{prose/introduction.tex}" in (tmp_path / "report.tex").read_text()
    assert (tmp_path / "prose" / "introduction.tex").read_text() == "We \\emph{thank} everybody.\n"


def test_an_inlined_figure_has_ids_of_its_own() -> None:
    svg = (
        '<?xml version="1.0"?><!DOCTYPE svg><svg><defs><path id="a"/></defs><use href="#a" clip-path="url(#b)"/></svg>'
    )
    assert page.standalone_to_inline(svg, "k") == (
        '<svg><defs><path id="k-a"/></defs><use href="#k-a" clip-path="url(#k-b)"/></svg>'
    )


SCRIPT = """
import os, sys
sys.path[:0] = [{root!r}, {platform!r}]
import django
django.setup()
from findings.bundle import bundle_of, zipped
from tests.platform.findings import invented
sys.stdout.buffer.write(zipped(bundle_of(invented.material())))
"""


def test_the_same_material_gives_the_same_bytes_in_another_process(bundle: Bundle, tmp_path: Path) -> None:
    script = SCRIPT.format(root=str(ROOT), platform=str(ROOT / "platform"))
    environment = os.environ | {
        "PYTHONHASHSEED": "4711", "TZ": "Pacific/Auckland", "LC_ALL": "C", "LANG": "C", "PROCTOR_VAR": str(tmp_path),
        "SOURCE_DATE_EPOCH": "1", "DJANGO_SETTINGS_MODULE": "config.settings", "MPLBACKEND": "pdf",
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, check=False, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr.decode()[-2000:]
    assert done.stdout == zipped(bundle)


def compiled(folder: Path) -> str:
    """Compile report.tex twice, as authors do; returns the log."""
    if shutil.which("pdflatex") is None:
        pytest.skip("pdflatex is not installed here")
    for _ in range(2):
        done = subprocess.run(
            ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "report.tex"], cwd=folder, capture_output=True,
            check=False, timeout=240,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout.decode(errors="replace")[-3000:]
    return done.stdout.decode(errors="replace")


def test_the_latex_compiles(tmp_path: Path) -> None:
    build(invented.material(), tmp_path)
    log = compiled(tmp_path)
    assert (tmp_path / "report.pdf").stat().st_size > 50_000
    assert "undefined references" not in log
    assert "Overfull" not in log or max(map(float, re.findall(r"Overfull \\hbox \(([\d.]+)pt", log)), default=0) < 60


def test_the_latex_compiles_with_a_style_of_two_columns_beside_it(tmp_path: Path) -> None:
    # What acl.sty does of importance here: two columns, and hyperref loaded by itself.
    (tmp_path / "acl.sty").write_text(
        "\\ProvidesPackage{acl}\n\\DeclareOption{final}{}\n\\ProcessOptions\n\\RequirePackage{hyperref}\n\\twocolumn\n"
    )
    build(invented.bare(), tmp_path)
    compiled(tmp_path)
