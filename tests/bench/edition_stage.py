"""A whole edition on a platform in this process: BabyLM 2026, strict, with stand-in data and a small model.

Its bench and its journey walk the same way: sources are written and imported, the edition's own document is written by
`challenge new` and applied, a team hands its model in, and a worker checks, rehearses, runs and scores it.
"""

import io
import json
import os
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from time import monotonic
from typing import Any, Self

import yaml
from django.core.management import call_command
from django.utils import timezone

from accounts.models import User
from accounts.services import create_team
from challenges.models import Phase
from config.celery import app
from evaluations import execution, leases
from evaluations.checkpoints import ALL, MAIN
from evaluations.models import Run, Score
from evaluations.planning import plan
from evaluations.staging import Asked, draw_missing
from evaluators.protocol.challenge import scheduled
from sandbox.interface import Progress, Sandbox
from submissions import checks, engine
from submissions.models import Submission
from submissions.services import register, submit
from submissions.uploads import store_whole
from suites import services as suites
from tests.bench.edition_sources import PARTS, Sources, import_all, import_practice, training_text
from tests.models.growing import Size, growing_model

TRACK = "strict"
SCHEDULE = scheduled("babylm-strict")
TO_TEST = timedelta(days=117)  # from the first phase of the edition's document to its final one
CHUNK = 8 * 1024**2
GIB = 1024**3


@dataclass(frozen=True)
class Edition:
    """How much of the edition is asked.

    `share` of the lines of each part; `checkpoints` of the 28 of the track; `learning`: the share of the lines to learn
    from; `epochs` over them (None: as the suite says, 10 and for WSC 30), cut at `max_length` tokens.
    """

    share: float
    checkpoints: tuple[str, ...]
    size: Size
    learning: float = 1.0
    epochs: int | None = None
    max_length: int | None = None


def some_checkpoints(count: int) -> tuple[str, ...]:
    """So many of the track's checkpoints, the first and the last among them, spread evenly over the schedule."""
    last = len(SCHEDULE) - 1
    return tuple(SCHEDULE[round(number * last / (count - 1))] for number in range(count))


@contextmanager
def waking_nobody() -> Iterator[None]:
    """Wake-ups go to a broker inside this process: what is to be done stands in the database."""
    before = app.conf.broker_url
    _send_to("memory://")
    try:
        yield
    finally:
        _send_to(before)


def _send_to(url: str) -> None:
    # Celery keeps its first connections otherwise.
    app.conf.broker_url = url
    app._pool = app.amqp._producer_pool = None


def prepare(place: Path, edition: Edition) -> tuple[Phase, dict[str, int]]:
    """Write, import and apply; returns the final phase, which is open, and how many items each suite has."""
    sources = Sources(place / "sources", edition.share)
    sources.learning = edition.learning
    sources.write()
    items = import_all(place / "sources", place / "suites", edition.share)
    _settle_finetuning(place / "suites" / "glue" / "suite.yaml", edition)
    opens = (timezone.now() - TO_TEST - timedelta(days=1)).replace(tzinfo=None, microsecond=0)
    file = place / "challenge.yaml"
    call_command(
        "challenge", "new", "--edition=babylm-2026", "--key=edition", f"--opens={opens.isoformat()}",
        "--suites=suites", f"--out={file}",
    )  # fmt: skip
    _narrow(file, edition)
    practice = Sources(place / "practice-sources", 0.0)
    practice.write()
    for folder in import_practice(place / "practice-sources", place / "practice"):
        if folder.name == "glue":
            _settle_finetuning(folder / "suite.yaml", edition)
        suites.freeze(version=suites.add_version(folder=folder))
    call_command("challenge", "apply", str(file), stdout=io.StringIO())
    return Phase.objects.get(track__challenge__key="edition", key="test"), items


def _settle_finetuning(file: Path, edition: Edition) -> None:
    """Fewer epochs and shorter texts, where that was asked for: as an organizer's own suite would say it."""
    chosen = {"epochs": edition.epochs, "max_length": edition.max_length}
    given = {name: value for name, value in chosen.items() if value is not None}
    if not given:
        return
    document = yaml.safe_load(file.read_text(encoding="utf-8"))
    settings = document["options"].setdefault("finetuning", {})
    settings |= given
    for task in settings.get("tasks", {}).values():
        task |= {name: value for name, value in given.items() if name in task}
    file.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")


def _narrow(file: Path, edition: Edition) -> None:
    """Keep the one track, on the cores and with the checkpoints that there are."""
    document = yaml.safe_load(file.read_text(encoding="utf-8"))
    document["published"] = True
    document["tracks"] = [track for track in document["tracks"] if track["key"] == TRACK]
    (track,) = document["tracks"]
    track["sandbox"] |= {"cpus": float(min(4, os.cpu_count() or 1)), "memory": "6g", "disk": "1g"}
    if edition.checkpoints != SCHEDULE:
        track["checkpoints"] = {"names": list(edition.checkpoints), "required": True}
    kept = {part.key for part in PARTS}
    document["suites"] = [suite for suite in document["suites"] if suite["key"] in kept]
    file.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")


