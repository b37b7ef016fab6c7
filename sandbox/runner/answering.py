"""Answering a job: checkpoint after checkpoint, suite after suite, so that a crash keeps what was finished."""

import gc
import importlib
import os
import resource
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from sandbox.runner.code import CodeBackend, load_class
from sandbox.runner.errors import RunFailed
from sandbox.runner.exchange import Request, Response, Responses, Staged, read_suite
from sandbox.runner.job import RunnerJob, SuiteJob
from sandbox.runner.progress import Reporter

Answers = Iterator[list[Response]]


class Backend(Protocol):
    """What answers requests: a method for each type that it can answer, named as the type.

    `loglikelihood(requests)`, `surprisal(requests)` and `similarity(requests)` yield each response once, in any order,
    batch by batch. A type without a method is one that this submission can't answer. Classification is not among
    them: a model folder is trained anew for it, and a participant's class gets the training lines too.
    """


@dataclass(frozen=True, slots=True)
class Pending:
    """A suite that is not finished: its place in the order of all, what it asks, and where its responses go."""

    job: SuiteJob
    position: int
    staged: Staged
    responses: Responses


def run(job: RunnerJob, *, submission: Path, evaluation: Path, reporter: Reporter) -> None:
    """Answer the job's suites, each checkpoint's together, with its model loaded once; raises RunFailed.

    `evaluation` holds requests/ and media/, and receives responses/. Suites that an earlier run finished are left
    alone, and a checkpoint all of whose suites are finished is not loaded.
    """
    reporter.event("started")
    job = replace(job, media=evaluation / "media")
    together = job.by_checkpoint()
    order = [suite for suites in together.values() for suite in suites]
    # Staged input is read before the submission is loaded: what its code changes later changes nothing.
    staged = [
        Pending(suite, position, read_suite(evaluation / "requests" / suite.folder), responses)
        for position, suite in enumerate(order, start=1)
        if not (responses := Responses(evaluation / "responses" / suite.folder)).complete
    ]
    run = Run(job, submission=submission, of=len(order), reporter=reporter)
    for checkpoint in together:
        pending = [suite for suite in staged if suite.job.checkpoint == checkpoint]
        if pending:
            run.answer(checkpoint, pending)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    reporter.event("finished", answer_seconds=run.seconds, answer_cpu_seconds=run.cpu_seconds, peak_bytes=peak)


class Run:
    """One checkpoint after another, never two at a time; `seconds` and `cpu_seconds` went into answering."""

    def __init__(self, job: RunnerJob, *, submission: Path, of: int, reporter: Reporter) -> None:
        self._job = job
        self._submission = submission
        self._of = of
        self._reporter = reporter
        self._load: Callable[[Path], Backend] | None = None
        self.seconds = 0.0
        self.cpu_seconds = 0.0

    def answer(self, checkpoint: str, pending: Sequence[Pending]) -> None:
        """Load a checkpoint, answer its suites in their order, and free it; raises RunFailed."""
        if self._load is None:
            self._load = loader(self._job, submission=self._submission, reporter=self._reporter)
        folder = self._submission / self._job.path_of(checkpoint)
        needing = [suite.position for suite in pending if not self._trains(suite.staged)]
        backend = self._load(folder) if needing else None
        self._reporter.event("loaded", checkpoint=checkpoint)
        began, began_cpu = time.monotonic(), time.process_time()
        for suite in pending:
            self._answer(backend, folder, suite)
            if suite.position >= max(needing, default=0):
                # Before a model is trained or another checkpoint loaded, its memory has to be free.
                backend = None
                gc.collect()
        self.seconds += time.monotonic() - began
        self.cpu_seconds += time.process_time() - began_cpu

    def _trains(self, staged: Staged) -> bool:
        """Say whether the suite is answered by a model that is trained for it, not by the checkpoint as it is."""
        return self._job.kind == "model" and staged.type == "classify"

    def _answer(self, backend: Backend | None, folder: Path, suite: Pending) -> None:
        requests = suite.staged.requests
        with suite.responses as responses:
            answered = responses.answered()
            left = [request for request in requests if request["id"] not in answered]
            done = len(requests) - len(left)
            self._progress(suite, done)
            for batch in self._ask(backend, folder, suite, left) if left else ():
                responses.write(batch)
                done += len(batch)
                self._progress(suite, done)
        if done != len(requests):
            raise RunFailed("E-RUN-ANSWER", f"{done} answers to {len(requests)} requests")
        suite.responses.finish()

    def _progress(self, suite: Pending, done: int) -> None:
        total = len(suite.staged.requests)
        self._reporter.progress(suite=suite.job.suite, position=suite.position, of=self._of, done=done, total=total)

    def _ask(self, backend: Backend | None, folder: Path, suite: Pending, left: Sequence[Request]) -> Answers:
        staged = suite.staged
        if self._trains(staged):
            # Only now: it imports PyTorch.
            from sandbox.runner.hf.finetuning import classify

            settings = self._job.finetuning.get(suite.job.suite)
            return classify(folder, self._job, left, staged.train, self._reporter, finetuning=settings)
        if isinstance(backend, CodeBackend) and staged.type == "classify":
            return backend.classify(left, staged.train)
        method: Callable[[Sequence[Request]], Answers] | None = getattr(backend, staged.type, None)
        if method is None:
            raise RunFailed("E-RUN-ANSWER", f"this model does not answer {staged.type} requests")
        return method(left)


def loader(job: RunnerJob, *, submission: Path, reporter: Reporter) -> Callable[[Path], Backend]:
    """Return what loads a checkpoint from its folder; it and what it returns raise RunFailed.

    A participant's file is imported once; of its class, each checkpoint has an object of its own.
    """
    for name in job.modules:
        importlib.import_module(name)
    if job.kind == "code":
        cls = load_class(submission / job.path, job.entry, media=job.media)
        return lambda folder: CodeBackend.make(cls, folder)
    prepare_environment(job.threads)
    # Only now: these import PyTorch, which takes seconds and is not in every image.
    from sandbox.runner.hf.loading import load_model

    return lambda folder: load_model(folder, job, reporter)


def prepare_environment(threads: int) -> None:
    """Set what PyTorch and transformers read when they are imported: threads, no network, no progress bars."""
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS"):
        os.environ[name] = str(threads)
    for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_HUB_DISABLE_PROGRESS_BARS", "HF_HUB_DISABLE_TELEMETRY"):
        os.environ[name] = "1"
    os.environ["TRANSFORMERS_VERBOSITY"] = "error"
    os.environ.setdefault("HF_HOME", "/tmp/huggingface")  # noqa: S108 -- the sandbox's own scratch folder
