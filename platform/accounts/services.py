"""Teams and invitations."""

import hashlib
import secrets
import unicodedata
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
    """A change to a team was refused; the sentence is for the person who asked."""


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


def accept_invitation(*, token: str, user: User) -> Team:
    """Join the team; raises TeamError, also where the invitation was sent to another address than the user's."""
    with transaction.atomic():
        invitation = open_invitation(token=token)
        if not is_for(invitation, user):
            raise TeamError(f"This invitation was sent to {invitation.email}. Log in with that address to accept it.")
        # A person takes part in a challenge with one team. Registrations lie in an app above this one, which is why
        # they are reached by the name of their relation.
        shared = invitation.team.registrations.values("challenge")
        rival = user.teams.exclude(pk=invitation.team.pk).filter(registrations__challenge__in=shared).first()
        if rival is not None:
            raise TeamError(
                f"You take part in the same challenge with {rival.name}, and a person takes part with one team only."
            )
        taken = Invitation.objects.filter(pk=invitation.pk, accepted_at=None, revoked_at=None).update(
            accepted_at=timezone.now(), accepted_by=user
        )
        if not taken:
            raise TeamError(NOT_OPEN)
        Membership.objects.get_or_create(team=invitation.team, user=user)
    return invitation.team


def revoke_invitation(*, invitation: Invitation) -> None:
    """Take an open invitation back."""
    Invitation.objects.filter(pk=invitation.pk, accepted_at=None, revoked_at=None).update(revoked_at=timezone.now())


def leave_team(*, team: Team, user: User) -> None:
    """Leave the team, which goes to its longest member where no owner is left; raises TeamError for the only member."""
    with transaction.atomic():
        membership = team.memberships.select_for_update().filter(user=user).first()
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
