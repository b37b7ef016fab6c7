"""The commands. Exit codes: 0 fine, 1 a check or self-test found something, 2 bad input."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from evaluators.cli.aggregating import aggregate_command
from evaluators.cli.counting import words_command
from evaluators.cli.importing import import_command
from evaluators.cli.output import err, out, print_problems, print_scores, refusals
from evaluators.cli.results import results_command
from evaluators.cli.spotchecking import spot_check_command
from evaluators.predictions import FORMATS, score_predictions
from evaluators.protocol.challenge import ChallengeDocument
from evaluators.protocol.documents import Document
from evaluators.protocol.lines import parse_lines
from evaluators.protocol.problems import Problem, ProblemsFound
from evaluators.protocol.results import ResultsDocument
from evaluators.protocol.scores import ScoresDocument
from evaluators.protocol.submission import SubmissionManifest
from evaluators.protocol.suite import SuiteManifest
from evaluators.requests import draw_requests, seed_key
from evaluators.scoring import Scored, score
from evaluators.selftest import selftest as run_selftest
from evaluators.suites import check_suite, open_suite, select

app = typer.Typer(help="Check, self-test, score and import suites.", no_args_is_help=True, add_completion=False,
                  pretty_exceptions_enable=False)  # fmt: skip
app.command("import")(import_command)
app.command("aggregate")(aggregate_command)
app.command("words")(words_command)
app.command("spot-check")(spot_check_command)
app.command("results")(results_command)

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
    "results": ResultsDocument,
}


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
    with refusals(as_json):
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
    with refusals(False):
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
    with refusals(as_json):
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
    drop_last_batch: Annotated[
        int | None,
        typer.Option(metavar="N", help="Leave out each group's last incomplete batch of N items, as some published "
                     "numbers do. For comparison with published numbers only; never ranked."),
    ] = None,
    as_json: AsJson = False,
) -> None:  # fmt: skip
    """Score a file of predictions: joined on id; gaps are reported, unknown and repeated ids are errors."""
    with refusals(as_json):
        scored = score_predictions(
            open_suite(suite), _bytes(file), format=format, file=file.name, drop_last_batch=drop_last_batch
        )
    _show(scored, as_json)


@app.command()
def schema(name: Annotated[str, typer.Argument(help=f"One of: {', '.join(SCHEMAS)}.")]) -> None:
    """Print a document's JSON Schema."""
    with refusals(False):
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
