"""From several scores to one number: nested means as tracks define them, and the methods of other shared tasks."""

from evaluators.aggregates.methods import METHODS, Table, aggregate
from evaluators.aggregates.tree import Mean, coefficients, mean_of, values_of

__all__ = ["METHODS", "Mean", "Table", "aggregate", "coefficients", "mean_of", "values_of"]
