"""Spot-checks: a secret sample of a prediction file's items, run on the handed-in model, compared with the file."""

import hashlib
import json
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from uuid import uuid4

from django.db import transaction

from accounts.models import User
from challenges.models import Track
from config.queue import enqueue
from evaluations import answers, clock, flags, images
from evaluations.checkpoints import ALL, MAIN, Place, places
from evaluations.models import Evaluation, Event, Flag, ResponseSet, Run, RunResponseSet, SpotCheck, SpotCheckPlan
from evaluations.score_lines import newest
from evaluators.protocol.documents import canonical_json
from evaluators.protocol.problems import Problem, ProblemsFound
from evaluators.protocol.submission import SubmissionManifest
from evaluators.spotcheck import (
    FLIPPED,
    NUMBERS,
    POWER,
    Comparison,
    Tolerance,
    compare,
    draw_sample,
    frame_of,
    size_for,
    tolerance_of,
)
from submissions.models import Entry, Submission
from suites import sealing
from suites.models import PhaseSuite

Verdict = SpotCheck.Verdict
GONE = (Entry.Status.WITHDRAWN, Entry.Status.DISQUALIFIED)
UNDER_WAY, PASSED, REVIEW = "spot-check under way", "spot-check passed", "under review"


@dataclass(frozen=True)
class Order:
    """How small a forgery a check is to catch: the share of the wrong answers turned right, with what probability."""

    flipped: float = FLIPPED
    power: float = POWER


@dataclass(frozen=True)
class _Part:
    """One suite of a check: what the file answered, and what is asked of the model."""

    evaluation: Evaluation
    phase_suite: PhaseSuite
    place: Place
    frame: int
    chosen: list[str]
    tolerance: Tolerance


def _refused(message: str, remedy: str = "") -> ProblemsFound:
    return ProblemsFound([Problem("E-SPOT-CHECK", message, remedy=remedy)])


def order(run: Run, *, user: User | None, model: Submission | None = None, how: Order | None = None) -> Run:
    """Order a spot-check of the predictions that `run` scored; returns the run that asks the model, for free.

    `model` is the team's submission that the predictions came from; the predictions' own archive where it holds the
    model, or else the team's only model in the track. Raises ProblemsFound where there is nothing to check or nothing
    to check it on, ImageMissing. `how` is the track's plan where it is not given.
    """
    if run.purpose != Run.Purpose.PHASE or run.state != Run.State.DONE or run.entry.submission.kind != "predictions":
        raise _refused("only predictions that are scored can be spot-checked")
    if run.entry.status in GONE:
        raise _refused("the entry is out of the track")
    entry = _entry_of(run, model or model_of(run))
    if SpotCheck.objects.filter(verdict=Verdict.ORDERED, evaluation__in=_evaluations(run)).exists():
        raise _refused("a spot-check of these predictions is under way", "Wait until it has ended.")
    parts = _parts(run, entry, how or planned(run.entry.track))
    if not parts:
        raise _refused("no suite of the phase has answers that a model could be asked for")
    image_id = images.of_track(run.phase.track)
    sealed = [
        sealing.write_bytes(
            f"spot-checks/{uuid4().hex}.json", json.dumps(part.chosen).encode(),
            gated=part.evaluation.response_set.suite_version.gated,
        )
        for part in parts
    ]  # fmt: skip
    with transaction.atomic():
        check = Run.objects.create(
            entry=entry, phase=run.phase, purpose=Run.Purpose.SPOT_CHECK, queue=run.phase.track.hardware,
            image_id=image_id,
        )  # fmt: skip
        for position, (part, name) in enumerate(zip(parts, sealed, strict=True)):
            response_set = _response_set(check, part, name)
            RunResponseSet.objects.create(run=check, response_set=response_set, position=position)
            SpotCheck.objects.create(
                run=check, evaluation=part.evaluation, response_set=response_set, frame=part.frame,
                size=len(part.chosen), tolerance=asdict(part.tolerance), ordered_by=user,
            )  # fmt: skip
        Event.objects.create(submission=entry.submission, run=check, kind="run", new=check.state)
        enqueue("evaluations.run", str(check.pk), queue=check.queue)
    return check


def planned(track: Track) -> Order:
    """How small a forgery the track's checks are to catch."""
    plan = SpotCheckPlan.objects.filter(track=track).first()
    return Order(plan.flipped, plan.power) if plan is not None else Order()


