"""The report as LaTeX that pdflatex takes, with or without acl.sty beside it, and its numbers as macros."""

import re
import unicodedata
from collections.abc import Iterable

from findings.document import (
    Block,
    Cell,
    Code,
    Figure,
    Inline,
    Paragraph,
    Prose,
    Report,
    Sentence,
    Strong,
    Table,
    cell_parts,
)
from findings.numbers import Number
from findings.writers.cleaning import clean

MARK = "% generated-by: proctor findings"
# A longer table stands in the appendix, over as many pages as it takes.
MOST_ROWS = 26
SPECIAL = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_\allowbreak{}",
    "/": r"/\allowbreak{}",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "`": r"\textasciigrave{}",
    "'": r"\textquotesingle{}",
    "−": r"\ensuremath{-}",
    "×": r"\ensuremath{\times}",
    "±": r"\ensuremath{\pm}",
    "≥": r"\ensuremath{\ge}",
    "≤": r"\ensuremath{\le}",
    "≈": r"\ensuremath{\approx}",
    "τ": r"\ensuremath{\tau}",
    "ρ": r"\ensuremath{\rho}",
    "²": r"\ensuremath{^2}",
    "√": r"\ensuremath{\surd}",
    "Δ": r"\ensuremath{\Delta}",
    "σ": r"\ensuremath{\sigma}",
    "–": "--",
    "—": "---",
    "“": "``",
    "”": "''",
    "‘": "`",
    "’": "'",
    "…": r"\dots{}",
    "·": r"\textperiodcentered{}",
    "°": r"\textdegree{}",
    "€": r"\texteuro{}",
    "α": r"\ensuremath{\alpha}",
    "β": r"\ensuremath{\beta}",
}
# Latin letters that the T1 encoding has.
_LATIN = frozenset(
    "ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÐÑÒÓÔÕÖØÙÚÛÜÝÞßàáâãäåæçèéêëìíîïðñòóôõöøùúûüýþÿĂăĄąĆćČčĎďĐđĘęĚěĞğİŁłŃńŇňŐőŒœŔŕŘřŚśŞşŠšŢţŤťŮůŰűŸŹźŻżŽž"
)

PREAMBLE = r"""\documentclass[11pt]{article}
\usepackage[utf8]{inputenc}
\usepackage[T1]{fontenc}
\usepackage{textcomp}
\usepackage{graphicx}
\usepackage{array}
\usepackage{booktabs}
\usepackage{longtable}
\IfFileExists{acl.sty}{\usepackage[final]{acl}}{%
  \usepackage[a4paper,margin=2.2cm]{geometry}
  \usepackage{times}
  \usepackage[hidelinks]{hyperref}}
\hypersetup{pdfcreator={},pdfproducer={}}
\setlength{\emergencystretch}{3em}
% No table is set wider than the page: one that would be is made smaller.
\newsavebox{\proctorbox}
\newcommand{\proctortable}[1]{\sbox{\proctorbox}{\footnotesize\setlength{\tabcolsep}{4pt}\input{#1}}%
  \ifdim\wd\proctorbox>\textwidth\resizebox{\textwidth}{!}{\usebox{\proctorbox}}\else\usebox{\proctorbox}\fi}
\input{numbers}
"""


def escape(text: str) -> str:
    """A stranger's text that LaTeX sets as text; a letter that its fonts lack is written as its code point."""
    return "".join(_char(char) for char in unicodedata.normalize("NFC", clean(text)))


def _char(char: str) -> str:
    if char in SPECIAL:
        return SPECIAL[char]
    if char.isascii() or char in _LATIN:
        return char
    plain = "".join(part for part in unicodedata.normalize("NFKD", char) if part.isascii())
    return "".join(SPECIAL.get(part, part) for part in plain) or f"[U+{ord(char):04X}]"


def inline(part: Inline, *, macros: bool = True) -> str:
    """One part of a sentence; a number by its macro, or, in tables, as it is."""
    if isinstance(part, Number):
        return f"\\{part.macro}{{}}" if macros else escape(part.text)
    if isinstance(part, Strong):
        return f"\\textbf{{{escape(part.text)}}}"
    if isinstance(part, Code):
        return f"\\texttt{{{escape(part.text)}}}"
    if not part.strip():
        return " " if part else ""
    return " " * (part[0] == " ") + escape(part) + " " * (part[-1] == " ")


def sentence(said: Sentence) -> str:
    """A sentence."""
    return "".join(inline(part) for part in said.parts)


def numbers(book: Iterable[Number], *, challenge: str, version: str) -> str:
    """numbers.tex: one macro for each number, and \\claim, whose first argument `findings check` reads."""
    lines = [
        MARK,
        f"% proctor-findings: challenge={challenge} version={version}",
        "% Use \\numSomething in the paper instead of a number; `manage.py findings check paper.tex` compares both.",
        "\\providecommand{\\claim}[2]{#2}",
    ]
    lines += [f"\\newcommand{{\\{one.macro}}}{{{escape(one.text)}}} % {one.key}" for one in book]
    return "\n".join(lines) + "\n"


