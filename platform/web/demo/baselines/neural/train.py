"""Trains a small causal transformer on one sentence a line and saves it as a Hugging Face folder.

    python train.py TRAIN.TXT OUT [--steps N] [--seconds S]

It stops after the steps or the seconds, whichever come first, with a learning rate that has then run out.
"""

import argparse
import math
import time
from pathlib import Path

import torch
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, processors
from torch.nn import functional
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

START, END, UNKNOWN = "<s>", "</s>", "<unk>"
WIDTH, LAYERS, HEADS = 64, 2, 4
SPREAD = 0.1  # of the first weights: with the usual 0.02 so small a model is slow to begin
BATCH, RATE, WARM = 64, 4e-3, 0.05
LONGEST = 48


def build_tokenizer(sentences: list[str]) -> PreTrainedTokenizerFast:
    """A tokenizer over lower-case words and marks that begins every text with <s>."""
    normalizer = normalizers.Lowercase()
    splitter = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Split(Regex(r"[^\w\s]"), "isolated")]
    )
    words = {
        word for sentence in sentences for word, _ in splitter.pre_tokenize_str(normalizer.normalize_str(sentence))
    }
    vocabulary = {word: number for number, word in enumerate([START, END, UNKNOWN, *sorted(words)])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token=UNKNOWN))
    tokenizer.normalizer, tokenizer.pre_tokenizer = normalizer, splitter
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{START} $A", pair=f"{START} $A $B", special_tokens=[(START, vocabulary[START])]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token=START,
        eos_token=END,
        unk_token=UNKNOWN,
        pad_token=END,
        model_max_length=LONGEST,
    )


def batches(rows: list[list[int]], end: int, generator: torch.Generator) -> list[torch.Tensor]:
    """One pass over the rows: of like lengths together, in random order, padded with `end`."""
    order = sorted(torch.randperm(len(rows), generator=generator).tolist(), key=lambda row: len(rows[row]))
    made = []
    for start in range(0, len(order) - BATCH + 1, BATCH):
        chosen = [rows[row] for row in order[start : start + BATCH]]
        longest = max(map(len, chosen))
        made.append(torch.tensor([row + [end] * (longest - len(row)) for row in chosen]))
    return [made[index] for index in torch.randperm(len(made), generator=generator).tolist()]


def loss_of(model: LlamaForCausalLM, batch: torch.Tensor, end: int) -> torch.Tensor:
    """Mean cross-entropy of the next word; of the padding only the first end of the sentence counts."""
    inputs, targets = batch[:, :-1], batch[:, 1:].clone()
    targets[(inputs == end)] = -100
    logits = model(input_ids=inputs, use_cache=False).logits
    return functional.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=-100)


def train(model: LlamaForCausalLM, rows: list[list[int]], end: int, steps: int, seconds: float) -> int:
    """Train with AdamW and a cosine schedule over the larger of the shares used; returns the steps made."""
    generator = torch.Generator().manual_seed(1)
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE, betas=(0.9, 0.98), weight_decay=0.05)
    began = time.monotonic()
    queue: list[torch.Tensor] = []
    model.train()
    for step in range(steps):
        share = max(step / steps, (time.monotonic() - began) / seconds)
        if share >= 1:
            return step
        for group in optimizer.param_groups:
            group["lr"] = RATE * min(share / WARM + 0.01, 0.5 * (1 + math.cos(math.pi * share)))
        queue = queue or batches(rows, end, generator)
        loss = loss_of(model, queue.pop(), end)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        if step % 50 == 0:
            print(f"step {step} of {steps}: {loss.item():.3f} nats a word", flush=True)
    return steps


def main() -> None:
    """Read the text, train, save."""
    parser = argparse.ArgumentParser(description="Train a small causal transformer.")
    parser.add_argument("text", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--seconds", type=float, default=50)
    arguments = parser.parse_args()
    torch.manual_seed(1)
    # Matrices this small gain nothing from a second thread, and lose much where it has to wait for a busy core.
    torch.set_num_threads(1)

    sentences = arguments.text.read_text(encoding="utf-8").splitlines()
    tokenizer = build_tokenizer(sentences)
    end = tokenizer.eos_token_id
    rows = [[*ids[: LONGEST - 1], end] for ids in tokenizer(sentences)["input_ids"]]
    config = LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=WIDTH, intermediate_size=3 * WIDTH, num_hidden_layers=LAYERS,
        num_attention_heads=HEADS, num_key_value_heads=HEADS, max_position_embeddings=LONGEST,
        bos_token_id=tokenizer.bos_token_id, eos_token_id=end, pad_token_id=end, tie_word_embeddings=True,
        initializer_range=SPREAD,
    )  # fmt: skip
    model = LlamaForCausalLM(config)
    steps = train(model, rows, end, arguments.steps, arguments.seconds)
    model.eval()
    model.save_pretrained(arguments.out, safe_serialization=True)
    tokenizer.save_pretrained(arguments.out)
    print(f"saved after {steps} steps", flush=True)


if __name__ == "__main__":
    main()
