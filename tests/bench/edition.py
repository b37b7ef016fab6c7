"""A whole BabyLM-2026-strict evaluation, end to end: intake, rehearsal, every suite at every checkpoint, leaderboard.

Run: python -m tests.bench.edition [--share 0.1] [--epochs 1] [--learning 0.1] [--no-floor]. Prints JSON. The data is a
stand-in of the published sizes. The floor is the same requests through the same runner in one container, with nothing
around it.
"""

import argparse
import json
import os
import resource
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evaluators.importers import IMPORTERS
from tests.bench.place import fresh

if TYPE_CHECKING:
    from evaluations.models import Run
    from evaluations.staging import Asked
    from tests.bench.edition_stage import Edition

EPOCHS = {"wsc": 30}  # else 10
LEARNT = 3.0  # forward, and backward to inputs and to weights
LABELS = {"app": "proctor", "proctor.purpose": "bench"}
DEFAULT_SHARE = 0.1


def floor(run: "Run", asked: "list[Asked]") -> float:
    """Seconds of the same requests in one container: staged, answered, read and checked."""
    from evaluations.staging import runner_document, stage
    from sandbox.interface import CollectRules, Job
    from sandbox.limits import Limits
    from submissions.engine import sandbox, volume_of
    from tests.bench.edition_stage import GIB

    track, submission = run.entry.track, run.entry.submission
    limits = Limits(cpus=track.cpus, memory=track.memory, pids=track.pids, wall=track.wall, disk=track.disk)
    job = Job(run.image_id, volume_of(submission), runner_document(submission, asked))
    began = time.monotonic()
    with sandbox().open_attempt(labels=LABELS, limits=limits) as workspace:
        stage(workspace, asked)
        outcome = workspace.predict(job)
        rules = CollectRules(max_file_bytes=GIB, max_total_bytes=GIB)
        collected = workspace.collect({one.file: one.draw.origin.keys() for one in asked}, rules=rules)
    if outcome.error or collected.problems:
        raise SystemExit(f"The bench's own submission failed: {outcome.error or collected.problems}")
    return time.monotonic() - began


def by_suite(asked: "list[Asked]", seconds: dict[str, float]) -> list[dict[str, Any]]:
    """Seconds and requests of each suite over all checkpoints, the longest first."""
    requests: dict[str, int] = {}
    for one in asked:
        requests[one.suite] = requests.get(one.suite, 0) + len(one.draw.requests)
    rows = [
        {
            "suite": suite,
            "requests": count,
            "seconds": round(seconds.get(suite, 0.0), 2),
            "per_second": round(count / seconds[suite], 1) if seconds.get(suite) else None,
        }
        for suite, count in requests.items()
    ]
    return sorted(rows, key=lambda row: -row["seconds"])


def passes(share: float, edition: "Edition | None") -> float:
    """What fine-tuning costs in lines that are only asked; None: all that is published."""
    from tests.bench.edition_sources import TRAINING

    asked = sum(count or 0 for count in (IMPORTERS["glue"].expected or {}).values()) * share
    learning = 1.0 if edition is None else edition.learning
    epochs = {task: (edition.epochs if edition else None) or EPOCHS.get(task, 10) for task in TRAINING}
    learnt = sum(lines * epochs[task] for task, lines in TRAINING.items()) * share * learning
    return asked + LEARNT * learnt


def extrapolated(parts: list[dict[str, Any]], states: dict[str, float], edition: "Edition") -> dict[str, float]:
    """Seconds of the whole edition, if each part takes as long for each request and line as it did here.

    `finetuning`: with the published epochs, where a line that is learnt from costs LEARNT times as much as one that is
    asked. `rest`: staging and scoring, which grow as items do, over-estimated by what they cost whatever the size.
    """
    from tests.bench.edition_stage import SCHEDULE

    everywhere = {"aoa", "blimp-fast", "blimp-supplement-fast", "ewok-fast", "entity-tracking-fast"}
    models = (len(SCHEDULE) + 1) / (len(edition.checkpoints) + 1)
    found = {"zero-shot": 0.0, "checkpoints": 0.0, "finetuning": 0.0}
    for part in parts:
        seconds = part["seconds"] / edition.share
        if part["suite"] == "glue":
            found["finetuning"] += part["seconds"] * passes(1.0, None) / passes(edition.share, edition)
        elif part["suite"] in everywhere:
            found["checkpoints"] += seconds * models
        else:
            found["zero-shot"] += seconds
    found["rest"] = sum(seconds for state, seconds in states.items() if state != "running") / edition.share
    found["total"] = sum(found.values())
    return {name: round(value, 1) for name, value in found.items()}


