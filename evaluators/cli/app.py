"""The commands. Exit codes: 0 fine, 1 a check or self-test found something, 2 bad input."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from evaluators.cli.output import print_problems, print_scores
from evaluators.importers.blimp import import_blimp
from evaluators.predictions import FORMATS, score_predictions
from evaluators.protocol.challenge import ChallengeDocument
from evaluators.protocol.documents import Document
from evaluators.protocol.lines import parse_lines
from evaluators.protocol.problems import Problem, ProblemsFound
from evaluators.protocol.scores import ScoresDocument
from evaluators.protocol.submission import SubmissionManifest
from evaluators.protocol.suite import SuiteManifest
from evaluators.requests import draw_requests, seed_key
from evaluators.scoring import Scored, score
from evaluators.selftest import selftest as run_selftest
from evaluators.suites import check_suite, open_suite, select

app = typer.Typer(help="Check, self-test, score and import suites.", no_args_is_help=True, add_completion=False,
                  pretty_exceptions_enable=False)  # fmt: skip
out = Console(highlight=False)
err = Console(stderr=True, highlight=False)

SuiteFolder = Annotated[Path, typer.Argument(metavar="SUITE", help="A suite folder.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
Seed = Annotated[int, typer.Option(help="What ids and order are drawn from.")]
Splits = Annotated[list[str] | None, typer.Option("--split", help="Only these splits; may be repeated.")]
ALL_SPLITS = ("dev", "public", "private")
SCHEMAS: dict[str, type[Document]] = {
    "suite": SuiteManifest,
    "submission": SubmissionManifest,
    "challenge": ChallengeDocument,
    "scores": ScoresDocument,
}


@contextmanager
def _refusals(as_json: bool) -> Iterator[None]:
    """Bad input ends the command with its problems and exit code 2."""
    try:
        yield
    except ProblemsFound as error:
        if as_json:
            out.print_json(data={"ok": False, "problems": [asdict(problem) for problem in error.problems]})
        else:
            print_problems(err, error.problems)
        raise typer.Exit(2) from error


@app.command()
def check(suite: SuiteFolder, as_json: AsJson = False) -> None:
    """Is this folder a valid suite: every fault with file, line and field, and what is in it."""
    report = check_suite(suite)
    value: dict[str, Any] = {
        "ok": report.ok,
        "problems": [asdict(problem) for problem in report.problems],
        "warnings": [asdict(problem) for problem in report.warnings],
        "suite": report.suite.name if report.suite else None,
        "digest": report.suite.digest if report.suite else None,
        "counts": report.counts,
    }
    if as_json:
        out.print_json(data=value)
    else:
        print_problems(err, [*report.problems, *report.warnings])
        if report.suite:
            splits = ", ".join(f"{count:,} {split}" for split, count in report.counts["splits"].items())
            out.print(f"{report.suite.name}: {splits}; {len(report.counts['groups'])} groups")
            out.print(f"sha256 {report.suite.digest}")
        out.print("valid" if report.ok else "not valid")
    raise typer.Exit(0 if report.ok else 1)


@app.command()
def selftest(suite: SuiteFolder, as_json: AsJson = False) -> None:
    """Does the suite score as it must: constant answers, the gold, its opposite, another order, gaps, duplicates."""
    with _refusals(as_json):
        expectations = run_selftest(open_suite(suite))
    ok = all(expectation.ok for expectation in expectations)
    if as_json:
        out.print_json(data={"ok": ok, "checks": [asdict(expectation) for expectation in expectations]})
    else:
        for expectation in expectations:
            out.print(f"{'ok  ' if expectation.ok else 'FAIL'} {expectation.name}: {expectation.measured}")
    raise typer.Exit(0 if ok else 1)


@app.command()
def requests(
    suite: SuiteFolder,
    dest: Annotated[Path, typer.Option("--out", help="The folder to write requests.jsonl into.")],
    seed: Seed = 0,
    split: Splits = None,
) -> None:
    """Write the requests as a sandboxed model sees them: shuffled, under opaque ids, without gold."""
    with _refusals(False):
        drawn = draw_requests(
            select(open_suite(suite, with_gold=False), splits=split or ALL_SPLITS), key=seed_key(seed)
        )
    dest.mkdir(parents=True, exist_ok=True)
    with (dest / "requests.jsonl").open("w", encoding="utf-8") as file:
        for request in drawn.requests:
            file.write(json.dumps(request, ensure_ascii=False) + "\n")
    out.print(f"{len(drawn.requests):,} requests in {dest / 'requests.jsonl'}")


@app.command("score")
def score_command(
    suite: SuiteFolder,
    responses: Annotated[Path, typer.Argument(help="responses.jsonl, or the folder that holds it.")],
    seed: Seed = 0,
    split: Splits = None,
    as_json: AsJson = False,
) -> None:
    """Score the responses to the requests that the same seed drew."""
    with _refusals(as_json):
        chosen = select(open_suite(suite), splits=split or ALL_SPLITS)
        path = responses / "responses.jsonl" if responses.is_dir() else responses
        lines = [line for _, line in parse_lines(_bytes(path), file=path.name, code="E-OUT-FORMAT")]
        scored = score(chosen, lines, draw=draw_requests(chosen, key=seed_key(seed)))
    _show(scored, as_json)


@app.command("score-predictions")
def score_predictions_command(
    suite: SuiteFolder,
    file: Annotated[Path, typer.Argument(help="The prediction file, plain or gzip.")],
    format: Annotated[str, typer.Option(help=f"One of: {', '.join(FORMATS)}.")] = "native",  # noqa: A002
    as_json: AsJson = False,
) -> None:
    """Score a file of predictions: joined on id; gaps are reported, unknown and repeated ids are errors."""
    with _refusals(as_json):
        scored = score_predictions(open_suite(suite), _bytes(file), format=format, file=file.name)
    _show(scored, as_json)


@app.command("import")
def import_command(
    format: Annotated[str, typer.Argument(metavar="FORMAT", help="blimp")],  # noqa: A002
    source: Annotated[Path, typer.Argument(help="The source's files.")],
    dest: Annotated[Path, typer.Argument(help="The suite folder to write.")],
    index: Annotated[Path | None, typer.Option(help="Which lines form the suite.")] = None,
    split: Annotated[str, typer.Option(help="The split of every item: dev, public or private.")] = "private",
) -> None:
    """Write a suite folder from a source's own format, with the counts it is known to have."""
    with _refusals(False):
        if format != "blimp":
            raise ProblemsFound([Problem("E-IMPORT-FORMAT", f"there is no importer {format!r}", remedy="Use: blimp.")])
        if split not in ALL_SPLITS:
            raise ProblemsFound([Problem("E-IMPORT-SPLIT", f"there is no split {split!r}", field="--split",
                                         remedy="Use dev, public or private.")])  # fmt: skip
        count = import_blimp(source, dest, index=index, split=split)  # type: ignore[arg-type]
        suite = open_suite(dest)
    out.print(f"{suite.name}: {count:,} items in {dest}")
    out.print(f"sha256 {suite.digest}")


@app.command()
def schema(name: Annotated[str, typer.Argument(help=f"One of: {', '.join(SCHEMAS)}.")]) -> None:
    """Print a document's JSON Schema."""
    with _refusals(False):
        if name not in SCHEMAS:
            raise ProblemsFound([Problem("E-DOC-SCHEMA", f"there is no document {name!r}",
                                         remedy=f"Use one of: {', '.join(SCHEMAS)}.")])  # fmt: skip
    out.print_json(data=SCHEMAS[name].model_json_schema(by_alias=True))


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ProblemsFound([Problem("E-DOC-FILE", f"the file can't be read: {error.strerror}", str(path))]) from error


def _show(scored: Scored, as_json: bool) -> None:
    if as_json:
        value = scored.document.model_dump(mode="json", by_alias=True)
        out.print_json(data=value | {"complete": scored.document.complete})
    else:
        print_scores(out, scored.document)
