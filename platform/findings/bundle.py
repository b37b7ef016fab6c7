"""A report as files: three formats, figures, tables, numbers; the same material gives the same bytes."""

import hashlib
import io
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from challenges import markdown as cleaned
from findings.composing import Composed, compose
from findings.figures.style import Drawn, drawn
from findings.material import Material
from findings.placing import Placed, place
from findings.writers import cells, html, latex, markdown

SCHEMA = "findings/1"
GENERATOR = "proctor findings"
# The earliest time that a zip file can hold.
NO_TIME = (1980, 1, 1, 0, 0, 0)


class Bundle(NamedTuple):
    """The files by name, with the version of their report."""

    version: str
    challenge: str
    digest: str
    files: dict[str, bytes]

    @property
    def manifest(self) -> dict[str, Any]:
        """What MANIFEST.json says of them."""
        return {
            "schema": SCHEMA,
            "generated_by": GENERATOR,
            "challenge": self.challenge,
            "version": self.version,
            "material": self.digest,
            "files": {name: hashlib.sha256(data).hexdigest() for name, data in sorted(self.files.items())},
        }


def bundle_of(material: Material, prose: Mapping[str, str] | None = None) -> Bundle:
    """Everything but the manifest; `prose` is the Markdown that people wrote, by name."""
    composed = compose(material)
    report, written = composed.report, dict(prose or {})
    drawings = {figure.key: drawn(figure) for figure in report.figures}
    svg = {key: drawing.svg.decode() for key, drawing in drawings.items()}
    pages = {name: str(cleaned.render(text, below=2)) for name, text in written.items()}
    texts = {
        "report.html": html.write(report, drawings=svg, prose=pages),
        "report.md": markdown.write(report, written),
        "report.tex": latex.write(report, version=composed.version),
        "numbers.tex": latex.numbers(composed.book, challenge=material.results.key, version=composed.version),
        "stats.json": stats_text(material, composed),
    }
    for table in report.tables:
        texts[f"tables/{table.key}.tex"] = latex.table(table, long=latex.is_long(table))
        texts[f"tables/{table.key}.md"] = f"{markdown.MARK}\n\n{markdown.table(table)}"
        texts[f"tables/{table.key}.csv"] = cells.table(table)
    files = {name: text.encode() for name, text in texts.items()} | _figures(drawings)
    return Bundle(composed.version, material.results.key, material.digest, files)


def _figures(drawings: Mapping[str, Drawn]) -> dict[str, bytes]:
    files = {}
    for key, drawing in drawings.items():
        files[f"figures/{key}.svg"] = drawing.svg
        files[f"figures/{key}.pdf"] = drawing.pdf
    return files


def stats_of(material: Material, composed: Composed) -> dict[str, Any]:
    """stats.json: every number with its formula and sources, and the facts that claims are held against."""
    return {
        "schema": SCHEMA,
        "generated_by": GENERATOR,
        "challenge": material.results.key,
        "version": composed.version,
        "material": material.digest,
        "numbers": {
            one.key: {
                "value": one.value,
                "text": one.text,
                "macro": one.macro,
                "formula": one.formula,
                "source": list(one.source),
                "n": one.n,
                "seed": one.seed,
            }
            for one in composed.book
        },
        "facts": composed.facts,
    }


def stats_text(material: Material, composed: Composed) -> str:
    """stats.json as text."""
    return json.dumps(stats_of(material, composed), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def build(material: Material, out: Path) -> Placed:
    """Write the report into a folder; what people wrote or changed there stays, and the new file lies beside it."""
    bundle = bundle_of(material, prose_in(out))
    return place(bundle.files, bundle.manifest, out)


def prose_in(out: Path) -> dict[str, str]:
    """What people wrote: the Markdown files of the folder `prose`, by name."""
    folder = out / "prose"
    if not folder.is_dir():
        return {}
    return {path.stem: path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.md"))}


def zipped(bundle: Bundle) -> bytes:
    """The files with their manifest as a zip archive, the same bytes for the same files."""
    files = bundle.files | {"MANIFEST.json": (json.dumps(bundle.manifest, indent=1) + "\n").encode()}
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", compression=zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(f"findings-{bundle.challenge}/{name}", NO_TIME)
            entry.external_attr, entry.compress_type = 0o644 << 16, zipfile.ZIP_DEFLATED
            archive.writestr(entry, files[name])
    return out.getvalue()
