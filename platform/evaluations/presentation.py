"""A submission's runs as one viewer may see them; whatever is shown of a run passes through here."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from django.utils import timezone

from challenges.models import Phase, Track
from evaluations import faults, selectors, spotchecks, states, waiting
from evaluations.curves import Curve, curves
from evaluations.models import Attempt, Event, Run
from evaluations.notes import note_of
from evaluations.reported import Reported, reported_by_team
from evaluations.resource_lines import resource_lines
from evaluations.score_lines import ScoreLine, score_lines
from evaluations.visibility import (
    Sight,
    Viewer,
    failure_in_words,
    position_in_words,
    sight,
    sight_of_rehearsal,
)
from submissions.models import QuotaCharge, Submission
from submissions.selectors import fetching_in_words
from suites.access import asks_hidden, hides

DONE, CURRENT, TODO, FAILED = "done", "current", "todo", "failed"
PAUSED = "waiting: the organizers are looking at a fault of the platform"
# What the leaderboard notes in a run's detail where the track has a ladder.
LADDER, BETTER, NOT_BETTER, INCOMPLETE = "ladder", "better", "not better", "incomplete"
ORDER = [Run.State.QUEUED, Run.State.PREPARING, Run.State.RUNNING, Run.State.SCORING, Run.State.DONE]
TITLES = {
    Run.State.QUEUED: "Queued",
    Run.State.PREPARING: "Preparing",
    Run.State.RUNNING: "Answering",
    Run.State.SCORING: "Scoring",
    Run.State.DONE: "Done",
}


@dataclass(frozen=True)
class Step:
    """One step of the stepper; `state` is done, current, todo or failed."""

    title: str
    state: str
    detail: str = ""


@dataclass(frozen=True)
class Failure:
    """What went wrong, whose fault it was, and what to do; `code` is empty where it may not be told."""

    code: str
    stage: str
    ours: bool
    message: str
    remedy: str = ""
    detail: str = ""


@dataclass(frozen=True)
class RunView:
    """A run as a page shows it; `note` says what it is for, what it asks and what it costs."""

    id: str
    track: Track
    phase: Phase
    state: str
    stage_text: str
    finished: bool
    steps: list[Step]
    purpose: str = Run.Purpose.PHASE
    queue_position: int | None = None
    progress: dict[str, Any] | None = None
    failure: Failure | None = None
    scores: list[ScoreLine] = field(default_factory=list)
    groups: list[ScoreLine] = field(default_factory=list)
    curves: list[Curve] = field(default_factory=list)
    reported: list[Reported] = field(default_factory=list)
    scores_note: str = ""
    note: str = ""
    spot_check: str = ""
    resources: list[tuple[str, str]] = field(default_factory=list)
    log: str = ""

    @property
    def rehearsal(self) -> bool:
        """Whether this is the free run on public items."""
        return self.purpose == Run.Purpose.REHEARSAL

    @property
    def place(self) -> tuple[int, str, int, bool]:
        """Where it stands on the page: by track and phase, the rehearsal before what it is for."""
        return self.track.position, self.track.key, self.phase.position, not self.rehearsal


@dataclass(frozen=True)
class SubmissionView:
    """A submission's page: where it stands, and each of its runs."""

    submission: Submission
    steps: list[Step]
    runs: list[RunView]
    finished: bool


def sight_of(run: Run, viewer: Viewer) -> Sight:
    """What the viewer sees of this run, by what it asked; a phase's own run also by what the phase asks now."""
    sets = [asked.response_set for asked in run.run_response_sets.all()]
    hidden = any(hides(answers.suite_version, answers.splits) for answers in sets)
    if run.purpose == Run.Purpose.REHEARSAL:
        return sight_of_rehearsal(viewer, hidden=hidden)
    hidden = hidden or asks_hidden(run.phase.phase_suites.all())
    return sight(viewer, hidden=hidden, visibility=run.phase.visibility, closed=run.phase.is_revealed)


