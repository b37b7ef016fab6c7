"""The table that `make bench` prints, from results as the benches give them."""

import io
import json
from typing import Any

import pytest
from rich.console import Console

from tests.bench.__main__ import ARGUMENTS
from tests.bench.report import BUILDERS, LOCKS, locked, result_of, show

RESULTS: dict[str, Any] = {
    "hf_runner": {"rows": [{
        "precision": "fp32", "runner_per_second": 131.2, "rival_per_second": 59.6, "ratio": 2.2,
        "max_difference": 0.000051,
    }]},
    "accepted_to_scored": {
        "accepted_to_scored_s": 1.412, "docker_run_s": 0.503, "difference_s": 0.909, "target_s": 1.5, "rounds": 7,
        "spread_s": 0.2,
    },
    "sandbox_run": {"attempt_s": 0.9, "docker_run_s": 0.5, "difference_s": 0.4, "spread_s": 0.1, "rounds": 10},
    "scoring": {"rounds": 5, "growth": 1.04, "peak_bytes": 30 * 2**20, "blimp": {
        "items": 59_875, "real": True, "score_s": 1.5, "cpu_s": 1.4, "peak_bytes": 440_000_000, "floor_s": 0.3,
        "target_s": 2.0, "target_bytes": 500_000_000, "spread_s": 0.1, "load_average": 0.4,
    }, "rows": [
        {"items": items, "score_s": items / 20_000, "items_per_s": 20_000, "floor_s": items / 200_000,
         "score_min_s": 0.1, "score_max_s": 0.3}
        for items in (1_000, 60_000)
    ]},
    "statistics": {
        "paired": {
            "submissions": 60, "items": 100_000, "draws": 1000, "seconds": 1.5, "cpu_s": 1.4, "spread_s": 0.1,
            "peak_bytes": 370_000_000, "rival_s": 270.0, "rival_share": "1 of 60 and 40 draws", "target_s": 10.0,
            "target_bytes": 1_000_000_000,
        },
        "standings": {
            "entries": 10_000, "draws": 1000, "seconds": 0.3, "spread_s": 0.02, "floor_s": 0.1, "target_s": 0.5,
        },
        "comparison": {
            "items": 100_000, "flips": 10_000, "seconds": 1.0, "spread_s": 0.1, "rival_s": 900.0,
            "rival_share": "40 flips",
        },
        "load_average": 0.4,
    },
    "throughput": {"docker_run_per_minute": 120.0, "target": 0.8, "rows": [
        {"workers": workers, "per_minute": 48.2 * workers, "bare_per_minute": 60.1 * workers, "ratio": 0.802}
        for workers in (1, 2)
    ]},
    "findings": {
        "models": 205, "real": True, "build_s": 6.04, "figures_s": 3.02, "spread_s": 0.5, "figures": 7,
        "numbers": 1_217, "files": 100, "peak_bytes": 300 * 2**20, "target_s": 20.0,
    },
    "leaderboard": {
        "entries": 10_000, "suites": 60, "database": "sqlite", "rounds": 5, "first_s": 0.9, "refresh_s": 0.94,
        "refresh_spread_s": 0.2, "board_s": 0.028, "board_queries": 3, "page_s": 0.035, "page_spread_s": 0.01,
        "page_queries": 6, "targets": {"refresh_s": 1.0, "page_s": 0.05, "page_queries": 6},
    },
    "edition": {
        "share": 0.1, "run_s": 61.0, "requests_per_s": 1100.4, "floor_s": 50.0, "ratio": 1.22, "checkpoints": 6,
        "epochs": 1, "container_peak_bytes": 600 * 2**20, "worker_peak_bytes": 300 * 2**20, "load_average": 0.4,
        "parts": [{"suite": "glue", "seconds": 30.04, "requests": 2_958}],
        "whole_s": {"zero-shot": 100.0, "checkpoints": 200.0, "finetuning": 3_000.0, "rest": 60.0, "total": 3_360.0},
    },
    "chaos": {"submissions": 200, "faults": 180, "lost": 0, "doubled": 0, "broken_rules": 0, "seconds": 301.2},
}  # fmt: skip


def printed(benches: dict[str, Any]) -> str:
    """What the terminal shows, in a window that is wide enough."""
    document = {
        "machine": {"cores": 2, "cpu": "An invented CPU", "memory_bytes": 8 * 2**30},
        "versions": {"Python": "3.11.7", "Docker": "29.0"},
        "benches": benches,
    }
    out = io.StringIO()
    show(document, Console(file=out, width=190))
    return out.getvalue()


