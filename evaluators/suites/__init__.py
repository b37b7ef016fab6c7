"""Suite folders: opening, checking, writing, and choosing what a phase asks."""

from evaluators.suites.check import CheckReport, check_suite
from evaluators.suites.folder import Suite, open_suite, write_suite
from evaluators.suites.selection import select

__all__ = ["CheckReport", "Suite", "check_suite", "open_suite", "select", "write_suite"]