def view_of(submission: Submission, viewer: Viewer) -> SubmissionView:
    """The submission as the viewer may see it."""
    # A spot-check is told by its outcome alone, beside the predictions that it was of.
    # What a batch asks is told with the phase's own run, once the batch is applied.
    runs = list(selectors.runs_of(submission).exclude(purpose__in=(Run.Purpose.SPOT_CHECK, Run.Purpose.BATCH)))
    views = [_run_view(run, viewer) for run in runs]
    views += [_planned_view(charge, runs) for charge in _unplanned(submission, runs)]
    if any(view.state in ("planned", Run.State.QUEUED) for view in views):
        told, begun = waiting.told_of(submission), {str(run.pk) for run in runs if run.attempts.all()}
        views = [view if view.id in begun else _with_reason(view, told) for view in views]
    if submission.kind == "predictions" and viewer is not Viewer.PUBLIC:
        checks = spotchecks.told_of(submission)
        views = [replace(view, spot_check=checks.get(view.id, "")) for view in views]
    checked = submission.state != Submission.State.RECEIVED
    finished = submission.state == Submission.State.REJECTED or (checked and all(view.finished for view in views))
    views.sort(key=lambda view: view.place)
    return SubmissionView(submission, _first_steps(submission), views, finished)


def _with_reason(view: RunView, told: Mapping[tuple[str, str], str]) -> RunView:
    what = waiting.NO_WORKER if view.state == Run.State.QUEUED else waiting.TEXTS.get(view.stage_text, "")
    reason = None if view.stage_text == PAUSED else told.get((view.id, what))
    return view if reason is None else replace(view, stage_text=f"waiting: {reason}")


def _unplanned(submission: Submission, runs: list[Run]) -> Iterator[QuotaCharge]:
    planned = {(run.entry_id, run.phase_id) for run in runs if run.purpose == Run.Purpose.PHASE}
    charges = QuotaCharge.objects.filter(entry__submission=submission).select_related(
        "entry__track", "entry__submission", "phase__track"
    )
    for charge in charges:
        waits = charge.active and charge.state != QuotaCharge.State.RELEASED
        if waits and (charge.entry_id, charge.phase_id) not in planned:
            yield charge


def _planned_view(charge: QuotaCharge, runs: list[Run]) -> RunView:
    rehearses = any(
        run.entry_id == charge.entry_id and run.phase_id == charge.phase_id
        for run in runs
        if run.purpose == Run.Purpose.REHEARSAL
    )
    if rehearses:
        text = "waiting for the rehearsal"
    elif charge.entry.submission.state == Submission.State.ACCEPTED:
        text = PAUSED if charge.entry.track.paused_at else waiting.FOR_PLAN
    else:
        text = waiting.FOR_CHECK
    steps = [Step(TITLES[state], TODO) for state in ORDER]
    return RunView("", charge.entry.track, charge.phase, "planned", text, False, steps)


def _first_steps(submission: Submission) -> list[Step]:
    size = f"{submission.artifact.size:,} bytes"
    fetching = fetching_in_words(submission)
    if fetching is not None and submission.state == Submission.State.RECEIVED:
        return [Step("Received", DONE), Step("Being fetched from the hub", CURRENT, fetching)]
    if submission.state == Submission.State.RECEIVED:
        return [Step("Received", DONE, size), Step("Being checked", CURRENT)]
    if submission.state == Submission.State.REJECTED:
        return [
            Step("Received", DONE, size if fetching is None else ""), Step("Rejected at the check", FAILED)
        ]  # fmt: skip
    return [Step("Received", DONE, size), Step("Checked", DONE, _files(len(submission.files)))]


def _files(count: int) -> str:
    return f"{count:,} file{'' if count == 1 else 's'}"


def _run_view(run: Run, viewer: Viewer) -> RunView:
    seen = sight_of(run, viewer)
    state = _told_state(run, seen)
    position = selectors.queue_position(run)
    attempts = list(run.attempts.all())
    attempt = attempts[-1] if attempts else None
    progress = _progress(run, attempt) if seen.progress else None
    failure = _failure(run, seen)
    text = _stage_text(run, state, seen, position, progress)
    scores_note = _scores_note(run, seen)
    scored = run.state == Run.State.DONE and not scores_note
    return RunView(
        id=str(run.pk),
        track=run.entry.track,
        phase=run.phase,
        state=state,
        stage_text=text,
        finished=run.state in states.FINISHED,
        steps=_steps(run, state, seen, text, failure),
        purpose=run.purpose,
        queue_position=None if seen.guarded else position,
        progress=progress,
        failure=failure,
        scores=list(score_lines(run, seen, groups=False)) if scored else [],
        groups=list(score_lines(run, seen, groups=True)) if scored and not _on_ladder(run, seen) else [],
        curves=curves(run, seen) if scored and not _on_ladder(run, seen) else [],
        reported=reported_by_team(run) if run.state == Run.State.DONE and viewer is not Viewer.PUBLIC else [],
        scores_note=scores_note,
        note=note_of(run),
        resources=resource_lines(run, attempt, seen),
        log=attempt.log_tail if attempt and seen.log and run.state == Run.State.FAILED else "",
    )


