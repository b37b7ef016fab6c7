"""Intervals, ranks and comparisons, beside scipy's bootstrap and permutation test and a pass over the draws.

Run: python -m tests.bench.statistics [--quick]. Prints JSON. Answers are invented and the same each time. Paired draws
are made in a process of its own, each time a fresh one: wall time from the scores to intervals and standings, and the
most memory that the process ever held, scores and all. scipy bootstraps one submission for a share of the draws, and
permutes one pair for a share of the flips; both are scaled to all, and say so.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import bootstrap, permutation_test

from evaluators.statistics.draws import interval_of, mean_draws
from evaluators.statistics.pairs import paired_test
from evaluators.statistics.ranking import standings

ROOT = Path(__file__).resolve().parents[2]
SUBMISSIONS, ITEMS, DRAWS, GROUPS = 60, 100_000, 1000, 67
ENTRIES, FLIPS = 10_000, 10_000
TARGET_SECONDS, TARGET_BYTES, TARGET_STANDINGS = 10.0, 10**9, 0.5
RIVAL_DRAWS, RIVAL_FLIPS = 40, 40
ROUNDS = 5


def scores_of(submissions: int, items: int) -> NDArray[np.float32]:
    """Right and wrong answers of submissions that differ by little: items × submissions."""
    random = np.random.default_rng(1)
    shares = np.linspace(0.6, 0.8, submissions, dtype=np.float32)
    return (random.random((items, submissions), dtype=np.float32) < shares).astype(np.float32)


def seconds(work: Callable[[], Any], rounds: int) -> list[float]:
    """The wall time that each round took."""
    taken = []
    for _ in range(rounds):
        began = time.perf_counter()
        work()
        taken.append(time.perf_counter() - began)
    return taken


def draw_once(items: int) -> dict[str, float]:
    """What the process of its own does: every submission's interval, and the standings."""
    scores = scores_of(SUBMISSIONS, items)
    strata = np.sort(np.arange(items) % GROUPS)
    began, cpu = time.perf_counter(), time.process_time()
    draws = mean_draws(scores, strata, np.ones(GROUPS), seed=1, draws=DRAWS)
    intervals = [interval_of(column) for column in draws.T]
    found = standings(scores.mean(axis=0), draws)
    taken, cpu = time.perf_counter() - began, time.process_time() - cpu
    if None in intervals or int(found.high.min()) < 1:
        raise SystemExit("Not every submission has an interval and a rank.")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return {"seconds": taken, "cpu_s": cpu, "peak_bytes": peak}


def paired_draws(items: int, rounds: int) -> dict[str, Any]:
    """All submissions' paired draws beside scipy's bootstrap of one, scaled to as many submissions and draws."""
    command = [sys.executable, "-m", "tests.bench.statistics", "--draw", str(items)]
    found = [
        json.loads(subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout)
        for _ in range(rounds)
    ]
    column = scores_of(1, items)[:, 0]
    rival = seconds(
        lambda: bootstrap((column,), np.mean, n_resamples=RIVAL_DRAWS, batch=10, method="percentile",
                          alternative="two-sided", rng=np.random.default_rng(1)),
        rounds,
    )  # fmt: skip
    taken = [one["seconds"] for one in found]
    return {
        "submissions": SUBMISSIONS,
        "items": items,
        "draws": DRAWS,
        "seconds": statistics.median(taken),
        "cpu_s": statistics.median(one["cpu_s"] for one in found),
        "spread_s": max(taken) - min(taken),
        "peak_bytes": max(one["peak_bytes"] for one in found),
        "rival_s": statistics.median(rival) * SUBMISSIONS * DRAWS / RIVAL_DRAWS,
        "rival_share": f"1 of {SUBMISSIONS} and {RIVAL_DRAWS} draws",
        "target_s": TARGET_SECONDS,
        "target_bytes": TARGET_BYTES,
    }


def all_standings(rounds: int) -> dict[str, Any]:
    """Standings of many entries beside the floor, which finds each draw's best and each entry's deviation."""
    random = np.random.default_rng(1)
    values = random.normal(size=ENTRIES)
    draws = (values + 0.3 * random.normal(size=(DRAWS, ENTRIES))).astype(np.float32)
    taken = seconds(lambda: standings(values, draws), rounds)
    floor = seconds(lambda: (draws.argmax(axis=1), draws.std(axis=0)), rounds)
    return {
        "entries": ENTRIES,
        "draws": DRAWS,
        "seconds": statistics.median(taken),
        "spread_s": max(taken) - min(taken),
        "floor_s": statistics.median(floor),
        "target_s": TARGET_STANDINGS,
    }


def comparison(items: int, rounds: int) -> dict[str, Any]:
    """A comparison of two by groups, interval and all, beside scipy's permutation test of the plain mean, scaled."""
    one, other = scores_of(2, items).T
    strata = np.sort(np.arange(items) % GROUPS)
    taken = seconds(
        lambda: paired_test(one, other, strata=strata, stratum_weights=np.ones(GROUPS), seed=1, draws=FLIPS), rounds
    )
    rival = seconds(
        lambda: permutation_test((one - other,), np.mean, permutation_type="samples", n_resamples=RIVAL_FLIPS,
                                 batch=10, alternative="two-sided", rng=np.random.default_rng(1)),
        rounds,
    )  # fmt: skip
    return {
        "items": items,
        "flips": FLIPS,
        "seconds": statistics.median(taken),
        "spread_s": max(taken) - min(taken),
        "rival_s": statistics.median(rival) * FLIPS / RIVAL_FLIPS,
        "rival_share": f"{RIVAL_FLIPS} flips",
    }


def main() -> None:
    """Print everything as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="two rounds instead of five")
    parser.add_argument("--items", type=int, default=ITEMS, help="items, for a smaller machine")
    parser.add_argument("--draw", type=int, metavar="ITEMS", help="make the paired draws of so many items alone, once")
    options = parser.parse_args()
    if options.draw:
        print(json.dumps(draw_once(options.draw)))
        return
    rounds = 2 if options.quick else ROUNDS
    result = {
        "paired": paired_draws(options.items, rounds),
        "standings": all_standings(rounds),
        "comparison": comparison(options.items, rounds),
        "load_average": os.getloadavg()[0],
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
