"""The command `import`: a suite folder from a source's own format."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from evaluators.cli.output import out, refusals
from evaluators.importers import IMPORTERS, Importer, Options, Written, run
from evaluators.importers.interface import Counts
from evaluators.protocol.problems import Problem, ProblemsFound
from evaluators.suites import check_suite
from evaluators.suites.practice import practise

SPLITS = ("dev", "public", "private")


def show_list(wanted: bool) -> None:
    """Print the importers and end the command."""
    if not wanted:
        return
    for importer in IMPORTERS.values():
        known = f"; known: {_known(importer.expected)}" if importer.expected else ""
        out.print(f"[bold]{importer.name}[/bold]: {importer.title}{known}")
        out.print(f"    {importer.source}; licence: {importer.license}", soft_wrap=True, style="dim")
    raise typer.Exit(0)


def _known(counts: Counts | None) -> str:
    if counts is None:
        return ""
    numbers = [count for count in counts.values() if count is not None]
    if not numbers:
        return f"{len(counts)} parts"
    if len(counts) > 3:
        return f"{sum(numbers):,} in {len(counts)} parts"
    return ", ".join(f"{count:,} {name}" for name, count in counts.items() if count is not None)


def import_command(
    format: Annotated[str, typer.Argument(metavar="FORMAT", help="One of those that --list shows.")],  # noqa: A002
    source: Annotated[Path, typer.Argument(help="The source's files.")],
    dest: Annotated[Path, typer.Argument(help="The suite folder to write.")],
    index: Annotated[Path | None, typer.Option(help="blimp: which lines form the suite.")] = None,
    images: Annotated[Path | None, typer.Option(help="The folder of the images, where the suite shows some.")] = None,
    language: Annotated[str, typer.Option(help="The language, where one language is one suite.")] = "",
    split: Annotated[str, typer.Option(help="The split of every item: dev, public or private.")] = "private",
    practice: Annotated[
        int, typer.Option(min=0, help="Keep only so many items, public ones, as the practice version of the suite.")
    ] = 0,
    expect_counts: Annotated[
        bool, typer.Option("--expect-counts/--any-count", help="Refuse other counts than the known ones.")
    ] = True,
    key: Annotated[str, typer.Option(help="Another key for the suite.")] = "",
    title: Annotated[str, typer.Option(help="Another title.")] = "",
    version: Annotated[str, typer.Option(help="Another version.")] = "",
    license: Annotated[str, typer.Option(help="The licence, where the source does not state it.")] = "",  # noqa: A002
    hidden: Annotated[
        bool, typer.Option("--hidden", help="Hide the items; no prediction files are taken then.")
    ] = False,
    _listed: Annotated[
        bool, typer.Option("--list", is_eager=True, callback=show_list, help="Show the formats and end.")
    ] = False,
) -> None:
    """Write a suite folder from a source's own format, with the counts it is known to have."""
    overrides: dict[str, Any] = {"key": key, "title": title, "version": version, "license": license}
    overrides = {name: value for name, value in overrides.items() if value}
    if hidden:
        overrides["items"] = "hidden"
    with refusals(False):
        importer = _importer(format)
        if split not in SPLITS:
            raise ProblemsFound([Problem("E-IMPORT-SPLIT", f"there is no split {split!r}", field="--split",
                                         remedy="Use dev, public or private.")])  # fmt: skip
        options = Options(split=split, index=index, images=images, language=language)  # type: ignore[arg-type]
        written = run(importer, source, dest, options, any_count=not expect_counts, overrides=overrides)
        if practice:
            written = replace(written, items=practise(dest, items=practice))
        _report(written, dest)


def _importer(name: str) -> Importer:
    if name not in IMPORTERS:
        remedy = f"Use one of: {', '.join(IMPORTERS)}."
        raise ProblemsFound([Problem("E-IMPORT-FORMAT", f"there is no importer {name!r}", remedy=remedy)])
    return IMPORTERS[name]


def _report(written: Written, dest: Path) -> None:
    """What was written, opened again; raises ProblemsFound where it is no valid suite."""
    report = check_suite(dest)
    if report.suite is None or not report.ok:
        raise ProblemsFound(report.problems)
    counted = "as many as are known" if written.asserted else "counts not compared"
    out.print(f"{report.suite.name}: {written.items:,} items in {dest} ({counted})")
    out.print(f"sha256 {report.suite.digest}")
