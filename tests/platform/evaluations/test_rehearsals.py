"""Every hand-in rehearses on public items before it touches hidden data, free, and only what passes goes on."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from challenges.models import Phase, Track
from evaluations import leases, outcomes, services, states
from evaluations.models import ResponseSet, Run
from leaderboards.services import refresh
from submissions import quota, rehearsals
from submissions.errors import SubmissionRefused
from submissions.models import QuotaCharge, Registration, Submission
from submissions.services import enter_phase
from suites.models import SuiteVersion

pytestmark = pytest.mark.django_db
IMAGE = f"base@sha256:{'0' * 64}"
LOG = "the last line of a log"
PREDICTIONS = {
    "schema": "submission/1", "kind": "predictions", "method": {"name": "Elsewhere"},
    "predictions": {"file": "p.jsonl"},
}  # fmt: skip
Make = Callable[..., Any]
Accept = Callable[..., Submission]
State = QuotaCharge.State


@pytest.fixture
def track(make_track: Make) -> Track:
    made: Track = make_track(image=IMAGE, rehearsal_items=6)
    return made


@pytest.fixture
def phase(track: Track, make_phase: Make, make_suite_version: Make) -> Phase:
    """A phase that asks the private items of a suite, 12 of each split."""
    made: Phase = make_phase(track, key="test", visibility=Phase.Visibility.AFTER_CLOSE)
    make_suite_version(made, key="pairs", pairs=24, ask=("private",))
    return made


def claimed(run: Run) -> Run:
    """The run as a worker holds it that has just begun to score."""
    attempt = leases.claim(worker="one", queue="cpu")
    assert attempt is not None
    assert attempt.run == run
    states.move(attempt.run, Run.State.RUNNING)
    attempt.log_tail = LOG
    attempt.resources = {"wall": {"total": 12.34}}
    attempt.save()
    leases.end(attempt)
    return attempt.run


def passes(run: Run) -> None:
    """End the run as the worker does."""
    held = claimed(run)
    states.move(held, Run.State.SCORING)
    states.move(held, Run.State.DONE)
    outcomes.done(held)


def fails(run: Run) -> None:
    """The same for one that the participant's code ended."""
    held = claimed(run)
    states.move(held, Run.State.FAILED, code="E-RUN-CODE", stage="running", detail={"detail": "a line of theirs"})
    outcomes.failed(held)


def charge() -> tuple[str, bool]:
    row = QuotaCharge.objects.get()
    return row.state, row.active


def test_a_hand_in_asks_a_public_sample_of_each_suite_first_and_is_only_reserved(
    phase: Phase, make_accepted: Accept, make_suite_version: Make
) -> None:
    make_suite_version(phase, key="more-pairs", pairs=10, ask=("private",))
    (run,) = services.plan(make_accepted(phase, rehearses=True))
    assert (run.purpose, run.image_id, run.queue) == (Run.Purpose.REHEARSAL, f"sha256:{'0' * 64}", "cpu")
    asked = run.response_sets.order_by("run_response_sets__position")
    assert [(one.suite_version.suite.key, one.selection) for one in asked] == [
        ("pairs", "dev#6"),
        ("more-pairs", "dev#6"),
    ]
    assert charge() == (State.RESERVED, True)


def test_planning_twice_plans_one_rehearsal(phase: Phase, make_accepted: Accept) -> None:
    submission = make_accepted(phase, rehearses=True)
    services.plan(submission)
    assert services.plan(submission) == []
    assert Run.objects.count() == 1


def test_what_passes_goes_on_to_the_hidden_data_and_is_charged_in_the_same_step(
    phase: Phase, make_accepted: Accept
) -> None:
    submission = make_accepted(phase, rehearses=True)
    (rehearsal,) = services.plan(submission)
    passes(rehearsal)
    run = Run.objects.get(purpose=Run.Purpose.PHASE)
    assert (run.state, run.image_id) == (Run.State.QUEUED, rehearsal.image_id)
    assert [one.selection for one in run.response_sets.all()] == ["private"]
    assert charge() == (State.SETTLED, True)
    assert services.plan(submission) == []
    passes(run)
    assert charge() == (State.SETTLED, False)


