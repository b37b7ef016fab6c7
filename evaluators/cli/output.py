"""Problems and scores as a person reads them at a terminal."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict

import typer
from rich.console import Console
from rich.table import Table

from evaluators.protocol.problems import Problem, ProblemsFound
from evaluators.protocol.scores import COMPATIBILITY, ScoresDocument

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)


@contextmanager
def refusals(as_json: bool) -> Iterator[None]:
    """Bad input ends the command with its problems and exit code 2."""
    try:
        yield
    except ProblemsFound as error:
        if as_json:
            out.print_json(data={"ok": False, "problems": [asdict(problem) for problem in error.problems]})
        else:
            print_problems(err, error.problems)
        raise typer.Exit(2) from error


def print_problems(console: Console, problems: Iterable[Problem]) -> None:
    """One line a problem: where, what, and the remedy."""
    for problem in problems:
        console.print(str(problem), style="yellow" if problem.code.startswith("W-") else "red", markup=False)


def print_scores(console: Console, document: ScoresDocument) -> None:
    """The suite's numbers, each group's, coverage, gaps and what was ignored."""
    table = Table(title=f"{document.suite} ({document.suite_digest[:12]})", title_justify="left")
    for name in ("group", "metric", "value", "95 % interval", "n"):
        table.add_column(name, justify="left" if name in ("group", "metric") else "right")
    rows = [(name, measures) for name, measures in document.groups.items()]
    for name, measures in [*rows, ("all", document.metrics)]:
        for metric, measure in measures.items():
            interval = "" if measure.low is None or measure.high is None else f"{measure.low:.4f}–{measure.high:.4f}"
            value = "undefined" if measure.value is None else f"{measure.value:.4f}"
            table.add_row(name, metric, value, interval, f"{measure.n:,}")
    console.print(table)
    coverage = document.coverage
    console.print(f"answered {coverage.answered:,} of {coverage.asked:,}")
    for group, count in document.gaps.items():
        console.print(f"gap: {group}: {count:,} without an answer", style="yellow")
    if document.ignored:
        console.print(f"ignored: {', '.join(document.ignored)}")
    if document.self_reported:
        console.print(f"self-reported, never ranked: {len(document.self_reported):,} numbers (see --json)")
    if COMPATIBILITY in document.flags:
        console.print("For comparison with published numbers only; never ranked.", style="yellow")
    if document.flags:
        console.print(f"flags: {', '.join(document.flags)}", style="yellow")
