"""Drawing and scoring of suites in three sizes, beside the floor: reading the same responses as JSON.

Run: python -m tests.bench.scoring [--quick]. Prints JSON. Answers are invented and the same each time; time is CPU
time, peak memory what Python allocates while it scores the largest suite.

Then all of filtered BLiMP from its responses, with intervals, in a process of its own: wall time, from the first line
of the responses to the last interval, and the most memory that the process ever held, suite and all.
"""

import argparse
import json
import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

from evaluators.importers import IMPORTERS, Options, run
from evaluators.protocol.items import Candidate, ChoiceGold, ChoiceItem
from evaluators.protocol.suite import SuiteManifest
from evaluators.requests import draw_requests, seed_key
from evaluators.scoring import score
from evaluators.suites import Suite, open_suite
from tests.bench.edition_sources import Sources

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT.parent / "shared" / "data"
TARGET_SECONDS, TARGET_BYTES = 2.0, 500 * 10**6
SIZES = (1_000, 10_000, 60_000)
GROUPS = 67
ROUNDS = 5
MANIFEST = {
    "schema": "suite/1", "key": "invented", "title": "Invented", "version": "1", "task": "choice",
    "metric": "accuracy", "chance": 0.5, "range": [0, 1], "direction": "higher", "license": "CC0-1.0",
}  # fmt: skip


def suite_of(size: int) -> Suite:
    """A suite of pairs in as many groups as BLiMP has files."""
    items = [
        ChoiceItem(
            id=f"group-{number % GROUPS}/{number}",
            group=f"group-{number % GROUPS}",
            tags=(f"tag-{number % 12}",),
            choices=tuple(Candidate(continuation=f"The bird {number} {verb}.") for verb in ("sings", "sing")),
        )
        for number in range(size)
    ]
    gold = {item.id: ChoiceGold(id=item.id, gold=0) for item in items}
    return Suite(SuiteManifest.from_value(MANIFEST, file="suite.yaml"), items, gold, "0" * 64, list(gold))


def seconds(work: Callable[[], Any], rounds: int) -> list[float]:
    """The CPU time that each round took."""
    taken = []
    for _ in range(rounds):
        began = time.process_time()
        work()
        taken.append(time.process_time() - began)
    return taken


def measure(size: int, rounds: int) -> dict[str, Any]:
    """One size: medians of drawing, of scoring and of the floor, and how far scoring spread."""
    suite = suite_of(size)
    draw = draw_requests(suite, key=seed_key(1))
    numbers = random.Random(1)
    responses = [{"id": request["id"], "logprob": -numbers.uniform(1, 90), "tokens": 5} for request in draw.requests]
    lines = [json.dumps(response) for response in responses]
    drawing = statistics.median(seconds(lambda: draw_requests(suite, key=seed_key(1)), rounds))
    scoring = seconds(lambda: score(suite, responses, draw=draw), rounds)
    floor = statistics.median(seconds(lambda: [json.loads(line) for line in lines], rounds))
    return {
        "items": size,
        "draw_s": drawing,
        "score_s": statistics.median(scoring),
        "score_min_s": min(scoring),
        "score_max_s": max(scoring),
        "floor_s": floor,
        "items_per_s": size / statistics.median(scoring),
    }


def peak_bytes(size: int) -> int:
    """The most memory that scoring a suite allocates beside suite and responses."""
    suite = suite_of(size)
    draw = draw_requests(suite, key=seed_key(1))
    responses = [{"id": request["id"], "logprob": -1.0, "tokens": 5} for request in draw.requests]
    tracemalloc.start()
    try:
        score(suite, responses, draw=draw)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def blimp_suite(place: Path) -> tuple[Path, bool]:
    """The folder of filtered BLiMP as a suite, and whether it is the real one or a stand-in of its size."""
    folder, index = place / "blimp", DATA / "babylm2024" / "blimp_filtered_index.json"
    if index.is_file():
        run(IMPORTERS["blimp"], DATA / "blimp", folder, Options(index=index))
        return folder, True
    sources = Sources(place / "sources", 1.0)
    sources.write_blimp()
    run(IMPORTERS["blimp-filtered"], place / "sources" / "blimp_filtered", folder, Options())
    return folder, False


def whole_blimp(rounds: int) -> dict[str, Any]:
    """Scoring all of filtered BLiMP, each time in a fresh process: medians, and the largest peak."""
    with tempfile.TemporaryDirectory(prefix="proctor-bench-") as scratch:
        folder, real = blimp_suite(Path(scratch))
        numbers = random.Random(1)
        suite = open_suite(folder)
        draw = draw_requests(suite, key=seed_key(1))
        responses = Path(scratch) / "responses.jsonl"
        responses.write_text(
            "".join(
                json.dumps({"id": request["id"], "logprob": -numbers.uniform(1, 90), "tokens": 9}) + "\n"
                for request in draw.requests
            )
        )
        command = [sys.executable, "-m", "tests.bench.scoring", "--score", str(folder), str(responses)]
        found = [
            json.loads(subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout)
            for _ in range(rounds)
        ]
    seconds = [one["score_s"] for one in found]
    return {
        "items": len(suite.items),
        "real": real,
        "open_s": statistics.median(one["open_s"] for one in found),
        "draw_s": statistics.median(one["draw_s"] for one in found),
        "floor_s": statistics.median(one["floor_s"] for one in found),
        "score_s": statistics.median(seconds),
        "cpu_s": statistics.median(one["cpu_s"] for one in found),
        "spread_s": max(seconds) - min(seconds),
        "peak_bytes": max(one["peak_bytes"] for one in found),
        "target_s": TARGET_SECONDS,
        "target_bytes": TARGET_BYTES,
        "load_average": os.getloadavg()[0],
    }


def score_once(folder: Path, responses: Path) -> dict[str, Any]:
    """What the process of its own does; the floor reads the same lines and keeps nothing."""
    marks = [time.monotonic()]

    def passed() -> float:
        marks.append(time.monotonic())
        return marks[-1] - marks[-2]

    suite = open_suite(folder)
    opened = passed()
    draw = draw_requests(suite, key=seed_key(1))
    drawn = passed()
    with responses.open(encoding="utf-8") as lines:
        for line in lines:
            json.loads(line)
    floor = passed()
    cpu = time.process_time()
    with responses.open(encoding="utf-8") as lines:
        scored = score(suite, map(json.loads, lines), draw=draw)
    taken, cpu = passed(), time.process_time() - cpu
    measure = scored.document.metrics["accuracy"]
    if measure.low is None or scored.document.coverage.answered != len(suite.items):
        raise SystemExit("The suite was not scored whole, with its interval.")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return {
        "open_s": opened, "draw_s": drawn, "floor_s": floor, "score_s": taken, "cpu_s": cpu, "peak_bytes": peak,
    }  # fmt: skip


def main() -> None:
    """Print everything as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="two rounds instead of five")
    parser.add_argument("--score", nargs=2, type=Path, metavar=("SUITE", "RESPONSES"), help="score these alone, once")
    options = parser.parse_args()
    if options.score:
        print(json.dumps(score_once(*options.score)))
        return
    rounds = 2 if options.quick else ROUNDS
    rows = [measure(size, rounds) for size in SIZES]
    first, last = rows[0], rows[-1]
    # 1: linear in the number of items.
    growth = (last["score_s"] / first["score_s"]) / (last["items"] / first["items"])
    result = {"rounds": rounds, "rows": rows, "growth": growth, "peak_bytes": peak_bytes(SIZES[-1])}
    print(json.dumps(result | {"blimp": whole_blimp(rounds)}))


if __name__ == "__main__":
    main()
