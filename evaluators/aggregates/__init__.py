"""From several scores to one number: nested means as tracks define them, and the methods of other shared tasks."""

from evaluators.aggregates.drawn import aggregate_draws
from evaluators.aggregates.methods import LOWER_IS_BETTER, METHOD_WORDS, METHODS, RELATIVE_METHODS, aggregate
from evaluators.aggregates.tables import Table
from evaluators.aggregates.tree import Mean, coefficients, mean_of, values_of

__all__ = [
    "LOWER_IS_BETTER",
    "METHODS",
    "METHOD_WORDS",
    "RELATIVE_METHODS",
    "Mean",
    "Table",
    "aggregate",
    "aggregate_draws",
    "coefficients",
    "mean_of",
    "values_of",
]
