"""A person takes part in a challenge with one team: every way into a team, also two at once."""

import threading
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from django.db import connections
from django.test import Client

from accounts import services
from accounts.models import Membership, Team, User
from challenges.models import Challenge
from submissions import services as submissions
from submissions.errors import SubmissionRefused
from submissions.models import Registration

pytestmark = pytest.mark.django_db
Make = Callable[..., User]
MakeTeam = Callable[..., Team]
Register = Callable[..., Registration]


def owner(team: Team) -> User:
    return team.memberships.get(role=Membership.Role.OWNER).user


def token_for(team: Team, email: str) -> str:
    return services.invite(team=team, email=email, invited_by=owner(team)).rstrip("/").rsplit("/", 1)[1]


def seats(user: User, challenge: Challenge) -> int:
    return Membership.objects.filter(user=user, team__registrations__challenge=challenge).count()


def at_once(tasks: Sequence[Callable[[], Any]]) -> list[str]:
    """`done`, or the code of the refusal, of each task; all begin at the same moment."""
    barrier, results = threading.Barrier(len(tasks)), [""] * len(tasks)

    def go(number: int) -> None:
        barrier.wait()
        try:
            tasks[number]()
            results[number] = "done"
        except services.TeamError as error:
            results[number] = error.code
        except SubmissionRefused as error:
            results[number] = error.problems[0].code
        finally:
            connections.close_all()

    threads = [threading.Thread(target=go, args=[number]) for number in range(len(tasks))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


@pytest.fixture
def guest(make_user: Make) -> User:
    return make_user("guest@example.org", "Gus Guest")


def test_a_refusal_says_who_where_and_what_to_do(
    guest: User, make_team: MakeTeam, make_challenge: Callable[..., Challenge], make_registration: Register
) -> None:
    challenge = make_challenge(title="Birdsong")
    make_registration(make_team(guest, name="Grey Owls"), challenge)
    rivals = make_registration(challenge=challenge).team
    with pytest.raises(services.TeamError) as caught:
        services.add_member(team=rivals, user=guest)
    assert caught.value.code == "E-REG-ONCE"
    assert str(caught.value) == (
        "E-REG-ONCE: Gus Guest takes part in Birdsong with the team Grey Owls, and a person takes part in a challenge "
        "with one team. Leave Grey Owls first, or have the two teams merged."
    )


def test_a_team_with_a_member_who_takes_part_elsewhere_is_not_registered(
    guest: User, make_user: Make, make_team: MakeTeam, make_challenge: Callable[..., Challenge],
    make_registration: Register,
) -> None:  # fmt: skip
    challenge = make_challenge(title="Birdsong")
    make_registration(make_team(guest, name="Grey Owls"), challenge)
    team = make_team(make_user(), guest, name="Brown Owls")
    with pytest.raises(SubmissionRefused) as caught:
        submissions.register(user=owner(team), team=team, challenge=challenge)
    assert caught.value.problems[0].message == (
        "Gus Guest, a member of Brown Owls, takes part in Birdsong with the team Grey Owls already"
    )
    with pytest.raises(SubmissionRefused, match="you take part in Birdsong"):
        submissions.register(user=guest, team=team, challenge=challenge)


def test_leaving_the_first_team_opens_the_second(
    guest: User, make_user: Make, make_team: MakeTeam, make_challenge: Callable[..., Challenge],
    make_registration: Register,
) -> None:  # fmt: skip
    challenge = make_challenge()
    first = make_team(make_user(), guest)
    make_registration(first, challenge)
    second = make_registration(challenge=challenge).team
    services.leave_team(team=first, user=guest)
    services.add_member(team=second, user=guest)
    assert seats(guest, challenge) == 1


@pytest.mark.django_db(transaction=True)
def test_two_invitations_accepted_at_once_give_one_seat(
    guest: User, make_challenge: Callable[..., Challenge], make_registration: Register
) -> None:
    challenge = make_challenge()
    tokens = [token_for(make_registration(challenge=challenge).team, guest.email) for _ in range(4)]
    results = at_once([lambda token=token: services.accept_invitation(token=token, user=guest) for token in tokens])  # type: ignore[misc]
    assert sorted(results) == ["E-REG-ONCE"] * 3 + ["done"]
    assert seats(guest, challenge) == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("round_", range(3))
def test_joining_a_team_while_it_registers_gives_one_seat(
    round_: int, guest: User, make_team: MakeTeam, make_challenge: Callable[..., Challenge],
    make_registration: Register,
) -> None:  # fmt: skip
    challenge = make_challenge()
    make_registration(make_team(guest), challenge)
    team = make_team()
    person, token = owner(team), token_for(team, guest.email)
    results = at_once([
        lambda: services.accept_invitation(token=token, user=guest),
        lambda: submissions.register(user=person, team=team, challenge=challenge),
    ])  # fmt: skip
    assert sorted(results) == ["E-REG-ONCE", "done"]
    assert seats(guest, challenge) == 1


@pytest.mark.django_db(transaction=True)
def test_two_teams_with_a_shared_member_that_register_at_once_take_part_once(
    guest: User, make_user: Make, make_team: MakeTeam, make_challenge: Callable[..., Challenge]
) -> None:
    challenge = make_challenge()
    teams = [make_team(make_user(), guest) for _ in range(3)]
    pairs = [(team, owner(team)) for team in teams]
    tasks = [lambda pair=pair: submissions.register(team=pair[0], user=pair[1], challenge=challenge) for pair in pairs]
    assert sorted(at_once(tasks)) == ["E-REG-ONCE", "E-REG-ONCE", "done"]
    assert seats(guest, challenge) == 1


@pytest.mark.django_db(transaction=True)
def test_two_last_members_who_leave_at_once_do_not_leave_the_team_empty(make_user: Make, make_team: MakeTeam) -> None:
    people = make_user(), make_user()
    team = make_team(*people)
    at_once([lambda person=person: services.leave_team(team=team, user=person) for person in people])  # type: ignore[misc]
    assert [membership.role for membership in team.memberships.all()] == [Membership.Role.OWNER]


# The admin


def team_form(team: Team, user: User) -> dict[str, Any]:
    membership = team.memberships.get()
    return {
        "name": team.name, "slug": team.slug, "created_at_0": "2026-01-01", "created_at_1": "00:00:00",
        "memberships-TOTAL_FORMS": "2", "memberships-INITIAL_FORMS": "1",
        "memberships-0-id": membership.pk, "memberships-0-team": team.pk, "memberships-0-user": membership.user_id,
        "memberships-0-role": "owner", "memberships-0-joined_at_0": "2026-01-01",
        "memberships-0-joined_at_1": "00:00:00",
        "memberships-1-team": team.pk, "memberships-1-user": user.pk, "memberships-1-role": "member",
        "memberships-1-joined_at_0": "2026-01-01", "memberships-1-joined_at_1": "00:00:00",
    }  # fmt: skip


def test_the_admin_gives_no_second_seat_either(
    guest: User, make_user: Make, make_team: MakeTeam, make_challenge: Callable[..., Challenge],
    make_registration: Register, client_of: Callable[..., Client],
) -> None:  # fmt: skip
    challenge = make_challenge()
    make_registration(make_team(guest), challenge)
    team = make_registration(challenge=challenge).team
    client = client_of(make_user(is_staff=True, is_superuser=True))
    path = f"/admin/accounts/team/{team.pk}/change/"
    response = client.post(path, team_form(team, guest))
    assert response.status_code == 200
    assert "E-REG-ONCE" in response.content.decode()
    assert seats(guest, challenge) == 1
    newcomer = make_user()
    assert client.post(path, team_form(team, newcomer)).status_code == 302
    assert seats(newcomer, challenge) == 1