def _told_state(run: Run, seen: Sight) -> str:
    """Where the run may be said to be: whether it fails while answering or when it is scored is a channel, too."""
    return Run.State.RUNNING if seen.guarded and run.state == Run.State.SCORING else run.state


def _progress(run: Run, attempt: Attempt | None) -> dict[str, Any] | None:
    """Suite i of m and requests a second, while it answers."""
    if run.state != Run.State.RUNNING or attempt is None or not attempt.progress:
        return None
    names = ("suite", "position", "of", "done", "total", "rate")
    return {name: attempt.progress.get(name) for name in names}


def _stage_text(run: Run, state: str, seen: Sight, position: int | None, progress: dict[str, Any] | None) -> str:
    if position is not None:
        return PAUSED if run.entry.track.paused_at else position_in_words(position, guarded=seen.guarded)
    if progress is not None:
        rate = f", {progress['rate']:,.0f} a second" if progress["rate"] else ""
        return f"suite {progress['position']} of {progress['of']}: {progress['done']:,} of {progress['total']:,}{rate}"
    texts = {
        Run.State.PREPARING: "preparing",
        Run.State.RUNNING: "answering",
        Run.State.SCORING: "scoring",
        Run.State.DONE: "done",
        Run.State.FAILED: "failed",
        Run.State.ERRORED: "failed through an error of the platform",
        Run.State.CANCELLED: "withdrawn",
    }
    return texts.get(Run.State(state), state)


def _steps(run: Run, state: str, seen: Sight, text: str, failure: Failure | None) -> list[Step]:
    order = [one for one in ORDER if not (seen.guarded and one == Run.State.SCORING)]
    if state in (Run.State.FAILED, Run.State.ERRORED, Run.State.CANCELLED):
        title = "Withdrawn" if state == Run.State.CANCELLED else "Failed"
        # Where the reason may not be told, neither may the stage in which it happened.
        reached = order.index(Run.State(run.stage)) if seen.reason and run.stage in order else 1
        return [Step(TITLES[one], DONE) for one in order[:reached]] + [
            Step(title, FAILED, failure.code if failure else "")
        ]
    at = order.index(Run.State(state))
    if state == Run.State.DONE:
        return [Step(TITLES[one], DONE) for one in order]
    detail = text if state in (Run.State.QUEUED, Run.State.RUNNING) and text != "answering" else ""
    return [
        Step(TITLES[one], DONE if number < at else CURRENT if number == at else TODO, detail if number == at else "")
        for number, one in enumerate(order)
    ]


def _failure(run: Run, seen: Sight) -> Failure | None:
    if run.state not in (Run.State.FAILED, Run.State.ERRORED):
        return None
    ours = run.state == Run.State.ERRORED
    if ours or not seen.reason:
        code, stage = (run.code, run.stage) if seen.reason else ("", "")
        return Failure(code, stage, ours, failure_in_words(ours=ours))
    message, remedy = faults.sentence(run.code)
    told = ("message", "remedy", "attempts_before")
    details = {name: value for name, value in run.detail.items() if name not in told}
    if seen.log or not message:
        # These may quote what the submission wrote; a prediction file, which has no sentence of ours, saw no data.
        message, remedy = str(run.detail.get("message") or message), str(run.detail.get("remedy") or remedy)
    return Failure(
        code=run.code,
        stage=TITLES.get(Run.State(run.stage), run.stage) if run.stage else "",
        ours=False,
        message=message,
        remedy=remedy,
        # Text of the submission's own is as good as its log: not told after the reveal of hidden data either.
        detail="\n".join(_detail(name, value) for name, value in details.items()) if seen.log else "",
    )