def manifest(edition: Edition) -> dict[str, Any]:
    """What the team says of its model."""
    return {
        "schema": "submission/1",
        "kind": "model",
        "method": {"name": "A small one that grows"},
        "model": {"backend": "causal", "bos": "<|endoftext|>"},
        "answers": {"approaches": ["curriculum"], "epochs": 1, "parameters": 1_000_000},
        "data": {"words_seen": 1_000_000_000, "corpora": [{"name": "Invented", "words": 99_000_000}], "teachers": []},
        "checkpoints": [{"name": name, "path": f"checkpoints/{name}"} for name in edition.checkpoints],
    }


def hand_in(place: Path, phase: Phase, edition: Edition) -> Submission:
    """Make the model, pack it as a team would, upload and submit it; still to be checked."""
    model = growing_model(training_text(), edition.checkpoints, edition.size)
    archive = place / "model.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_STORED) as packed:
        packed.writestr("submission.yaml", json.dumps(manifest(edition)))
        for file in sorted(model.rglob("*.*")):
            if file.is_file() and file.name != "parameters.txt":
                packed.write(file, str(file.relative_to(model)))
    user = User.objects.create_user("ada@example.org", None, name="Ada")
    challenge = phase.track.challenge
    registration = register(user=user, team=create_team(name="Team of Ada", owner=user), challenge=challenge)
    with archive.open("rb") as opened:
        upload = store_whole(
            user=user, challenge=challenge, filename=archive.name, size=archive.stat().st_size,
            chunks=iter(lambda: opened.read(CHUNK), b""),
        )  # fmt: skip
    archive.unlink()
    return submit(registration=registration, phases=[phase], upload=upload, manifest=None, user=user)


class Watch:
    """Notes how far a run is and when, by what the runner says of its progress.

    The sandbox looks a few times a second: where several suites were passed between two looks, they share the time.
    """

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._looks: list[tuple[float, int]] = []

    def __call__(self, progress: Progress) -> None:
        """Note one report."""
        self._looks.append((self._clock(), progress.position))

    @property
    def positions(self) -> list[int]:
        """Where the run was at each look, from 1."""
        return [position for _, position in self._looks]

    def seconds(self, asked: Sequence[Asked]) -> dict[str, float]:
        """Seconds by suite, over all checkpoints; `asked` in the order in which it was answered."""
        found = dict.fromkeys((one.suite for one in asked), 0.0)
        for (before, first), (after, last) in pairwise(self._looks):
            passed = range(first, max(first, last) + 1)
            for position in passed:
                found[asked[position - 1].suite] += (after - before) / len(passed)
        return found


class _Watched:
    """The sandbox, whose attempts also tell the watch how far they are."""

    def __init__(self, inner: Any, watch: Watch) -> None:
        self._inner, self._watch = inner, watch

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def open_attempt(self, **arguments: Any) -> Any:
        return _WatchedWorkspace(self._inner.open_attempt(**arguments), self._watch)


class _WatchedWorkspace(_Watched):
    def __enter__(self) -> Self:
        self._inner.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._inner.__exit__(*error)

    def predict(self, job: Any, on_progress: Callable[[Progress], None] | None = None) -> Any:
        def both(progress: Progress) -> None:
            self._watch(progress)
            if on_progress is not None:
                on_progress(progress)

        return self._inner.predict(job, both)


def check(submission: Submission) -> Submission:
    """The intake; raises AssertionError where the hand-in is not accepted."""
    checked = checks.check(submission=submission)
    assert checked.state == Submission.State.ACCEPTED, checked.problems
    plan(checked)
    return checked


def work(submission: Submission, purpose: str, watch: Watch | None = None) -> Run:
    """Carry out the submission's run of this purpose; raises AssertionError where it does not end with scores."""
    run = Run.objects.get(entry__submission=submission, purpose=purpose)
    attempt = leases.claim(worker="edition", queue=run.queue)
    assert attempt is not None, "the run does not wait"
    assert attempt.run == run
    sandbox: Sandbox = engine.sandbox()
    execution.execute(attempt, sandbox=sandbox if watch is None else _Watched(sandbox, watch))
    run.refresh_from_db()
    attempt.refresh_from_db()
    assert run.state == Run.State.DONE, (run.state, run.code, run.detail, attempt.outcome, attempt.log_tail)
    return run


def asked_of(run: Run) -> list[Asked]:
    """What the run asks, checkpoint by checkpoint, while nothing of it is answered yet."""
    sets = run.response_sets.select_related("suite_version__suite", "submission__artifact")
    return draw_missing(list(sets.order_by("run_response_sets__position")))


def scores_of(run: Run) -> dict[str, float | None]:
    """The scores of the finished model's suites, by suite."""
    found = Score.objects.filter(
        evaluation__response_set__in=run.response_sets.filter(checkpoint__in=(MAIN, ALL)), group="", tag=""
    ).select_related("evaluation__response_set__suite_version__suite")
    return {
        score.evaluation.response_set.suite_version.suite.key: score.value
        for score in found
        if score.metric == score.evaluation.response_set.suite_version.manifest["metric"]
    }


def clear() -> None:
    """Remove the volumes that submissions keep on the engine."""
    for submission in Submission.objects.all():
        engine.sandbox().remove_volume(engine.volume_of(submission))
