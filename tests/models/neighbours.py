"""Runs inside a model image: how far a text's logits move with the texts beside it, for a classifier of each kind.

python3 neighbours.py MODELS RESULT      MODELS: {name: [folder, backend]}; RESULT: {name: {"asked", "padded"}}

`asked` is the largest difference to each text alone, as answers are made; `padded` that of one batch padded on the
right, as training sees it.
"""

import json
import sys
from pathlib import Path
from typing import Any

import torch

from sandbox.runner.hf import loading
from sandbox.runner.hf.finetuning_model import Classifier
from sandbox.runner.hf.finetuning_texts import encode
from sandbox.runner.hf.finetuning_training import logits_of
from sandbox.runner.hf.heads import padded
from sandbox.runner.job import RunnerJob

TEXTS = ["The dogs bark.", "A cat", "Every teacher of the children who sing has seen it.", "He", "She runs.", "The cat"]


def differences(folder: Path, backend: str) -> dict[str, float]:
    """Return both differences for a classifier over the folder's model, its head fresh."""
    job = RunnerJob(kind="model", suites=(), backend=backend)
    model, tokenizer = loading.load_weights(folder, job), loading.load_tokenizer(folder, job)
    padding = tokenizer.pad_token_id or 0
    torch.manual_seed(1)
    classifier: Any = Classifier(model, backend=backend, classes=3, head="mlp", dropout=0.1, padding=padding).eval()
    texts = encode(tokenizer, [{"text": text} for text in TEXTS], limit=64, rows=loading.rows_of(model))
    with torch.inference_mode():
        alone = torch.cat([classifier(*padded([tokens], padding=padding)) for tokens in texts])
        together = classifier(*padded(texts, padding=padding))
    asked = logits_of(classifier, texts)
    return {"asked": float((asked - alone).abs().max()), "padded": float((together - alone).abs().max())}


if __name__ == "__main__":
    models = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    found = {name: differences(Path(folder), backend) for name, (folder, backend) in models.items()}
    Path(sys.argv[2]).write_text(json.dumps(found), encoding="utf-8")
