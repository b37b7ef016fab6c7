"""Two teams that become one: an owner asks, an owner of the other agrees, and the ledgers are added up."""

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, date

from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.models import Membership, Merge, Team, User
from accounts.services import TeamError, check_seat, folded, hold_seats
from challenges.models import Phase
from config.queue import enqueue
from evaluators.protocol.problems import Problem
from submissions import quota
from submissions.errors import SubmissionRefused
from submissions.models import QuotaCharge, QuotaGrant, Registration, Submission


def ask(*, source: Team, name: str, user: User) -> Merge:
    """Ask the team of that name to take this one in; raises SubmissionRefused with all that stands against it."""
    _check_owner(source, user)
    target = next((team for team in Team.objects.filter(closed_at=None) if folded(team.name) == folded(name)), None)
    if target is None:
        raise _refused(f"there is no team called {name.strip()[:80]}", "Write its name as it stands on leaderboards.")
    problems = obstacles(source, target)
    if problems:
        raise SubmissionRefused(problems)
    try:
        with transaction.atomic():
            return Merge.objects.create(source=source, target=target, asked_by=user)
    except IntegrityError as error:
        message = f"{source.name} has asked a team already, and waits for its answer"
        raise _refused(message, "Take that request back first.") from error


def take_back(*, merge: Merge, user: User) -> None:
    """Take an unanswered request back; raises SubmissionRefused."""
    _check_owner(merge.source, user)
    _answer(merge, Merge.State.WITHDRAWN, user)


def decline(*, merge: Merge, user: User) -> None:
    """Turn an unanswered request down; raises SubmissionRefused."""
    _check_owner(merge.target, user)
    _answer(merge, Merge.State.DECLINED, user)


def accept(*, merge: Merge, user: User) -> Team:
    """Agree: the source's members, registrations and hand-ins become the target's, and the source is closed.

    One transaction; raises SubmissionRefused where the charges of both exceed a quota, or somebody would sit in two
    teams of a challenge.
    """
    with transaction.atomic():
        hold_seats(merge.source, merge.target)
        _check_owner(merge.target, user)
        _answer(merge, Merge.State.MERGED, user)
        source, target = Team.objects.get(pk=merge.source_id), Team.objects.get(pk=merge.target_id)
        registrations = Registration.objects.filter(team__in=[source, target]).select_related("challenge", "team")
        quota.lock(*registrations)
        problems = obstacles(source, target)
        if problems:
            raise SubmissionRefused(problems)
        for registration in registrations.filter(team=source):
            _move_registration(registration, target)
        _move_members(source, target)
        source.closed_at, source.merged_into = timezone.now(), target
        source.save(update_fields=["closed_at", "merged_into"])
        Merge.objects.filter(target=source, state=Merge.State.ASKED).update(
            state=Merge.State.DECLINED, answered_by=user, answered_at=timezone.now()
        )
        source.invitations.filter(accepted_at=None, revoked_at=None).update(revoked_at=timezone.now())
        for phase in Phase.objects.filter(charges__registration__team=target).distinct():
            enqueue("leaderboards.refresh_runs", phase.pk)
    return target


def _answer(merge: Merge, state: str, user: User) -> None:
    changed = Merge.objects.filter(pk=merge.pk, state=Merge.State.ASKED).update(
        state=state, answered_by=user, answered_at=timezone.now()
    )
    if not changed:
        raise _refused("this request has been answered, or taken back, already")


def _refused(message: str, remedy: str = "") -> SubmissionRefused:
    return SubmissionRefused([Problem("E-TEAM-MERGE", message, remedy=remedy)])


def _check_owner(team: Team, user: User) -> None:
    """A merge can't be undone and binds everybody in both teams, so their owners decide."""
    if not team.memberships.filter(user=user, role=Membership.Role.OWNER).exists():
        raise _refused(f"only an owner of {team.name} decides about merging it", "Ask one of them.")


def obstacles(source: Team, target: Team) -> list[Problem]:
    """Everything that stands against the merge now; nothing where it can go ahead."""
    if source.pk == target.pk:
        return [Problem("E-TEAM-MERGE", "a team can't be merged into itself")]
    for team in (source, target):
        if team.closed_at is not None:
            return [Problem("E-TEAM-MERGE", f"the team {team.name} is closed")]
    return [*_rivals(source, target), *_exceeded(source, target)]


