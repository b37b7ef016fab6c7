"""Reminders of what is not answered: to whom, naming what, when, and never the same one twice."""

import smtplib
import threading
from collections.abc import Callable
from datetime import timedelta
from io import StringIO

import pytest
from django.core import mail
from django.core.mail.backends.locmem import EmailBackend
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone
from pytest_django import DjangoCaptureOnCommitCallbacks
from pytest_django.fixtures import Settings

from accounts.models import User
from challenges.models import Phase, Track
from evaluations.sweeping import sweep
from submissions.answers_saving import save_answers
from submissions.models import Entry, Registration, Reminder, ReminderRound, Submission
from submissions.reminding import order_round, remind_due, send_round, teams_due
from submissions.tasks import remind

Accepted = Callable[..., Submission]


def deadline_in(track: Track, **time: float) -> None:
    """Let the time for answers end in so long."""
    Track.objects.filter(pk=track.pk).update(metadata_until=timezone.now() + timedelta(**time))
    track.refresh_from_db()


def sweep_and_send() -> list[str]:
    """What one sweep leads to: the addresses that are mailed."""
    before = len(mail.outbox)
    remind_due()
    for made in ReminderRound.objects.filter(done_at=None):
        remind(made.pk)
    return sorted(address for message in mail.outbox[before:] for address in message.to)


def test_a_team_is_told_what_is_empty_where_and_until_when(
    accepted: Accepted, asking_track: Track, make_user: Callable[..., User], settings: Settings
) -> None:
    settings.SITE_URL = "https://proctor.example/"
    deadline_in(asking_track, days=6)
    one = accepted()
    teammate, left = make_user(), make_user(is_active=False)
    for person in (teammate, left):
        one.registration.team.memberships.create(user=person)
    assert sweep_and_send() == sorted([one.submitted_by.email, teammate.email])
    text = mail.outbox[0].body
    assert f"#{one.number} Parrot\n  - Approaches\n  and, if you like: Hardware\n" in text
    assert f"https://proctor.example/s/{one.pk}/method" in text
    assert f"{asking_track.metadata_until:%H:%M} UTC" in text
    assert Reminder.objects.get().named == {"1": ["approaches", "hardware"]}


def test_each_reminder_goes_out_once_a_week_before_and_a_day_before(accepted: Accepted, asking_track: Track) -> None:
    accepted()
    deadline_in(asking_track, days=8)
    assert sweep_and_send() == []
    deadline_in(asking_track, days=6)
    assert len(sweep_and_send()) == 1
    assert sweep_and_send() == []
    until = asking_track.metadata_until
    Track.objects.filter(pk=asking_track.pk).update(metadata_until=until - timedelta(days=5, hours=1))
    assert len(sweep_and_send()) == 1
    assert sweep_and_send() == []
    assert set(ReminderRound.objects.values_list("kind", flat=True)) == {"week", "day"}


def test_a_deadline_that_moves_is_reminded_of_anew(accepted: Accepted, asking_track: Track) -> None:
    accepted()
    deadline_in(asking_track, days=5)
    assert len(sweep_and_send()) == 1
    deadline_in(asking_track, days=6)
    assert len(sweep_and_send()) == 1


def test_without_a_deadline_of_its_own_the_last_phase_says_when(
    accepted: Accepted, make_phase: Callable[..., Phase], asking_track: Track
) -> None:
    accepted(make_phase(asking_track, closes=timezone.now() + timedelta(days=3)))
    assert len(sweep_and_send()) == 1


def test_who_has_answered_what_is_due_is_left_alone(accepted: Accepted, asking_track: Track) -> None:
    deadline_in(asking_track, days=3)
    done, missing = accepted(), accepted()
    save_answers(submission=done, answers={"approaches": ["curriculum"]}, user=done.submitted_by)
    assert sweep_and_send() == [missing.submitted_by.email]
    assert [due.registration for due in teams_due(asking_track, optional=True)] == [
        done.registration, missing.registration,
    ]  # fmt: skip


@pytest.mark.parametrize("status", [Entry.Status.BASELINE, Entry.Status.WITHDRAWN, Entry.Status.DISQUALIFIED])
def test_nobody_is_reminded_of_a_baseline_or_of_what_is_gone(
    accepted: Accepted, asking_track: Track, status: str
) -> None:
    deadline_in(asking_track, days=3)
    accepted().entries.update(status=status)
    assert sweep_and_send() == []


def test_nobody_is_reminded_once_the_time_is_over(accepted: Accepted, asking_track: Track) -> None:
    accepted()
    deadline_in(asking_track, minutes=-1)
    assert (remind_due(), sweep_and_send()) == (0, [])


