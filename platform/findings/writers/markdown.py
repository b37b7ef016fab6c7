"""The report as Markdown (CommonMark with tables)."""

import re
from collections.abc import Mapping

from findings.document import (
    Block,
    Cell,
    Code,
    Figure,
    Inline,
    Paragraph,
    Prose,
    Report,
    Section,
    Sentence,
    Strong,
    Table,
    cell_parts,
)
from findings.numbers import Number
from findings.writers.cleaning import clean

MARK = "<!-- generated-by: proctor findings -->"
_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~&])")
# What a line must not begin with, or it is a list, a heading or a rule.
_START = re.compile(r"^(\d*)([-+=]|(?<=\d)[.)])")


def escape(text: str) -> str:
    """A stranger's text that Markdown takes as text."""
    return _SPECIAL.sub(r"\\\1", clean(text))


def inline(part: Inline) -> str:
    """One part of a sentence."""
    if isinstance(part, Number):
        return part.text.replace("<", r"\<")
    if isinstance(part, Strong):
        return f"**{escape(part.text)}**"
    if isinstance(part, Code):
        return "`" + clean(part.text).replace("`", "'").replace("|", "¦") + "`"
    # The blanks at the ends part it from its neighbours.
    if not part.strip():
        return " " if part else ""
    return " " * (part[0] == " ") + escape(part) + " " * (part[-1] == " ")


def sentence(said: Sentence) -> str:
    """A sentence, safe at the start of a line."""
    text = "".join(inline(part) for part in said.parts)
    return _START.sub(r"\1\\\2", text)


def cell(content: Cell) -> str:
    """A table's cell."""
    return "".join(inline(part) for part in cell_parts(content))


def table(block: Table) -> str:
    """A table without its caption."""
    head = "| " + " | ".join(escape(heading.title) or " " for heading in block.headings) + " |"
    rule = "|" + "|".join("---:" if heading.number else "---" for heading in block.headings) + "|"
    rows = ["| " + " | ".join(cell(content) for content in row.cells) + " |" for row in block.rows]
    return "\n".join([head, rule, *rows]) + "\n"


def write(report: Report, prose: Mapping[str, str]) -> str:
    """The whole report; `prose` is what people wrote, by name."""
    lines = [MARK, f"# {escape(report.title)}"]
    lines.append("\n".join(f"- {escape(name)}: {inline(value)}" for name, value in report.facts))
    for depth, section in report.walk():
        lines += _section(section, depth, prose)
    return "\n\n".join(line.rstrip("\n") for line in lines) + "\n"


def _section(section: Section, depth: int, prose: Mapping[str, str]) -> list[str]:
    lines = [f"{'#' * (depth + 2)} {escape(section.title)}"] if section.title else []
    for block in section.blocks:
        lines += _block(block, prose)
    return lines


def _block(block: Block, prose: Mapping[str, str]) -> list[str]:
    if isinstance(block, Paragraph):
        return [" ".join(sentence(said) for said in block.sentences)]
    if isinstance(block, Table):
        note = [sentence(block.note)] if block.note else []
        return [f"**Table.** {sentence(block.caption)}", table(block), *note]
    if isinstance(block, Figure):
        alt = escape(block.alt)
        return [f"![{alt}](figures/{block.key}.svg)", f"**Figure.** {sentence(block.caption)}"]
    if isinstance(block, Prose) and prose.get(block.name):
        return [prose[block.name]]
    return []