def _rivals(source: Team, target: Team) -> list[Problem]:
    """Who would sit in two teams of a challenge afterwards."""
    problems = []
    for one, other in ((source, target), (target, source)):
        for member in one.members.all():
            for team in (one, other):
                try:
                    check_seat(user=member, team=team, beside=(source, target))
                except TeamError as error:
                    problems.append(Problem(error.code, str(error).removeprefix(f"{error.code}: ").rstrip(".")))
    return list(dict.fromkeys(problems))


def _exceeded(source: Team, target: Team) -> list[Problem]:
    """Quotas that the charges of both together exceed, in all or on a day, with what both were granted."""
    problems = []
    theirs = {registration.challenge_id: registration for registration in source.registrations.all()}
    for mine in target.registrations.filter(challenge__in=theirs):
        both = [mine, theirs[mine.challenge_id]]
        charges = QuotaCharge.objects.filter(registration__in=both, state__in=quota.COUNTED)
        grants = list(QuotaGrant.objects.filter(registration__in=both))
        for phase in Phase.objects.filter(charges__in=charges).distinct().select_related("track"):
            own = [(charge.registration_id, _day(charge)) for charge in charges.filter(phase=phase)]
            if len({registration for registration, _ in own}) > 1:
                problems += _exceeded_in(phase, own, [grant for grant in grants if grant.phase_id == phase.pk])
    return problems


def _day(charge: QuotaCharge) -> date:
    return charge.created_at.astimezone(UTC).date()


def _exceeded_in(phase: Phase, charged: list[tuple[int, date]], grants: list[QuotaGrant]) -> list[Problem]:
    """The problems of one phase; `charged` holds the registration and the day of each charge."""
    problems = []
    granted = sum(grant.amount for grant in grants)
    if phase.quota_total is not None and len(charged) > phase.quota_total + granted:
        problems.append(_too_many(phase, len(charged), f"{phase.quota_total} in all", granted, "in all"))
    of_day = Counter(day for _, day in charged)
    if phase.quota_day is not None:
        for day, count in sorted(of_day.items()):
            both = len({registration for registration, when in charged if when == day}) > 1
            granted = sum(grant.amount for grant in grants if grant.day == day)
            if both and count > phase.quota_day + granted:
                when = "today" if day == quota.today() else f"on {day:%-d %B %Y}"
                problems.append(_too_many(phase, count, f"{phase.quota_day} a day", granted, when))
    return problems


def _too_many(phase: Phase, count: int, quota_in_words: str, granted: int, when: str) -> Problem:
    more = f" and {granted} more were granted" if granted else ""
    message = f"{phase} takes {quota_in_words}{more}, and the two teams have made {count} together {when}"
    return Problem("E-TEAM-MERGE", message, remedy="The organizers can grant the missing ones to one of the teams.")


def _move_registration(registration: Registration, target: Team) -> None:
    """Give the target the registration, or, where it takes part too, everything that hangs on it."""
    reason = f"came with the team {registration.team.name}"
    mine = Registration.objects.filter(team=target, challenge=registration.challenge_id).first()
    if mine is None:
        Registration.objects.filter(pk=registration.pk).update(team=target)
        _note(registration.charges.all(), reason)
        return
    taken = set(mine.submissions.values_list("number", flat=True))
    # Whoever changes a hand-in and its charges takes the hand-in first; so does this.
    for submission in registration.submissions.select_for_update().order_by("created_at", "pk"):
        number = submission.number if submission.number not in taken else max(taken) + 1
        taken.add(number)
        Submission.objects.filter(pk=submission.pk).update(registration=mine, number=number)
    _note(registration.charges.all(), reason)
    registration.charges.update(registration=mine)
    registration.grants.update(registration=mine)


def _note(charges: Iterable[QuotaCharge], reason: str) -> None:
    for charge in charges:
        quota.note(charge, old=charge.state, new=charge.state, reason=reason)


def _move_members(source: Team, target: Team) -> None:
    """Everybody of the source becomes a member of the target, in the order in which they joined."""
    for membership in source.memberships.all():
        Membership.objects.get_or_create(team=target, user_id=membership.user_id)
    source.memberships.all().delete()
