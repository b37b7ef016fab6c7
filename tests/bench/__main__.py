"""Every bench, one after the other, and one table of ours beside the rival or the floor.

Run: python -m tests.bench [--quick] [--json FILE] [--only ROW …]. Exit code 1 where a row failed.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from rich.console import Console

from sandbox.images.build import build
from tests.bench.report import BUILDERS, ROOT, machine, result_of, show, versions

WIDTH = 190
# Arguments of each bench: as it is, and with --quick.
ARGUMENTS: dict[str, tuple[list[str], list[str]]] = {
    "hf_runner": (["--pairs", "10"], ["--pairs", "2", "--precision", "fp32"]),
    "accepted_to_scored": (["7"], ["2"]),
    "sandbox_run": (["10"], ["3"]),
    "scoring": ([], ["--quick"]),
    "statistics": ([], ["--quick"]),
    "leaderboard": ([], ["--entries", "1000", "--rounds", "3"]),
    "findings": ([], ["--quick"]),
    "throughput": (["40"], ["8"]),
    "chaos": (["200"], ["20"]),
    "edition": (["--share", "1", "--learning", "0.1"], ["--share", "0.02", "--learning", "0.1"]),
}


def run_bench(name: str, *, quick: bool) -> dict[str, Any]:
    """Run a bench in a process of its own: {"result": …}, or {"error": one line}."""
    arguments = ARGUMENTS[name][quick]
    with tempfile.TemporaryDirectory(prefix="proctor-bench-") as place:
        file = Path(place) / "result.json"
        # The runner's bench prints lines as it goes, so its JSON is read from a file.
        said = ["--json", str(file)] if name == "hf_runner" else []
        done = subprocess.run(
            [sys.executable, "-m", f"tests.bench.{name}", *arguments, *said],
            cwd=ROOT, env=os.environ | {"PYTHONUNBUFFERED": "1"}, capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode:
            last = (done.stderr.strip() or done.stdout.strip() or "it said nothing").splitlines()[-1]
            return {"error": f"exit code {done.returncode}: {last}"}
        text = file.read_text(encoding="utf-8") if file.is_file() else done.stdout
    return result_of(text, name)


def main() -> int:
    """Run what was asked for and print the table; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description="Measured beside rivals and floors.")
    parser.add_argument("--quick", action="store_true", help="fewer rounds and sentences")
    parser.add_argument("--json", type=Path, help="save everything here")
    parser.add_argument("--only", nargs="+", choices=list(BUILDERS), default=list(BUILDERS), help="run these alone")
    options = parser.parse_args()
    errors = Console(stderr=True)
    if set(options.only) - {"scoring", "statistics", "leaderboard"}:
        with errors.status("images are built where they changed"):
            build(["base", "model"], say=lambda _: None)
    benches = {}
    for name in options.only:
        with errors.status(f"{name} is running"):
            benches[name] = run_bench(name, quick=options.quick)
    document = {"machine": machine(), "versions": versions(), "quick": options.quick, "benches": benches}
    if options.json:
        options.json.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    console = Console()
    # A file or a log has no width of its own; folded cells are hard to read there.
    show(document, console if console.is_terminal else Console(width=WIDTH))
    return 1 if any("error" in outcome for outcome in benches.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
