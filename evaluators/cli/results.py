"""`python -m evaluators results`: a published table as the document that `challenge import-results` reads."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from evaluators.cli.output import out, refusals
from evaluators.protocol.problems import Problem, ProblemsFound
from evaluators.protocol.results import ResultsDocument
from evaluators.results import babylm_2023, digest_of, efficiency_2023

SOURCES: dict[str, Callable[[Path], ResultsDocument]] = {
    "babylm-2023": babylm_2023,
    "efficiency-2023": efficiency_2023,
}


def results_command(
    format: Annotated[str, typer.Argument(metavar="FORMAT", help=f"One of: {', '.join(SOURCES)}.")],  # noqa: A002
    source: Annotated[Path, typer.Argument(metavar="SOURCE", help="The folder or file as it was published.")],
    dest: Annotated[Path, typer.Option("--out", metavar="FILE", help="The JSON file to write.")],
    key: Annotated[str, typer.Option(help="Another key for the challenge.")] = "",
) -> None:
    """Write a challenge's published table as one document, each entry with its scores, flags and answers."""
    with refusals(False):
        if format not in SOURCES:
            remedy = f"Use one of: {', '.join(SOURCES)}."
            raise ProblemsFound([Problem("E-IMPORT-FORMAT", f"there is no table {format!r}", remedy=remedy)])
        document = SOURCES[format](source)
        if key:
            document = ResultsDocument.from_value({**document.to_value(), "key": key}, file=source.name)
        text = json.dumps(document.to_value(), ensure_ascii=False, indent=1)
        try:
            dest.write_text(text + "\n", encoding="utf-8")
        except OSError as error:
            raise ProblemsFound(
                [Problem("E-DOC-FILE", f"the file can't be written: {error.strerror}", str(dest))]
            ) from error
    entries = sum(len(track.entries) for track in document.tracks)
    out.print(f"{document.title}: {entries:,} entries in {len(document.tracks)} tracks, in {dest}")
    out.print(f"sha256 {digest_of(document)}")