def order_planned(run: Run) -> Run | None:
    """Order the check that the track's plan asks for; None where it asks for none, or there was one."""
    wanted = SpotCheckPlan.objects.filter(track=run.entry.track_id, automatic=True).exists()
    model = run.entry.submission.manifest.get("model")
    if not wanted or not model or run.entry.submission.kind != "predictions" or run.state != Run.State.DONE:
        return None
    if SpotCheck.objects.filter(evaluation__in=_evaluations(run)).exists():
        return None
    return order(run, user=None)


def model_of(run: Run) -> Submission:
    """The submission whose model the predictions came from; raises ProblemsFound where that can't be told."""
    submission = run.entry.submission
    if submission.manifest.get("model"):
        return submission
    others = Submission.objects.filter(
        registration=submission.registration, state=Submission.State.ACCEPTED, kind__in=("model", "code"),
        entries__in=Entry.objects.filter(track=run.entry.track).exclude(status__in=GONE),
    )  # fmt: skip
    named = list(others.filter(name=submission.name)) or list(others)
    if len(named) != 1:
        raise _refused(
            f"{submission} comes without a model, and its team has {len(named) or 'no'} others in the track that it "
            "could come from",
            "Ask the team for an archive that holds the model beside the predictions, or for the model by itself.",
        )
    return named[0]


def _entry_of(run: Run, model: Submission) -> Entry:
    if model.registration_id != run.entry.submission.registration_id:
        raise _refused("the model belongs to another team")
    if model.state != Submission.State.ACCEPTED or not (model.kind == "code" or model.manifest.get("model")):
        raise _refused(f"{model} holds no model that was accepted")
    entry = model.entries.filter(track=run.entry.track).exclude(status__in=GONE).first()
    if entry is None:
        raise _refused(f"{model} is not entered in {run.entry.track}")
    return entry


def _evaluations(run: Run) -> list[Evaluation]:
    sets = run.response_sets.prefetch_related("evaluations").select_related("suite_version__suite")
    found = [newest(one) for one in sets.order_by("run_response_sets__position")]
    return [one for one in found if one is not None]


def _parts(run: Run, entry: Entry, how: Order) -> list[_Part]:
    manifest = SubmissionManifest.from_value(entry.submission.manifest, file="submission.yaml")
    if manifest.kind == "predictions":
        manifest = manifest.model_copy(update={"kind": "model", "predictions": None})
    asked = {
        (one.suite_version_id, one.selection): one
        for one in run.phase.phase_suites.select_related("suite_version__suite")
    }
    parts = []
    for evaluation in _evaluations(run):
        handed_set = evaluation.response_set
        phase_suite = asked.get((handed_set.suite_version_id, handed_set.selection))
        if phase_suite is None:
            continue
        there = [one for one in places(phase_suite, manifest, run.phase.track) if not one.train_seed]
        place = next((one for one in there if one.checkpoint in (MAIN, ALL)), None)
        task = str(handed_set.suite_version.manifest["task"])
        handed = answers.item_rows(evaluation)
        frame = frame_of(handed, numbers=task in NUMBERS)
        if place is None or not frame:
            continue
        tolerance = tolerance_of(task)
        size = size_for(handed, task=task, flipped=how.flipped, power=how.power, tolerance=tolerance)
        chosen = draw_sample(frame, size=size.items, key=secrets.token_bytes(32))
        parts.append(_Part(evaluation, phase_suite, place, len(frame), chosen, tolerance))
    return parts


def _response_set(check: Run, part: _Part, name: str) -> ResponseSet:
    """A set of answers of this check alone: the next one looks at other items."""
    key = hashlib.sha256(canonical_json(["spot-check", str(check.pk), part.evaluation.pk])).hexdigest()
    return ResponseSet.objects.create(
        key=key, submission=check.entry.submission, suite_version=part.phase_suite.suite_version,
        selection=f"spot-check {key[:12]}", splits=part.phase_suite.splits, sample=part.phase_suite.sample,
        chosen_name=name, checkpoint=part.place.checkpoint, steps=[list(step) for step in part.place.steps],
        image_id=check.image_id, draw_key=secrets.token_bytes(32),
    )  # fmt: skip


