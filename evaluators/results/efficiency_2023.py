"""The finalists of the 2023 LLM efficiency challenge from their raw metrics: {submission: {metric: number or null}}."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from evaluators.aggregates.efficiency import OPEN, lower_is_better, scenario_of
from evaluators.protocol.lines import parse_json
from evaluators.protocol.problems import Problem, ProblemsFound
from evaluators.protocol.results import ResultsDocument
from evaluators.results.sources import SOURCE, read_bytes

METHOD = "efficiency-2023"


def efficiency_2023(file: Path) -> ResultsDocument:
    """The 4090 track's table; raises ProblemsFound where the file is not {submission: {metric: number or null}}."""
    table = _table(file)
    metrics = list(dict.fromkeys(metric for row in table.values() for metric in row))
    scenarios = list(dict.fromkeys(scenario_of(metric) for metric in metrics))
    known, hidden = ([name for name in scenarios if (name in OPEN) == wanted] for wanted in (True, False))
    missing = sum(row.get(metric) is None for row in table.values() for metric in metrics)
    value = {
        "schema": "results/1",
        "key": "efficiency-2023",
        "title": "LLM efficiency challenge 2023",
        "year": 2023,
        "summary": "One language model, one GPU, one day of fine-tuning: the finalists of the 4090 track.",
        "source": "Raw metrics of the LLM efficiency challenge 2023, 4090 track, as a participant published them",
        "license": "none stated",
        "notes": [
            f"Open scenarios: {', '.join(known)}; hidden ones: {', '.join(hidden)}.",
            f"{missing} of {len(table) * len(metrics)} scores are missing and count as worst.",
        ],
        "tracks": [
            {
                "key": "4090",
                "title": "4090",
                "columns": [_column(metric) for metric in metrics],
                "ranking": {"missing": "worst", "aggregate": {"method": METHOD}, "round": 3},
                "entries": [
                    {"key": name, "name": name, "scores": {metric: row.get(metric) for metric in metrics}}
                    for name, row in table.items()
                ],
            }
        ],
    }
    return ResultsDocument.from_value(value, file=file.name)


def _column(metric: str) -> dict[str, Any]:
    return {
        "key": metric,
        "metric": metric.partition(" - ")[2],
        "direction": "lower" if lower_is_better(metric) else "higher",
    }


def _table(file: Path) -> dict[str, dict[str, float | None]]:
    try:
        text = read_bytes(file).decode()
    except UnicodeDecodeError as error:
        raise ProblemsFound([Problem(SOURCE, "the file is not UTF-8 text", file.name)]) from error
    value = parse_json(text, file=file.name, code=SOURCE)
    if not isinstance(value, Mapping) or not value or not all(isinstance(row, Mapping) for row in value.values()):
        message = "the file must be {submission: {metric: number or null}}"
        raise ProblemsFound([Problem(SOURCE, message, file.name)])
    for name, row in value.items():
        for metric, number in row.items():
            plain = number is None or (isinstance(number, int | float) and not isinstance(number, bool))
            if " - " not in metric or not plain:
                message = "a metric is named `<scenario> - <metric>`, and holds a number or null"
                raise ProblemsFound([Problem(SOURCE, message, file.name, field=f"{name}.{metric}")])
    return {name: dict(row) for name, row in value.items()}
