"""Pages of teams: who sees them, and that they say what happened."""

from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse

from accounts import services
from accounts.models import Invitation, Membership, Team, User

Make = Callable[..., User]
MakeTeam = Callable[..., Team]
ClientOf = Callable[[User | None], Client]


@pytest.mark.parametrize("name", ["teams", "team_new"])
def test_teams_are_for_people_who_are_logged_in(client_of: ClientOf, name: str) -> None:
    response = client_of(None).get(reverse(name))
    assert response.status_code == 302
    assert response["Location"].startswith(reverse("account_login"))


def test_a_team_is_not_there_for_a_stranger(make_user: Make, make_team: MakeTeam, client_of: ClientOf) -> None:
    team = make_team()
    stranger = client_of(make_user())
    assert stranger.get(reverse("team", args=[team.slug])).status_code == 404
    assert stranger.post(reverse("team_invite", args=[team.slug]), {"email": "x@example.org"}).status_code == 404
    assert stranger.post(reverse("team_leave", args=[team.slug])).status_code == 404
    assert Invitation.objects.count() == 0


def test_a_stranger_cannot_take_an_invitation_back(make_user: Make, make_team: MakeTeam, client_of: ClientOf) -> None:
    owner, stranger = make_user(), make_user()
    team, other = make_team(owner), make_team(stranger)
    services.invite(team=team, email="guest@example.org", invited_by=owner)
    pk = Invitation.objects.get().pk
    for slug in (team.slug, other.slug):
        assert client_of(stranger).post(reverse("invitation_revoke", args=[slug, pk])).status_code == 404
    assert Invitation.objects.get().revoked_at is None
    client_of(owner).post(reverse("invitation_revoke", args=[team.slug, pk]))
    assert Invitation.objects.get().revoked_at is not None


def test_a_member_opens_a_team_and_invites(make_user: Make, client_of: ClientOf) -> None:
    browser = client_of(make_user())
    page = browser.post(reverse("team_new"), {"name": "Grey Owls"}, follow=True)
    assert "The team Grey Owls is open" in page.content.decode()
    page = browser.post(reverse("team_invite", args=["grey-owls"]), {"email": "guest@example.org"}, follow=True)
    assert "An invitation is on its way to guest@example.org" in page.content.decode()


def test_a_taken_name_is_told_on_the_form(make_user: Make, make_team: MakeTeam, client_of: ClientOf) -> None:
    make_team(name="Grey Owls")
    page = client_of(make_user()).post(reverse("team_new"), {"name": "grey owls"})
    assert "There is a team called grey owls already" in page.content.decode()


def test_a_new_team_goes_back_to_where_it_was_asked_for_and_nowhere_else(make_user: Make, client_of: ClientOf) -> None:
    browser = client_of(make_user())
    home = browser.post(reverse("team_new") + "?next=/c/x/register", {"name": "Grey Owls"})
    away = browser.post(reverse("team_new") + "?next=https://evil.example.org/", {"name": "Brown Owls"})
    assert home["Location"] == "/c/x/register"
    assert away["Location"] == reverse("team", args=["brown-owls"])


def test_an_invitation_is_shown_by_get_and_accepted_by_post(
    make_user: Make, make_team: MakeTeam, client_of: ClientOf
) -> None:
    owner, guest = make_user(), make_user("guest@example.org")
    team = make_team(owner)
    link = services.invite(team=team, email=guest.email, invited_by=owner)
    browser = client_of(guest)
    assert "Join the team" in browser.get(link).content.decode()
    assert not team.memberships.filter(user=guest).exists()
    assert browser.post(link)["Location"] == reverse("team", args=[team.slug])
    assert team.memberships.filter(user=guest).exists()


def test_an_invitation_for_somebody_else_says_so_and_offers_no_button(
    make_user: Make, make_team: MakeTeam, client_of: ClientOf
) -> None:
    owner = make_user()
    link = services.invite(team=make_team(owner), email="guest@example.org", invited_by=owner)
    page = client_of(make_user("other@example.org")).get(link).content.decode()
    assert "You are logged in as other@example.org" in page
    assert "Join the team</button>" not in page


def test_an_unknown_invitation_is_a_sentence(make_user: Make, client_of: ClientOf) -> None:
    page = client_of(make_user()).get(reverse("invitation", args=["made-up"]))
    assert "not open any more" in page.content.decode()


def test_a_member_leaves(make_user: Make, make_team: MakeTeam, client_of: ClientOf) -> None:
    owner, member = make_user(), make_user()
    team = make_team(owner, member)
    page = client_of(member).post(reverse("team_leave", args=[team.slug]), follow=True)
    assert f"You have left {team.name}" in page.content.decode()
    assert [membership.user for membership in Membership.objects.filter(team=team)] == [owner]


@pytest.mark.parametrize("count", [1, 3])
def test_the_list_of_teams_asks_the_same_number_of_queries_for_any_number_of_teams(
    make_user: Make, make_team: MakeTeam, client_of: ClientOf, count: int,
    django_assert_num_queries: Callable[..., object],
) -> None:  # fmt: skip
    me = make_user()
    for _ in range(count):
        make_team(me, make_user())
    browser = client_of(me)
    with django_assert_num_queries(5):  # type: ignore[attr-defined]
        assert browser.get(reverse("teams")).status_code == 200


def test_a_strange_next_address_is_no_error_and_leads_nowhere_else(make_user: Make, client_of: ClientOf) -> None:
    client = client_of(make_user())
    for number, onward in enumerate(("nothing", "//evil.example", "https://evil.example/", "javascript:alert(1)")):
        response = client.post(f"{reverse('team_new')}?next={onward}", {"name": f"Herons {number}"})
        assert response.status_code == 302
        assert response["Location"] == ("nothing" if number == 0 else f"/teams/herons-{number}/")
