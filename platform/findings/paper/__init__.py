"""A paper held against the data: its numbers, its annotated literals and its claims."""
