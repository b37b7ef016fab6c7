"""The command line `python -m evaluators`: one command for each thing one can do with a suite."""

from evaluators.cli.app import app

__all__ = ["app"]
