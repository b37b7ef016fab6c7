"""One attempt from claim to score: stage requests, predict in the sandbox, collect, score here, record."""

import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from django.db import transaction

from evaluations import answers, leases, outcomes, states
from evaluations.faults import OURS, ParticipantFault, PlatformFault, fault_of, fault_of_response, storable
from evaluations.leases import Heart
from evaluations.models import Attempt, ResponseSet, Run
from evaluators.protocol.problems import ProblemsFound
from evaluators.protocol.submission import SubmissionManifest
from evaluators.requests import Draw
from evaluators.responses import checked
from sandbox.interface import Job, Outcome, Sandbox, Workspace
from sandbox.limits import Limits
from submissions import checks, engine
from submissions.models import Submission
from suites import services as suites

logger = logging.getLogger(__name__)

MAX_PREDICTIONS_BYTES = 512 * 1024**2


@dataclass(frozen=True)
class Asked:
    """What one response set asks; `folder` is its `<checkpoint>/<suite>/<seed>`."""

    response_set: ResponseSet
    folder: str
    draw: Draw

    def requests(self) -> bytes:
        """The staged file: JSON lines without gold, in the drawn order."""
        return b"".join(json.dumps(request, ensure_ascii=False).encode() + b"\n" for request in self.draw.requests)


def drain(*, worker: str, queue: str, slots: int | None = None, stopping: Callable[[], bool] = lambda: False) -> int:
    """Execute runs of the queue until none waits or the worker stops; returns how many."""
    done = 0
    while not stopping():
        attempt = leases.claim(worker=worker, queue=queue, slots=slots)
        if attempt is None:
            break
        execute(attempt)
        done += 1
    return done


def execute(attempt: Attempt, *, sandbox: Sandbox | None = None) -> None:
    """Carry out a claimed attempt and record how it ended; a lease that is lost meanwhile ends it without a trace."""
    run = attempt.run
    try:
        with Heart(attempt) as heart:
            _attempt(_Work(attempt, run, heart, sandbox or engine.sandbox()))
    except states.LeaseLost:
        logger.info("Attempt %s of run %s was given up: its lease is lost.", attempt.number, run.pk)


@dataclass(frozen=True)
class _Work:
    attempt: Attempt
    run: Run
    heart: Heart
    sandbox: Sandbox

    @property
    def submission(self) -> Submission:
        return self.run.entry.submission

    def move(self, new: str, **fields: Any) -> None:
        """Move the run while the lease is ours; raises LeaseLost."""
        self.heart.check()
        states.move(self.run, new, lease=self.attempt.lease, **fields)

    def sets(self) -> list[ResponseSet]:
        sets = self.run.response_sets.select_related("suite_version__suite", "submission__artifact")
        return list(sets.order_by("run_response_sets__position"))


def _attempt(work: _Work) -> None:
    try:
        if work.submission.kind == "predictions":
            _score_predictions(work)
        else:
            _predict_and_score(work)
    except ParticipantFault as fault:
        _fail(work, fault)
    except OURS as error:
        if work.run.state == Run.State.DONE:
            # Only tidying up went wrong; the sweeper removes what was left behind.
            logger.warning("After run %s: %s", work.run.pk, error)
            return
        work.heart.check()
        logger.exception("Attempt %s of run %s met a fault of ours.", work.attempt.number, work.run.pk)
        leases.send_back(work.run, reason=f"{type(error).__name__}: {error}", back_off=True, attempt=work.attempt)


def _predict_and_score(work: _Work) -> None:
    sets = work.sets()
    missing = [response_set for response_set in sets if not response_set.complete]
    if not missing:
        _score(work, sets)
        return
    volume = checks.restore(work.submission)
    track = work.run.entry.track
    if track.gpus:
        raise PlatformFault("The track asks for GPUs, and this sandbox lends none yet.")
    limits = Limits(
        cpus=track.cpus, memory=track.memory, pids=track.pids, gpus=track.gpus, wall=track.wall, disk=track.disk
    )
    with work.sandbox.open_attempt(labels=labels_of(work.attempt), limits=limits) as workspace:
        work.heart.kills(workspace.kill)
        asked = _draw(missing)
        workspace.put_requests({f"{one.folder}/requests.jsonl": one.requests() for one in asked})
        work.move(Run.State.RUNNING)
        job = Job(work.run.image_id, volume, runner_document(work.submission, asked))
        outcome = workspace.predict(job, work.heart.progress)
        work.heart.check()
        _note_outcome(work.attempt, outcome)
        fault = fault_of(outcome)
        if fault is not None:
            raise fault
        _collect(work, workspace, asked)
        # Scored inside: removing containers and volumes then costs the waiting team nothing.
        _score(work, sets)


def labels_of(attempt: Attempt) -> dict[str, str]:
    """What everything that the attempt starts is labelled with, so that what is left behind is found."""
    return engine.labels(attempt=str(attempt.pk), run=str(attempt.run_id), lease=str(attempt.lease))


