"""`python -m evaluators spot-check`: how many items a spot-check takes, what to ask, and what the answers show."""

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated

import typer

from evaluators.cli.output import out, refusals
from evaluators.predictions import FORMATS, score_predictions
from evaluators.protocol.lines import parse_lines
from evaluators.protocol.problems import Problem, ProblemsFound
from evaluators.requests import draw_requests, seed_key
from evaluators.scoring import score
from evaluators.spotcheck import (
    FLIPPED,
    NUMBERS,
    POWER,
    Comparison,
    Size,
    Verdict,
    compare,
    draw_sample,
    frame_of,
    size_for,
    tolerance_of,
)
from evaluators.suites import open_suite
from evaluators.suites.selection import only


def spot_check_command(
    suite: Annotated[Path, typer.Argument(metavar="SUITE", help="A suite folder.")],
    file: Annotated[Path, typer.Argument(metavar="PREDICTIONS", help="The prediction file, plain or gzip.")],
    format: Annotated[str, typer.Option(help=f"One of: {', '.join(FORMATS)}.")] = "native",  # noqa: A002
    requests: Annotated[
        Path | None, typer.Option("--requests", metavar="DIR", help="Write the sample's requests.jsonl there.")
    ] = None,
    responses: Annotated[
        Path | None, typer.Option("--responses", metavar="FILE", help="The model's answers to them: compare.")
    ] = None,
    size: Annotated[int | None, typer.Option(min=1, help="Items to look at; the recommended size else.")] = None,
    seed: Annotated[int, typer.Option(help="What the sample, ids and order are drawn from. Keep it secret.")] = 0,
    flipped: Annotated[
        float, typer.Option(min=0.0001, max=0.9, help="The share of wrong answers, turned right, to be caught.")
    ] = FLIPPED,
    power: Annotated[float, typer.Option(min=0.5, max=0.9999, help="With what probability.")] = POWER,
    nats: Annotated[
        float | None, typer.Option("--tolerance", min=0.0, help="Nats that machines may differ by; 0.01 else.")
    ] = None,
    honest: Annotated[
        float | None, typer.Option(min=0.0, max=0.5, help="The share of items in which an honest file may differ.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """How many items show a forged prediction file, which they are, and whether the model's answers are the file's."""
    with refusals(as_json):
        opened = open_suite(suite)
        task = opened.manifest.task
        handed = list(score_predictions(opened, _bytes(file), format=format, file=file.name).items)
        tolerance = tolerance_of(task)
        tolerance = replace(tolerance, nats=tolerance.nats if nats is None else nats)
        tolerance = replace(tolerance, honest=tolerance.honest if honest is None else honest)
        wanted = size_for(handed, task=task, flipped=flipped, power=power, tolerance=tolerance)
        items = wanted.items if size is None else min(size, wanted.frame)
        if requests is None and responses is None:
            _show_size(wanted, flipped, numbers=task in NUMBERS, as_json=as_json)
            return
        frame = frame_of(handed, numbers=task in NUMBERS)
        sample = only(opened, draw_sample(frame, size=items, key=seed_key(seed)))
        draw = draw_requests(sample, key=seed_key(seed))
        if requests is not None:
            requests.mkdir(parents=True, exist_ok=True)
            lines = [json.dumps(request, ensure_ascii=False) + "\n" for request in draw.requests]
            (requests / "requests.jsonl").write_text("".join(lines), encoding="utf-8")
            out.print(f"{len(sample.items):,} items, {len(lines):,} requests in {requests / 'requests.jsonl'}")
        if responses is None:
            return
        given = [line for _, line in parse_lines(_bytes(responses), file=responses.name, code="E-OUT-FORMAT")]
        own = score(sample, given, draw=draw)
        if not own.document.complete:
            coverage = own.document.coverage
            sentence = f"{coverage.answered:,} of the sample's {coverage.asked:,} items are answered"
            raise ProblemsFound([Problem("E-OUT-MISSING", sentence, responses.name, remedy="Answer all of them.")])
        found = compare(handed, own.items, frame=len(frame), tolerance=tolerance)
    _show(found, as_json)
    raise typer.Exit(0 if found.verdict is Verdict.CONSISTENT else 1)


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ProblemsFound([Problem("E-DOC-FILE", f"the file can't be read: {error.strerror}", str(path))]) from error


def _show_size(size: Size, flipped: float, *, numbers: bool, as_json: bool) -> None:
    if as_json:
        out.print_json(data=asdict(size))
        return
    frame = "answers" if numbers else "answers that the file has right"
    what = "of the answers were changed" if numbers else "of the wrong answers were turned right"
    out.print(f"Look at {size.items:,} of {size.frame:,} {frame}.")
    out.print(f"If {flipped:.4g} {what}, {size.changed:,} of them are forged and can be seen to be;")
    out.print(f"more than {size.allowance:,} of these are in the sample with a probability of {size.power:.4f}.")


def _show(found: Comparison, as_json: bool) -> None:
    if as_json:
        out.print_json(data=found.to_value())
        return
    out.print(
        f"{found.verdict.value}: {found.agreements:,} of {found.compared:,} answers agree, "
        f"{found.disagreements:,} differ (at most {found.allowance:,} may), {found.unclear:,} tell nothing"
    )
    for group, (n, bad) in found.groups.items():
        if bad:
            out.print(f"  {group}: {bad:,} of {n:,} differ")
    if found.smallest is None:
        out.print("No forgery would have been caught with 95 %.")
        return
    share = "" if found.smallest_of_wrong is None else f", {found.smallest_of_wrong:.2%} of the wrong answers"
    out.print(
        f"It would have caught {found.smallest:,} changed answers with 95 %: {found.smallest_share:.2%} of those "
        f"it drew from{share}."
    )
