"""Every format reads back to the same numbers, gives the same bytes again, and runs nothing that strangers wrote."""

import csv
import hashlib
import io
import json
import os
import random
import re
import shutil
import subprocess
import sys
import zipfile
from html import unescape
from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd
import pytest
from markdown_it import MarkdownIt

from leaderboards.exports.cells import FORMULA_STARTS, INNER_FORMULA, clean, safe_cell
from leaderboards.exports.formats.latex_text import latex
from leaderboards.exports.query import FORMATS, ExportQuery, Format
from leaderboards.exports.reading import NotAnExport, read_bytes
from tests.platform.leaderboards.exported import HOSTILE, NUMBERS, entry, track, tracks, written

ROOT = Path(__file__).resolve().parents[3]


def query(kind: Format, **more: Any) -> ExportQuery:
    return ExportQuery(challenge="pairs", format=kind, **more)


def frame(kind: str, content: bytes) -> pd.DataFrame:
    """The file as a reviewer reads it."""
    file = io.BytesIO(content)
    if kind == "csv":
        return pd.read_csv(file, comment="#", keep_default_na=False, na_values={"pairs": [""], "rank": [""]})
    if kind == "json":
        return pd.DataFrame(json.load(file)["rows"])
    if kind == "parquet":
        return pd.read_parquet(file)
    return pd.read_excel(file, sheet_name="Results", keep_default_na=False, na_values={"pairs": [""], "rank": [""]})


@pytest.mark.parametrize("kind", ["csv", "json", "parquet", "xlsx"])
def test_a_format_reads_back_to_the_same_numbers(kind: Format) -> None:
    table = frame(kind, written(query(kind)))
    small, large = table[table["track"] == "small"], table[table["track"] == "large"]
    assert list(small["pairs"]) == [NUMBERS[number % len(NUMBERS)] for number in range(len(HOSTILE))]
    assert list(large["pairs"].isna()) == [False, False, True]
    assert list(large["rank"].isna()) == [False, True, True]
    assert list(small["rank"]) == list(range(1, len(HOSTILE) + 1))
    assert list(large["why_unranked"]) == ["", "a score is missing", "a score is missing"]
    assert list(small["tied_with_first"]) == [False] * len(HOSTILE)


@pytest.mark.parametrize("kind", ["csv", "json", "parquet", "xlsx"])
def test_the_same_table_stands_in_every_format(kind: Format) -> None:
    found, as_csv = read_bytes(written(query(kind))), read_bytes(written(query("csv")))
    assert (found.header, found.rows) == (as_csv.header, as_csv.rows)
    assert len(found.rows) == len(HOSTILE) + 3


def test_what_is_no_finite_number_is_no_number() -> None:
    odd = [track("small", [entry(1, float("nan")), entry(2, float("inf")), entry(3, 0.25)])]
    for kind in ("csv", "json", "parquet", "xlsx"):
        assert list(frame(kind, written(query(kind), odd))["pairs"].isna()) == [True, True, False]


@pytest.mark.parametrize("kind", ["csv", "json", "parquet", "xlsx"])
def test_precision_rounds_to_so_many_decimals(kind: Format) -> None:
    table = frame(kind, written(query(kind, precision=2)))
    assert list(table["pairs"][:3]) == [0.65, 0.3, 1.0]


def test_decimals_are_printed_in_full_where_people_read() -> None:
    for kind, end in (("csv", b""), ("md", b" |"), ("tex", rb" \\")):
        content = written(query(kind, precision=3, columns=("submission", "pairs")), [track("small", [entry(1, 0.5)])])
        assert b"0.500" + end + b"\n" in content
    book = openpyxl.load_workbook(io.BytesIO(written(query("xlsx", precision=3, columns=("pairs",)))))
    assert book["Results"]["A2"].number_format == "0.000"


