"""The findings report of 205 models: from the database to every file of it, figures included.

Run: python -m tests.bench.findings [--quick]. Prints JSON. The models are those of BabyLM 2023 where the folder of real
files is beside this checkout, else as many invented ones. The floor is drawing the figures alone.
"""

import argparse
import json
import os
import resource
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.bench.place import ROOT, fresh

DATA = ROOT.parent / "shared" / "data" / "babylm2023"
TARGET_SECONDS = 20.0
MODELS = 205
ROUNDS = 3


def document() -> tuple[Any, bool]:
    """The published table of 205 models, and whether it is the real one."""
    from evaluators.protocol.results import ResultsDocument
    from evaluators.results import babylm_2023

    if DATA.is_dir():
        return babylm_2023(DATA), True
    return ResultsDocument.from_value(stand_in(), file="invented"), False


def stand_in() -> dict[str, Any]:
    """As many models in three tracks, each with 13 subtasks on three columns."""
    columns = [
        {"key": key, "title": key.title(), "metric": "accuracy", "chance": 0.5} for key in ("one", "two", "three")
    ]
    tracks = []
    for place, count in enumerate((123, 44, 38)):
        entries = [
            {
                "key": f"model-{number}", "name": f"Model {number}", "team": f"Team {number // 4}",
                "approaches": [("curriculum", "architecture", "data")[number % 3]], "backbone": ("A", "B")[number % 2],
                "answers": {"epochs": 1 + number % 20, "parameters": 10**6 * (1 + number)},
                "scores": {
                    column["key"]: {
                        "value": 0.5 + number / 300,
                        "groups": {f"group {group}": 0.5 + (number + group) / 400 for group in range(13)},
                    }
                    for column in columns
                },
            }
            for number in range(count)
        ]  # fmt: skip
        tracks.append({
            "key": f"track-{place}", "title": f"Track {place}", "columns": columns, "entries": entries,
            "questions": [{"key": "epochs", "type": "integer"}, {"key": "parameters", "type": "integer"}],
        })  # fmt: skip
    return {
        "schema": "results/1",
        "key": "invented",
        "title": "Invented",
        "year": 2023,
        "source": "here",
        "tracks": tracks,
    }


def measure(rounds: int) -> dict[str, Any]:
    """Medians of gathering and building, and what came of it."""
    from findings.bundle import build
    from findings.composing import compose
    from findings.figures.style import drawn
    from findings.selectors import material_of
    from leaderboards.published_importing import import_results

    table, real = document()
    challenge = import_results(document=table).challenge
    seconds, floors, placed = [], [], None
    for _ in range(rounds):
        with tempfile.TemporaryDirectory(prefix="proctor-bench-") as out:
            began = time.monotonic()
            placed = build(material_of(challenge), Path(out))
            seconds.append(time.monotonic() - began)
            size = sum(path.stat().st_size for path in Path(out).rglob("*") if path.is_file())
        report = compose(material_of(challenge))
        began = time.monotonic()
        for figure in report.report.figures:
            drawn(figure)
        floors.append(time.monotonic() - began)
    return {
        "models": MODELS,
        "real": real,
        "rounds": rounds,
        "build_s": statistics.median(seconds),
        "first_s": seconds[0],
        "spread_s": max(seconds) - min(seconds),
        "figures_s": statistics.median(floors),
        "figures": len(report.report.figures),
        "numbers": len(report.book),
        "files": len(placed.written) if placed else 0,
        "bytes": size,
        "peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        "target_s": TARGET_SECONDS,
        "load_average": os.getloadavg()[0],
    }


def main() -> None:
    """Print everything as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one round instead of three")
    options = parser.parse_args()
    with fresh():
        print(json.dumps(measure(1 if options.quick else ROUNDS)))


if __name__ == "__main__":
    main()
