"""A submission's runs as one viewer may see them; whatever is shown of a run passes through here."""

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

from django.utils import timezone

from challenges.models import Phase, Track
from evaluations import faults, selectors, states
from evaluations.models import Attempt, Evaluation, Event, ResponseSet, Run
from evaluations.visibility import Resources, Sight, Viewer, failure_in_words, memory_in_words, sight, wall_in_words
from submissions.models import QuotaCharge, Submission

DONE, CURRENT, TODO, FAILED = "done", "current", "todo", "failed"
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
class ScoreLine:
    """A score as text, rounded as the track says; `value`, `low` and `high` are rounded numbers."""

    suite: str
    title: str
    metric: str
    group: str
    text: str
    interval: str
    value: float | None
    low: float | None
    high: float | None
    n: int
    asked: int
    answered: int
    percent: bool

    @property
    def partial(self) -> bool:
        """Whether items were left without an answer; such a result is never ranked."""
        return self.answered < self.asked


@dataclass(frozen=True)
class RunView:
    """A run as a page shows it."""

    id: str
    track: Track
    phase: Phase
    state: str
    stage_text: str
    finished: bool
    steps: list[Step]
    queue_position: int | None = None
    progress: dict[str, Any] | None = None
    failure: Failure | None = None
    scores: list[ScoreLine] = field(default_factory=list)
    groups: list[ScoreLine] = field(default_factory=list)
    scores_note: str = ""
    resources: list[tuple[str, str]] = field(default_factory=list)
    log: str = ""


@dataclass(frozen=True)
class SubmissionView:
    """A submission's page: where it stands, and each of its runs."""

    submission: Submission
    steps: list[Step]
    runs: list[RunView]
    finished: bool


def sight_of(run: Run, viewer: Viewer) -> Sight:
    """What the viewer sees of this run; a phase asks hidden data where one of its suites hides items or gold."""
    hidden = any(asked.response_set.suite_version.hidden for asked in run.run_response_sets.all())
    hidden = hidden or any(suite.suite_version.hidden for suite in run.phase.phase_suites.all())
    return sight(viewer, hidden=hidden, visibility=run.phase.visibility, closed=run.phase.is_closed)


def view_of(submission: Submission, viewer: Viewer) -> SubmissionView:
    """The submission as the viewer may see it."""
    runs = list(selectors.runs_of(submission))
    views = [_run_view(run, viewer) for run in runs]
    views += [_planned_view(charge) for charge in _unplanned(submission, runs)]
    checked = submission.state != Submission.State.RECEIVED
    finished = submission.state == Submission.State.REJECTED or (checked and all(view.finished for view in views))
    return SubmissionView(submission, _first_steps(submission), views, finished)


def _unplanned(submission: Submission, runs: list[Run]) -> Iterator[QuotaCharge]:
    planned = {(run.entry_id, run.phase_id) for run in runs}
    charges = QuotaCharge.objects.filter(entry__submission=submission).select_related("entry__track", "phase__track")
    for charge in charges:
        waits = charge.active and charge.state != QuotaCharge.State.RELEASED
        if waits and (charge.entry_id, charge.phase_id) not in planned:
            yield charge


def _planned_view(charge: QuotaCharge) -> RunView:
    accepted = charge.state == QuotaCharge.State.SETTLED
    text = "waiting to be queued" if accepted else "waiting for the check"
    steps = [Step(TITLES[state], TODO) for state in ORDER]
    return RunView("", charge.entry.track, charge.phase, "planned", text, False, steps)


def _first_steps(submission: Submission) -> list[Step]:
    size = f"{submission.artifact.size:,} bytes"
    if submission.state == Submission.State.RECEIVED:
        return [Step("Received", DONE, size), Step("Being checked", CURRENT)]
    if submission.state == Submission.State.REJECTED:
        return [Step("Received", DONE, size), Step("Rejected at the check", FAILED)]
    return [Step("Received", DONE, size), Step("Checked", DONE, _files(len(submission.files)))]


def _files(count: int) -> str:
    return f"{count:,} file{'' if count == 1 else 's'}"


def _run_view(run: Run, viewer: Viewer) -> RunView:
    seen = sight_of(run, viewer)
    position = selectors.queue_position(run)
    attempts = list(run.attempts.all())
    attempt = attempts[-1] if attempts else None
    progress = _progress(run, attempt) if seen.progress else None
    failure = _failure(run, seen)
    done = run.state == Run.State.DONE
    return RunView(
        id=str(run.pk),
        track=run.entry.track,
        phase=run.phase,
        state=run.state,
        stage_text=_stage_text(run, position, progress),
        finished=run.state in states.FINISHED,
        steps=_steps(run, seen, position, progress, failure),
        queue_position=position,
        progress=progress,
        failure=failure,
        scores=list(_score_lines(run, 0)) if done and seen.scores else [],
        groups=list(_score_lines(run, seen.groups_from)) if done and seen.scores and seen.groups_from else [],
        scores_note="" if seen.scores or not done else _scores_note(run.phase),
        resources=_resources(attempt, seen) if attempt and run.state in states.FINISHED else [],
        log=attempt.log_tail if attempt and seen.log and run.state == Run.State.FAILED else "",
    )


