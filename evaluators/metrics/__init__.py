"""Metrics as pure functions: values and weights in, numbers out; a weight says how often a value counts."""
