"""`python -m evaluators`."""

from evaluators.cli import app

app(prog_name="python -m evaluators")