def test_every_bench_has_its_lines_and_its_arguments() -> None:
    assert set(BUILDERS) == set(ARGUMENTS) == set(RESULTS)


def test_the_table_says_ours_the_rival_and_the_ratio() -> None:
    lines = printed({name: result_of(json.dumps(result), name) for name, result in RESULTS.items()}).splitlines()
    assert lines[0] == "2 cores, An invented CPU, 8 GiB"
    assert lines[1] == "Python 3.11.7, Docker 29.0"
    shown = [" ".join(line.split()) for line in lines[4:]]
    assert shown == [
        "Hugging Face runner, fp32 131 sentences/s lm-eval 60 sentences/s 2.20 times scores differ by at most 5.1e-05",
        "accepted to scored 1.41 s docker run 0.50 s +0.91 s (at most +1.5 s) 0.20 s in 7 rounds",
        "sandbox attempt 0.90 s docker run 0.50 s +0.40 s 0.10 s in 10 rounds",
        "scoring 1,000 items 0.05 s, 20,000 items/s reading JSON 0.01 s 10.0 times 0.20 s in 5 rounds",
        "scoring 60,000 items 3.00 s, 20,000 items/s reading JSON 0.30 s 10.0 times 0.20 s in 5 rounds",
        "scoring, growth 1.04 times the seconds per item linear: 1 1,000 to 60,000 items peak 30 MiB",
        (
            "all of filtered BLiMP, 59,875 pairs 1.50 s, 1.40 s of CPU, 440 MB reading JSON 0.30 s "
            "5.0 times (at most 2 s, 500 MB) 0.10 s, load average 0.4"
        ),
        (
            "paired draws, 60 × 100,000 × 1,000 1.50 s, 1.40 s of CPU, 370 MB scipy bootstrap 270 s, scaled "
            "180 times faster (at most 10 s, 1 GB) 0.10 s, load average 0.4"
        ),
        "standings, 10,000 × 1,000 0.30 s its draws read once 0.10 s 3.0 times (at most 0.5 s) 0.02 s",
        "comparison, 100,000 × 10,000 1.00 s scipy permutation 900 s, scaled 900 times faster 0.10 s",
        (
            "throughput, 1 worker 48 runs/min its containers 60 runs/min 0.80 times (at least 0.80) "
            "0.40 times docker run (120/min)"
        ),
        (
            "throughput, 2 workers 96 runs/min its containers 120 runs/min 0.80 times (at least 0.80) "
            "0.80 times docker run (120/min)"
        ),
        (
            "findings report, 205 models 6.0 s, 1,217 numbers, 100 files its 7 figures 3.0 s 2.0 times (at most 20 s) "
            "0.5 s, peak 300 MiB"
        ),
        (
            "leaderboard, refresh after one score 0.94 s at most 1 s 10,000 entries × 60 suites, sqlite "
            "0.20 s in 5 rounds"
        ),
        (
            "leaderboard, a page 35 ms, 6 queries at most 50 ms, 6 queries of which reading 28 ms, 3 queries "
            "10 ms in 5 rounds"
        ),
        (
            "BabyLM 2026 strict, 10% 61 s, 1,100 requests/s its container alone 50 s 1.22 times "
            "peak 600 MiB, worker 300 MiB"
        ),
        "glue 30.0 s 2,958 requests",
        (
            "extrapolated to all of it 56 min without fine-tuning 6 min 6 checkpoints here, 28 there "
            "1 epoch here, 10 there; load average 0.4"
        ),
        "chaos 180 faults, 200 runs 0 lost, 0 doubled 0 lost, 0 doubled, 0 wrong 301 s",
    ]


@pytest.mark.parametrize("package", LOCKS)
def test_the_versions_above_the_table_are_those_of_the_locks(package: str) -> None:
    assert locked(LOCKS[package], package) != "unknown"


def test_a_row_that_failed_says_so() -> None:
    text = printed({"scoring": {"error": "exit code 1: no such engine"}})
    assert "scoring" in text
    assert "failed" in text
    assert "exit code 1: no such engine" in text


@pytest.mark.parametrize("text", ["", "not JSON", "{}", '{"rows": [{}]}'])
@pytest.mark.parametrize("name", list(BUILDERS))
def test_a_result_that_lacks_something_is_a_failure(name: str, text: str) -> None:
    assert "error" in result_of(text, name)
