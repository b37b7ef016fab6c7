"""What a person may see of submissions, and what the sweeper must look after."""

from datetime import timedelta

from django.db.models import Q, QuerySet
from django.utils import timezone

from accounts.models import User
from challenges.models import Challenge, Role
from submissions.models import Registration, Submission, UploadSession


def visible_submissions(user: User) -> QuerySet[Submission]:
    """Those of the user's teams, and those of challenges in which the user has a role; fails closed."""
    rows = Submission.objects.select_related("registration__team", "registration__challenge", "artifact")
    if not user.is_authenticated or not user.is_active:
        return rows.none()
    if user.is_superuser:
        return rows
    own = Registration.objects.filter(team__members=user).values("pk")
    roles = Role.objects.of(user).values("challenge")
    return rows.filter(Q(registration__in=own) | Q(registration__challenge__in=roles))


def team_submissions(registration: Registration) -> QuerySet[Submission]:
    """A team's submissions in a challenge, the newest first, with what a list shows of them. Three queries."""
    return registration.submissions.select_related("artifact").prefetch_related("entries__track")


def unfinished_uploads(user: User, challenge: Challenge) -> list[UploadSession]:
    """Uploads that can go on, or that are whole and not handed in yet; the newest first."""
    states = [UploadSession.State.OPEN, UploadSession.State.COMPLETE]
    return list(UploadSession.objects.filter(user=user, challenge=challenge, state__in=states)[:5])


def stale_received(*, older_than: timedelta) -> QuerySet[Submission]:
    """Submissions whose check should have begun by now: their wake-up was lost, or the engine was away."""
    return Submission.objects.filter(
        state=Submission.State.RECEIVED, created_at__lt=timezone.now() - older_than
    ).order_by("created_at")