def test_what_fails_never_touches_hidden_data_and_is_not_charged(phase: Phase, make_accepted: Accept) -> None:
    submission = make_accepted(phase, rehearses=True)
    (rehearsal,) = services.plan(submission)
    fails(rehearsal)
    assert charge() == (State.RELEASED, False)
    assert "E-RUN-CODE" in QuotaCharge.objects.get().reason
    assert services.plan(submission) == []
    assert not Run.objects.filter(purpose=Run.Purpose.PHASE).exists()
    assert quota.usage(submission.registration, phase) == quota.Usage()


def test_a_crash_between_passing_and_going_on_is_made_good_by_the_next_plan(
    phase: Phase, make_accepted: Accept
) -> None:
    submission = make_accepted(phase, rehearses=True)
    (rehearsal,) = services.plan(submission)
    held = claimed(rehearsal)
    states.move(held, Run.State.SCORING)
    states.move(held, Run.State.DONE)
    (run,) = services.plan(submission)
    assert run.purpose == Run.Purpose.PHASE
    assert charge() == (State.SETTLED, True)


def test_a_fault_of_ours_releases_the_charge_and_an_organizer_can_queue_it_again(
    phase: Phase, make_accepted: Accept
) -> None:
    (rehearsal,) = services.plan(make_accepted(phase, rehearses=True))
    held = claimed(rehearsal)
    states.move(held, Run.State.ERRORED, code="E-PLATFORM", stage="running")
    outcomes.errored(held)
    assert charge() == (State.RELEASED, False)
    assert "platform" in QuotaCharge.objects.get().reason
    services.requeue(held)
    assert charge() == (State.RESERVED, True)
    passes(Run.objects.get())
    assert charge() == (State.SETTLED, True)


def test_withdrawing_stops_the_rehearsal_and_charges_nothing(phase: Phase, make_accepted: Accept) -> None:
    submission = make_accepted(phase, rehearses=True)
    services.plan(submission)
    leases.claim(worker="one", queue="cpu")
    services.withdraw(submission=submission, user=submission.submitted_by)
    assert Run.objects.get().state == Run.State.CANCELLED
    assert charge() == (State.RELEASED, False)
    assert services.plan(submission) == []


def test_a_rehearsal_that_passes_after_its_entry_was_taken_out_leads_nowhere(
    phase: Phase, make_accepted: Accept
) -> None:
    submission = make_accepted(phase, rehearses=True)
    (rehearsal,) = services.plan(submission)
    held = claimed(rehearsal)
    states.move(held, Run.State.SCORING)
    submission.entries.update(status="disqualified")
    states.move(held, Run.State.DONE)
    outcomes.done(held)
    assert Run.objects.count() == 1
    assert charge() == (State.RELEASED, False)


def test_two_entries_with_the_same_sample_are_answered_once(
    phase: Phase, make_phase: Make, make_suite_version: Make, make_accepted: Accept
) -> None:
    other: Phase = make_phase(phase.track, key="later")
    other.phase_suites.create(suite_version=SuiteVersion.objects.get(), splits=["private"], sample=4)
    rehearsed = services.plan(make_accepted(phase, other, rehearses=True))
    assert [run.purpose for run in rehearsed] == [Run.Purpose.REHEARSAL] * 2
    assert ResponseSet.objects.count() == 1


@pytest.mark.parametrize("access", ["public", "hidden"])
def test_a_phase_that_asks_public_data_needs_none(
    track: Track, make_phase: Make, make_suite_version: Make, make_accepted: Accept, access: str
) -> None:
    open_phase: Phase = make_phase(track)
    splits = ("dev", "private") if access == "public" else ("dev",)
    make_suite_version(open_phase, items=access, gold=access, ask=splits)
    (run,) = services.plan(make_accepted(open_phase, rehearses=True))
    assert run.purpose == Run.Purpose.PHASE
    assert charge() == (State.SETTLED, True)


def test_predictions_need_none(phase: Phase, make_accepted: Accept) -> None:
    (run,) = services.plan(make_accepted(phase, manifest=PREDICTIONS, rehearses=True))
    assert run.purpose == Run.Purpose.PHASE


def test_a_version_without_public_items_is_stood_in_for_by_another_of_its_suite(
    track: Track, make_phase: Make, make_suite_version: Make, make_accepted: Accept
) -> None:
    hidden: Phase = make_phase(track)
    make_suite_version(hidden, key="pairs", version="2", splits=("private",), ask=("private",))
    make_suite_version(key="pairs", version="1", pairs=10, items="public", gold="public")
    (run,) = services.plan(make_accepted(hidden, rehearses=True))
    assert run.purpose == Run.Purpose.REHEARSAL
    assert [str(one.suite_version) for one in run.response_sets.all()] == ["pairs@1"]