def table(block: Table, *, long: bool = False) -> str:
    """A table without its caption: tabular, or longtable for one that goes over pages."""
    environment = "longtable" if long else "tabular"
    head = " & ".join(_heading(heading.title, number=heading.number) for heading in block.headings) + r" \\"
    lines = [MARK, f"\\begin{{{environment}}}{{@{{}}{''.join(_columns(block))}@{{}}}}", r"\toprule", head, r"\midrule"]
    if long:
        lines.append(r"\endhead")
    lines += [" & ".join(_cell(content) for content in row.cells) + r" \\" for row in block.rows]
    return "\n".join([*lines, r"\bottomrule", f"\\end{{{environment}}}"]) + "\n"


def _columns(block: Table) -> list[str]:
    folded = sum(heading.wide for heading in block.headings)
    # What the other columns leave, as far as that can be known before it is set.
    width = max(0.3, 0.92 - 0.085 * (len(block.headings) - folded)) / folded if folded else 0
    return [
        "r"
        if heading.number
        else f">{{\\raggedright\\arraybackslash}}p{{{width:.2f}\\textwidth}}"
        if heading.wide
        else "l"
        for heading in block.headings
    ]


def _heading(title: str, *, number: bool) -> str:
    return f"\\multicolumn{{1}}{{r}}{{{escape(title)}}}" if number else escape(title)


def _cell(content: Cell) -> str:
    text = "".join(inline(part, macros=False) for part in cell_parts(content))
    # A row that begins with a bracket would be read as an option of the row before.
    return f"{{}}{text}" if text.lstrip().startswith(("[", "*")) else text


def write(report: Report, *, version: str) -> str:
    """report.tex; prose/<name>.tex is set where somebody wrote it."""
    lines = [
        MARK,
        PREAMBLE,
        f"\\title{{{escape(report.title)}}}",
        f"\\author{{Written by Proctor, version \\texttt{{{escape(version)}}}}}",
        r"\date{}",
        r"\begin{document}",
        r"\maketitle",
        r"\raggedbottom",
    ]
    appendix: list[Table] = []
    for depth, section in report.walk():
        if section.title:
            command = ("section", "subsection", "subsubsection")[min(depth, 2)]
            lines.append(f"\n\\{command}{{{escape(section.title)}}}\n\\label{{sec:{section.key}}}")
        for block in section.blocks:
            lines += _block(block, appendix)
    if appendix:
        lines.append("\n\\clearpage\\onecolumn\\appendix\n\\section{Tables in full}")
        for block in appendix:
            caption = f"\\noindent\\refstepcounter{{table}}\\label{{tab:{block.key}}}Table \\thetable: "
            lines.append(f"{caption}{sentence(block.caption)}\n")
            lines.append(f"{{\\scriptsize\\setlength{{\\tabcolsep}}{{3pt}}\\input{{tables/{block.key}}}}}")
            if block.note:
                lines.append(f"\\noindent{{\\small {sentence(block.note)}}}\n")
    return "\n".join([*lines, r"\end{document}"]) + "\n"


def is_long(block: Table) -> bool:
    """Whether the table goes over pages."""
    return len(block.rows) > MOST_ROWS


def _block(block: Block, appendix: list[Table]) -> list[str]:
    if isinstance(block, Paragraph):
        text = " ".join(sentence(said) for said in block.sentences)
        return [f"\n{{\\small {text}\\par}}" if block.quiet else f"\n{text}\n"]
    if isinstance(block, Table) and is_long(block):
        appendix.append(block)
        return [f"\nTable~\\ref{{tab:{block.key}}} in the appendix: {sentence(block.caption)}\n"]
    if isinstance(block, Table):
        note = f" {sentence(block.note)}" if block.note else ""
        return [
            r"\begin{table*}[htbp]",
            r"\centering",
            f"\\proctortable{{tables/{block.key}}}",
            f"\\caption{{{sentence(block.caption)}{note}}}",
            f"\\label{{tab:{block.key}}}",
            r"\end{table*}",
        ]
    if isinstance(block, Figure):
        return [
            r"\begin{figure}[htbp]",
            r"\centering",
            f"\\includegraphics[width=\\linewidth]{{figures/{block.key}.pdf}}",
            f"\\caption{{{sentence(block.caption)}}}",
            f"\\label{{fig:{block.key}}}",
            r"\end{figure}",
        ]
    if isinstance(block, Prose):
        return [f"\\InputIfFileExists{{prose/{re.sub(r'[^a-z0-9-]', '', block.name)}.tex}}{{}}{{}}"]
    return []