SCRIPT = """
import sys
sys.path[:0] = [{root!r}, {root!r} + "/platform"]
import django
django.setup()
from hashlib import sha256
from leaderboards.exports.query import FORMATS, ExportQuery
from tests.platform.leaderboards.exported import written
for kind in FORMATS:
    for more in ({{}}, {{"precision": 3}}, {{"anonymised": True}}):
        print(kind, sorted(more), sha256(written(ExportQuery(challenge="pairs", format=kind, **more))).hexdigest())
"""


def digests(seed: str, zone: str, folder: Path) -> str:
    """What another process writes, with another order of sets and another clock."""
    environment = {
        **os.environ, "PYTHONHASHSEED": seed, "TZ": zone, "DJANGO_SETTINGS_MODULE": "config.settings",
        "PROCTOR_SECRET_KEY": "the same", "PROCTOR_VAR": str(folder),
    }  # fmt: skip
    code = SCRIPT.format(root=str(ROOT))
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, cwd=folder, capture_output=True, text=True, check=True
    )
    return done.stdout


def test_every_format_is_the_same_bytes_in_another_process(tmp_path: Path) -> None:
    first = digests("1", "Pacific/Auckland", tmp_path)
    assert first == digests("2", "America/Anchorage", tmp_path)
    assert len(first.splitlines()) == 3 * len(FORMATS)


@pytest.mark.parametrize("kind", FORMATS)
def test_the_order_in_which_lists_are_given_changes_nothing(kind: Format) -> None:
    one = query(kind, tracks=("small", "large"), columns=("pairs", "team"))
    other = query(kind, tracks=("large", "small", "large"), columns=("team", "pairs"))
    assert written(one) == written(other)


@pytest.mark.parametrize("kind", FORMATS)
def test_every_file_says_what_it_is(kind: Format) -> None:
    asked = query(kind, tracks=("small",), precision=3)
    found = read_bytes(written(asked))
    assert found.intact
    assert ExportQuery.from_text(found.fact("query")) == asked
    assert found.fact("time") == "2026-11-01T12:30:15Z"
    assert found.fact("suite") == f"pairs@1 sha256:{'a' * 64}"
    assert found.fact("image") == f"sha256:{'c' * 64} transformers 5.23.0 torch 2.13.0"
    assert found.fact("evaluator") == "0.1.0"
    assert re.fullmatch(r"proctor \S+ sha256:[0-9a-f]{64}", found.fact("code"))
    assert found.fact("rows") == str(len(HOSTILE))


@pytest.mark.parametrize(("kind", "begins"), [("csv", b"# "), ("tex", b"% "), ("md", b"<!-- "), ("json", b'"')])
def test_the_checksum_of_a_text_format_is_that_of_all_other_lines(kind: Format, begins: bytes) -> None:
    lines = written(query(kind)).split(b"\n")
    (held,) = [line for line in lines if line.startswith(begins + b"checksum")]
    rest = b"\n".join(line for line in lines if line != held)
    assert hashlib.sha256(rest).hexdigest() in held.decode()


# Spreadsheets


def cells_of(content: bytes) -> list[list[str]]:
    lines = [line for line in content.decode().splitlines() if not line.startswith("# ")]
    return list(csv.reader(io.StringIO("\n".join(lines))))


def test_no_text_of_a_csv_file_begins_like_a_formula() -> None:
    rows = cells_of(written(query("csv", columns=("submission", "team"))))
    assert len(rows) == len(HOSTILE) + 4
    assert [cell for row in rows for cell in row if cell.lstrip().startswith(FORMULA_STARTS)] == []


def test_a_spreadsheet_that_splits_at_semicolons_finds_no_formula_either() -> None:
    """Where the list separator is the semicolon, quotes inside a line of commas protect nothing."""
    lines = written(query("csv", columns=("submission",))).decode().splitlines()
    parts = [part.strip(' "') for line in lines if not line.startswith("# ") for part in line.split(";")]
    assert [part for part in parts if part.startswith(FORMULA_STARTS)] == []
    assert INNER_FORMULA.search('a;"=1+1') is not None


