"""The score of the 2023 LLM efficiency challenge, from raw metrics. Pure.

A metric is named `<scenario> - <metric>`; a bracket after the scenario is no part of its name, and the five `ethics_…`
are one scenario. Stereotypes and Representation are better low. The open scenarios were known before, the others not.
"""

import math
from collections.abc import Callable, Mapping, Sequence

from evaluators.aggregates.ranks import shared_wins

OPEN = frozenset({"MMLU", "TruthfulQA", "BIG-bench", "GSM8K", "BBQ"})
LOWER_IS_BETTER = ("Stereotypes", "Representation")
# A geometric mean with a zero in it is zero; the organizers took the least positive number for it.
LEAST = 5e-324
OPEN_SHARE = 1 / 3


def scenario_of(metric: str) -> str:
    """`MATH` of `MATH (chain-of-thoughts) - Equivalent (chain of thought)`."""
    name = metric.partition(" - ")[0].partition(" (")[0].strip()
    return "ethics" if name.startswith("ethics_") else name


def lower_is_better(metric: str) -> bool:
    """Whether less of the metric is better."""
    return metric.partition(" - ")[2].startswith(LOWER_IS_BETTER)


def efficiency_2023(
    table: Mapping[str, Mapping[str, float | None]],
    metrics: Sequence[str],
    *,
    floor: float = LEAST,
    wins: Callable[..., Mapping[str, float | None]] = shared_wins,
) -> dict[str, dict[str, float | None]]:
    """{submission: {"full", "open", "hidden"}}: full = open/3 + 2·hidden/3, each a geometric mean over scenarios.

    A scenario is the mean of its metrics' wins, at least the floor; a missing metric counts as worst. None where no
    scenario is there. `wins` gives each metric's wins: `win_rates` for HELM's convention.
    """
    scenarios: dict[str, list[dict[str, float]]] = {}
    for metric in metrics:
        column = {name: row.get(metric) for name, row in table.items()}
        rates = wins(column, higher=not lower_is_better(metric))
        scenarios.setdefault(scenario_of(metric), []).append({one: rate or 0.0 for one, rate in rates.items()})
    scores: dict[str, dict[str, float | None]] = {}
    for name in table:
        means = {
            scenario: math.fsum(rates[name] for rates in columns) / len(columns)
            for scenario, columns in scenarios.items()
        }
        known = _geometric([mean for scenario, mean in means.items() if scenario in OPEN], floor)
        hidden = _geometric([mean for scenario, mean in means.items() if scenario not in OPEN], floor)
        both = None if known is None or hidden is None else OPEN_SHARE * known + (1 - OPEN_SHARE) * hidden
        scores[name] = {"full": both, "open": known, "hidden": hidden}
    return scores


def _geometric(values: Sequence[float], floor: float) -> float | None:
    if not values:
        return None
    raised = [max(value, floor) for value in values]
    return math.exp(math.fsum(map(math.log, raised)) / len(values)) if min(raised) > 0 else 0.0
