"""The Hugging Face runner beside lm-evaluation-harness: same model, sentences, precision, batch size, threads, limits.

Run: python -m tests.bench.hf_runner [--pairs 10] [--precision fp32 bf16] [--json FILE]

Both run in a container of 2 CPUs without network, one after the other; sentences a second count the answering alone,
not the start and the loading of the model. The more sentences, the more prefixes they share: `--pairs 1000` is all
of BLiMP.
"""

import argparse
import json
from pathlib import Path
from typing import Any

from tests.models.blimp import blimp_requests
from tests.models.runner import Answered, answer
from tests.models.smollm2 import smollm2
from tests.reference.scores import lm_eval

DATA = Path(__file__).resolve().parents[3] / "shared" / "data" / "blimp"
BATCH_SIZE = 32
THREADS = 2


def main() -> None:
    """Print a line for each precision, and everything as JSON at the end."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=10, help="pairs of each of the 67 files")
    parser.add_argument("--precision", nargs="+", choices=["fp32", "bf16"], default=["fp32", "bf16"])
    parser.add_argument("--json", type=Path, help="write the result here too")
    options = parser.parse_args()
    requests = blimp_requests(DATA, pairs=options.pairs)
    rows = [compare(requests, precision) for precision in options.precision]
    document = json.dumps(
        {"model": "SmolLM2-135M-Instruct", "batch_size": BATCH_SIZE, "threads": THREADS, "rows": rows}
    )
    print(document)
    if options.json:
        options.json.write_text(document + "\n", encoding="utf-8")


def compare(requests: list[dict[str, Any]], precision: str) -> dict[str, Any]:
    """Run both and return one row."""
    model = smollm2()
    ours = answer(model, requests, precision=precision, batch_size=BATCH_SIZE, threads=THREADS, bos="tokenizer")
    if ours.code:
        raise SystemExit(f"the runner failed:\n{ours.log[-2000:]}")
    rival = lm_eval(model, requests, precision=precision, batch_size=BATCH_SIZE, threads=THREADS)
    row = _row(requests, precision, ours, rival)
    print(
        f"{precision}: runner {row['runner_per_second']:.1f} sentences/s, lm-evaluation-harness 0.4.13 "
        f"{row['rival_per_second']:.1f}, ratio {row['ratio']:.2f} (of CPU time {row['cpu_ratio']:.2f}); "
        f"largest difference {row['max_difference']:.1e}, mean {row['mean_difference']:.1e}; "
        f"peak memory {row['runner_peak_mb']} and {row['rival_peak_mb']} MB "
        f"({len(requests)} sentences, {row['engine']})"
    )
    return row


def _row(requests: list[dict[str, Any]], precision: str, ours: Answered, rival: dict[str, Any]) -> dict[str, Any]:
    finished = ours.event("finished")
    differences = [abs(ours.responses[key]["logprob"] - value) for key, value in rival["scores"].items()]
    speeds = len(requests) / finished["answer_seconds"], len(requests) / rival["seconds"]
    engine = ours.event("engine")
    return {
        "precision": precision,
        "sentences": len(requests),
        "runner_per_second": speeds[0],
        "rival_per_second": speeds[1],
        "ratio": speeds[0] / speeds[1],
        "runner_cpu_seconds": finished["answer_cpu_seconds"],
        "rival_cpu_seconds": rival["cpu_seconds"],
        "cpu_ratio": rival["cpu_seconds"] / finished["answer_cpu_seconds"],
        "max_difference": max(differences),
        "mean_difference": sum(differences) / len(differences),
        "over_1e-4": sum(difference > 1e-4 for difference in differences),
        "accuracy": [
            _accuracy({key: entry["logprob"] for key, entry in ours.responses.items()}),
            _accuracy(rival["scores"]),
        ],
        "runner_peak_mb": finished["peak_bytes"] // 2**20,
        "rival_peak_mb": rival["peak_bytes"] // 2**20,
        "engine": f"{engine['layout']}, {engine['head']}",
    }


def _accuracy(scores: dict[str, float]) -> float:
    pairs = [key.removesuffix("/good") for key in scores if key.endswith("/good")]
    return sum(scores[f"{pair}/good"] > scores[f"{pair}/bad"] for pair in pairs) / len(pairs)


if __name__ == "__main__":
    main()
