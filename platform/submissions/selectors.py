"""What a person may see of submissions, and what the sweeper must look after."""

from datetime import timedelta
from typing import Any

from django.db.models import Count, Q, QuerySet
from django.utils import timezone

from accounts.models import Membership, Merge, User
from challenges.models import Challenge, Role
from challenges.selectors import phases_judged_blind
from submissions.models import HubFetch, Registration, Submission, UploadSession


def visible_submissions(user: User) -> QuerySet[Submission]:
    """Those of the user's teams, and those of challenges in which the user has a role; fails closed.

    Where methods are judged blind, organizers alone see whose they are: a submission's pages name it.
    """
    rows = Submission.objects.select_related("registration__team", "registration__challenge", "artifact")
    if not user.is_authenticated or not user.is_active:
        return rows.none()
    if user.is_superuser:
        return rows
    own = Registration.objects.filter(team__members=user).values("pk")
    blind = phases_judged_blind().values("track__challenge")
    roles = (
        Role.objects.of(user)
        .filter(Q(kind=Role.Kind.ORGANIZER) | ~Q(challenge__in=blind))
        .order_by()
        .values("challenge")
    )
    return rows.filter(Q(registration__in=own) | Q(registration__challenge__in=roles))


def team_submissions(registration: Registration) -> QuerySet[Submission]:
    """A team's submissions in a challenge, the newest first, with what a list shows of them. Three queries."""
    return registration.submissions.select_related("artifact").prefetch_related("entries__track")


def registrations(challenge: Challenge) -> QuerySet[Registration]:
    """Every team that takes part, by name; a team that was merged into another is not there any more."""
    return (
        Registration.objects.filter(challenge=challenge, team__closed_at=None)
        .select_related("team")
        .order_by("team__name")
    )


def merges_of(user: User) -> QuerySet[Merge]:
    """Requests of, or to, a team of the user's."""
    own = Membership.objects.filter(user=user).values("team")
    return Merge.objects.filter(Q(source__in=own) | Q(target__in=own)).select_related("source", "target", "asked_by")


def merge_in_words(merge: Merge, user: User) -> dict[str, Any]:
    """What a request's page shows: who and what would move, and which answers the user may give."""
    owned = {
        membership.team_id
        for membership in user.memberships.filter(role=Membership.Role.OWNER, team__in=[merge.source, merge.target])
    }
    is_open = merge.state == Merge.State.ASKED
    moving = merge.source.registrations.select_related("challenge").annotate(hand_ins=Count("submissions"))
    return {
        "merge": merge,
        "members": list(merge.source.members.all()),
        "moving": list(moving.order_by("challenge__title")),
        "may_answer": is_open and merge.target_id in owned,
        "may_take_back": is_open and merge.source_id in owned,
    }


def unfinished_uploads(user: User, challenge: Challenge) -> list[UploadSession]:
    """Uploads that can go on, or that are whole and not handed in yet; the newest first."""
    states = [UploadSession.State.OPEN, UploadSession.State.COMPLETE]
    return list(UploadSession.objects.filter(user=user, challenge=challenge, state__in=states)[:5])


def stale_received(*, older_than: timedelta) -> QuerySet[Submission]:
    """Submissions whose check should have begun by now: their wake-up was lost, or the engine was away.

    Those whose files a worker is fetching, or whose hub wants to be left alone for a while, are not among them.
    """
    now = timezone.now()
    stale = Submission.objects.filter(state=Submission.State.RECEIVED, created_at__lt=now - older_than)
    return stale.exclude(hub__complete=False, hub__not_before__gt=now).order_by("created_at")


def fetching_in_words(submission: Submission) -> str | None:
    """What the team reads while files come from a hub; None where there are none to come."""
    row = HubFetch.objects.filter(submission=submission, complete=False).first()
    if row is None or row.told:
        return row.told if row else None
    there = submission.stored_files.count()
    return f"{there:,} of {len(row.listing):,} files are here" if row.listing else "looking up what there is"
