"""Suites, tasks, metrics and statistics of shared tasks, in pure Python."""

__version__ = "0.1.0"
