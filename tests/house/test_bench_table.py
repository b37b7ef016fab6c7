"""The table that `make bench` prints, from results as the benches give them."""

import io
import json
from typing import Any

import pytest
from rich.console import Console

from tests.bench.__main__ import ARGUMENTS
from tests.bench.report import BUILDERS, result_of, show

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
    "scoring": {"rounds": 5, "growth": 1.04, "peak_bytes": 30 * 2**20, "rows": [
        {"items": items, "score_s": items / 20_000, "items_per_s": 20_000, "floor_s": items / 200_000,
         "score_min_s": 0.1, "score_max_s": 0.3}
        for items in (1_000, 60_000)
    ]},
    "throughput": {"docker_run_per_minute": 120.0, "target": 0.8, "rows": [
        {"workers": workers, "per_minute": 48.2 * workers, "bare_per_minute": 60.1 * workers, "ratio": 0.802}
        for workers in (1, 2)
    ]},
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
    show(document, Console(file=out, width=160))
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
            "throughput, 1 worker 48 runs/min its containers 60 runs/min 0.80 times (at least 0.80) "
            "0.40 times docker run (120/min)"
        ),
        (
            "throughput, 2 workers 96 runs/min its containers 120 runs/min 0.80 times (at least 0.80) "
            "0.80 times docker run (120/min)"
        ),
        "chaos 180 faults, 200 runs 0 lost, 0 doubled 0 lost, 0 doubled, 0 wrong 301 s",
    ]


def test_a_row_that_failed_says_so() -> None:
    text = printed({"scoring": {"error": "exit code 1: no such engine"}})
    assert "scoring" in text
    assert "failed" in text
    assert "exit code 1: no such engine" in text


@pytest.mark.parametrize("text", ["", "not JSON", "{}", '{"rows": [{}]}'])
@pytest.mark.parametrize("name", list(BUILDERS))
def test_a_result_that_lacks_something_is_a_failure(name: str, text: str) -> None:
    assert "error" in result_of(text, name)
