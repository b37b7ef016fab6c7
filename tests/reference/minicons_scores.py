"""Runs inside the reference image: scores whole sentences with minicons and writes what it found.

python3 minicons_scores.py causal|masked MODEL REQUESTS RESULT [--bos]
"""

import argparse
import json
from pathlib import Path
from typing import Any


def main() -> None:
    """Score and write {"scores": {id: logprob}}; causal: without --bos the first token is not scored."""
    parser = argparse.ArgumentParser()
    parser.add_argument("backend", choices=["causal", "masked"])
    parser.add_argument("model", type=Path)
    parser.add_argument("requests", type=Path)
    parser.add_argument("result", type=Path)
    parser.add_argument("--bos", action="store_true", help="put the tokenizer's bos token before every sentence")
    options = parser.parse_args()
    requests = [json.loads(line) for line in options.requests.read_text(encoding="utf-8").splitlines()]
    scores = _score(options, [request["continuation"] for request in requests])
    result = {"scores": {request["id"]: value for request, value in zip(requests, scores, strict=True)}}
    options.result.write_text(json.dumps(result), encoding="utf-8")


def _score(options: argparse.Namespace, sentences: list[str]) -> list[float]:
    import torch
    from minicons import scorer
    from transformers import PreTrainedTokenizerBase

    # minicons 0.3.39 calls it by the name that transformers 5 took away.
    PreTrainedTokenizerBase.batch_encode_plus = PreTrainedTokenizerBase.__call__
    torch.set_num_threads(2)
    family = {"causal": scorer.IncrementalLMScorer, "masked": scorer.MaskedLMScorer}[options.backend]
    model = family(str(options.model), "cpu")
    arguments: dict[str, Any] = {"bos_token": True} if options.bos else {}
    scores: list[float] = []
    for start in range(0, len(sentences), 10):
        batch = sentences[start : start + 10]
        scores += model.sequence_score(batch, reduction=lambda values: values.sum(0).item(), **arguments)
    return scores


if __name__ == "__main__":
    main()
