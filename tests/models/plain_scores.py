"""Runs inside the model image: scores texts one at a time with transformers alone, the slow and obvious way.

python3 plain_scores.py JOBS RESULT      JOBS: [{"model", "backend", "first": [ids], "requests": [...]}]
"""

import json
import sys
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoModelForMaskedLM, AutoTokenizer

Tokens = list[int]


def split(tokenizer: Any, context: str, continuation: str) -> tuple[Tokens, int]:
    """Return the tokens of the whole, and how many belong to the context."""
    spaces = len(context) - len(context.rstrip())
    if spaces:
        context, continuation = context[:-spaces], context[-spaces:] + continuation
    whole = tokenizer(context + continuation, add_special_tokens=False)["input_ids"]
    return whole, len(tokenizer(context, add_special_tokens=False)["input_ids"]) if context else 0


def causal(model: Any, tokens: Tokens, start: int) -> float:
    """Return the sum of ln p of the tokens from `start` on."""
    logprobs = torch.log_softmax(model(torch.tensor([tokens])).logits[0].double(), dim=-1)
    return float(sum(logprobs[index - 1, tokens[index]] for index in range(max(start, 1), len(tokens))))


def masked(model: Any, tokens: Tokens, start: int, end: int, mask: int) -> float:
    """Return the sum of ln p of the tokens from `start` to `end`, each hidden once."""
    total = 0.0
    for index in range(start, end):
        hidden = [*tokens[:index], mask, *tokens[index + 1 :]]
        logprobs = torch.log_softmax(model(torch.tensor([hidden])).logits[0, index].double(), dim=-1)
        total += float(logprobs[tokens[index]])
    return total


def score(job: dict[str, Any]) -> dict[str, float]:
    """Return the log-probability of every request of a job."""
    family = {"causal": AutoModelForCausalLM, "masked": AutoModelForMaskedLM}[job["backend"]]
    model = family.from_pretrained(job["model"]).eval()
    tokenizer = AutoTokenizer.from_pretrained(job["model"])
    scores = {}
    for request in job["requests"]:
        tokens, start = split(tokenizer, request["context"], request["continuation"])
        if job["backend"] == "causal":
            scores[request["id"]] = causal(model, [*job["first"], *tokens], start + len(job["first"]))
        else:
            whole = [tokenizer.cls_token_id, *tokens, tokenizer.sep_token_id]
            scores[request["id"]] = masked(model, whole, start + 1, len(tokens) + 1, tokenizer.mask_token_id)
    return scores


if __name__ == "__main__":
    torch.set_num_threads(2)
    with torch.inference_mode():
        results = [score(job) for job in json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))]
    Path(sys.argv[2]).write_text(json.dumps(results), encoding="utf-8")
