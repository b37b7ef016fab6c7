"""`manage.py` under a database clock that a file moves: python -m tests.faults.clocked COMMAND …

The file named by PROCTOR_TEST_CLOCK holds the seconds by which the clock is wrong; every process reads it anew.
"""

import os
import sys
from datetime import datetime, timedelta
from pathlib import Path

import django
from django.core.management import execute_from_command_line

FILE = "PROCTOR_TEST_CLOCK"


def main() -> None:
    """Move the clock, then do as manage.py does."""
    django.setup()
    from evaluations import clock

    right, file = clock.now, Path(os.environ[FILE])

    def moved() -> datetime:
        return right() + timedelta(seconds=float(file.read_text()))

    clock.now = moved
    execute_from_command_line(["manage.py", *sys.argv[1:]])


if __name__ == "__main__":
    main()
