"""`python -m evaluators aggregate`: a table of scores becomes one score a submission."""

import json
import math
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich.table import Table as Shown

from evaluators.aggregates import LOWER_IS_BETTER, METHODS, Table, aggregate
from evaluators.cli.output import out, refusals
from evaluators.protocol.problems import Problem, ProblemsFound


def aggregate_command(
    method: Annotated[str, typer.Argument(metavar="METHOD", help=f"One of: {', '.join(METHODS)}.")],
    table: Annotated[Path, typer.Argument(metavar="TABLE", help="JSON: {submission: {metric: number or null}}.")],
    weight: Annotated[list[str] | None, typer.Option(help="METRIC=NUMBER; may be repeated. Others weigh 1.")] = None,
    chance: Annotated[
        list[str] | None, typer.Option(help="METRIC=NUMBER, what guessing gets, for `above-chance`; may be repeated.")
    ] = None,
    floor: Annotated[
        float | None, typer.Option(help="The least that a geometric mean multiplies; what is less counts as it.")
    ] = None,
    lower: Annotated[list[str] | None, typer.Option(help="A metric in which lower is better; may be repeated.")] = None,
    missing: Annotated[
        Literal["unranked", "worst"], typer.Option(help="What a missing value does, where submissions are compared.")
    ] = "unranked",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """One score a submission from a table of scores; a missing value is never left out of a mean."""
    with refusals(as_json):
        rows = _rows(table)
        weights = dict(_number_of(text, "--weight") for text in weight or ())
        guessed = dict(_number_of(text, "--chance") for text in chance or ())
        scores = aggregate(method, Table(rows, weights, frozenset(lower or ()), missing == "worst", guessed, floor))
    if as_json:
        out.print_json(data=scores)
        return
    names = list(next(iter(scores.values()), {"score": None}))
    shown = Shown(title=method, title_justify="left")
    for name in ("submission", *names):
        shown.add_column(name, justify="left" if name == "submission" else "right")
    for submission, values in sorted(scores.items(), key=lambda pair: _order(pair[1][names[0]], method)):
        shown.add_row(submission, *(_text(values[name]) for name in names))
    out.print(shown)


def _order(value: float | None, method: str) -> tuple[bool, float]:
    number = value if value is not None else 0.0
    return value is None, number if method in LOWER_IS_BETTER else -number


def _text(value: float | None) -> str:
    return "–" if value is None else f"{value:.6g}"


def _number_of(text: str, option: str) -> tuple[str, float]:
    metric, sign, number = text.rpartition("=")
    try:
        value = float(number)
    except ValueError:
        value = math.nan
    if not sign or not metric or not math.isfinite(value):
        raise ProblemsFound([Problem("E-AGG-TABLE", f"{text!r} is no {option[2:]}", field=option,
                                     remedy="Write METRIC=NUMBER, such as glue=0.3.")])  # fmt: skip
    return metric, value


def _rows(path: Path) -> dict[str, dict[str, float | None]]:
    """The table of the file; raises ProblemsFound."""
    try:
        value = json.loads(path.read_bytes())
    except OSError as error:
        raise ProblemsFound([Problem("E-DOC-FILE", f"the file can't be read: {error.strerror}", str(path))]) from error
    except (ValueError, RecursionError) as error:
        raise ProblemsFound([Problem("E-AGG-TABLE", "the file is no JSON", path.name)]) from error
    if not isinstance(value, dict) or not value or not all(isinstance(row, dict) for row in value.values()):
        raise ProblemsFound([Problem("E-AGG-TABLE", "the table must be {submission: {metric: number or null}}",
                                     path.name)])  # fmt: skip
    for name, row in value.items():
        for metric, number in row.items():
            if not _is_number(number):
                raise ProblemsFound([Problem("E-AGG-TABLE", "a score must be a number or null", path.name,
                                             field=f"{name}.{metric}")])  # fmt: skip
    return value


def _is_number(value: Any) -> bool:
    if value is None:
        return True
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e300
