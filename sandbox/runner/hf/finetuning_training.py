"""Training a classifier: the same numbers every time, on the same machine, from one seed."""

import copy
import math
import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from sandbox.runner.errors import RunFailed
from sandbox.runner.finetune_settings import Finetuning
from sandbox.runner.hf.finetuning_model import Classifier
from sandbox.runner.hf.finetuning_texts import Example, Tokens, parts, same_length, shuffled
from sandbox.runner.hf.heads import padded

# Told of each epoch: its number from 1, and the mean loss of its lines.
OnEpoch = Callable[[int, float], None]


@contextmanager
def repeatable(seed: int) -> Iterator[None]:
    """Draw everything from the seed, and take algorithms that give the same numbers again, as far as there are any."""
    before = torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()
    reseed(seed)
    torch.use_deterministic_algorithms(True, warn_only=True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before[0], warn_only=before[1])


def reseed(seed: int) -> None:
    """Begin all random numbers anew: the libraries a model's own code may draw from included."""
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


def train(classifier: Classifier, examples: Sequence[Example], settings: Finetuning, *, on_epoch: OnEpoch) -> None:
    """Train on all examples but those held out; raises RunFailed with E-RUN-TRAIN where the loss is no number.

    Each epoch ends with its last batch, however short. Where lines are held out, the epoch that gets most of them
    right is kept, the first of equals.
    """
    generator = torch.Generator().manual_seed(settings.seed)
    learnt, held_out = _split(examples, settings, generator)
    # By hand, in few numbers: a step's rate depends on how many there are in all.
    steps = math.ceil(len(learnt) / settings.batch_size) * settings.epochs
    optimizer = torch.optim.AdamW(
        classifier.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay
    )
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: rate(step, steps, settings))
    best = _Best()
    for epoch in range(1, settings.epochs + 1):
        classifier.train()
        total = 0.0
        for batch in shuffled(len(learnt), size=settings.batch_size, generator=generator):
            total += _step(classifier, [learnt[index] for index in batch], optimizer)
            scheduler.step()
        if not math.isfinite(total):
            raise RunFailed("E-RUN-TRAIN", f"the loss is {total} in epoch {epoch}")
        on_epoch(epoch, total / len(learnt))
        if held_out and best.is_over(classifier, accuracy(classifier, held_out), patience=settings.patience):
            break
    best.restore(classifier)


def rate(step: int, steps: int, settings: Finetuning) -> float:
    """Return the share of the learning rate at a step: it rises from 0, then falls to `floor` at the last one."""
    if settings.schedule == "constant":
        return 1.0
    rising = int(settings.warmup * steps)
    if step < rising:
        return step / rising
    way = min(1.0, (step - rising) / max(1, steps - rising))
    left = 0.5 * (1 + math.cos(math.pi * way)) if settings.schedule == "cosine" else 1 - way
    return settings.floor + (1 - settings.floor) * left


def logits_of(classifier: Classifier, texts: Sequence[Tokens]) -> torch.Tensor:
    """Return logits [N, classes], each as if its text stood alone."""
    classifier.eval()
    found: list[torch.Tensor | None] = [None] * len(texts)
    with torch.inference_mode():
        for indices in same_length(texts):
            rows = classifier(*padded([texts[index] for index in indices], padding=0))
            for index, row in zip(indices, rows, strict=True):
                found[index] = row
    return torch.stack([row for row in found if row is not None])


def accuracy(classifier: Classifier, examples: Sequence[Example]) -> float:
    """Return the share of the examples that are given their class."""
    chosen = logits_of(classifier, [example.tokens for example in examples]).argmax(dim=-1)
    return float((chosen == torch.tensor([example.label for example in examples])).float().mean())


class _Best:
    """The weights of the best epoch so far."""

    def __init__(self) -> None:
        self._score = -math.inf
        self._weights: dict[str, Any] | None = None
        self._since = 0

    def is_over(self, classifier: Classifier, score: float, *, patience: int) -> bool:
        """Note an epoch's score; say whether `patience` epochs have brought nothing better."""
        if score > self._score:
            self._score, self._since = score, 0
            self._weights = copy.deepcopy(classifier.state_dict())
        else:
            self._since += 1
        return bool(patience) and self._since >= patience

    def restore(self, classifier: Classifier) -> None:
        if self._weights is not None:
            classifier.load_state_dict(self._weights)


def _split(
    examples: Sequence[Example], settings: Finetuning, generator: torch.Generator
) -> tuple[list[Example], list[Example]]:
    count = round(settings.held_out * len(examples))
    if not count:
        return list(examples), []
    order = torch.randperm(len(examples), generator=generator).tolist()
    return [examples[index] for index in order[count:]], [examples[index] for index in order[:count]]


def _step(classifier: Classifier, batch: Sequence[Example], optimizer: torch.optim.Optimizer) -> float:
    """Learn from one batch, part by part so that memory is bounded; return the sum of its lines' losses."""
    optimizer.zero_grad(set_to_none=True)
    total = 0.0
    for part in parts(batch):
        logits = classifier(*padded([example.tokens for example in part], padding=classifier.padding))
        labels = torch.tensor([example.label for example in part])
        loss = functional.cross_entropy(logits, labels, reduction="sum")
        (loss / len(batch)).backward()
        total += float(loss.detach())
    optimizer.step()
    return total
