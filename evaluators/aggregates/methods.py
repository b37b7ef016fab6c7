"""The methods of `python -m evaluators aggregate`: a table of scores in, one score a submission out. Pure.

A table is {submission: {metric: value or None}}; its columns are the metrics that any row names. A submission that
lacks a value has no score (None), except where a method says how a missing value counts: no mean leaves it out.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from evaluators.aggregates.efficiency import LEAST, efficiency_2023
from evaluators.aggregates.ranks import points, ranks, win_rates, z_scores
from evaluators.aggregates.tables import Scores, Table
from evaluators.aggregates.tree import Mean, mean_of
from evaluators.protocol.problems import Problem, ProblemsFound

# BabyLM 2023: 0.5 BLiMP + 0.3 GLUE + 0.2 MSGS. BLiMP is the mean over 12 phenomena and the 5 tasks of the supplement
# together, GLUE over 11 tasks, MSGS over the 11 Matthews correlations of its test files.
BABYLM_2023 = {"blimp": 0.5, "glue": 0.3, "msgs": 0.2}
BABYLM_2023_TASKS = {"blimp": 17, "glue": 11, "msgs": 11}
BABYLM_2023_PREFIXES = {"blimp": ("blimp/", "supplement/"), "glue": ("glue/",), "msgs": ("msgs/",)}


def macro(table: Table) -> Scores:
    """The plain mean over the metrics."""
    return _means(table, {})


def weighted(table: Table) -> Scores:
    """The weighted mean, Σ w·x / Σ w."""
    return _means(table, table.weights)


def _means(table: Table, weights: Mapping[str, float]) -> Scores:
    mean = Mean("score", table.metrics, weights)
    return {name: {"score": mean_of(mean, row)} for name, row in table.rows.items()}


def above_chance(table: Table) -> Scores:
    """The weighted mean of (x - chance) / (1 - chance): 0 is guessing and 1 is perfect on every metric."""
    lacking = next((metric for metric, _ in table.weighted_metrics if metric not in table.chance), None)
    if lacking is not None:
        raise _refused(f"what guessing gets on {lacking!r} is not given", "--chance")
    if any(not 0 <= table.chance[metric] < 1 for metric, _ in table.weighted_metrics):
        raise _refused("chance is a score from 0 to below 1", "--chance")
    rows = {
        name: {metric: _rescaled(row.get(metric), table.chance[metric]) for metric, _ in table.weighted_metrics}
        for name, row in table.rows.items()
    }
    return _means(replace(table, rows=rows), table.weights)


def _rescaled(value: float | None, chance: float) -> float | None:
    return None if value is None else (value - chance) / (1 - chance)


def geometric(table: Table) -> Scores:
    """The weighted geometric mean, exp(Σ w·ln x / Σ w); 0 where a score is 0. Scores below 0 are refused.

    With a `floor` what is less counts as the floor, so that one 0 does not annul all the rest.
    """
    scores: Scores = {}
    for name, row in table.rows.items():
        below = next((metric for metric in table.metrics if (row.get(metric) or 0) < 0), None)
        if below is not None:
            raise _refused("a geometric mean takes no score below 0", f"{name}.{below}")
        there = [(row.get(metric), weight) for metric, weight in table.weighted_metrics]
        values = [(max(value, table.floor or 0), weight) for value, weight in there if value is not None]
        if len(values) < len(there) or not values:
            scores[name] = {"score": None}
        elif any(value == 0 for value, _ in values):
            scores[name] = {"score": 0.0}
        else:
            total = math.fsum(weight for _, weight in values)
            scores[name] = {"score": math.exp(math.fsum(w * math.log(value) for value, w in values) / total)}
    return scores


def mean_win_rate(table: Table) -> Scores:
    """HELM: the weighted mean over metrics of the share of other submissions that one beats, ties counting half."""
    return _over_columns(table, win_rates)


def borda(table: Table) -> Scores:
    """Borda: over all metrics, a point for each submission beaten and half of one for each tie, times the weight."""
    return _over_columns(table, points, total=True)


def mean_rank(table: Table) -> Scores:
    """The weighted mean over metrics of the rank, tied submissions sharing the mean of their ranks; 1 is best."""
    return _over_columns(table, ranks)


def z_mean(table: Table) -> Scores:
    """The weighted mean over metrics of (x - mean) / sd over the submissions; 0 where they do not differ."""
    return _over_columns(table, z_scores)


def _over_columns(
    table: Table, score: Callable[..., Mapping[str, float | None]], *, total: bool = False
) -> Scores:  # fmt: skip
    counted = table.weighted_metrics
    columns = [(score(table.column(metric), higher=metric not in table.lower), weight) for metric, weight in counted]
    scores: Scores = {}
    for name, row in table.rows.items():
        values = [column[name] for column, _ in columns]
        missing = not table.worst and any(row.get(metric) is None for metric, _ in counted)
        if missing or not values or None in values:
            scores[name] = {"score": None}
        else:
            whole = math.fsum((column[name] or 0.0) * weight for column, weight in columns)
            scores[name] = {"score": whole if total else whole / math.fsum(weight for _, weight in columns)}
    return scores


def efficiency(table: Table) -> Scores:
    """The 2023 LLM efficiency challenge: {"full", "open", "hidden"}; a missing metric counts as worst.

    With a `floor` a scenario in which all others are better counts as the floor; without it annuls the mean.
    """
    return efficiency_2023(table.rows, table.metrics, floor=LEAST if table.floor is None else table.floor)


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
    "z-mean": z_mean,
    "above-chance": above_chance,
    "efficiency-2023": efficiency,
    "babylm-2023": babylm_2023,
}
RANKED_METHODS: Sequence[str] = ("mean-win-rate", "mean-rank", "borda")
# What each takes beside the scores.
TAKE_WEIGHTS = frozenset({"weighted", "geometric-mean", "z-mean", "above-chance", *RANKED_METHODS})
TAKE_LOWER = frozenset({"z-mean", *RANKED_METHODS})
TAKE_A_FLOOR = frozenset({"geometric-mean", "efficiency-2023"})
# The methods whose scores depend on who else entered.
RELATIVE_METHODS = frozenset({"z-mean", "efficiency-2023", *RANKED_METHODS})
LOWER_IS_BETTER = frozenset({"mean-rank"})

# What is printed under a table that is ranked by the method.
METHOD_WORDS: dict[str, str] = {
    "macro": "The score is the mean over all columns, each weighing the same.",
    "weighted": "The score is the weighted mean over the columns.",
    "geometric-mean": "The score is the geometric mean over the columns, in which one score near 0 weighs more than "
    "many good ones.",
    "mean-win-rate": "The score is the mean over the columns of the share of other submissions that one beats, ties "
    "counting half (HELM). It depends on who else entered.",
    "mean-rank": "The score is the mean over the columns of the rank, so less is better; tied submissions share the "
    "mean of their ranks. It depends on who else entered.",
    "borda": "The score is the number of submissions beaten, summed over the columns, ties counting half (Borda). It "
    "depends on who else entered.",
    "z-mean": "The score is the mean over the columns of the distance from the mean submission in standard deviations. "
    "It depends on who else entered.",
    "above-chance": "The score is the mean over the columns of (score - chance) / (1 - chance): 0 is guessing, 1 is "
    "perfect.",
    "efficiency-2023": "The score is that of the 2023 LLM efficiency challenge: a third of the geometric mean of the "
    "win rates over the open scenarios and two thirds of that over the hidden ones. It depends on who else entered, "
    "and one last place can annul a score.",
    "babylm-2023": "The score is that of BabyLM 2023: 0.5 BLiMP + 0.3 GLUE + 0.2 MSGS.",
}


def aggregate(method: str, table: Table) -> Scores:
    """The scores of a table by a named method; raises ProblemsFound for an unknown one or a table it can't take."""
    check(method, table)
    return METHODS[method](table)


