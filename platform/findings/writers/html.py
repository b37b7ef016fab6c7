"""The report as one HTML file that needs nothing else: style inside, figures inside, no script."""

import re
from collections.abc import Mapping
from html import escape as escaped
from pathlib import Path

from findings.document import (
    Block,
    Cell,
    Code,
    Figure,
    Heading,
    Inline,
    Paragraph,
    Prose,
    Report,
    Row,
    Section,
    Sentence,
    Strong,
    Table,
    cell_parts,
    plain,
)
from findings.figures.style import COLOURS
from findings.numbers import Number
from findings.writers.cleaning import clean

STYLE = Path(__file__).with_name("report.css")
# A cell of so many letters stays on one line.
TIGHT = 24
_ID = re.compile(r'(\bid="|href="#|url\(#)')
# What goes before the drawing: declaration, document type, comments, metadata.
_BEFORE = re.compile(r"<\?xml.*?\?>|<!DOCTYPE.*?>|<!--.*?-->|<metadata>.*?</metadata>", re.DOTALL)


def inline(part: Inline) -> str:
    """One part of a sentence; a number says by its title how it was computed."""
    if isinstance(part, Number):
        return (
            f'<data value="{part.value}" title="{escaped(f"{part.key}: {part.formula}")}">{escaped(part.text)}</data>'
        )
    if isinstance(part, Strong):
        return f"<strong>{escaped(clean(part.text))}</strong>"
    if isinstance(part, Code):
        return f"<code>{escaped(clean(part.text))}</code>"
    if not part.strip():
        return " " if part else ""
    return " " * (part[0] == " ") + escaped(clean(part)) + " " * (part[-1] == " ")


def sentence(said: Sentence) -> str:
    """A sentence."""
    return "".join(inline(part) for part in said.parts)


def write(report: Report, *, drawings: Mapping[str, str], prose: Mapping[str, str]) -> str:
    """The whole report; `drawings` are SVG by a figure's key, `prose` cleaned HTML by name."""
    title = escaped(clean(report.title))
    facts = "".join(f"<dt>{escaped(name)}</dt><dd>{inline(value)}</dd>" for name, value in report.facts)
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="generator" content="proctor findings">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>{title}</title>\n<style>\n{STYLE.read_text(encoding='utf-8')}</style>\n</head>\n<body>\n"
        f'<header><h1>{title}</h1><dl class="facts">{facts}</dl></header>\n'
        f'<nav aria-label="Contents"><h2>Contents</h2>{_contents(report)}</nav>\n<main>\n'
        f"{''.join(_section(section, 0, drawings, prose) for section in report.sections)}"
        "</main>\n</body>\n</html>\n"
    )


def _contents(report: Report) -> str:
    lines = []
    for section in report.sections:
        inner = "".join(
            f'<li><a href="#{escaped(one.key)}">{escaped(clean(one.title))}</a></li>' for one in section.inside
        )
        more = f"<ul>{inner}</ul>" if inner else ""
        if section.title:
            lines.append(f'<li><a href="#{escaped(section.key)}">{escaped(clean(section.title))}</a>{more}</li>')
    return f"<ol>{''.join(lines)}</ol>"


def _section(section: Section, depth: int, drawings: Mapping[str, str], prose: Mapping[str, str]) -> str:
    level = min(6, depth + 2)
    title = f"<h{level}>{escaped(clean(section.title))}</h{level}>\n" if section.title else ""
    blocks = "".join(_block(block, drawings, prose) for block in section.blocks)
    inside = "".join(_section(inner, depth + 1, drawings, prose) for inner in section.inside)
    return f'<section id="{escaped(section.key)}">\n{title}{blocks}{inside}</section>\n'


def _block(block: Block, drawings: Mapping[str, str], prose: Mapping[str, str]) -> str:
    if isinstance(block, Paragraph):
        text = " ".join(sentence(said) for said in block.sentences)
        return f'<p class="note">{text}</p>\n' if block.quiet else f"<p>{text}</p>\n"
    if isinstance(block, Table):
        return _table(block)
    if isinstance(block, Figure):
        drawing = standalone_to_inline(drawings[block.key], block.key)
        alt = escaped(clean(block.alt))
        return (
            f'<figure id="fig-{escaped(block.key)}">'
            f'<div class="drawing" role="img" tabindex="0" aria-label="{alt}">{drawing}</div>'
            f"<figcaption>{sentence(block.caption)}</figcaption></figure>\n"
        )
    if isinstance(block, Prose) and prose.get(block.name):
        return f'<div class="prose">{prose[block.name]}</div>\n'
    return ""


def _table(block: Table) -> str:
    head = "".join(
        f'<th scope="col"{_class(heading)}>{escaped(clean(heading.title))}</th>' for heading in block.headings
    )
    rows = "\n".join(_row(block, row) for row in block.rows)
    note = f'<p class="note">{sentence(block.note)}</p>\n' if block.note else ""
    label = escaped(clean(block.caption.plain))
    return (
        f'<div class="table-wrap" id="tab-{escaped(block.key)}" tabindex="0" role="region" aria-label="{label}">\n'
        "<table>"
        f"<caption><span>{sentence(block.caption)}</span></caption>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{rows}\n</tbody></table>"
        f"</div>\n{note}"
    )


def _row(block: Table, row: Row) -> str:
    kind = ' class="reference"' if row.kind == "reference" else ""
    cells = "".join(
        f"<td{_class(heading) or _tight(content)}>{_cell(content)}</td>"
        for heading, content in zip(block.headings, row.cells, strict=True)
    )
    return f"<tr{kind}>{cells}</tr>"


def _tight(content: Cell) -> str:
    """What is short is not folded."""
    return ' class="tight"' if sum(len(plain(part)) for part in cell_parts(content)) <= TIGHT else ""


def _class(heading: Heading) -> str:
    return ' class="num"' if heading.number else ' class="wide"' if heading.wide else ""


def _cell(content: Cell) -> str:
    return "".join(inline(part) for part in cell_parts(content))


def standalone_to_inline(svg: str, key: str) -> str:
    """A figure's file as part of a page: colours that follow the page's, ids that no other figure has."""
    svg = _BEFORE.sub("", svg).strip()
    svg = _ID.sub(lambda found: f"{found[0]}{key}-", svg)
    for name, colour in COLOURS.items():
        svg = svg.replace(colour, f"var(--{name})")
    return svg
