"""`python3 -m sandbox.runner`: answer the job in /eval/job.json with the submission in /submission.

Outside the sandbox: `--job FILE --root DIR`, where DIR holds submission/ and eval/ as the sandbox does.
"""

import argparse
import sys
import traceback
from pathlib import Path

from sandbox.runner.answering import run
from sandbox.runner.errors import EXIT_FAILED, RunFailed
from sandbox.runner.job import read_job
from sandbox.runner.progress import Reporter


def main(arguments: list[str] | None = None) -> int:
    """Run the job; 0, or 3 after an error event."""
    parser = argparse.ArgumentParser(prog="python3 -m sandbox.runner", description=__doc__)
    parser.add_argument("--root", type=Path, default=Path("/"), help="the folder that holds submission/ and eval/")
    parser.add_argument("--job", type=Path, help="the job file; eval/job.json where it is left out")
    options = parser.parse_args(arguments)
    root = options.root.resolve()
    evaluation = root / "eval"
    reporter = Reporter()
    try:
        job = read_job(options.job or evaluation / "job.json")
        run(job, submission=root / "submission", evaluation=evaluation, reporter=reporter)
    except RunFailed as failure:
        traceback.print_exc()
        reporter.error(failure)
        return EXIT_FAILED
    return 0


if __name__ == "__main__":
    sys.exit(main())
