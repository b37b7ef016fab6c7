"""A submission's page: who may open it, what it tells whom, and how it is polled."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from challenges.models import Challenge, Phase, Track
from evaluations import leases, outcomes, services, states
from evaluations.models import Attempt, Evaluation, Run, Score
from submissions import quota
from submissions.models import Entry, QuotaCharge, Registration, Submission

pytestmark = pytest.mark.django_db
IMAGE = f"base@sha256:{'0' * 64}"
CANARY = "a sentence that only the hidden suite holds"


@pytest.fixture
def organizer(make_user: Callable[..., User]) -> User:
    return make_user()


@pytest.fixture
def reviewer(make_user: Callable[..., User]) -> User:
    return make_user()


@pytest.fixture
def track(
    make_track: Callable[..., Track], make_challenge: Callable[..., Challenge], organizer: User, reviewer: User
) -> Track:
    return make_track(make_challenge(organizers=(organizer,), reviewers=(reviewer,)), image=IMAGE)


@pytest.fixture
def public(track: Track, make_phase: Callable[..., Phase], make_suite_version: Callable[..., Any]) -> Phase:
    phase = make_phase(track, key="dev")
    make_suite_version(phase, items="public", gold="public")
    return phase


@pytest.fixture
def hidden(track: Track, make_phase: Callable[..., Phase], make_suite_version: Callable[..., Any]) -> Phase:
    phase = make_phase(track, key="test", visibility=Phase.Visibility.AFTER_CLOSE)
    make_suite_version(phase, items="hidden", gold="hidden")
    return phase


@pytest.fixture
def client_for(client_of: Callable[..., Client]) -> Callable[..., Client]:
    return client_of


def member_of(run: Run) -> User:
    return run.entry.submission.submitted_by


def address(run: Run, name: str = "submission") -> str:
    return reverse(name, args=[run.entry.submission_id])


def working(run: Run, state: str = Run.State.RUNNING) -> Attempt:
    attempt = leases.claim(worker="one", queue="cpu")
    assert attempt is not None
    for step in (Run.State.RUNNING, Run.State.SCORING, Run.State.DONE):
        if attempt.run.state != state:
            states.move(attempt.run, step)
    Attempt.objects.filter(pk=attempt.pk).update(
        progress={"suite": "s", "position": 1, "of": 2, "done": 320, "total": 1200, "rate": 40.4},
        resources={"wall": {"total": 12.34}, "peak_memory": 150 * 1024**2},
        log_tail=CANARY,
    )
    run.refresh_from_db()
    return attempt


def fail(run: Run) -> None:
    attempt = working(run)
    detail = {"detail": CANARY, "line": 7}
    states.move(attempt.run, Run.State.FAILED, code="E-RUN-CODE", stage="running", detail=detail)
    leases.end(attempt)


def score(run: Run) -> None:
    working(run, Run.State.DONE)
    response_set = run.response_sets.get()
    evaluation = Evaluation.objects.create(response_set=response_set, evaluator="1", suite_digest="0" * 64)
    Score.objects.create(evaluation=evaluation, metric="accuracy", value=0.612345, low=0.5, high=0.7, n=250)
    Score.objects.create(evaluation=evaluation, metric="accuracy", group="large-group", value=0.6, n=100)
    Score.objects.create(evaluation=evaluation, metric="accuracy", group="small-group", value=0.7, n=99)
    response_set.asked = response_set.answered = 250
    response_set.save()


PAGES = ["submission", "submission_status", "submission_events"]


@pytest.mark.parametrize("page", PAGES)
def test_teammates_organizers_and_reviewers_open_it_and_nobody_else(
    public: Phase, make_run: Callable[..., Run], client_for: Callable[..., Client], make_user: Callable[..., User],
    organizer: User, reviewer: User, page: str,
) -> None:  # fmt: skip
    run = make_run(public)
    for person in (member_of(run), organizer, reviewer):
        assert client_for(person).get(address(run, page)).status_code == 200
    assert client_for(make_user()).get(address(run, page)).status_code == 404
    answer = client_for(None).get(address(run, page))
    assert answer.status_code == 302
    assert reverse("account_login") in answer["Location"]


@pytest.mark.parametrize("action", ["submission_withdraw", "submission_advance"])
def test_only_the_team_acts_on_it_and_only_by_post(
    public: Phase, make_run: Callable[..., Run], client_for: Callable[..., Client], make_user: Callable[..., User],
    organizer: User, reviewer: User, action: str,
) -> None:  # fmt: skip
    run = make_run(public)
    for person in (organizer, reviewer, make_user()):
        assert client_for(person).post(address(run, action), {"phase": public.pk}).status_code == 404
    assert client_for(member_of(run)).get(address(run, action)).status_code == 405
    assert client_for(member_of(run)).post(address(run, action), {"phase": public.pk}).status_code == 302


def test_the_stepper_tells_the_place_in_the_queue(
    public: Phase, make_run: Callable[..., Run], client_for: Callable[..., Client]
) -> None:
    make_run(public)
    run = make_run(public)
    text = client_for(member_of(run)).get(address(run, "submission_status")).content.decode()
    assert "queued, at position 2" in text
    assert 'hx-trigger="every 1s"' in text


def test_on_public_data_the_team_sees_progress(
    public: Phase, make_run: Callable[..., Run], client_for: Callable[..., Client]
) -> None:
    run = make_run(public)
    working(run)
    text = client_for(member_of(run)).get(address(run, "submission_status")).content.decode()
    assert "suite 1 of 2: 320 of 1,200, 40 a second" in text
    assert '<progress max="1200" value="320"' in text


def test_on_hidden_data_the_team_sees_the_stage_only(
    hidden: Phase, make_run: Callable[..., Run], client_for: Callable[..., Client], organizer: User
) -> None:
    run = make_run(hidden)
    working(run)
    text = client_for(member_of(run)).get(address(run, "submission_status")).content.decode()
    assert "answering" in text
    assert "320" not in text
    document = client_for(member_of(run)).get(address(run, "submission_events")).json()
    assert "suite" not in document["runs"][0]
    assert "320 of 1,200" in client_for(organizer).get(address(run, "submission_status")).content.decode()


def test_a_failure_on_public_data_tells_its_code_stage_and_log(
    public: Phase, make_run: Callable[..., Run], client_for: Callable[..., Client]
) -> None:
    run = make_run(public)
    fail(run)
    text = client_for(member_of(run)).get(address(run)).content.decode()
    for part in ("E-RUN-CODE", "while answering", CANARY, "12.3 s", "150 MiB", "line: 7"):
        assert part in text


def test_a_failure_on_hidden_data_tells_nothing_but_whose_it_was(
    hidden: Phase, make_run: Callable[..., Run], client_for: Callable[..., Client], organizer: User
) -> None:
    run = make_run(hidden)
    fail(run)
    for name in PAGES:
        text = client_for(member_of(run)).get(address(run, name)).content.decode()
        for part in ("E-RUN-CODE", CANARY, "12.3", "150 MiB", "while answering", "running"):
            assert part not in text
        assert "because of the submission" in text
    for part in ("E-RUN-CODE", CANARY, "12.3 s"):
        assert part in client_for(organizer).get(address(run)).content.decode()


def test_after_the_reveal_the_code_is_told_and_the_log_never(
    hidden: Phase, make_run: Callable[..., Run], client_for: Callable[..., Client]
) -> None:
    run = make_run(hidden)
    fail(run)
    Phase.objects.filter(pk=hidden.pk).update(closes=timezone.now() - timedelta(minutes=1))
    text = client_for(member_of(run)).get(address(run)).content.decode()
    assert "E-RUN-CODE" in text
    assert CANARY not in text


def test_scores_of_a_hidden_phase_wait_until_it_has_closed(
    hidden: Phase, make_run: Callable[..., Run], client_for: Callable[..., Client], reviewer: User
) -> None:
    run = make_run(hidden)
    score(run)
    for name in PAGES:
        assert "61.23" not in client_for(member_of(run)).get(address(run, name)).content.decode()
        assert "0.6123" not in client_for(member_of(run)).get(address(run, name)).content.decode()
    assert "shown when it has closed" in client_for(member_of(run)).get(address(run)).content.decode()
    assert "61.23" in client_for(reviewer).get(address(run)).content.decode()
    Phase.objects.filter(pk=hidden.pk).update(closes=timezone.now() - timedelta(minutes=1))
    text = client_for(member_of(run)).get(address(run)).content.decode()
    assert "61.23" in text
    assert "small-group" in text


def test_no_small_group_is_told_while_hidden_scores_are_public(
    hidden: Phase, make_run: Callable[..., Run], client_for: Callable[..., Client]
) -> None:
    Phase.objects.filter(pk=hidden.pk).update(visibility=Phase.Visibility.PUBLIC)
    run = make_run(Phase.objects.get(pk=hidden.pk))
    score(run)
    text = client_for(member_of(run)).get(address(run)).content.decode()
    assert "large-group" in text
    assert "small-group" not in text


def test_hidden_scores_that_are_public_are_rounded_to_about_their_standard_error(
    hidden: Phase, make_run: Callable[..., Run], client_for: Callable[..., Client], reviewer: User
) -> None:
    Phase.objects.filter(pk=hidden.pk).update(visibility=Phase.Visibility.PUBLIC)
    run = make_run(Phase.objects.get(pk=hidden.pk))
    score(run)
    (shown,) = client_for(member_of(run)).get(address(run, "submission_events")).json()["runs"]
    # 250 items: an error of at most 3.2 points, so steps of 1 point.
    assert [line["value"] for line in shown["scores"]] == [0.61, 0.6]
    assert (shown["scores"][0]["low"], shown["scores"][0]["high"]) == (0.54, 0.68)
    for name in PAGES:
        assert "61.2" not in client_for(member_of(run)).get(address(run, name)).content.decode()
    assert "61.23" in client_for(reviewer).get(address(run)).content.decode()
    Phase.objects.filter(pk=hidden.pk).update(closes=timezone.now() - timedelta(minutes=1))
    assert "61.23" in client_for(member_of(run)).get(address(run)).content.decode()


def test_the_ladder_answers_on_the_teams_page_and_tells_no_number(
    hidden: Phase, track: Track, make_run: Callable[..., Run], client_for: Callable[..., Client], reviewer: User
) -> None:
    Track.objects.update(ladder="standard-error")
    Phase.objects.filter(pk=hidden.pk).update(visibility=Phase.Visibility.PUBLIC)
    run = make_run(Phase.objects.get(pk=hidden.pk))
    score(run)
    client = client_for(member_of(run))
    for detail, told in (
        ({}, "The leaderboard is being computed"),
        ({"ladder": "not better"}, "Not better than your team&#x27;s best"),
        ({"ladder": "incomplete"}, "lacks a score"),
    ):
        Run.objects.update(detail=detail)
        text = client.get(address(run)).content.decode()
        assert told in text
        assert "<strong>" not in text.partition('id="run-1"')[2].partition("</section>")[0]
        assert client.get(address(run, "submission_events")).json()["runs"][0]["scores"] == []
    Run.objects.update(detail={"ladder": "better"})
    assert "<strong>61</strong>" in client.get(address(run)).content.decode()
    assert "large-group" not in client.get(address(run)).content.decode()
    assert "61.23" in client_for(reviewer).get(address(run)).content.decode()


def test_scores_in_json_are_rounded_as_the_track_says(
    public: Phase, make_run: Callable[..., Run], client_for: Callable[..., Client]
) -> None:
    run = make_run(public)
    score(run)
    document = client_for(member_of(run)).get(address(run, "submission_events")).json()
    assert document["finished"]
    (shown,) = document["runs"]
    assert (shown["track"], shown["phase"], shown["state"]) == (run.entry.track.key, "dev", "done")
    assert shown["scores"][0]["value"] == 0.6123
    assert (shown["scores"][0]["asked"], shown["scores"][0]["answered"]) == (250, 250)
    assert [event["state"] for event in document["events"]] == ["queued", "preparing", "running", "scoring", "done"]


@pytest.mark.parametrize("page", ["submission_status", "submission_events"])
def test_what_has_not_changed_is_not_sent_again(
    public: Phase, make_run: Callable[..., Run], client_for: Callable[..., Client], page: str
) -> None:
    run = make_run(public)
    client = client_for(member_of(run))
    tag = client.get(address(run, page))["ETag"]
    again = client.get(address(run, page), headers={"If-None-Match": tag})
    assert (again.status_code, again.content) == (304, b"")
    working(run)
    assert client.get(address(run, page), headers={"If-None-Match": tag}).status_code == 200


def test_polling_stops_when_everything_is_finished(
    public: Phase, make_run: Callable[..., Run], client_for: Callable[..., Client]
) -> None:
    run = make_run(public)
    client = client_for(member_of(run))
    assert b'http-equiv="refresh"' in client.get(address(run)).content
    score(run)
    answer = client.get(address(run, "submission_status"), headers={"HX-Request": "true"})
    assert answer.status_code == 286
    assert b"hx-get" not in answer.content
    assert b'http-equiv="refresh"' not in client.get(address(run)).content


def test_a_rejected_submission_tells_why(
    public: Phase, make_accepted: Callable[..., Submission], client_for: Callable[..., Client]
) -> None:
    submission = make_accepted(public)
    problem = {"code": "E-SUB-FILE", "message": "the archive has no model.py", "file": "model.py", "remedy": "Add it."}
    Submission.objects.update(state=Submission.State.REJECTED, problems=[problem])
    text = client_for(submission.submitted_by).get(reverse("submission", args=[submission.pk])).content.decode()
    for part in ("E-SUB-FILE", "the archive has no model.py", "Add it."):
        assert part in text
    assert "hx-get" not in text


def test_a_received_submission_is_shown_before_anything_is_planned(
    public: Phase, make_accepted: Callable[..., Submission], client_for: Callable[..., Client]
) -> None:
    submission = make_accepted(public)
    Submission.objects.update(state=Submission.State.RECEIVED, manifest={}, digest="", kind="")
    text = client_for(submission.submitted_by).get(reverse("submission", args=[submission.pk])).content.decode()
    assert "Being checked" in text
    assert "hx-get" in text


def test_entering_the_next_phase_charges_it_and_withdrawing_stops_all(
    public: Phase, hidden: Phase, make_run: Callable[..., Run], client_for: Callable[..., Client]
) -> None:
    run = make_run(public)
    client = client_for(member_of(run))
    assert b"Enter The phase test" in client.get(address(run)).content
    entry = run.entry_id
    client.post(address(run, "submission_advance"), {"entry": entry, "phase": hidden.pk})
    assert QuotaCharge.objects.filter(phase=hidden, state=QuotaCharge.State.RESERVED).count() == 1
    services.plan(run.entry.submission)
    assert Run.objects.get(phase=hidden).purpose == Run.Purpose.REHEARSAL
    client.post(address(run, "submission_withdraw"))
    assert set(Run.objects.values_list("state", flat=True)) == {Run.State.CANCELLED}
    assert Entry.objects.get().status == Entry.Status.WITHDRAWN
    assert b"Withdraw this submission" not in client.get(address(run)).content


@pytest.mark.parametrize("runs", [1, 3])
def test_the_page_takes_a_fixed_number_of_queries(
    public: Phase, track: Track, make_phase: Callable[..., Phase], make_accepted: Callable[..., Submission],
    make_registration: Callable[..., Registration], client_for: Callable[..., Client],
    django_assert_max_num_queries: DjangoAssertNumQueries, runs: int,
) -> None:  # fmt: skip
    phases = [public, *(make_phase(track) for _ in range(runs - 1))]
    submission = make_accepted(*phases)
    services.plan(submission)
    Run.objects.update(state=Run.State.DONE, finished_at=timezone.now())
    client = client_for(submission.submitted_by)
    with django_assert_max_num_queries(13):
        answer = client.get(reverse("submission_status", args=[submission.pk]))
    assert answer.status_code == 200


def test_organizers_queue_again_what_failed_through_us(
    public: Phase, make_run: Callable[..., Run], client_for: Callable[..., Client], organizer: User
) -> None:
    run, other = make_run(public), make_run(public)
    Run.objects.filter(pk=run.pk).update(state=Run.State.ERRORED)
    client = client_for(organizer)
    assert client.get(reverse("admin:evaluations_run_change", args=[run.pk])).status_code == 200
    data = {"action": "requeue", "_selected_action": [run.pk, other.pk]}
    client.post(reverse("admin:evaluations_run_changelist"), data)
    run.refresh_from_db()
    assert run.state == Run.State.QUEUED
    assert client.get(reverse("admin:evaluations_responseset_changelist")).status_code == 200


def test_the_answers_draw_is_in_no_page(
    public: Phase, make_run: Callable[..., Run], client_for: Callable[..., Client], organizer: User
) -> None:
    run = make_run(public)
    response_set = run.response_sets.get()
    page = client_for(organizer).get(reverse("admin:evaluations_responseset_change", args=[response_set.pk]))
    assert page.status_code == 200
    assert bytes(response_set.draw_key).hex() not in page.content.decode()
    assert b"draw_key" not in page.content
    assert "draw" not in json.dumps(client_for(organizer).get(address(run, "submission_events")).json())


def test_what_a_submission_wrote_into_a_message_stays_untold_when_hidden_data_is_revealed(
    hidden: Phase, make_run: Callable[..., Run], client_for: Callable[..., Client], organizer: User
) -> None:
    run = make_run(hidden)
    attempt = working(run)
    detail = {"message": f"the field {CANARY!r} is not known here", "remedy": "Answer each request once."}
    states.move(attempt.run, Run.State.FAILED, code="E-OUT-FORMAT", stage="running", detail=detail)
    leases.end(attempt)
    Phase.objects.filter(pk=hidden.pk).update(closes=timezone.now() - timedelta(hours=1))
    for name in ("submission", "submission_status", "submission_events"):
        told = client_for(member_of(run)).get(address(run, name)).content.decode()
        assert "E-OUT-FORMAT" in told
        assert CANARY not in told
        assert CANARY in client_for(organizer).get(address(run, name)).content.decode()


def test_a_run_of_a_paused_track_says_why_it_waits(
    public: Phase, make_run: Callable[..., Run], client_for: Callable[..., Client]
) -> None:
    run = make_run(public)
    Track.objects.update(paused_at=timezone.now(), paused_reason=CANARY)
    for name in PAGES:
        text = client_for(member_of(run)).get(address(run, name)).content.decode()
        assert "waiting: the organizers are looking at a fault of the platform" in text
        assert CANARY not in text
        assert "position" not in text.replace("queue_position", "")


@pytest.mark.parametrize("page", ["submission_status", "submission_events"])
def test_on_hidden_data_nothing_moves_while_it_answers_and_is_scored(
    hidden: Phase, make_run: Callable[..., Run], client_for: Callable[..., Client], page: str
) -> None:
    run = make_run(hidden)
    attempt = working(run)
    client = client_for(member_of(run))
    tag = client.get(address(run, page))["ETag"]
    Attempt.objects.update(progress={"suite": "s", "position": 2, "of": 2, "done": 9, "total": 9, "rate": 1.0})
    states.move(attempt.run, Run.State.SCORING)
    assert client.get(address(run, page), headers={"If-None-Match": tag}).status_code == 304


def test_a_failed_run_stays_charged_and_counts_against_the_quota(hidden: Phase, make_run: Callable[..., Run]) -> None:
    run = make_run(hidden)
    fail(run)
    outcomes.failed(run)
    charge = QuotaCharge.objects.get()
    assert (charge.state, charge.active) == (QuotaCharge.State.SETTLED, False)
    used = quota.usage(charge.registration, hidden)
    assert (used.day, used.total, used.concurrent) == (1, 1, 0)
