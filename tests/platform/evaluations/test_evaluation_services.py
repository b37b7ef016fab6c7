"""Runs are planned once for each charge, answers are reused, and people can withdraw."""

from collections.abc import Callable
from typing import Any

import pytest

from challenges.models import Phase, Track
from evaluations import answers, leases, services
from evaluations.models import ResponseSet, Run
from evaluations.states import MoveRefused
from evaluations.tasks import plan as plan_task
from submissions.models import Entry, QuotaCharge, Submission

pytestmark = pytest.mark.django_db
IMAGE = f"base@sha256:{'0' * 64}"
PREDICTIONS = {
    "schema": "submission/1", "kind": "predictions", "method": {"name": "Elsewhere"},
    "predictions": {"file": "p.jsonl"},
}  # fmt: skip


@pytest.fixture
def phase(
    make_phase: Callable[..., Phase], make_track: Callable[..., Track], make_suite_version: Callable[..., Any]
) -> Phase:
    phase = make_phase(make_track(image=IMAGE))
    make_suite_version(phase)
    make_suite_version(phase)
    return phase


def test_plan_makes_one_run_with_one_response_set_for_each_suite(
    phase: Phase, make_accepted: Callable[..., Submission]
) -> None:
    submission = make_accepted(phase)
    (run,) = services.plan(submission)
    assert (run.state, run.queue, run.image_id) == (Run.State.QUEUED, "cpu", f"sha256:{'0' * 64}")
    sets = list(run.response_sets.order_by("run_response_sets__position"))
    assert [s.suite_version_id for s in sets] == [p.suite_version_id for p in phase.phase_suites.order_by("position")]
    assert len({bytes(s.draw_key) for s in sets}) == 2
    assert all(len(bytes(s.draw_key)) == 32 for s in sets)


def test_planning_twice_changes_nothing(phase: Phase, make_accepted: Callable[..., Submission]) -> None:
    submission = make_accepted(phase)
    services.plan(submission)
    assert services.plan(submission) == []
    plan_task(str(submission.pk))
    assert (Run.objects.count(), ResponseSet.objects.count()) == (1, 2)


def test_only_live_charges_of_accepted_submissions_are_planned(
    phase: Phase, make_accepted: Callable[..., Submission]
) -> None:
    submission = make_accepted(phase)
    QuotaCharge.objects.update(state=QuotaCharge.State.RELEASED, active=False)
    assert services.plan(submission) == []
    QuotaCharge.objects.update(state=QuotaCharge.State.SETTLED, active=True)
    Submission.objects.update(state=Submission.State.RECEIVED)
    assert services.plan(Submission.objects.get()) == []


def test_the_same_submission_of_a_team_reuses_its_answers_and_another_teams_does_not(
    phase: Phase, make_accepted: Callable[..., Submission]
) -> None:
    first = make_accepted(phase, salt="same")
    again = make_accepted(phase, registration=first.registration, salt="same")
    other = make_accepted(phase, salt="same")
    keys = [
        set(services.plan(submission)[0].response_sets.values_list("key", flat=True))
        for submission in (first, again, other)
    ]
    assert keys[0] == keys[1]
    assert not keys[0] & keys[2]


def test_predictions_need_no_image(phase: Phase, make_accepted: Callable[..., Submission]) -> None:
    Track.objects.update(image="nothing-of-that-name")
    (run,) = services.plan(make_accepted(Phase.objects.get(), manifest=PREDICTIONS))
    assert run.image_id == ""


def test_answers_are_canonical_and_sealed_and_the_first_ones_stay(phase: Phase, make_run: Callable[..., Run]) -> None:
    response_set = make_run(phase).response_sets.first()
    assert response_set is not None
    answers.keep(response_set, [{"id": "b", "logprob": -2.0}, {"logprob": -1.0, "id": "a"}])
    digest = response_set.digest
    answers.keep(response_set, [{"id": "c", "logprob": -3.0}])
    assert answers.read(response_set) == [{"id": "a", "logprob": -1.0}, {"id": "b", "logprob": -2.0}]
    assert response_set.digest == digest


def test_a_run_withdrawn_before_it_began_gives_its_quota_back(phase: Phase, make_run: Callable[..., Run]) -> None:
    run = make_run(phase)
    services.withdraw(submission=run.entry.submission, user=run.entry.submission.submitted_by)
    run.refresh_from_db()
    assert run.state == Run.State.CANCELLED
    assert QuotaCharge.objects.get().state == QuotaCharge.State.RELEASED
    assert Entry.objects.get().status == Entry.Status.WITHDRAWN
    assert leases.claim(worker="one", queue="cpu") is None


def test_a_run_withdrawn_while_it_works_stays_charged(phase: Phase, make_run: Callable[..., Run]) -> None:
    run = make_run(phase)
    leases.claim(worker="one", queue="cpu")
    assert services.cancel(run)
    assert not services.cancel(run)
    charge = QuotaCharge.objects.get()
    assert (charge.state, charge.active) == (QuotaCharge.State.SETTLED, False)


def test_a_withdrawn_submission_is_not_planned(phase: Phase, make_accepted: Callable[..., Submission]) -> None:
    submission = make_accepted(phase)
    services.withdraw(submission=submission, user=submission.submitted_by)
    assert services.plan(submission) == []
    assert QuotaCharge.objects.get().state == QuotaCharge.State.RELEASED


def test_only_errors_of_ours_are_queued_again(phase: Phase, make_run: Callable[..., Run]) -> None:
    run = make_run(phase)
    with pytest.raises(MoveRefused):
        services.requeue(run)
    Run.objects.update(state=Run.State.FAILED)
    with pytest.raises(MoveRefused):
        services.requeue(run)


def test_the_next_phase_is_offered_until_it_is_entered(
    phase: Phase, make_phase: Callable[..., Phase], make_accepted: Callable[..., Submission]
) -> None:
    following = make_phase(phase.track)
    make_phase(phase.track, open=False)
    submission = make_accepted(phase)
    assert [offered for _, offered in services.phases_to_enter(submission)] == [following]
    QuotaCharge.objects.create(
        registration=submission.registration, phase=following, entry=submission.entries.get(),
        state=QuotaCharge.State.SETTLED,
    )  # fmt: skip
    assert services.phases_to_enter(submission) == []
    assert len(services.plan(submission)) == 2
