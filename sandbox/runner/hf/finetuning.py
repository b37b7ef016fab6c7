"""Requests of type `classify`: for each task a fresh copy of the model is trained, then it answers.

Tasks are independent of each other and of the order of requests and training lines: each begins from the folder and
from the same seed, so that a run that was cut off trains again only what was not answered, to the same answers.
"""

import gc
import traceback
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from sandbox.runner.errors import RunFailed
from sandbox.runner.exchange import Request, Response
from sandbox.runner.finetune_settings import Finetuning
from sandbox.runner.hf import finetuning_training as training
from sandbox.runner.hf import loading
from sandbox.runner.hf.finetuning_model import Classifier
from sandbox.runner.hf.finetuning_texts import Example, encode
from sandbox.runner.job import RunnerJob
from sandbox.runner.progress import Reporter

Line = Mapping[str, Any]
Class = int | str


def classify(
    folder: Path,
    job: RunnerJob,
    requests: Sequence[Request],
    train: Sequence[Line],
    reporter: Reporter,
    *,
    finetuning: Finetuning | None = None,
) -> Iterator[list[Response]]:
    """Yield the responses task by task, each as soon as it is trained; raises RunFailed.

    `folder` is the model's, `train` the lines to learn from. A label is one of the request's own, typed as given.
    """
    settings = finetuning or Finetuning()
    asked, learnt = _by_task(requests), _by_task(train)
    for task in asked:
        # Before hours are spent on the tasks before it.
        if task not in learnt:
            raise RunFailed("E-RUN-JOB", f"the task {task!r} has no training lines")
    torch.set_num_threads(job.threads)
    for number, task in enumerate(asked, start=1):
        place = {"task": task, "position": number, "of": len(asked)}
        yield _Task(folder, job, settings.of(task), reporter, place).answer(asked[task], learnt[task])
        gc.collect()


class _Task:
    """One task's training and answers."""

    def __init__(
        self, folder: Path, job: RunnerJob, settings: Finetuning, reporter: Reporter, place: dict[str, Any]
    ) -> None:
        self._folder = folder
        # Weights move by less than bf16 can hold.
        self._job = replace(job, precision="fp32")
        self._settings = settings
        self._reporter = reporter
        self._place = place

    def answer(self, requests: Sequence[Request], lines: Sequence[Line]) -> list[Response]:
        """Train on the lines and answer the requests; raises RunFailed."""
        classes = classes_of(requests, lines)
        faults = loading.STRANGE if self._job.remote_code else loading.FAULTS
        with training.repeatable(self._settings.seed):
            model = loading.load_weights(self._folder, self._job)
            tokenizer = loading.load_tokenizer(self._folder, self._job)
            try:
                return self._answer(model, tokenizer, classes, requests, lines)
            except RunFailed:
                raise
            except faults as error:
                traceback.print_exc()
                raise RunFailed("E-RUN-TRAIN", f"{type(error).__name__}: {error}") from error

    def _answer(
        self, model: Any, tokenizer: Any, classes: Sequence[Class], requests: Sequence[Request], lines: Sequence[Line]
    ) -> list[Response]:
        settings = self._settings
        limit = min(settings.max_length, loading.position_limit(model, tokenizer))
        rows = loading.rows_of(model)
        lines = sorted(lines, key=_content)
        texts = encode(tokenizer, [line["inputs"] for line in lines], limit=limit, rows=rows)
        examples = [Example(tokens, classes.index(line["label"])) for tokens, line in zip(texts, lines, strict=True)]
        padding = tokenizer.pad_token_id
        # Loading may have drawn numbers; the head is drawn from the seed alone.
        training.reseed(settings.seed)
        classifier = Classifier(
            model,
            backend=self._job.backend,
            classes=len(classes),
            head=settings.head,
            dropout=settings.dropout,
            padding=0 if padding is None else int(padding),
        )
        training.train(classifier, examples, settings, on_epoch=self._on_epoch)
        asked = encode(tokenizer, [request["inputs"] for request in requests], limit=limit, rows=rows)
        return _responses(training.logits_of(classifier, asked), requests, classes)

    def _on_epoch(self, epoch: int, loss: float) -> None:
        self._reporter.event("finetuning", **self._place, epoch=epoch, epochs=self._settings.epochs, loss=loss)


def classes_of(requests: Sequence[Request], lines: Sequence[Line]) -> list[Class]:
    """Return the task's classes in an order of their own: numbers by size, then texts by letter."""
    found = {label for request in requests for label in request["labels"]} | {line["label"] for line in lines}
    return sorted(found, key=lambda label: (isinstance(label, str), label))


def _responses(logits: torch.Tensor, requests: Sequence[Request], classes: Sequence[Class]) -> list[Response]:
    if not bool(torch.isfinite(logits).all()):
        raise RunFailed("E-RUN-TRAIN", "the trained model's logits are not finite")
    found = []
    for row, request in zip(logits.tolist(), requests, strict=True):
        allowed = [index for index, label in enumerate(classes) if label in request["labels"]]
        found.append({"id": request["id"], "label": classes[max(allowed, key=lambda index: row[index])]})
    return found


def _by_task(entries: Sequence[Line]) -> dict[str, list[Any]]:
    """Return requests or lines by their task, the tasks in order of their names."""
    found: dict[str, list[Any]] = {}
    for entry in sorted(entries, key=lambda entry: str(entry["task"])):
        found.setdefault(str(entry["task"]), []).append(entry)
    return found


def _content(line: Line) -> tuple[Any, ...]:
    """Return what a line says, to sort by: neither its id nor its place may matter."""
    return (*line["inputs"].values(), "", isinstance(line["label"], str), str(line["label"]))
