"""Drawing and scoring of suites in three sizes, beside the floor: reading the same responses as JSON.

Run: python -m tests.bench.scoring [--quick]. Prints JSON. Answers are invented and the same each time; time is CPU
time, peak memory what Python allocates while it scores the largest suite.
"""

import argparse
import json
import random
import statistics
import time
import tracemalloc
from collections.abc import Callable
from typing import Any

from evaluators.protocol.items import Candidate, ChoiceGold, ChoiceItem
from evaluators.protocol.suite import SuiteManifest
from evaluators.requests import draw_requests, seed_key
from evaluators.scoring import score
from evaluators.suites import Suite

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


def main() -> None:
    """Print everything as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="two rounds instead of five")
    rounds = 2 if parser.parse_args().quick else ROUNDS
    rows = [measure(size, rounds) for size in SIZES]
    first, last = rows[0], rows[-1]
    # 1: linear in the number of items.
    growth = (last["score_s"] / first["score_s"]) / (last["items"] / first["items"])
    print(json.dumps({"rounds": rounds, "rows": rows, "growth": growth, "peak_bytes": peak_bytes(SIZES[-1])}))


if __name__ == "__main__":
    main()