def test_a_team_gets_one_mail_for_all_its_submissions(
    accepted: Accepted, asking_track: Track, make_registration: Callable[..., Registration]
) -> None:
    deadline_in(asking_track, days=3)
    registration = make_registration(challenge=asking_track.challenge)
    first, second = accepted(registration=registration), accepted(registration=registration)
    assert sweep_and_send() == [registration.created_by.email]
    assert str(first.pk) in mail.outbox[0].body
    assert str(second.pk) in mail.outbox[0].body


class AwayBackend(EmailBackend):
    """A mail server that takes so many mails and then is away."""

    takes = 0

    def send_messages(self, messages: list[mail.EmailMessage]) -> int:
        """Refuse once enough was taken."""
        if type(self).takes == 0:
            raise smtplib.SMTPServerDisconnected("gone")
        type(self).takes -= 1
        return super().send_messages(messages)


def test_a_round_that_was_cut_off_goes_on_with_whom_it_has_not_reached(
    accepted: Accepted, asking_track: Track, settings: Settings
) -> None:
    deadline_in(asking_track, days=3)
    teams = {accepted().submitted_by.email for _ in range(3)}
    settings.EMAIL_BACKEND = f"{__name__}.AwayBackend"
    AwayBackend.takes = 1
    assert len(sweep_and_send()) == 1
    made = ReminderRound.objects.get()
    assert (made.done_at, Reminder.objects.count()) == (None, 1)
    assert remind_due() == 0  # it is left in peace for a while
    ReminderRound.objects.update(tried_at=timezone.now() - timedelta(minutes=11))
    assert remind_due() == 1
    AwayBackend.takes = 10
    assert send_round(made) == 2
    assert {address for message in mail.outbox for address in message.to} == teams
    assert len(mail.outbox) == 3


def test_an_organizer_may_ask_at_any_time_and_repeats_nothing_within_a_day(
    accepted: Accepted, asking_track: Track, organizer: User
) -> None:
    one = accepted()
    assert send_round(order_round(track=asking_track, user=organizer)) == 1
    assert send_round(order_round(track=asking_track, user=organizer)) == 0
    asking_track.questions.append({"key": "seeds", "type": "integer", "required": "by-deadline"})
    asking_track.save()
    assert send_round(order_round(track=asking_track, user=organizer)) == 1
    assert "Seeds" in mail.outbox[-1].body
    assert mail.outbox[-1].to == [one.submitted_by.email]
    Reminder.objects.update(sent_at=timezone.now() - timedelta(hours=25))
    assert send_round(order_round(track=asking_track, user=organizer)) == 1


def test_an_ordered_round_is_sent_in_the_background(
    asking_track: Track, organizer: User, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    with django_capture_on_commit_callbacks() as waiting:
        order_round(track=asking_track, user=organizer)
    assert len(waiting) == 1
    assert mail.outbox == []


def test_the_command_shows_and_sends(accepted: Accepted, asking_track: Track) -> None:
    one, out = accepted(), StringIO()
    call_command("answers", "status", asking_track.challenge.key, stdout=out)
    assert "Strict: 2 answers of 1 entries are empty" in out.getvalue()
    assert "1 of 3 answered; empty: Approaches, Hardware" in out.getvalue()
    call_command("answers", "remind", asking_track.challenge.key, dry_run=True, stdout=out)
    assert f"To {one.registration.team}\nSubject: " in out.getvalue()
    assert (mail.outbox, ReminderRound.objects.count()) == ([], 0)
    call_command("answers", "remind", asking_track.challenge.key, stdout=out)
    assert "Strict: 1 teams were reminded." in out.getvalue()
    assert mail.outbox[0].to == [one.submitted_by.email]
    with pytest.raises(CommandError, match="no challenge"):
        call_command("answers", "status", "another")


def test_the_sweeper_opens_the_round_and_wakes_a_worker(
    accepted: Accepted, asking_track: Track, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    accepted()
    deadline_in(asking_track, hours=5)
    with django_capture_on_commit_callbacks() as waiting:
        assert sweep().reminders == 1
    assert ReminderRound.objects.get().kind == ReminderRound.Kind.DAY
    assert waiting


@pytest.mark.django_db(transaction=True)
def test_two_workers_at_one_round_mail_each_team_once(accepted: Accepted, asking_track: Track) -> None:
    teams = sorted(accepted().submitted_by.email for _ in range(5))
    made = order_round(track=asking_track)
    start, sent = threading.Barrier(2), []

    def work() -> None:
        start.wait(10)
        sent.append(send_round(made))
        connection.close()

    workers = [threading.Thread(target=work) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sum(sent) == 5
    assert sorted(address for message in mail.outbox for address in message.to) == teams
