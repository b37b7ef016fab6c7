"""Teams and invitations: the rules."""

import hashlib
import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from allauth.account.models import EmailAddress
from django.core import mail
from django.utils import timezone

from accounts import services
from accounts.models import Invitation, Membership, Team, User
from challenges.models import Challenge
from submissions.models import Registration

Make = Callable[..., User]
MakeTeam = Callable[..., Team]


def invite(team: Team, email: str) -> str:
    """Invite as the team's owner; returns the token of the link."""
    owner = team.memberships.get(role=Membership.Role.OWNER).user
    return services.invite(team=team, email=email, invited_by=owner).rstrip("/").rsplit("/", 1)[1]


def test_who_creates_a_team_owns_it(make_user: Make) -> None:
    owner = make_user()
    team = services.create_team(name="  Heron   Language Lab ", owner=owner)
    assert (team.name, team.slug) == ("Heron Language Lab", "heron-language-lab")
    assert team.memberships.get().role == Membership.Role.OWNER
    assert team.memberships.get().user == owner


@pytest.mark.parametrize(
    "twin",
    ["Heron", "HERON", "heron ", "\uff28eron", "Her\u200bon", "H\u00e9ron".replace("\u00e9", "e")],
    ids=["same", "case", "space", "full width", "invisible", "plain"],
)
def test_a_name_that_looks_like_anothers_is_refused(make_user: Make, twin: str) -> None:
    services.create_team(name="Heron", owner=make_user())
    with pytest.raises(services.TeamError):
        services.create_team(name=twin, owner=make_user())
    assert Team.objects.count() == 1


def test_composed_and_decomposed_names_are_the_same(make_user: Make) -> None:
    services.create_team(name="Bl\u00e4uling", owner=make_user())
    with pytest.raises(services.TeamError, match="already"):
        services.create_team(name="Bla\u0308uling", owner=make_user())


@pytest.mark.parametrize("name", ["", "   ", "\u200b", "two\u202elines", "---"])
def test_a_name_that_cannot_be_read_is_refused(make_user: Make, name: str) -> None:
    with pytest.raises(services.TeamError):
        services.create_team(name=name, owner=make_user())


def test_two_names_with_one_slug_get_two_addresses(make_user: Make) -> None:
    slugs = [services.create_team(name=name, owner=make_user()).slug for name in ("Grey Owl", "Grey-Owl", "Grey Owl!")]
    assert slugs == ["grey-owl", "grey-owl-2", "grey-owl-3"]


def test_a_name_without_latin_letters_has_an_address_too(make_user: Make) -> None:
    assert services.create_team(name="鷺", owner=make_user()).slug == "team"


def test_only_the_digest_of_an_invitations_token_is_stored(make_team: MakeTeam) -> None:
    token = invite(make_team(), "guest@example.org")
    invitation = Invitation.objects.get()
    assert invitation.token_digest == hashlib.sha256(token.encode()).hexdigest()
    assert token not in [str(value) for value in vars(invitation).values()]


def test_the_invited_person_gets_the_link_by_mail(make_team: MakeTeam) -> None:
    token = invite(make_team(name="Grey <Owl> & Sons"), "guest@example.org")
    (message,) = mail.outbox
    assert message.to == ["guest@example.org"]
    assert "Grey <Owl> & Sons" in message.subject
    assert "Grey <Owl> & Sons" in message.body
    assert re.search(rf"^http://\S+/invitations/{token}/$", str(message.body), re.MULTILINE)


def test_the_invited_person_joins_as_a_member_once(make_user: Make, make_team: MakeTeam) -> None:
    team, guest = make_team(), make_user("guest@example.org")
    token = invite(team, "Guest@Example.org")
    assert services.accept_invitation(token=token, user=guest) == team
    assert team.memberships.get(user=guest).role == Membership.Role.MEMBER
    with pytest.raises(services.TeamError, match="not open any more"):
        services.accept_invitation(token=token, user=guest)


def test_an_invitation_to_another_address_is_refused(make_user: Make, make_team: MakeTeam) -> None:
    team, stranger = make_team(), make_user("stranger@example.org")
    token = invite(team, "guest@example.org")
    with pytest.raises(services.TeamError, match=r"sent to guest@example\.org"):
        services.accept_invitation(token=token, user=stranger)
    assert not team.memberships.filter(user=stranger).exists()


