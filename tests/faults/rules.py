"""What must hold of every submission and of the host, whatever happened: each broken rule in a sentence."""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

import docker
from django.db.models import QuerySet

from evaluations.models import Attempt, Event, Run
from submissions.engine import deployment, volume_of
from submissions.models import QuotaCharge, Submission
from tests.faults.contest import SCORE
from tests.faults.running import wait_for

SETTLED_WITHIN = 120  # seconds
OURS = "E-PLATFORM"


def unsettled(submissions: Iterable[Submission]) -> list[Submission]:
    """Those that are not rejected and wait for a score still."""
    wanted = [submission.pk for submission in submissions]
    active = QuotaCharge.objects.filter(active=True, entry__submission__in=wanted)
    return list(Submission.objects.filter(pk__in=active.values("entry__submission")))


def wait_until_settled(submissions: Sequence[Submission], *, seconds: float = SETTLED_WITHIN) -> None:
    """Wait until each is rejected, scored or failed; fails with the stragglers' stories."""
    try:
        wait_for(lambda: not unsettled(submissions), seconds=seconds, poll=0.2)
    except AssertionError as error:
        stories = "\n".join(story(submission) for submission in unsettled(submissions))
        raise AssertionError(f"Not settled within {seconds:.0f} s:\n{stories}") from error


def story(submission: Submission) -> str:
    """A submission's events and attempts, for a failure's message."""
    submission.refresh_from_db()
    lines = [f"{submission} is {submission.state}"]
    lines += [f"  {event.at:%H:%M:%S.%f} {event} {event.detail}" for event in submission.events.all()]
    for attempt in Attempt.objects.filter(run__entry__submission=submission):
        ended = f"{attempt.ended_at:%H:%M:%S.%f}" if attempt.ended_at else "now"
        lines.append(f"  {attempt} is {attempt.state}: {attempt.started_at:%H:%M:%S.%f} to {ended} by {attempt.worker}")
        lines.append(f"    {attempt.outcome} {attempt.log_tail[-300:]}")
    for run in runs_of(submission):
        lines.append(f"  run {run.pk} is {run.state} {run.code} {run.stage} {run.detail}")
    for charge in QuotaCharge.objects.filter(entry__submission=submission):
        lines.append(f"  charge is {charge.state}, active: {charge.active} {charge.reason}")
    return "\n".join(lines)


def runs_of(submission: Submission) -> QuerySet[Run]:
    """The runs that count; rehearsals are not among them."""
    return Run.objects.filter(entry__submission=submission, purpose=Run.Purpose.PHASE)


def _failed_rehearsals(submission: Submission) -> QuerySet[Run]:
    """Where a rehearsal failed, nothing comes after it."""
    return Run.objects.filter(entry__submission=submission, purpose=Run.Purpose.REHEARSAL, state=Run.State.FAILED)


def broken(submission: Submission, *, ends: frozenset[str] = frozenset({Run.State.DONE})) -> list[str]:
    """Every rule that the submission breaks; `ends` are the ends that its run may have."""
    submission.refresh_from_db()
    if submission.state != Submission.State.ACCEPTED:
        return [f"it is {submission.state}: {submission.problems}"]
    charges = list(QuotaCharge.objects.filter(entry__submission=submission))
    runs = list(runs_of(submission)) or list(_failed_rehearsals(submission))
    if len(charges) != 1 or len(runs) != 1:
        return [f"it has {len(charges)} charges and {len(runs)} runs"]
    run, charge = runs[0], charges[0]
    found = [*_broken_events(run), *_broken_attempts(run)]
    if run.state not in ends:
        found.append(f"its run is {run.state} {run.code} {run.detail}")
    # A rehearsal that failed touched no hidden data, so that it costs nothing.
    free = run.state == Run.State.ERRORED or run.purpose == Run.Purpose.REHEARSAL
    charged = QuotaCharge.State.RELEASED if free else QuotaCharge.State.SETTLED
    if charge.state != charged or charge.active:
        found.append(f"its run is {run.state}, its charge {charge.state} and active: {charge.active}")
    if run.state == Run.State.DONE:
        found += _broken_scores(run)
    return found


def _broken_events(run: Run) -> list[str]:
    """Every move begins where the one before ended, and only one leads to the end."""
    moves = list(Event.objects.filter(run=run, kind="run").order_by("pk"))
    found = [f"an event {later} after {former}" for former, later in pairwise(moves) if former.new != later.old]
    finished = [move.new for move in moves if move.new in {"done", "failed", "errored", "cancelled"}]
    if finished != [run.state]:
        found.append(f"it is {run.state}, and its events say that it ended as {finished}")
    claims = sum(move.new == Run.State.PREPARING for move in moves)
    if claims != run.attempts.count():
        found.append(f"it was claimed {claims} times in {run.attempts.count()} attempts")
    return found


def _broken_attempts(run: Run) -> list[str]:
    """One attempt after the other, and none alive at the end."""
    attempts = list(run.attempts.order_by("number"))
    found = [f"{attempt} is still live" for attempt in attempts if attempt.state == Attempt.State.LIVE]
    found += [
        f"{later} began before {former} ended"
        for former, later in pairwise(attempts)
        if former.ended_at is None or later.started_at < former.ended_at
    ]
    return found


def _broken_scores(run: Run) -> list[str]:
    found = []
    sets = list(run.response_sets.all())
    if not sets:
        found.append("its run asked nothing")
    for response_set in sets:
        evaluations = list(response_set.evaluations.all())
        if len(evaluations) != 1 or not response_set.complete:
            found.append(f"{len(evaluations)} evaluations of {response_set}, complete: {response_set.complete}")
            continue
        scores = evaluations[0].scores.filter(metric="accuracy", group="", tag="")
        values = [score.value for score in scores]
        if values != [SCORE]:
            found.append(f"its scores are {values}")
    return found


def client_of(host: str | None = None) -> docker.APIClient:
    """A client of the engine at `host`, or of the usual one."""
    return docker.APIClient(version="auto", base_url=host) if host else docker.APIClient(version="auto")


def containers(*labels: str, host: str | None = None) -> list[dict[str, Any]]:
    """This installation's containers with these labels, ended ones included."""
    client = client_of(host)
    try:
        wanted = [f"proctor.deployment={deployment()}", *labels]
        found: list[dict[str, Any]] = client.containers(all=True, filters={"label": wanted})
        return found
    finally:
        client.close()


def forget_unpacked(submission: Submission) -> None:
    """Make this host one that lacks the submission's files, whatever a killed worker still holds."""
    client = client_of()
    try:
        volume = volume_of(submission)
        for container in client.containers(all=True, filters={"volume": volume}):
            client.remove_container(container["Id"], force=True)
        client.remove_volume(volume, force=True)
    finally:
        client.close()


def leftovers(host: str | None = None) -> list[str]:
    """Containers of this installation, and volumes that belong to no submission."""
    found = [f"container {one['Names']} {one['Labels']} {one['State']}" for one in containers(host=host)]
    client = client_of(host)
    try:
        mine = {"label": f"proctor.deployment={deployment()}"}
        for volume in client.volumes(filters=mine)["Volumes"] or []:
            labels = volume["Labels"]
            if labels.get("proctor.stage") != "submission":
                found.append(f"volume {volume['Name']} {labels}")
    finally:
        client.close()
    return found