def compared(run: Run) -> dict[int, Comparison]:
    """What the model answered, compared with the file, by the check's id; it takes its time and writes nothing."""
    found = {}
    for check in _open(run):
        own = answers.current_evaluation(check.response_set)
        if own is not None:
            handed, rows = answers.item_rows(check.evaluation), answers.item_rows(own)
            found[check.pk] = compare(handed, rows, frame=check.frame, tolerance=Tolerance(**check.tolerance))
    return found


def settle(run: Run, found: Mapping[int, Comparison]) -> None:
    """Record the comparisons and what follows from them; must run inside the transaction that ends the run.

    Consistent answers raise the predictions' provenance to spot-checked; others are flagged, and change nothing more.
    """
    for check in _open(run):
        if check.pk in found:
            _record(check, found[check.pk])
        else:
            _end(check, Verdict.FAILED)
    enqueue("leaderboards.refresh", run.phase_id)


def failed(run: Run) -> None:
    """The model did not answer: nothing is known of its predictions, and somebody should look."""
    for check in _open(run):
        _end(check, Verdict.FAILED)
        _flag(check, {"code": run.code})


def given_up(run: Run) -> None:
    """The check was cancelled, or failed through us: it says nothing."""
    for check in _open(run):
        _end(check, Verdict.CANCELLED)


def go_on(run: Run) -> None:
    """An organizer queued the check again that was given up."""
    run.spot_checks.filter(verdict=Verdict.CANCELLED).update(verdict=Verdict.ORDERED, finished_at=None)


def _open(run: Run) -> list[SpotCheck]:
    checks = run.spot_checks.filter(verdict=Verdict.ORDERED)
    return list(
        checks.select_related(
            "evaluation__response_set__suite_version__suite",
            "response_set__suite_version",
            "evaluation__response_set__submission",
        )
    )


def _record(check: SpotCheck, found: Comparison) -> None:
    check.agreements, check.disagreements, check.unclear = found.agreements, found.disagreements, found.unclear
    check.allowance, check.smallest = found.allowance, found.smallest
    check.detail = {
        "smallest_share": found.smallest_share, "smallest_of_wrong": found.smallest_of_wrong,
        "smallest_gain": found.smallest_gain, "groups": {name: list(two) for name, two in found.groups.items()},
    }  # fmt: skip
    _end(check, Verdict(found.verdict.value))
    consistent = check.verdict == Verdict.CONSISTENT
    before, after = Evaluation.Provenance.PREDICTIONS, Evaluation.Provenance.SPOT_CHECKED
    if not consistent:
        # An earlier check that was passed by chance does not outlive one that was not.
        before, after = after, before
        numbers = {"compared": found.compared, "disagreements": found.disagreements, "unclear": found.unclear,
                   "allowance": found.allowance, "verdict": found.verdict.value}  # fmt: skip
        _flag(check, numbers)
    Evaluation.objects.filter(pk=check.evaluation_id, provenance=before).update(provenance=after)


def _flag(check: SpotCheck, numbers: Mapping[str, object]) -> None:
    handed = check.evaluation.response_set
    flags.notice(
        Flag.Kind.SPOT_CHECK, handed.submission, subject=str(handed.suite_version), numbers=numbers, again=True
    )


def _end(check: SpotCheck, verdict: str) -> None:
    check.verdict, check.finished_at = verdict, clock.now()
    check.save()


def told_of(submission: Submission) -> dict[str, str]:
    """What the team is told of the spot-checks of its predictions, by the id of the run that scored them.

    Never an item, a number or a sample; and nothing of a check that was given up. One query.
    """
    checks = SpotCheck.objects.filter(evaluation__response_set__submission=submission).exclude(
        verdict=Verdict.CANCELLED
    )
    rows = checks.filter(evaluation__response_set__runs__purpose=Run.Purpose.PHASE).order_by("created_at", "pk")
    newest_verdict: dict[str, dict[int, str]] = {}
    for run, evaluation, verdict in rows.values_list("evaluation__response_set__runs", "evaluation", "verdict"):
        newest_verdict.setdefault(str(run), {})[evaluation] = verdict
    return {run: _told(set(verdicts.values())) for run, verdicts in newest_verdict.items()}


def _told(verdicts: set[str]) -> str:
    if Verdict.ORDERED in verdicts:
        return UNDER_WAY
    return PASSED if verdicts == {Verdict.CONSISTENT} else REVIEW
