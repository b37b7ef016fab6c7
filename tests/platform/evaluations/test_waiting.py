"""What waits too long is told of once: to the organizers by mail, to its team as an event."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.utils import timezone

from accounts.models import User
from challenges.models import Challenge, Phase, Track
from evaluations import leases, planning, presentation, tasks, waiting
from evaluations.models import Attempt, Event, Run
from evaluations.visibility import Viewer
from sandbox.errors import ImageMissing
from submissions.models import QuotaCharge, Submission

pytestmark = pytest.mark.django_db(transaction=True)
IMAGE = f"base@sha256:{'0' * 64}"
LONG_AGO = timedelta(hours=1)


@pytest.fixture
def phase(
    make_phase: Callable[..., Phase], make_track: Callable[..., Track], make_challenge: Callable[..., Challenge],
    make_user: Callable[..., User],
) -> Phase:  # fmt: skip
    return make_phase(make_track(make_challenge(organizers=(make_user("ada@example.org"),)), image=IMAGE))


def told() -> list[tuple[str, str]]:
    return list(Event.objects.filter(kind="waiting").values_list("new", "detail__reason"))


def test_nothing_is_told_of_what_has_just_begun_to_wait(
    phase: Phase, make_run: Callable[..., Run], make_accepted: Callable[..., Submission]
) -> None:
    make_run(phase)
    make_accepted(phase)
    assert waiting.tell_late() == 0


def test_a_run_in_a_queue_that_nobody_serves_is_told_of_once(phase: Phase, make_run: Callable[..., Run]) -> None:
    run = make_run(phase)
    Run.objects.update(not_before=timezone.now() - LONG_AGO)
    assert waiting.tell_late() == 1
    assert waiting.tell_late() == 0
    assert Event.objects.get(kind="waiting").run == run
    assert [message.to for message in mail.outbox] == [["ada@example.org"]]
    assert "Nobody works on the queue" in mail.outbox[0].body


def test_a_run_behind_others_in_a_busy_queue_waits_for_its_turn(phase: Phase, make_run: Callable[..., Run]) -> None:
    make_run(phase)
    make_run(phase)
    attempt = leases.claim(worker="one", queue="cpu")
    assert attempt is not None
    Run.objects.update(not_before=timezone.now() - LONG_AGO)
    Attempt.objects.update(started_at=timezone.now() - LONG_AGO)
    assert waiting.tell_late() == 0, "a long run is being worked on"
    Attempt.objects.update(state=Attempt.State.ENDED)
    assert waiting.tell_late() == 1


def test_runs_of_a_paused_track_wait_for_its_organizers_and_nobody_else(
    phase: Phase, make_run: Callable[..., Run]
) -> None:
    make_run(phase)
    Run.objects.update(not_before=timezone.now() - LONG_AGO)
    Track.objects.update(paused_at=timezone.now())
    assert waiting.tell_late() == 0


def test_a_check_that_does_not_come_is_told_of(phase: Phase, make_accepted: Callable[..., Submission]) -> None:
    make_accepted(phase)
    Submission.objects.update(state=Submission.State.RECEIVED, created_at=timezone.now() - LONG_AGO)
    assert waiting.tell_late() == 1
    assert told()[0][0] == "check"


def test_a_missing_image_ends_the_silence_with_its_reason(
    phase: Phase, make_accepted: Callable[..., Submission], monkeypatch: pytest.MonkeyPatch
) -> None:
    submission = make_accepted(phase)

    def missing(_: Any) -> str:
        raise ImageMissing("The image base is not on this engine.")

    monkeypatch.setattr(planning, "image_of", missing)
    tasks.plan(str(submission.pk))
    assert told() == [], "it has only just begun to wait"
    QuotaCharge.objects.update(changed_at=timezone.now() - LONG_AGO)
    tasks.plan(str(submission.pk))
    tasks.plan(str(submission.pk))
    assert told() == [("plan", "The image base is not on this engine.")]
    assert waiting.tell_late() == 0
    assert len(mail.outbox) == 1
    monkeypatch.undo()
    tasks.plan(str(submission.pk))
    assert Run.objects.count() == 1, "and it goes on once the image is there"


def test_a_team_reads_why_its_run_waits_until_it_is_worked_on(phase: Phase, make_run: Callable[..., Run]) -> None:
    submission = make_run(phase).entry.submission

    def text() -> str:
        (view,) = presentation.view_of(submission, Viewer.TEAM).runs
        return view.stage_text

    assert "waiting: Nobody works" not in text()
    Run.objects.update(not_before=timezone.now() - LONG_AGO)
    waiting.tell_late()
    assert text() == "waiting: Nobody works on the queue that the run waits in."
    assert leases.claim(worker="one", queue="cpu") is not None
    assert text() == "preparing"
    leases.give_back(worker="one")
    assert "Nobody works" not in text()


def test_a_team_reads_why_its_submission_is_not_checked_or_planned(
    phase: Phase, make_accepted: Callable[..., Submission]
) -> None:
    submission = make_accepted(phase)
    for state, what in ((Submission.State.RECEIVED, "check"), (Submission.State.ACCEPTED, "plan")):
        Submission.objects.update(state=state)
        submission.refresh_from_db()
        assert waiting.tell(submission, what)
        (view,) = presentation.view_of(submission, Viewer.TEAM).runs
        assert view.stage_text == f"waiting: {waiting.REASONS[what]}"