def _detail(name: str, value: Any) -> str:
    return str(value) if name == "detail" else f"{name.replace('_', ' ')}: {value}"


def _on_ladder(run: Run, seen: Sight) -> bool:
    """Whether what is told of the run's scores is the ladder's answer."""
    return seen.guarded and run.entry.track.ladder != "off"


def _scores_note(run: Run, seen: Sight) -> str:
    """Why no score is shown; empty where the scores are, or where there are none."""
    if run.state != Run.State.DONE:
        return ""
    if not seen.scores:
        if run.phase.visibility == Phase.Visibility.AFTER_CLOSE:
            when = "when it has closed" if run.phase.reveal_at is None else "once it is revealed, after it has closed"
            return f"The scores of this phase are shown {when}."
        return "The organizers keep the scores of this phase to themselves."
    if not _on_ladder(run, seen) or run.detail.get(LADDER) == BETTER:
        return ""
    if run.detail.get(LADDER) == NOT_BETTER:
        return (
            "Not better than your team's best by more than the error, so your shown score stays as it is. The rule "
            "stands under the leaderboard; exact scores are shown when the phase has closed."
        )
    if run.detail.get(LADDER) == INCOMPLETE:
        return "It lacks a score that the leaderboard asks for, so it does not stand there."
    return "The leaderboard is being computed: it tells whether this entry changes your shown score."


def document_of(view: SubmissionView, events: Iterable[Event], viewer: Viewer) -> dict[str, Any]:
    """The page as JSON, for the client and for scripts."""
    return {
        "id": str(view.submission.pk),
        "state": view.submission.state,
        "finished": view.finished,
        "problems": view.submission.problems,
        "runs": [_run_document(run) for run in view.runs],
        "events": [document for event in events if (document := _event_document(event, viewer)) is not None],
    }


def _run_document(run: RunView) -> dict[str, Any]:
    document: dict[str, Any] = {
        "id": run.id or None,
        "track": run.track.key,
        "phase": run.phase.key,
        "purpose": run.purpose,
        "state": run.state,
        "stage_text": run.stage_text,
        "queue_position": run.queue_position,
        "finished": run.finished,
    }
    if run.progress is not None:
        document["suite"] = run.progress
    if run.failure is not None:
        document |= {"code": run.failure.code or None, "message": run.failure.message}
    texts = {"note": run.note, "scores_note": run.scores_note, "spot_check": run.spot_check, "log": run.log}
    for name, text in texts.items():
        if text:
            document[name] = text
    if run.resources:
        document["resources"] = dict(run.resources)
    if run.finished:
        document["scores"] = [
            {name: value for name, value in asdict(line).items() if name not in ("text", "interval", "percent")}
            for line in (*run.scores, *run.groups)
        ]
    if run.reported:
        document["self_reported"] = [asdict(one) for one in run.reported]
    if run.curves:
        document["curves"] = [_curve_document(curve) for curve in run.curves]
    return document


def _curve_document(curve: Curve) -> dict[str, Any]:
    points = [
        {"checkpoint": point.checkpoint, "words": point.words, "value": point.line.value, "low": point.line.low,
         "high": point.line.high, "n": point.line.n}
        for point in curve.points
    ]  # fmt: skip
    return {"suite": curve.suite, "metric": curve.metric, "points": points}


def _event_document(event: Event, viewer: Viewer) -> dict[str, Any] | None:
    """An event; of hidden data only beginning and end, and when to the minute: stages and exact times would tell."""
    if event.run is not None and event.run.purpose in (Run.Purpose.SPOT_CHECK, Run.Purpose.BATCH):
        return None
    exact = event.run is None or sight_of(event.run, viewer).reason
    if not exact and event.new in states.HELD:
        return None
    at = event.at if exact else event.at.replace(second=0, microsecond=0)
    document = {
        "kind": event.kind,
        "run": str(event.run_id) if event.run_id else None,
        "purpose": event.run.purpose if event.run else None,
        "state": event.new,
        "at": at.astimezone(timezone.get_current_timezone()).isoformat(),
    }
    if exact and event.detail.get("code"):
        document["code"] = event.detail["code"]
    return document
