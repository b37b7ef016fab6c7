"""The methods of `python -m evaluators aggregate`: a table of scores in, one score a submission out. Pure.

A table is {submission: {metric: value or None}}; its columns are the metrics that any row names. A submission that
lacks a value has no score (None), except where a method says how a missing value counts: no mean leaves it out.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from evaluators.aggregates.efficiency import efficiency_2023
from evaluators.aggregates.ranks import beaten_and_tied, points, win_rates
from evaluators.aggregates.tree import Mean, mean_of
from evaluators.protocol.problems import Problem, ProblemsFound

Rows = Mapping[str, Mapping[str, float | None]]
Scores = dict[str, dict[str, float | None]]

# BabyLM 2023: 0.5 BLiMP + 0.3 GLUE + 0.2 MSGS. BLiMP is the mean over 12 phenomena and the 5 tasks of the supplement
# together, GLUE over 11 tasks, MSGS over the 11 Matthews correlations of its test files.
BABYLM_2023 = {"blimp": 0.5, "glue": 0.3, "msgs": 0.2}
BABYLM_2023_TASKS = {"blimp": 17, "glue": 11, "msgs": 11}
BABYLM_2023_PREFIXES = {"blimp": ("blimp/", "supplement/"), "glue": ("glue/",), "msgs": ("msgs/",)}


@dataclass(frozen=True)
class Table:
    """Scores of submissions; `weights` of metrics (1 where not named), and those in which `lower` is better."""

    rows: Rows
    weights: Mapping[str, float] = field(default_factory=dict)
    lower: frozenset[str] = frozenset()
    worst: bool = False

    @property
    def metrics(self) -> tuple[str, ...]:
        """Every metric that a row names, in the order in which they first appear."""
        return tuple(dict.fromkeys(metric for row in self.rows.values() for metric in row))

    def column(self, metric: str) -> dict[str, float | None]:
        """Each submission's value, None where it has none."""
        return {name: row.get(metric) for name, row in self.rows.items()}


def macro(table: Table) -> Scores:
    """The plain mean over the metrics."""
    return _means(table, {})


def weighted(table: Table) -> Scores:
    """The weighted mean, Σ w·x / Σ w."""
    unknown = sorted(set(table.weights) - set(table.metrics))
    if unknown:
        raise _refused(f"no submission has the metric {unknown[0]!r}, which has a weight", "--weight")
    if any(weight < 0 for weight in table.weights.values()):
        raise _refused("a weight is below 0", "--weight")
    return _means(table, table.weights)


def _means(table: Table, weights: Mapping[str, float]) -> Scores:
    mean = Mean("score", table.metrics, weights)
    return {name: {"score": mean_of(mean, row)} for name, row in table.rows.items()}


def geometric(table: Table) -> Scores:
    """The geometric mean, exp(Σ ln x / n); 0 where a score is 0. Scores below 0 are refused."""
    scores: Scores = {}
    for name, row in table.rows.items():
        values = [row.get(metric) for metric in table.metrics]
        below = next((metric for metric in table.metrics if (row.get(metric) or 0) < 0), None)
        if below is not None:
            raise _refused("a geometric mean takes no score below 0", f"{name}.{below}")
        there = [value for value in values if value is not None]
        if len(there) < len(values) or not there:
            scores[name] = {"score": None}
        elif 0 in there:
            scores[name] = {"score": 0.0}
        else:
            scores[name] = {"score": math.exp(math.fsum(math.log(value) for value in there) / len(there))}
    return scores


def mean_win_rate(table: Table) -> Scores:
    """HELM: the mean over metrics of the share of other submissions that one beats, ties counting half."""
    return _over_columns(table, win_rates)


def borda(table: Table) -> Scores:
    """Borda: over all metrics, a point for each submission beaten and half of one for each tie."""
    return _over_columns(table, points, total=True)


def mean_rank(table: Table) -> Scores:
    """The mean over metrics of the rank, tied submissions sharing the mean of their ranks; 1 is best."""

    def ranks(column: Mapping[str, float | None], *, higher: bool = True) -> dict[str, float]:
        found = beaten_and_tied(column, higher=higher)
        return {name: len(column) - beaten - tied / 2 for name, (beaten, tied) in found.items()}

    return _over_columns(table, ranks)


