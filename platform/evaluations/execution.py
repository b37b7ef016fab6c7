"""One attempt from claim to score: stage requests, predict in the sandbox, collect, score here, record."""

import logging
from collections.abc import Callable

from django.db import DatabaseError, close_old_connections

from evaluations import images, leases, scoring, states
from evaluations.collection import Collection
from evaluations.faults import OURS, LastingFault, ParticipantFault, UnclearEnd, fault_of, storable
from evaluations.hearts import Heart
from evaluations.leases import Fault
from evaluations.models import Attempt, Run
from evaluations.staging import Asked, draw_missing, runner_document, stage
from evaluations.work import Work, labels_of
from sandbox.errors import SandboxError
from sandbox.interface import Job, Outcome, Progress, Sandbox, Verdict
from sandbox.limits import Limits
from submissions import checks, engine

__all__ = ["Asked", "drain", "execute", "labels_of", "runner_document"]

logger = logging.getLogger(__name__)

# What SIGKILL leaves, and SIGTERM: a program may end itself so, and so may an engine or an operator end it.
SIGNALLED = (137, 143)


def drain(*, worker: str, queue: str, slots: int | None = None, stopping: Callable[[], bool] = lambda: False) -> int:
    """Execute runs of the queue until none waits, the engine is away or the worker stops; returns how many."""
    done, well = 0, False
    while not stopping():
        # An engine that has just carried a run to its end needs no question.
        ready = _surely if well else _engine_answers
        attempt = leases.claim(worker=worker, queue=queue, slots=slots, ready=ready)
        if attempt is None:
            break
        execute(attempt)
        well = attempt.run.state in states.FINISHED
        done += 1
    return done


def _surely() -> bool:
    return True


def _engine_answers() -> bool:
    """Whether there is a point in claiming: where the engine is away, runs keep their attempts and wait."""
    try:
        engine.sandbox().ping()
    except SandboxError as error:
        logger.warning("No run is claimed while the engine is away: %s", error)
        return False
    return True


def execute(attempt: Attempt, *, sandbox: Sandbox | None = None) -> None:
    """Carry out a claimed attempt and record how it ended; a lease that is lost meanwhile ends it without a trace."""
    run = attempt.run
    try:
        with Heart(attempt) as heart:
            _attempt(Work(attempt, run, heart, sandbox or engine.sandbox()))
    except states.LeaseLost:
        logger.info("Attempt %s of run %s was given up: its lease is lost.", attempt.number, run.pk)


def _attempt(work: Work) -> None:
    try:
        if work.submission.kind == "predictions" and work.run.purpose != Run.Purpose.SPOT_CHECK:
            scoring.score_predictions(work)
        else:
            _predict_and_score(work)
    except ParticipantFault as fault:
        work.fail(fault)
    except states.LeaseLost:
        raise
    except OURS as error:
        logger.warning("Attempt %s of run %s met a fault of ours.", work.attempt.number, work.run.pk, exc_info=True)
        _ours(work, error, _class_of(error))
    except Exception as error:
        # Nobody foresaw it, so nobody knows that another attempt would help: the organizers look before there is one.
        logger.exception("Attempt %s of run %s met an unforeseen error.", work.attempt.number, work.run.pk)
        _ours(work, error, Fault.LASTING)


def _class_of(error: Exception) -> Fault:
    if isinstance(error, LastingFault):
        return Fault.LASTING
    return Fault.UNCLEAR if isinstance(error, UnclearEnd) else Fault.PASSING


def _ours(work: Work, error: Exception, fault: Fault) -> None:
    """Record a fault of ours; raises LeaseLost where the run is somebody else's by now."""
    if work.run.state == Run.State.DONE:
        # Only tidying up went wrong; what was left behind is found and removed.
        return
    work.heart.check()
    if isinstance(error, DatabaseError):
        close_old_connections()
    work.send_back(error, fault)


def _predict_and_score(work: Work) -> None:
    sets = work.sets()
    asked = draw_missing(sets)
    if asked:
        track = work.run.entry.track
        if track.gpus:
            raise LastingFault("The track asks for GPUs, and this sandbox lends none yet.")
        volume = checks.restore(work.submission, check=work.heart.check)
        images.ensure(work.run.image_id, sandbox=work.sandbox)
        limits = Limits(
            cpus=track.cpus, memory=track.memory, pids=track.pids, gpus=track.gpus, wall=track.wall, disk=track.disk
        )
        with work.sandbox.open_attempt(labels=work.labels, limits=limits) as workspace:
            work.heart.kills(workspace.kill)
            stage(workspace, asked)
            work.move(Run.State.RUNNING)
            document = runner_document(work.submission, asked, remote_code=track.remote_code)
            job = Job(work.run.image_id, volume, document)
            collection = Collection(workspace, asked, check=work.heart.check)

            def follow(progress: Progress) -> None:
                work.heart.progress(progress)
                collection.progress(progress)

            with collection:
                outcome = workspace.predict(job, follow)
            work.heart.check()
            _note_outcome(work.attempt, outcome)
            _judge(work, outcome, collection)
            try:
                collection.rest()
            finally:
                _note_written(work.attempt, collection.response_bytes)
            # Removing containers and volumes takes as long as scoring, and needs the engine and not this process.
            workspace.release()
            scoring.score_sets(work, sets)
        return
    scoring.score_sets(work, sets)


def _judge(work: Work, outcome: Outcome, collection: Collection) -> None:
    """Raises the participant's fault in how the container ended, UnclearEnd where nothing shows whose it was."""
    try:
        _unclear(work, outcome)
        fault = fault_of(outcome)
    except UnclearEnd:
        collection.rescue()
        raise
    if fault is not None:
        raise fault


def _unclear(work: Work, outcome: Outcome) -> None:
    """Raises UnclearEnd where a signal ended the container, for the first time: who sent it can't be told."""
    if _signalled(outcome) and not _unclear_before(work.run):
        raise UnclearEnd(f"The container was ended by a signal (exit code {outcome.exit_code}).")


def _signalled(outcome: Outcome) -> bool:
    """Whether somebody outside may have ended it; what happens again in the next attempt is the submission's doing."""
    return outcome.verdict is Verdict.EXIT and outcome.exit_code in SIGNALLED and not outcome.oom_event


def _unclear_before(run: Run) -> bool:
    since = leases.attempts_before(run)
    return run.attempts.filter(number__gt=since, outcome__fault__class=Fault.UNCLEAR.value).exists()


def _note_outcome(attempt: Attempt, outcome: Outcome) -> None:
    attempt.resources = outcome.resources()
    attempt.outcome = storable(
        {"verdict": outcome.verdict.value, "exit_code": outcome.exit_code, "error": outcome.error}
    )
    attempt.log_tail = storable(outcome.log_tail)
    Attempt.objects.filter(pk=attempt.pk, lease=attempt.lease).update(
        resources=attempt.resources, outcome=attempt.outcome, log_tail=attempt.log_tail
    )


def _note_written(attempt: Attempt, response_bytes: int | None) -> None:
    """Add what only the collector saw to what predict used."""
    attempt.resources = {**attempt.resources, "response_bytes": response_bytes}
    Attempt.objects.filter(pk=attempt.pk, lease=attempt.lease).update(resources=attempt.resources)
