"""Runs inside the model image beside make_tiny.py: trains a small GPT-2 and keeps checkpoints of it on the way.

python3 make_growing.py TEXT OUT SETTINGS      SETTINGS: {"width", "layers", "vocabulary", "steps": {checkpoint: step}}

The finished model lies in OUT itself, each checkpoint in OUT/checkpoints/<name>. Learning is quick and by fixed seeds:
what counts is that the weights of every checkpoint differ, and that later ones know more.
"""

import json
import sys
from pathlib import Path
from typing import Any

import make_tiny  # type: ignore[import-not-found]
import torch
from transformers import GPT2Config, GPT2LMHeadModel

POSITIONS = 512
BATCH, LENGTH = 16, 48
RATE = 2e-3
# Standard deviation of the first logits.
SURE = 3.5


def batches(tokens: torch.Tensor, steps: int) -> Any:
    """Yield so many batches of token ids [BATCH, LENGTH], drawn by a seed."""
    generator = torch.Generator().manual_seed(5)
    for _ in range(steps):
        starts = torch.randint(len(tokens) - LENGTH, (BATCH,), generator=generator).tolist()
        yield torch.stack([tokens[start : start + LENGTH] for start in starts])


def main(text: Path, out: Path, settings: dict[str, Any]) -> None:
    """Train, and save the checkpoints and the end."""
    make_tiny.VOCABULARY = settings["vocabulary"]
    tokenizer = make_tiny.gpt2_tokenizer(text)
    lines = tokenizer(text.read_text(encoding="utf-8").splitlines())["input_ids"]
    tokens = torch.tensor([token for line in lines for token in (tokenizer.bos_token_id, *line)])
    torch.manual_seed(1)
    size = {"vocab_size": len(tokenizer), "bos_token_id": 0, "eos_token_id": 0, "n_positions": POSITIONS}
    model = GPT2LMHeadModel(
        GPT2Config(n_embd=settings["width"], n_layer=settings["layers"], n_head=settings["width"] // 16, **size)
    )
    # Wrong at first, and not only undecided: every word has something to be learnt, as in a large vocabulary.
    torch.nn.init.normal_(model.transformer.wte.weight, std=SURE / settings["width"] ** 0.5)
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE)
    names = {step: name for name, step in settings["steps"].items()}
    model.train()
    for step, batch in enumerate(batches(tokens, max(names)), start=1):
        loss = model(input_ids=batch, labels=batch).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        if step in names:
            folder = out / "checkpoints" / names[step]
            model.save_pretrained(folder)
            tokenizer.save_pretrained(folder)
    model.save_pretrained(out)
    tokenizer.save_pretrained(out)
    count = sum(parameter.numel() for parameter in model.parameters())
    (out / "parameters.txt").write_text(f"{count}\n", encoding="utf-8")


if __name__ == "__main__":
    torch.set_num_threads(2)
    main(Path(sys.argv[1]), Path(sys.argv[2]), json.loads(sys.argv[3]))