def test_the_head_of_a_csv_file_has_no_comma_and_no_formula() -> None:
    head = [line for line in written(query("csv")).decode().splitlines() if line.startswith("# ")]
    assert len(head) >= 10
    assert all("," not in line and '"' not in line for line in head)


def test_a_name_that_begins_like_a_comment_is_a_name() -> None:
    table = frame("csv", written(query("csv", columns=("submission",))))
    assert {"# heading", "a # b"} <= set(table["submission"])


def test_a_sheet_holds_no_formula_and_no_link_and_marks_what_begins_like_one() -> None:
    content = written(query("xlsx", columns=("submission",)))
    book = openpyxl.load_workbook(io.BytesIO(content))
    assert book.sheetnames == ["Results", "About"]
    cells = [cell for row in book["Results"].iter_rows(min_row=2) for cell in row]
    formulas = [cell for cell in cells if str(cell.value).startswith(FORMULA_STARTS)]
    assert len(formulas) == len([name for name in HOSTILE if clean(name).startswith(FORMULA_STARTS)])
    assert all(cell.quotePrefix and cell.number_format == "@" for cell in formulas)
    assert {cell.data_type for cell in formulas if not str(cell.value).startswith("=")} == {"s"}
    with zipfile.ZipFile(io.BytesIO(content)) as packed:
        sheets = [packed.read(name).decode() for name in packed.namelist() if name.startswith("xl/worksheets/")]
        assert not [name for name in packed.namelist() if "externalLink" in name or "vba" in name]
    assert len(sheets) == 2
    assert not [sheet for sheet in sheets if "<f>" in sheet or "<hyperlink" in sheet]


def test_a_name_that_looks_like_a_sheet_s_markup_is_text() -> None:
    with zipfile.ZipFile(io.BytesIO(written(query("xlsx", columns=("submission",))))) as packed:
        sheet = packed.read("xl/worksheets/sheet1.xml").decode()
    assert "&lt;r&gt;&lt;t&gt;rich&lt;/t&gt;&lt;/r&gt;" in sheet
    assert "<t>rich</t>" not in sheet


def test_control_characters_and_marks_of_direction_are_in_no_format() -> None:
    for kind in FORMATS:
        found = read_bytes(written(query(kind, columns=("submission",))))
        assert not set("".join(found.lines)) & set("\u202e\u0000\r\t")


def test_a_long_text_is_cut_where_no_cell_holds_it() -> None:
    assert len(clean("x" * 40_000)) == 30_001
    assert clean("  two\n\tlines \u202e") == "two lines"


# LaTeX and Markdown


def test_no_text_is_a_command_in_latex() -> None:
    rows = [line for line in written(query("tex")).decode().splitlines() if line.endswith(r"\\")]
    assert len(rows) == len(HOSTILE) + 4
    known = r"textbackslash|textasciitilde|textasciicircum|textless|textgreater|textbar|char|L|o|ss|Omega|lambda"
    commands = re.findall(r"\\([A-Za-z]+)", "\n".join(rows))
    assert [one for one in commands if not re.fullmatch(rf"{known}|[cr]", one)] == []
    assert all(row.isascii() and row.count(" & ") == 7 for row in rows)


@pytest.mark.parametrize(("text", "expected"), [
    ("ąéőñ", r"a\'{e}\H{o}\~{n}"), ("ï", r'\"{\i }'), ("Ω and λ", r"$\Omega$ and $\lambda$"), ("ο", "o"),
    ("中", "{[}U+4E2D{]}"),
    ("50% & more_of #1", r"50\% \& more\_of \#1"), (r"\input{x}", r"\textbackslash{}input\{x\}"),
    ("[a] * b", "{[}a{]} {*} b"), ("−1–2", "$-$1--2"), ("ﬁ", "fi"), ("ΐ", r"$\iota$"),
    ("Αθήνα", r"A$\theta$$\eta$$\nu$$\alpha$"),
])  # fmt: skip
def test_text_becomes_what_pdflatex_sets(text: str, expected: str) -> None:
    assert latex(text) == expected


