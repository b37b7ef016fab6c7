"""Reminding teams by mail of questions that are not answered yet: before the deadline, or when an organizer asks."""

import logging
import smtplib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.core.mail import send_mail
from django.db import IntegrityError, transaction
from django.db.models import Count, Max, Q, QuerySet
from django.db.models.functions import Coalesce
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from challenges.models import Challenge, Track
from challenges.selectors import metadata_deadline
from config.queue import enqueue
from submissions.answers import EntryLine, completeness
from submissions.manifests import questions_of
from submissions.models import Entry, Registration, Reminder, ReminderRound

logger = logging.getLogger(__name__)

WEEK, DAY = timedelta(days=7), timedelta(hours=24)
# A round that was cut off, by a mail server that is away say, goes on after so long.
AGAIN = timedelta(minutes=10)
# An organizer's reminder says nothing to whom a mail has named the very same within so long.
QUIET = timedelta(hours=24)
MOST_SHOWN = 20  # submissions named in one mail


@dataclass(frozen=True)
class Due:
    """A team that has something to answer in a track, and with which of its entries."""

    registration: Registration
    lines: tuple[EntryLine, ...]

    @property
    def named(self) -> dict[str, list[str]]:
        """The keys of what is empty, by the submission's number."""
        return {str(line.submission.number): [question.key for question in line.empty] for line in self.lines}


def teams_due(track: Track, *, optional: bool = False) -> list[Due]:
    """The teams that still have to answer something in the track; with `optional`, those that could answer more too.

    Reference entries of organizers are not reminded of.
    """
    by_team: dict[Registration, list[EntryLine]] = {}
    for line in completeness(track).lines:
        if line.entry.status != Entry.Status.BASELINE and (line.due or (optional and line.empty)):
            by_team.setdefault(line.submission.registration, []).append(line)
    return [Due(registration, tuple(lines)) for registration, lines in by_team.items()]


def remind_due() -> int:
    """Open the rounds whose time has come, and wake those that were cut off; returns how many. For the sweeper."""
    now = timezone.now()
    tracks = Track.objects.annotate(until=Coalesce("metadata_until", Max("phases__closes")))
    for track in tracks.filter(until__gt=now, until__lte=now + WEEK):
        if questions_of(track):
            _open(track, ReminderRound.Kind.DAY if track.until <= now + DAY else ReminderRound.Kind.WEEK, track.until)
    waiting = _unfinished().values_list("pk", flat=True)
    for pk in waiting:
        enqueue("submissions.remind", pk)
    return len(waiting)


def _open(track: Track, kind: str, deadline: datetime) -> None:
    """One round of a kind for one deadline, whoever opens it first."""
    if ReminderRound.objects.filter(track=track, kind=kind, deadline=deadline).exists():
        return
    try:
        with transaction.atomic():
            ReminderRound.objects.create(track=track, kind=kind, deadline=deadline)
    except IntegrityError:
        logger.debug("Another sweeper has opened the round %s of %s.", kind, track)


def _unfinished() -> QuerySet[ReminderRound]:
    """Rounds that nobody has sent yet, or that were cut off a while ago, for as long as there is time to answer."""
    stale = Q(tried_at__isnull=True) | Q(tried_at__lt=timezone.now() - AGAIN)
    return ReminderRound.objects.filter(stale, done_at__isnull=True).exclude(deadline__lte=timezone.now())


def order_round(*, track: Track, user: User | None = None) -> ReminderRound:
    """A round that an organizer asks for."""
    with transaction.atomic():
        made = ReminderRound.objects.create(
            track=track, kind=ReminderRound.Kind.ASKED, deadline=metadata_deadline(track), ordered_by=user
        )
        enqueue("submissions.remind", made.pk)
    return made


def send_round(made: ReminderRound) -> int:
    """Mail every team of the round that has something to answer and was not mailed yet; returns how many.

    Safe to run twice, at the same time too: a team's row is there before its mail is sent.
    """
    ReminderRound.objects.filter(pk=made.pk).update(tried_at=timezone.now())
    sent = 0
    for due in to_remind(made.track, kind=made.kind):
        outcome = _remind(made, due)
        if outcome is None:
            return sent  # the mail server is away: the sweeper comes back to this round
        sent += outcome
    ReminderRound.objects.filter(pk=made.pk).update(done_at=timezone.now())
    return sent


def to_remind(track: Track, *, kind: str = ReminderRound.Kind.ASKED) -> list[Due]:
    """The teams that a round of this kind would mail now."""
    found = teams_due(track)
    if kind != ReminderRound.Kind.ASKED:
        return found
    lately = Reminder.objects.filter(round__track=track, sent_at__gt=timezone.now() - QUIET)
    told = {row.registration_id: row.named for row in lately}
    return [due for due in found if told.get(due.registration.pk) != due.named]


def _remind(made: ReminderRound, due: Due) -> bool | None:
    """Whether the team was mailed now; False where it was before, None where the mail did not go out."""
    try:
        with transaction.atomic():
            row = Reminder.objects.create(round=made, registration=due.registration, named=due.named)
    except IntegrityError:
        return False
    subject, text = letter(made.track, due)
    people = User.objects.filter(memberships__team=due.registration.team, is_active=True)
    mailed = False
    for email in people.values_list("email", flat=True):
        try:
            send_mail(subject, text, None, [email])
        except smtplib.SMTPRecipientsRefused:
            logger.warning("The mail server does not take a member of %s.", due.registration.team)
        except (OSError, smtplib.SMTPException):
            logger.exception("The team %s could not be reminded by mail.", due.registration.team)
            if not mailed:
                row.delete()
            return None
        else:
            mailed = True
    return True


def letter(track: Track, due: Due) -> tuple[str, str]:
    """Subject and text of a team's mail: what is empty, of which submission, until when, and where to answer."""
    lines = [(line, _page(line), _optional(line)) for line in due.lines[:MOST_SHOWN]]
    context = {
        "track": track, "challenge": track.challenge, "team": due.registration.team, "lines": lines,
        "more": len(due.lines) - len(lines), "until": metadata_deadline(track),
    }  # fmt: skip
    text = render_to_string("submissions/answers_email.txt", context)
    return f"{track.challenge.title}: questions about your method are not answered yet", text


def _page(line: EntryLine) -> str:
    return f"{settings.SITE_URL.rstrip('/')}{reverse('submission_method', args=[line.submission.pk])}"


def _optional(line: EntryLine) -> Sequence[str]:
    due = {question.key for question in line.due}
    return [question.label for question in line.empty if question.key not in due]


def tracks_of(challenge: Challenge) -> QuerySet[Track]:
    """The challenge's tracks with what a reminder needs of them."""
    return Track.objects.filter(challenge=challenge).select_related("challenge").prefetch_related("phases")


def last_rounds(track: Track) -> list[ReminderRound]:
    """The track's latest rounds, with the number of teams that each has mailed as `mails`."""
    rounds = ReminderRound.objects.filter(track=track).select_related("ordered_by").order_by("-pk")
    return list(rounds.annotate(mails=Count("reminders"))[:5])