def measure(edition: "Edition", place: Path, *, with_floor: bool) -> dict[str, Any]:
    """One evaluation, by stage and by suite, and the floor."""
    from evaluations.models import Run
    from leaderboards.services import refresh
    from tests.bench import edition_stage as stage

    stages: dict[str, float] = {}
    mark = time.monotonic()

    def passed(name: str) -> float:
        nonlocal mark
        now = time.monotonic()
        stages[name], mark = round(now - mark, 2), now
        sys.stderr.write(f"{name}: {stages[name]} s\n")
        return stages[name]

    phase, items = stage.prepare(place, edition)
    passed("write and import")
    submission = stage.hand_in(place, phase, edition)
    passed("model and upload")
    submission = stage.check(submission)
    passed("intake")
    stage.work(submission, Run.Purpose.REHEARSAL)
    passed("rehearsal")
    run = Run.objects.get(entry__submission=submission, purpose=Run.Purpose.PHASE)
    asked = stage.asked_of(run)
    passed("drawing for the floor")
    watch = stage.Watch()
    run = stage.work(submission, Run.Purpose.PHASE, watch)
    total = passed("run")
    (row,) = refresh(phase=phase).rows
    passed("leaderboard")
    lowest = floor(run, asked) if with_floor else None
    passed("floor")
    parts = by_suite(asked, watch.seconds(asked))
    requests = sum(part["requests"] for part in parts)
    resources = run.attempts.get().resources
    return {
        "bench": "edition", "share": edition.share, "learning": edition.learning, "epochs": edition.epochs,
        "checkpoints": len(edition.checkpoints), "items": sum(items.values()), "requests": requests,
        "suites": len(items),
        "stages_s": stages, "parts": parts, "run_s": total, "floor_s": lowest,
        "ratio": round(total / lowest, 3) if lowest else None,
        "requests_per_s": round(requests / total, 1),
        "states_s": _states(run), "wall_s": resources["wall"], "cpu_s": resources["cpu_seconds"],
        "container_peak_bytes": resources["peak_memory"],
        "worker_peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        "scorer_peak_bytes": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024,
        "overall": row["aggregate"], "rank": row["rank"], "scores": stage.scores_of(run),
        "whole_s": extrapolated(parts, _states(run), edition), "load_average": os.getloadavg()[1],
    }  # fmt: skip


def _states(run: "Run") -> dict[str, float]:
    from tests.bench.throughput import stages

    return stages([run])


def main() -> None:
    """Print everything as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--share", type=float, default=DEFAULT_SHARE, help="of each part's lines, and of checkpoints")
    parser.add_argument("--checkpoints", type=int, help="as many of the 28; by the share where it is not given")
    parser.add_argument(
        "--epochs", type=int, default=1, help="of fine-tuning; 0: ten, and for WSC thirty, as published"
    )
    parser.add_argument("--learning", type=float, default=1.0, help="of the share of the lines to learn from")
    sizes = {"width": 32, "layers": 2, "vocabulary": 1_500, "steps": 300}
    for name, size in sizes.items():
        parser.add_argument(f"--{name}", type=int, default=size, help=f"of the model and its training; here {size:,}")
    parser.add_argument("--no-floor", action="store_true")
    options = parser.parse_args()
    with fresh() as place:
        from tests.bench import edition_stage as stage
        from tests.models.growing import Size

        count = options.checkpoints or max(5, round(len(stage.SCHEDULE) * options.share))
        edition = stage.Edition(
            share=options.share, checkpoints=stage.some_checkpoints(count), learning=options.learning,
            size=Size(options.width, options.layers, options.vocabulary, options.steps), epochs=options.epochs or None,
        )  # fmt: skip
        with stage.waking_nobody():
            try:
                result = measure(edition, place, with_floor=not options.no_floor)
            finally:
                stage.clear()
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