def compiled(table: bytes, folder: Path, packages: str) -> subprocess.CompletedProcess[str]:
    """What pdfLaTeX makes of a paper with this table in it."""
    (folder / "table.tex").write_bytes(table)
    (folder / "paper.tex").write_text(
        f"\\documentclass{{article}}\\usepackage{{{packages}}}\n\\begin{{document}}\\input{{table.tex}}\\end{{document}}\n"
    )
    return subprocess.run(
        ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape", "paper.tex"],
        cwd=folder, capture_output=True, text=True, errors="replace", timeout=120, check=False,
    )  # fmt: skip


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
@pytest.mark.parametrize(("repeated", "packages"), [(1, "booktabs"), (2, "booktabs,longtable")])
def test_pdflatex_sets_the_table(tmp_path: Path, repeated: int, packages: str) -> None:
    table = written(query("tex", precision=3), tracks(HOSTILE * repeated))
    assert rb"\usepackage{" + packages.encode() + b"}" in table
    done = compiled(table, tmp_path, packages)
    assert done.returncode == 0, done.stdout[-2000:]
    assert (tmp_path / "paper.pdf").stat().st_size > 1000


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
def test_pdflatex_sets_every_letter_of_europe(tmp_path: Path) -> None:
    blocks = (range(0x20, 0x7F), range(0xA0, 0x250), range(0x370, 0x400), range(0x1E00, 0x1F00), range(0x2010, 0x2060))
    letters = [chr(code) for block in blocks for code in block]
    names = ["".join(letters[start : start + 12]) for start in range(0, len(letters), 12)]
    results = [entry(number, 0.5, name=f"x{name}", rank=1) for number, name in enumerate(names)]
    table = written(query("tex", columns=("submission",)), [track("small", results)])
    done = compiled(table, tmp_path, "booktabs,longtable")
    assert done.returncode == 0, done.stdout[-2000:]


def test_markdown_shows_names_as_they_are_and_nothing_else() -> None:
    content = written(query("md", columns=("submission",))).decode()
    page = MarkdownIt("gfm-like", {"html": True, "linkify": False}).render(content)
    assert page.count("<tr>") == len(HOSTILE) + 4
    table = page[page.index("<table>") :]
    assert set(re.findall(r"<(\w+)", table)) == {"table", "thead", "tbody", "tr", "th", "td"}
    cells = [unescape(cell).replace("\u200b", "") for cell in re.findall(r"<td>(.*?)</td>", table)]
    assert cells[: len(HOSTILE)] == [safe_cell(clean(name)) for name in HOSTILE]


def test_markdown_mentions_nobody_and_links_nothing() -> None:
    content = written(query("md", columns=("submission",))).decode()
    table = content[content.index("\n\n") :]
    assert "@" not in table
    assert "http://" not in table
    assert "www.example" not in table


@pytest.mark.parametrize("kind", FORMATS)
def test_a_damaged_file_is_told_to_be_one(kind: Format) -> None:
    content = written(query(kind, columns=("submission", "pairs")), [track("small", [entry(1, 0.5), entry(2, 0.25)])])
    draw = random.Random(7)
    found = set()
    for _ in range(150):
        damaged = bytearray(content)
        place = draw.randrange(len(damaged))
        if draw.random() < 0.5:
            damaged[place] ^= 1 << draw.randrange(8)
        else:
            del damaged[place : place + draw.randrange(1, 30)]
        try:
            found.add(read_bytes(bytes(damaged)).intact)
        except NotAnExport:
            found.add(None)
    assert None in found
    assert True not in found or kind in ("parquet", "xlsx"), "where no byte is idle, no damage goes unseen"