def test_what_somebody_else_hides_stands_in_for_nothing(
    track: Track, make_phase: Make, make_suite_version: Make, make_accepted: Accept, make_user: Make
) -> None:
    hidden: Phase = make_phase(track)
    make_suite_version(hidden, key="pairs", version="2", splits=("private",), ask=("private",))
    other = make_suite_version(key="pairs", version="1", pairs=10)
    SuiteVersion.objects.filter(pk=other.pk).update(uploaded_by=make_user())
    (run,) = services.plan(make_accepted(hidden, rehearses=True))
    assert run.purpose == Run.Purpose.PHASE


def test_a_gated_suite_is_never_rehearsed(
    track: Track, make_phase: Make, make_suite_version: Make, make_accepted: Accept
) -> None:
    hidden: Phase = make_phase(track)
    make_suite_version(hidden, gated=True)
    (run,) = services.plan(make_accepted(hidden, rehearses=True))
    assert run.purpose == Run.Purpose.PHASE


def test_a_suite_without_public_items_is_left_out_and_the_page_says_so(
    phase: Phase, make_suite_version: Make, make_accepted: Accept, client_of: Callable[..., Client]
) -> None:
    make_suite_version(phase, key="sealed", splits=("private",), ask=("private",))
    submission = make_accepted(phase, rehearses=True)
    (run,) = services.plan(submission)
    assert [one.suite_version.suite.key for one in run.response_sets.all()] == ["pairs"]
    text = client_of(submission.submitted_by).get(reverse("submission", args=[submission.pk])).content.decode()
    assert "No items of The suite sealed are public, so it is not rehearsed." in text


def test_the_page_shows_the_rehearsal_before_the_run_it_is_for(
    phase: Phase, make_accepted: Accept, client_of: Callable[..., Client]
) -> None:
    submission = make_accepted(phase, rehearses=True)
    (rehearsal,) = services.plan(submission)
    client = client_of(submission.submitted_by)
    address = reverse("submission_status", args=[submission.pk])
    text = client.get(address).content.decode()
    assert text.index("Rehearsal for The track") < text.index("waiting for the rehearsal")
    assert "nothing is charged before" in text
    passes(rehearsal)
    text = client.get(address).content.decode()
    assert "Passed: the submission goes on to the hidden data, which is charged." in text
    assert "waiting for the rehearsal" not in text
    told = client.get(reverse("submission_events", args=[submission.pk])).json()
    assert [(run["purpose"], run["state"]) for run in told["runs"]] == [("rehearsal", "done"), ("phase", "queued")]
    assert not told["finished"]
    exact = [(event["purpose"], event["state"]) for event in told["events"]]
    assert exact == [
        *[("rehearsal", state) for state in ("queued", "preparing", "running", "scoring", "done")],
        ("phase", "queued"),
    ]


def test_a_rehearsal_that_fails_tells_code_log_and_that_nothing_was_charged(
    phase: Phase, make_accepted: Accept, client_of: Callable[..., Client]
) -> None:
    submission = make_accepted(phase, rehearses=True)
    (rehearsal,) = services.plan(submission)
    fails(rehearsal)
    client = client_of(submission.submitted_by)
    text = client.get(reverse("submission", args=[submission.pk])).content.decode()
    for part in ("E-RUN-CODE", "while answering", LOG, "12.3 s", "a line of theirs", "Nothing was charged"):
        assert part in text
    told = client.get(reverse("submission_events", args=[submission.pk])).json()
    assert told["finished"]
    (shown,) = told["runs"]
    assert (shown["purpose"], shown["code"], shown["log"]) == ("rehearsal", "E-RUN-CODE", LOG)