def _progress(run: Run, attempt: Attempt | None) -> dict[str, Any] | None:
    """Suite i of m and requests a second, while it answers."""
    if run.state != Run.State.RUNNING or attempt is None or not attempt.progress:
        return None
    names = ("suite", "position", "of", "done", "total", "rate")
    return {name: attempt.progress.get(name) for name in names}


def _stage_text(run: Run, position: int | None, progress: dict[str, Any] | None) -> str:
    if position is not None:
        return f"queued, at position {position}"
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
    return texts.get(Run.State(run.state), run.state)


def _steps(
    run: Run, seen: Sight, position: int | None, progress: dict[str, Any] | None, failure: Failure | None
) -> list[Step]:
    if run.state in (Run.State.FAILED, Run.State.ERRORED, Run.State.CANCELLED):
        title = "Withdrawn" if run.state == Run.State.CANCELLED else "Failed"
        # Where the reason may not be told, neither may the stage in which it happened.
        reached = ORDER.index(Run.State(run.stage)) if seen.reason and run.stage in ORDER else 1
        return [Step(TITLES[state], DONE) for state in ORDER[:reached]] + [
            Step(title, FAILED, failure.code if failure else "")
        ]
    at = ORDER.index(Run.State(run.state))
    if run.state == Run.State.DONE:
        return [Step(TITLES[state], DONE) for state in ORDER]
    text = _stage_text(run, position, progress) if position is not None or progress is not None else ""
    return [
        Step(TITLES[state], DONE if number < at else CURRENT if number == at else TODO, text if number == at else "")
        for number, state in enumerate(ORDER)
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


def _scores_note(phase: Phase) -> str:
    if phase.visibility == Phase.Visibility.AFTER_CLOSE:
        return "The scores of this phase are shown when it has closed."
    return "The organizers keep the scores of this phase to themselves."


def _score_lines(run: Run, groups_from: int | None) -> Iterator[ScoreLine]:
    """The suites' own scores, or with `groups_from` those of groups and tags that have at least so many items."""
    for asked in run.run_response_sets.all():
        evaluations = list(asked.response_set.evaluations.all())
        if evaluations:
            yield from _lines_of(evaluations[-1], asked.response_set, run.entry.track, groups_from)


def _lines_of(
    evaluation: Evaluation, answers: ResponseSet, track: Track, groups_from: int | None
) -> Iterator[ScoreLine]:
    version = answers.suite_version
    percent = (version.manifest.get("range") or [0, 1])[1] == 1
    for score in sorted(evaluation.scores.all(), key=lambda score: (score.metric, score.tag, score.group)):
        within = bool(score.group or score.tag)
        if within == bool(groups_from) and (not within or score.n >= (groups_from or 0)):
            numbers = [_rounded(number, track.round_digits, percent) for number in (score.value, score.low, score.high)]
            texts = [_text(number, track.round_digits, percent) for number in (score.value, score.low, score.high)]
            yield ScoreLine(
                suite=version.suite.key,
                title=version.suite.title,
                metric=score.metric,
                group=score.group or score.tag,
                text=texts[0],
                interval=f"{texts[1]}–{texts[2]}" if score.low is not None and score.high is not None else "",
                value=numbers[0],
                low=numbers[1],
                high=numbers[2],
                n=score.n,
                asked=score.n if within else answers.asked,
                answered=score.n if within else answers.answered,
                percent=percent,
            )


def _rounded(value: float | None, digits: int, percent: bool) -> float | None:
    return None if value is None else round(value, digits + 2 if percent else digits)


def _text(value: float | None, digits: int, percent: bool) -> str:
    return "–" if value is None else f"{value * (100 if percent else 1):.{digits}f}"


def _resources(attempt: Attempt, seen: Sight) -> list[tuple[str, str]]:
    if seen.resources is Resources.NONE:
        return []
    lines = []
    total = (attempt.resources.get("wall") or {}).get("total")
    if isinstance(total, int | float):
        lines.append(("Time", wall_in_words(total, seen.resources)))
    peak = attempt.resources.get("peak_memory")
    if isinstance(peak, int):
        lines.append(("Memory (cgroup peak)", memory_in_words(peak, seen.resources)))
    return lines


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
        "state": run.state,
        "stage_text": run.stage_text,
        "queue_position": run.queue_position,
        "finished": run.finished,
    }
    if run.progress is not None:
        document["suite"] = run.progress
    if run.failure is not None:
        document |= {"code": run.failure.code or None, "message": run.failure.message}
    if run.finished:
        document["scores"] = [
            {name: value for name, value in asdict(line).items() if name not in ("text", "interval", "percent")}
            for line in (*run.scores, *run.groups)
        ]
    return document


def _event_document(event: Event, viewer: Viewer) -> dict[str, Any] | None:
    """An event; of hidden data only beginning and end, and when to the minute: stages and exact times would tell."""
    exact = event.run is None or sight_of(event.run, viewer).reason
    if not exact and event.new in states.HELD:
        return None
    at = event.at if exact else event.at.replace(second=0, microsecond=0)
    document = {
        "kind": event.kind,
        "run": str(event.run_id) if event.run_id else None,
        "state": event.new,
        "at": at.astimezone(timezone.get_current_timezone()).isoformat(),
    }
    if exact and event.detail.get("code"):
        document["code"] = event.detail["code"]
    return document