def check(method: str, table: Table) -> None:
    """Raise ProblemsFound for a method that is not there, or settings that it does not take."""
    if method not in METHODS:
        raise ProblemsFound(
            [Problem("E-AGG-METHOD", f"there is no method {method!r}", remedy=f"Use one of: {', '.join(METHODS)}.")]
        )
    if table.worst and method not in RANKED_METHODS:
        remedy = f"Only these rank by who beats whom: {', '.join(RANKED_METHODS)}."
        message = "the worst score is known only to methods that compare submissions"
        raise ProblemsFound([Problem("E-AGG-TABLE", message, field="--missing", remedy=remedy)])
    _check_metrics(table)
    if table.lower and method not in TAKE_LOWER:
        message = f"{method} takes scores of which higher is better" + (
            ", and knows itself in which lower is" if method == "efficiency-2023" else ""
        )
        raise _refused(message, "--lower")
    if table.weights and method not in TAKE_WEIGHTS:
        raise _refused(f"{method} takes no weights", "--weight")
    if table.chance and method != "above-chance":
        raise _refused(f"{method} does not look at chance", "--chance")
    if table.floor is not None and method not in TAKE_A_FLOOR:
        raise _refused(f"{method} has no floor", "--floor")
    if table.floor is not None and not table.floor >= 0:
        raise _refused("a floor is 0 or more", "--floor")


def _check_metrics(table: Table) -> None:
    known = set(table.metrics)
    low = sorted(table.lower - known)
    if low:
        raise _refused(f"no submission has the metric {low[0]!r}", "--lower")
    for option, named in (("--weight", table.weights), ("--chance", table.chance)):
        unknown = sorted(set(named) - known)
        if unknown:
            raise _refused(f"no submission has the metric {unknown[0]!r}, which has a {option[2:]}", option)
    if any(not weight >= 0 for weight in table.weights.values()):
        raise _refused("a weight is below 0", "--weight")


def _refused(message: str, field: str) -> ProblemsFound:
    return ProblemsFound([Problem("E-AGG-TABLE", message, field=field)])
