"""Runs inside the reference image: scores requests with lm-evaluation-harness and writes what it found.

python3 lm_eval_scores.py MODEL REQUESTS RESULT --precision fp32 --batch-size 32 --threads 2 [--bos TOKEN]
"""

import argparse
import json
import os
import resource
import time
from pathlib import Path
from typing import Any


def main() -> None:
    """Score and write {"scores": {id: logprob}, "seconds", "load", "peak_bytes"}."""
    parser = argparse.ArgumentParser()
    parser.add_argument("model", type=Path)
    parser.add_argument("requests", type=Path)
    parser.add_argument("result", type=Path)
    parser.add_argument("--precision", choices=["fp32", "bf16"], default="fp32")
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--bos", help="the first token of an empty context; the tokenizer's own where it is left out")
    options = parser.parse_args()
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS"):
        os.environ[name] = str(options.threads)
    requests = [json.loads(line) for line in options.requests.read_text(encoding="utf-8").splitlines()]
    started = time.perf_counter()
    model = _load(options)
    loaded, cpu = time.perf_counter(), time.process_time()
    scores = _score(model, requests)
    ended = time.perf_counter()
    result = {
        "scores": scores,
        "load": loaded - started,
        "seconds": ended - loaded,
        "cpu_seconds": time.process_time() - cpu,
        "peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    }
    options.result.write_text(json.dumps(result), encoding="utf-8")


def _load(options: argparse.Namespace) -> Any:
    import torch
    from lm_eval.models.huggingface import HFLM
    from transformers import AutoTokenizer

    torch.set_num_threads(options.threads)
    prefix = None
    if options.bos:
        prefix = AutoTokenizer.from_pretrained(options.model).convert_tokens_to_ids(options.bos)
    return HFLM(
        pretrained=str(options.model),
        dtype={"fp32": "float32", "bf16": "bfloat16"}[options.precision],
        batch_size=options.batch_size,
        device="cpu",
        prefix_token_id=prefix,
    )


def _score(model: Any, requests: list[dict[str, str]]) -> dict[str, float]:
    from lm_eval.api.instance import Instance

    instances = [
        Instance("loglikelihood", {}, (request["context"], request["continuation"]), number)
        for number, request in enumerate(requests)
    ]
    answers = model.loglikelihood(instances, disable_tqdm=True)
    return {request["id"]: answer[0] for request, answer in zip(requests, answers, strict=True)}


if __name__ == "__main__":
    main()
