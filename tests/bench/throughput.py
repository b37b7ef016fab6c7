"""Runs a minute through 1, 2 and 4 workers, beside the same containers without a platform, and beside `docker run`.

Run: python -m tests.bench.throughput [runs]. Prints JSON; the ratio to the bare containers is to be at least 0.8.
"""

import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.bench.accepted_to_scored import docker_run
from tests.bench.place import fresh

if TYPE_CHECKING:
    from evaluations.models import Run
    from tests.faults.contest import Contest
    from tests.faults.running import RunningPlatform

WORKERS = (1, 2, 4)
TARGET = 0.8
QUEUE = "bench"  # of the runs, so that workers can be ready before there is anything to do
PAIRS = 100
DOCKER_RUNS = 5


def queued(platform: "RunningPlatform", contest: "Contest", count: int) -> "list[Run]":
    """So many submissions checked and planned, and nobody who works on their queue yet."""
    from evaluations.models import Run
    from tests.faults import rules
    from tests.faults.running import wait_for

    submissions = [contest.submit() for _ in range(count)]
    checker = platform.worker(queues="default")
    waiting = Run.objects.filter(entry__submission__in=submissions, state=Run.State.QUEUED)
    wait_for(lambda: waiting.count() == count, seconds=30 + 3 * count, what="every plan")
    platform.end(checker)
    platform.broker.empty()
    return [rules.runs_of(submission).get() for submission in submissions]


def through_workers(platform: "RunningPlatform", runs: "list[Run]", workers: int) -> float:
    """Runs a minute, from the first wake-up to the last score."""
    from django.utils import timezone

    from config.queue import enqueue
    from evaluations.models import Run
    from tests.faults.running import wait_for

    children = [platform.worker(queues=QUEUE, wait=True) for _ in range(workers)]
    began = timezone.now()
    for run in runs:
        enqueue("evaluations.run", str(run.pk), queue=QUEUE)
    ours = Run.objects.filter(pk__in=[run.pk for run in runs])
    wait_for(lambda: not ours.filter(finished_at=None).exists(), seconds=30 + 5 * len(runs), what="every end")
    ends = [run.finished_at for run in ours if run.state == Run.State.DONE and run.finished_at is not None]
    if len(ends) < len(runs):
        raise SystemExit(f"{len(runs) - len(ends)} of the bench's own runs were not scored.")
    for child in children:
        platform.end(child)
    return 60 * len(runs) / (max(ends) - began).total_seconds()


def stages(runs: "list[Run]") -> dict[str, float]:
    """Mean seconds that a run spent in each state, by its events: where the time goes."""
    from itertools import pairwise

    spent: dict[str, list[float]] = {}
    for run in runs:
        moves = list(run.events.filter(kind="run").order_by("pk"))
        for move, following in pairwise(moves):
            if move.new != move.old and move.new != "queued":
                spent.setdefault(move.new, []).append((following.at - move.at).total_seconds())
    return {state: round(statistics.mean(seconds), 3) for state, seconds in spent.items()}


def bare(runs: "list[Run]", threads: int) -> float:
    """Runs a minute of the same attempts' containers: keeper, predict and collector, without anything around them."""
    from submissions.engine import sandbox

    attempts = [_attempt(run) for run in runs]
    sandbox().ping()
    began = time.monotonic()
    with ThreadPoolExecutor(max_workers=threads) as pool:
        for future in [pool.submit(attempt) for attempt in attempts]:
            future.result()
    return 60 * len(runs) / (time.monotonic() - began)


def _attempt(run: "Run") -> Callable[[], None]:
    """The containers of a run, as a call that needs no database."""
    from sandbox.interface import Job
    from sandbox.limits import Limits
    from submissions.engine import sandbox, volume_of
    from suites.services import Selection, requests_for

    track, response_set = run.entry.track, run.response_sets.get()
    limits = Limits(cpus=track.cpus, memory=track.memory, pids=track.pids, wall=track.wall, disk=track.disk)
    draw = requests_for(version=response_set.suite_version, selection=Selection(("private",)), draw_key=os.urandom(32))
    requests = b"".join(json.dumps(request).encode() + b"\n" for request in draw.requests)
    suite = {"checkpoint": "main", "suite": response_set.suite_version.suite.key, "seed": "0"}
    folder = "/".join(suite.values())
    job = Job(
        run.image_id,
        volume_of(run.entry.submission),
        {"kind": "code", "entry": "model.py:Model", "suites": [suite]},
    )

    def act() -> None:
        with sandbox().open_attempt(labels={"proctor.origin": "bench"}, limits=limits) as workspace:
            workspace.put_requests({f"{folder}/requests.jsonl": requests})
            workspace.predict(job, lambda _: None)
            collected = workspace.collect({f"{folder}/responses.jsonl": draw.origin.keys()})
            if collected.problems:
                raise SystemExit(f"The bench's own submission failed: {collected.problems}")

    return act


def measure(count: int) -> dict[str, Any]:
    """For each number of workers: ours, the same containers bare with as many threads, and their ratio."""
    rows = []
    with fresh() as place:
        from tests.faults.conftest import remove_volumes
        from tests.faults.contest import Contest
        from tests.faults.running import PLAIN, RunningPlatform

        contest = Contest(place, pairs=PAIRS)
        contest.track.hardware = QUEUE
        contest.track.save()
        # Default times, since short ones would cost more than they do in use; nothing gets lost here.
        with RunningPlatform(sweeping=False, liveliness=PLAIN) as platform:
            for workers in WORKERS:
                runs = queued(platform, contest, count)
                floor = [bare(runs, workers)]
                ours = through_workers(platform, runs, workers)
                floor.append(bare(runs, workers))
                rows.append(_row(workers, ours, floor) | {"stages_s": stages(runs)})
        with tempfile.TemporaryDirectory() as folder:
            seconds = [docker_run(contest.phase, Path(folder) / str(number)) for number in range(DOCKER_RUNS)]
        remove_volumes()
    single = 60 / statistics.median(seconds)
    return {
        "bench": "throughput",
        "runs": count,
        "requests": PAIRS * 2,
        "rows": rows,
        "docker_run_per_minute": round(single, 1),
        "target": TARGET,
        "met": all(row["ratio"] >= TARGET for row in rows),
    }


def _row(workers: int, ours: float, floor: list[float]) -> dict[str, Any]:
    mean = statistics.mean(floor)
    return {
        "workers": workers,
        "per_minute": round(ours, 1),
        "bare_per_minute": round(mean, 1),
        "bare_spread": round(max(floor) - min(floor), 1),
        "ratio": round(ours / mean, 3),
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(measure(int(sys.argv[1]) if len(sys.argv) > 1 else 20), indent=2) + "\n")
