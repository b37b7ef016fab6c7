"""Answering a job: load once, then one suite after another, so that a crash keeps what was finished."""

import importlib
import os
import resource
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

from sandbox.runner.code import load_code
from sandbox.runner.errors import RunFailed
from sandbox.runner.exchange import Request, Response, Responses, read_requests
from sandbox.runner.job import RunnerJob, SuiteJob
from sandbox.runner.progress import Reporter


class Backend(Protocol):
    """What answers requests: each response once, in any order, batch by batch."""

    def loglikelihood(self, requests: Sequence[Request]) -> Iterator[list[Response]]:
        """Yield responses as they come."""
        ...


def run(job: RunnerJob, *, submission: Path, evaluation: Path, reporter: Reporter) -> None:
    """Load the submission and answer the job's suites; raises RunFailed.

    `evaluation` holds requests/ and receives responses/. Suites that an earlier run finished are left alone.
    """
    reporter.event("started")
    # Staged input is read before the submission is loaded: what its code changes later changes nothing.
    staged = [(suite, read_requests(evaluation / "requests" / suite.folder)) for suite in job.suites]
    backend = load(job, submission=submission, reporter=reporter)
    reporter.event("loaded")
    began, began_cpu = time.monotonic(), time.process_time()
    for position, (suite, requests) in enumerate(staged, start=1):
        responses = Responses(evaluation / "responses" / suite.folder)
        if not responses.complete:
            _answer(backend, suite, requests, responses, position=position, of=len(staged), reporter=reporter)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    seconds, cpu = time.monotonic() - began, time.process_time() - began_cpu
    reporter.event("finished", answer_seconds=seconds, answer_cpu_seconds=cpu, peak_bytes=peak)


def load(job: RunnerJob, *, submission: Path, reporter: Reporter) -> Backend:
    """Load what the job names from the submission; raises RunFailed."""
    folder = submission / job.path
    for name in job.modules:
        importlib.import_module(name)
    if job.kind == "code":
        return load_code(folder, job.entry)
    prepare_environment(job.threads)
    # Only now: these import PyTorch, which takes seconds and is not in every image.
    from sandbox.runner.hf.loading import load_model

    return load_model(folder, job, reporter)


def prepare_environment(threads: int) -> None:
    """Set what PyTorch and transformers read when they are imported: threads, no network, no progress bars."""
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS"):
        os.environ[name] = str(threads)
    for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_HUB_DISABLE_PROGRESS_BARS", "HF_HUB_DISABLE_TELEMETRY"):
        os.environ[name] = "1"
    os.environ["TRANSFORMERS_VERBOSITY"] = "error"
    os.environ.setdefault("HF_HOME", "/tmp/huggingface")  # noqa: S108 -- the sandbox's own scratch folder


def _answer(
    backend: Backend,
    suite: SuiteJob,
    requests: list[Request],
    responses: Responses,
    *,
    position: int,
    of: int,
    reporter: Reporter,
) -> None:
    with responses:
        answered = responses.answered()
        left = [request for request in requests if request["id"] not in answered]
        done, total = len(requests) - len(left), len(requests)
        reporter.progress(suite=suite.suite, position=position, of=of, done=done, total=total)
        for batch in backend.loglikelihood(left):
            responses.write(batch)
            done += len(batch)
            reporter.progress(suite=suite.suite, position=position, of=of, done=done, total=total)
    if done != total:
        raise RunFailed("E-RUN-ANSWER", f"{done} answers to {total} requests")
    responses.finish()