def _draw(sets: list[ResponseSet]) -> list[Asked]:
    """The requests of each set; a suite that stands twice in a phase, in two versions, gets two folders."""
    keys = [response_set.suite_version.suite.key for response_set in sets]
    asked = []
    for key, response_set in zip(keys, sets, strict=True):
        suite = key if keys.count(key) == 1 else f"{key}@{response_set.suite_version.version}"
        draw = suites.requests_for(
            version=response_set.suite_version,
            selection=answers.selection_of(response_set),
            draw_key=bytes(response_set.draw_key),
        )
        asked.append(Asked(response_set, f"{response_set.checkpoint}/{suite}/{response_set.train_seed}", draw))
    return asked


def runner_document(submission: Submission, asked: list[Asked]) -> dict[str, Any]:
    """The runner's job: how to load the submission, and the suites in their order."""
    manifest = SubmissionManifest.from_value(submission.manifest, file="submission.yaml")
    part: Mapping[str, Any] = {}
    if manifest.model is not None:
        part = {"path": manifest.model.path, "backend": manifest.model.backend, "bos": manifest.model.bos}
    elif manifest.code is not None:
        part = {"entry": manifest.code.entry}
    names = ("checkpoint", "suite", "seed")
    return {
        "kind": manifest.kind,
        **part,
        "suites": [dict(zip(names, one.folder.split("/"), strict=True)) for one in asked],
    }


def _note_outcome(attempt: Attempt, outcome: Outcome) -> None:
    Attempt.objects.filter(pk=attempt.pk, lease=attempt.lease).update(
        resources={
            "wall": asdict(outcome.wall),
            "cpu_seconds": outcome.cpu_seconds,
            "peak_memory": outcome.peak_memory,
            "oom_event": outcome.oom_event,
        },
        outcome=storable({"verdict": outcome.verdict.value, "exit_code": outcome.exit_code, "error": outcome.error}),
        log_tail=storable(outcome.log_tail),
    )


def _collect(work: _Work, workspace: Workspace, asked: list[Asked]) -> None:
    """Read, check and seal what came out; raises ParticipantFault at the first file that is not in order."""
    files = {f"{one.folder}/responses.jsonl": one for one in asked}
    collected = workspace.collect({file: one.draw.origin.keys() for file, one in files.items()})
    work.heart.check()
    if collected.problems:
        raise fault_of_response(collected.problems[0])
    for file, one in files.items():
        responses = collected.responses[file]
        try:
            checked(responses, asked=one.draw.origin, file=file)
        except ProblemsFound as found:
            raise ParticipantFault.of_problems(found) from found
        if len(responses) < len(one.draw.requests):
            counts = f"{len(responses):,} of {len(one.draw.requests):,} requests were answered."
            raise ParticipantFault("E-OUT-MISSING", counts, {"file": file})
        answers.keep(one.response_set, responses)


def _score(work: _Work, sets: list[ResponseSet]) -> None:
    work.move(Run.State.SCORING)
    for response_set in sets:
        if answers.current_evaluation(response_set) is None:
            try:
                answers.score(response_set, answers.read(response_set), reason=f"scoring run {work.run.pk}")
            except ProblemsFound as found:
                if found.problems[0].code.startswith("E-OUT-"):
                    raise ParticipantFault.of_problems(found) from found
                # The responses were checked: what the scorer refuses now is for the organizers to look at.
                raise PlatformFault(f"The scorer refused valid responses: {found}") from found
    _finish(work)


def _score_predictions(work: _Work) -> None:
    """Score a prediction file directly: no container ever sees it but the intake's."""
    part = SubmissionManifest.from_value(work.submission.manifest, file="submission.yaml").predictions
    if part is None:
        raise PlatformFault("An accepted submission of kind predictions names no file.")
    volume = checks.restore(work.submission)
    try:
        data = work.sandbox.read_file(volume, part.file, max_bytes=MAX_PREDICTIONS_BYTES)
    except ValueError as error:
        size = f"The prediction file is larger than {MAX_PREDICTIONS_BYTES:,} bytes."
        raise ParticipantFault("E-PRED-SIZE", size) from error
    work.move(Run.State.SCORING)
    for response_set in work.sets():
        if answers.current_evaluation(response_set) is not None:
            continue
        try:
            scored = suites.score_prediction_file(
                version=response_set.suite_version,
                selection=answers.selection_of(response_set),
                data=data,
                format=part.format,
                file=part.file,
                reason=f"scoring run {work.run.pk}",
            )
        except ProblemsFound as found:
            raise ParticipantFault.of_problems(found) from found
        work.heart.check()
        answers.keep_predictions(response_set)
        answers.record(response_set, scored)
    _finish(work)


def _finish(work: _Work) -> None:
    with transaction.atomic():
        work.move(Run.State.DONE)
        leases.end(work.attempt)
        outcomes.done(work.run)


def _fail(work: _Work, fault: ParticipantFault) -> None:
    detail = dict(fault.detail or {})
    if fault.message:
        detail["message"] = fault.message
    with transaction.atomic():
        work.move(Run.State.FAILED, code=fault.code, stage=work.run.state, detail=storable(detail))
        leases.end(work.attempt)
        outcomes.failed(work.run)