def _over_columns(table: Table, score: Callable[..., Mapping[str, float | None]], *, total: bool = False) -> Scores:
    columns = [score(table.column(metric), higher=metric not in table.lower) for metric in table.metrics]
    scores: Scores = {}
    for name, row in table.rows.items():
        values = [column[name] for column in columns]
        missing = not table.worst and any(row.get(metric) is None for metric in table.metrics)
        if missing or not values or None in values:
            scores[name] = {"score": None}
        else:
            whole = math.fsum(value for value in values if value is not None)
            scores[name] = {"score": whole if total else whole / len(values)}
    return scores


def efficiency(table: Table) -> Scores:
    """The 2023 LLM efficiency challenge: {"full", "open", "hidden"}; a missing metric counts as worst."""
    return efficiency_2023(table.rows, table.metrics)


def babylm_2023(table: Table) -> Scores:
    """BabyLM 2023: {"score", "blimp", "glue", "msgs"}.

    A row holds the three parts as `blimp`, `glue` and `msgs`, or the scores of their tasks as `blimp/…` and
    `supplement/…` (17 together), `glue/…` (11) and `msgs/…` (11); a part that lacks a task is missing.
    """
    known = (*BABYLM_2023, *(prefix for prefixes in BABYLM_2023_PREFIXES.values() for prefix in prefixes))
    unknown = next((metric for metric in table.metrics if not metric.startswith(known)), None)
    if unknown is not None:
        raise _refused(f"babylm-2023 has no metric {unknown!r}", unknown)
    overall = Mean("score", tuple(BABYLM_2023), BABYLM_2023)
    scores: Scores = {}
    for name, row in table.rows.items():
        parts = {part: _part_of_2023(row, part) for part in BABYLM_2023}
        scores[name] = {"score": mean_of(overall, parts), **parts}
    return scores


def _part_of_2023(row: Mapping[str, float | None], part: str) -> float | None:
    if row.get(part) is not None:
        return row[part]
    tasks = tuple(metric for metric in row if metric.startswith(BABYLM_2023_PREFIXES[part]))
    return mean_of(Mean(part, tasks), row) if len(tasks) == BABYLM_2023_TASKS[part] else None


METHODS: dict[str, Callable[[Table], Scores]] = {
    "macro": macro,
    "weighted": weighted,
    "geometric-mean": geometric,
    "mean-win-rate": mean_win_rate,
    "mean-rank": mean_rank,
    "borda": borda,
    "efficiency-2023": efficiency,
    "babylm-2023": babylm_2023,
}
RANKED_METHODS: Sequence[str] = ("mean-win-rate", "mean-rank", "borda")


def aggregate(method: str, table: Table) -> Scores:
    """The scores of a table by a named method; raises ProblemsFound for an unknown one or a table it can't take."""
    if method not in METHODS:
        raise ProblemsFound(
            [Problem("E-AGG-METHOD", f"there is no method {method!r}", remedy=f"Use one of: {', '.join(METHODS)}.")]
        )
    if table.worst and method not in RANKED_METHODS:
        remedy = f"Only these rank by who beats whom: {', '.join(RANKED_METHODS)}."
        message = "the worst score is known only to methods that compare submissions"
        raise ProblemsFound([Problem("E-AGG-TABLE", message, field="--missing", remedy=remedy)])
    low = sorted(table.lower - set(table.metrics))
    if low:
        raise _refused(f"no submission has the metric {low[0]!r}", "--lower")
    if table.lower and method not in RANKED_METHODS:
        message = f"{method} takes scores of which higher is better" + (
            ", and knows itself in which lower is" if method == "efficiency-2023" else ""
        )
        raise _refused(message, "--lower")
    return METHODS[method](table)


def _refused(message: str, field: str) -> ProblemsFound:
    return ProblemsFound([Problem("E-AGG-TABLE", message, field=field)])
