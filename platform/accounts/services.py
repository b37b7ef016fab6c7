"""Teams and invitations."""

import hashlib
import secrets
import unicodedata
from collections.abc import Sequence
from datetime import timedelta

from allauth.account.models import EmailAddress
from django.conf import settings
from django.core.mail import send_mail
from django.db import transaction
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.text import slugify

from accounts.models import Invitation, Membership, Team, User

INVITATION_LIFE = timedelta(days=14)
MAX_OPEN_INVITATIONS = 20
# Bounds the mail that one person can make the platform send to strangers.
MAX_INVITATIONS_A_DAY = 60


NOT_OPEN = "This invitation is not open any more. Ask the team for a new one."


class TeamError(Exception):
    """A change to a team was refused; the sentence is for the person who asked, after a code where there is one."""

    def __init__(self, sentence: str, *, code: str = "") -> None:
        self.code = code
        super().__init__(f"{code}: {sentence}" if code else sentence)


def folded(name: str) -> str:
    """A name's form for comparison: two that look the same are the same."""
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())


def plain(name: str) -> str:
    """A name in the form it is kept in; raises TeamError for one with characters that can't be seen."""
    name = " ".join(unicodedata.normalize("NFC", name).split())
    if not any(character.isalnum() for character in name) or not name.isprintable():
        raise TeamError("A name is made of letters and digits that everybody can see.")
    return name


def create_team(*, name: str, owner: User) -> Team:
    """Create a team with its owner; raises TeamError where another team has, or seems to have, that name."""
    name = plain(name)
    with transaction.atomic():
        if any(folded(other) == folded(name) for other in Team.objects.values_list("name", flat=True)):
            raise TeamError(f"There is a team called {name} already. Choose another name, or ask it for an invitation.")
        team = Team.objects.create(name=name, slug=_free_slug(name))
        Membership.objects.create(team=team, user=owner, role=Membership.Role.OWNER)
    return team


def _free_slug(name: str) -> str:
    stem = slugify(name)[:60] or "team"
    slug, number = stem, 1
    while Team.objects.filter(slug=slug).exists():
        number += 1
        slug = f"{stem}-{number}"
    return slug


def invite(*, team: Team, email: str, invited_by: User) -> str:
    """Offer a place in the team and send the link by mail; returns the link. Raises TeamError."""
    email = email.lower()
    if not team.memberships.filter(user=invited_by).exists():
        raise TeamError("Only members of a team invite to it.")
    if team.memberships.filter(user__email=email).exists():
        raise TeamError(f"{email} is in the team already.")
    now = timezone.now()
    with transaction.atomic():
        team.invitations.filter(email=email, accepted_at=None, revoked_at=None).update(revoked_at=now)
        still_open = team.invitations.filter(accepted_at=None, revoked_at=None, expires_at__gt=now)
        if still_open.count() >= MAX_OPEN_INVITATIONS:
            raise TeamError(f"The team has {MAX_OPEN_INVITATIONS} open invitations. Take some back first.")
        lately = Invitation.objects.filter(invited_by=invited_by, created_at__gt=now - timedelta(days=1))
        if lately.count() >= MAX_INVITATIONS_A_DAY:
            raise TeamError(f"You have sent {MAX_INVITATIONS_A_DAY} invitations today. Go on tomorrow.")
        token = secrets.token_urlsafe(32)
        Invitation.objects.create(
            team=team, email=email, invited_by=invited_by, token_digest=_digest(token), expires_at=now + INVITATION_LIFE
        )
    link = f"{settings.SITE_URL.rstrip('/')}{reverse('invitation', args=[token])}"
    text = render_to_string("accounts/invitation_email.txt", {"team": team, "by": invited_by, "link": link})
    send_mail(f"Join the team {team.name}", text, None, [email])
    return link


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def open_invitation(*, token: str) -> Invitation:
    """The invitation behind a link; raises TeamError where it is used, taken back, expired or unknown."""
    invitation = Invitation.objects.select_related("team", "invited_by").filter(token_digest=_digest(token)).first()
    if invitation is None or invitation.revoked_at or invitation.accepted_at:
        raise TeamError(NOT_OPEN)
    if invitation.expires_at <= timezone.now():
        raise TeamError("This invitation has expired. Ask the team for a new one.")
    return invitation