def test_an_address_that_is_not_confirmed_opens_no_invitation(make_user: Make, make_team: MakeTeam) -> None:
    team, stranger = make_team(), make_user("stranger@example.org")
    token = invite(team, "guest@example.org")
    EmailAddress.objects.create(user=stranger, email="guest@example.org", verified=False)
    with pytest.raises(services.TeamError, match="sent to"):
        services.accept_invitation(token=token, user=stranger)


def test_a_second_confirmed_address_opens_an_invitation(make_user: Make, make_team: MakeTeam) -> None:
    team, guest = make_team(), make_user("guest@example.org")
    EmailAddress.objects.create(user=guest, email="guest@work.example.org", verified=True)
    assert services.accept_invitation(token=invite(team, "guest@work.example.org"), user=guest) == team


def test_an_expired_invitation_is_refused(make_user: Make, make_team: MakeTeam) -> None:
    token = invite(make_team(), "guest@example.org")
    Invitation.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    with pytest.raises(services.TeamError, match="expired"):
        services.accept_invitation(token=token, user=make_user("guest@example.org"))


def test_an_invitation_that_was_taken_back_is_refused(make_user: Make, make_team: MakeTeam) -> None:
    token = invite(make_team(), "guest@example.org")
    services.revoke_invitation(invitation=Invitation.objects.get())
    with pytest.raises(services.TeamError, match="not open any more"):
        services.accept_invitation(token=token, user=make_user("guest@example.org"))


def test_inviting_again_closes_the_earlier_invitation(make_team: MakeTeam) -> None:
    team = make_team()
    first, second = invite(team, "guest@example.org"), invite(team, "guest@example.org")
    with pytest.raises(services.TeamError):
        services.open_invitation(token=first)
    assert services.open_invitation(token=second).team == team


def test_who_is_in_the_team_is_not_invited_again(make_user: Make, make_team: MakeTeam) -> None:
    team = make_team(make_user("owner@example.org"))
    with pytest.raises(services.TeamError, match="already"):
        invite(team, "OWNER@example.org")


def test_a_stranger_cannot_invite(make_user: Make, make_team: MakeTeam) -> None:
    with pytest.raises(services.TeamError, match="Only members"):
        services.invite(team=make_team(), email="guest@example.org", invited_by=make_user())


def test_open_invitations_of_a_team_are_bounded(make_team: MakeTeam) -> None:
    team = make_team()
    for number in range(services.MAX_OPEN_INVITATIONS):
        invite(team, f"guest{number}@example.org")
    with pytest.raises(services.TeamError, match="open invitations"):
        invite(team, "one.more@example.org")


def test_the_mail_that_one_person_can_cause_is_bounded(make_team: MakeTeam, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "MAX_INVITATIONS_A_DAY", 2)
    team = make_team()
    invite(team, "guest@example.org")
    invite(team, "guest@example.org")
    with pytest.raises(services.TeamError, match="today"):
        invite(team, "guest@example.org")
    assert len(mail.outbox) == 2


def test_nobody_joins_a_second_team_in_the_same_challenge(
    make_user: Make, make_team: MakeTeam, make_challenge: Callable[..., Challenge],
    make_registration: Callable[..., Registration],
) -> None:  # fmt: skip
    challenge, person = make_challenge(), make_user("guest@example.org")
    make_registration(make_team(person, name="Grey Owls"), challenge)
    rivals = make_team()
    make_registration(rivals, challenge)
    with pytest.raises(services.TeamError, match="Grey Owls"):
        services.accept_invitation(token=invite(rivals, "guest@example.org"), user=person)
    elsewhere = make_team()
    make_registration(elsewhere, make_challenge())
    assert services.accept_invitation(token=invite(elsewhere, "guest@example.org"), user=person) == elsewhere


def test_the_only_member_cannot_leave(make_user: Make, make_team: MakeTeam) -> None:
    owner = make_user()
    team = make_team(owner)
    with pytest.raises(services.TeamError, match="only member"):
        services.leave_team(team=team, user=owner)


def test_the_longest_member_owns_the_team_when_its_last_owner_leaves(make_user: Make, make_team: MakeTeam) -> None:
    owner, second, third = make_user(), make_user(), make_user()
    team = make_team(owner, second, third)
    services.leave_team(team=team, user=owner)
    roles = dict(team.memberships.values_list("user", "role"))
    assert roles == {second.pk: Membership.Role.OWNER, third.pk: Membership.Role.MEMBER}


def test_a_stranger_cannot_leave(make_user: Make, make_team: MakeTeam) -> None:
    with pytest.raises(services.TeamError, match="not in this team"):
        services.leave_team(team=make_team(), user=make_user())
