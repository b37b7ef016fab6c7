"""Statistics of scores: values in, values out; every random step takes a seed."""