def is_for(invitation: Invitation, user: User) -> bool:
    """Whether the invitation was sent to an address that the user has confirmed."""
    mine = EmailAddress.objects.filter(user=user, email__iexact=invitation.email, verified=True)
    return bool(mine.exists())


def hold_seats(*teams: Team) -> None:
    """Let nobody join these teams, register them, or join a rival of theirs, until the transaction ends.

    Locks the teams and then the challenges they take part in, each in the order of their ids. Registrations lie in an
    app above this one, which is why they are reached by the name of their relation.
    """
    pks = [team.pk for team in teams]
    list(Team.objects.select_for_update(no_key=True).filter(pk__in=pks).order_by("pk"))
    registrations = teams[0].registrations.model.objects.filter(team__in=pks).select_related("challenge")
    list(registrations.select_for_update(of=("challenge",), no_key=True).order_by("challenge_id", "pk"))


def check_seat(*, user: User, team: Team, beside: Sequence[Team] = ()) -> None:
    """Raises TeamError where the team is closed, or the user takes part in one of its challenges with another team.

    `beside` are teams that don't count. It is true for as long as the caller holds the team's seats.
    """
    if Team.objects.filter(pk=team.pk, closed_at__isnull=False).exists():
        raise TeamError(f"The team {team.name} was merged into another one and is closed.")
    challenges = team.registrations.values("challenge")
    rivals = user.teams.exclude(pk__in=[team.pk, *(other.pk for other in beside)])
    rival = rivals.filter(registrations__challenge__in=challenges).first()
    if rival is None:
        return
    shared = rival.registrations.filter(challenge__in=challenges).select_related("challenge").first()
    what = shared.challenge.title if shared is not None else "the same challenge"
    raise TeamError(
        f"{user} takes part in {what} with the team {rival.name}, and a person takes part in a challenge with one "
        f"team. Leave {rival.name} first, or have the two teams merged.",
        code="E-REG-ONCE",
    )


def add_member(*, team: Team, user: User) -> Membership:
    """Give the user a seat in the team; raises TeamError where the team is closed or a rival has the user."""
    with transaction.atomic():
        hold_seats(team)
        check_seat(user=user, team=team)
        membership, _ = Membership.objects.get_or_create(team=team, user=user)
    return membership


def accept_invitation(*, token: str, user: User) -> Team:
    """Join the team; raises TeamError, also where the invitation was sent to another address than the user's."""
    with transaction.atomic():
        invitation = open_invitation(token=token)
        if not is_for(invitation, user):
            raise TeamError(f"This invitation was sent to {invitation.email}. Log in with that address to accept it.")
        add_member(team=invitation.team, user=user)
        taken = Invitation.objects.filter(pk=invitation.pk, accepted_at=None, revoked_at=None).update(
            accepted_at=timezone.now(), accepted_by=user
        )
        if not taken:
            raise TeamError(NOT_OPEN)
    return invitation.team


def revoke_invitation(*, invitation: Invitation) -> None:
    """Take an open invitation back."""
    Invitation.objects.filter(pk=invitation.pk, accepted_at=None, revoked_at=None).update(revoked_at=timezone.now())


def leave_team(*, team: Team, user: User) -> None:
    """Leave the team, which goes to its longest member where no owner is left; raises TeamError for the only member."""
    with transaction.atomic():
        # Two who leave at once must not leave the team empty.
        Team.objects.select_for_update(no_key=True).get(pk=team.pk)
        membership = team.memberships.filter(user=user).first()
        if membership is None:
            raise TeamError("You are not in this team.")
        others = team.memberships.exclude(pk=membership.pk)
        if not others.exists():
            raise TeamError("You are the only member. The team and its submissions would be nobody's.")
        membership.delete()
        if not others.filter(role=Membership.Role.OWNER).exists():
            heir = others.order_by("joined_at").first()
            if heir is not None:
                heir.role = Membership.Role.OWNER
                heir.save(update_fields=["role"])