def test_rehearsals_stand_on_no_leaderboard_and_in_no_export(
    make_challenge: Make, make_track: Make, make_phase: Make, make_suite_version: Make, make_user: Make,
    make_accepted: Accept, client_of: Callable[..., Client],
) -> None:  # fmt: skip
    organizer: User = make_user()
    track = make_track(make_challenge("pairs", organizers=(organizer,)), image=IMAGE)
    phase: Phase = make_phase(track)
    make_suite_version(phase, pairs=24, ask=("private",))
    (rehearsal,) = services.plan(make_accepted(phase, rehearses=True))
    passes(rehearsal)
    answers = rehearsal.response_sets.get()
    evaluation = answers.evaluations.create(evaluator="1", suite_digest="0" * 64)
    evaluation.scores.create(metric="accuracy", value=0.987654, low=0.9, high=1.0, n=6)
    board = refresh(phase=phase)
    assert (board.rows, board.told_rows) == ([], [])
    table = b"".join(client_of(organizer).get("/c/pairs/results.csv").streaming_content)  # type: ignore[attr-defined]
    assert table.count(b"\n") == 1
    assert b"0.987654" not in table


def entered(phase: Phase, submission: Submission) -> None:
    enter_phase(submission=submission, phase=phase, user=submission.submitted_by)


def test_entering_a_further_phase_rehearses_too(
    phase: Phase, make_phase: Make, make_suite_version: Make, make_accepted: Accept
) -> None:
    open_phase: Phase = make_phase(phase.track, key="dev")
    make_suite_version(open_phase, items="public", gold="public")
    submission = make_accepted(open_phase)
    entered(phase, submission)
    assert QuotaCharge.objects.get(phase=phase).state == State.RESERVED
    purposes = {run.phase.key: run.purpose for run in services.plan(submission)}
    assert purposes == {"dev": Run.Purpose.PHASE, "test": Run.Purpose.REHEARSAL}


def test_one_rehearsal_too_many_in_an_hour_is_refused_and_told_when_the_next_is_free(
    phase: Phase, make_phase: Make, make_suite_version: Make, make_accepted: Accept, make_registration: Make
) -> None:
    Track.objects.update(rehearsals_hour=2)
    phase.refresh_from_db()
    team: Registration = make_registration(challenge=phase.track.challenge)
    open_phase: Phase = make_phase(phase.track, key="dev")
    make_suite_version(open_phase, items="public", gold="public")
    submissions = [make_accepted(open_phase, registration=team) for _ in range(3)]
    for submission in submissions[:2]:
        entered(phase, submission)
    now = timezone.now()
    oldest = QuotaCharge.objects.filter(phase=phase).earliest("created_at")
    QuotaCharge.objects.filter(pk=oldest.pk).update(created_at=now - timedelta(minutes=50))
    with pytest.raises(SubmissionRefused) as refused:
        entered(phase, submissions[2])
    (problem,) = refused.value.problems
    assert problem.code == "E-QUOTA-REHEARSAL"
    assert "2 rehearsals an hour" in problem.message
    free = now + timedelta(minutes=10)
    assert f"{free:%H:%M} UTC, in 10 minutes" in problem.remedy
    assert not QuotaCharge.objects.filter(phase=phase, entry__submission=submissions[2]).exists()
    QuotaCharge.objects.filter(pk=oldest.pk).update(created_at=now - timedelta(minutes=61))
    entered(phase, submissions[2])


@pytest.mark.parametrize(("changes", "kind"), [({"rehearsals_hour": None}, "code"), ({}, "predictions")])
def test_where_nothing_rehearses_or_nothing_is_limited_nobody_is_refused(
    phase: Phase, make_accepted: Accept, changes: dict[str, Any], kind: str
) -> None:
    Track.objects.update(**{"rehearsals_hour": 1, **changes})
    phase.refresh_from_db()
    submission = make_accepted(phase, rehearses=True)
    rehearsals.check_rate(registration=submission.registration, phase=phase, kind=kind)


def test_a_hand_in_that_the_check_rejected_has_not_rehearsed(phase: Phase, make_accepted: Accept) -> None:
    Track.objects.update(rehearsals_hour=1)
    phase.refresh_from_db()
    submission = make_accepted(phase, rehearses=True)
    with pytest.raises(SubmissionRefused):
        rehearsals.check_rate(registration=submission.registration, phase=phase, kind="")
    Submission.objects.update(state=Submission.State.REJECTED)
    rehearsals.check_rate(registration=submission.registration, phase=phase, kind="")


def test_another_team_is_not_held_up(phase: Phase, make_accepted: Accept, make_registration: Make) -> None:
    Track.objects.update(rehearsals_hour=1)
    phase.refresh_from_db()
    make_accepted(phase, rehearses=True)
    other = make_registration(challenge=phase.track.challenge)
    rehearsals.check_rate(registration=other, phase=phase, kind="code")
