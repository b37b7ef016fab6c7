"""Two teams that become one: who decides, what moves, and which quotas stand against it."""

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connections
from django.test import Client
from django.utils import timezone

from accounts import services as accounts
from accounts.models import Membership, Merge, Team, User
from accounts.services import TeamError, add_member
from challenges.models import Challenge, Phase, Role
from submissions import merging, quota, services
from submissions.errors import SubmissionRefused
from submissions.models import Entry, QuotaChange, QuotaCharge, Registration, Submission

from .conftest import code_archive

pytestmark = pytest.mark.django_db
HandIn = Callable[..., Submission]


@pytest.fixture
def teams(make_team: Callable[..., Team], make_user: Callable[..., User]) -> tuple[Team, Team]:
    """The Grey Owls, who want to join, and the Brown Owls."""
    return make_team(make_user(), make_user(), name="Grey Owls"), make_team(name="Brown Owls")


@pytest.fixture
def phase(make_phase: Callable[..., Phase]) -> Phase:
    return make_phase(quota_day=5, quota_total=9)


def owner(team: Team) -> User:
    return team.memberships.get(role=Membership.Role.OWNER).user


def asked(teams: tuple[Team, Team]) -> Merge:
    source, target = teams
    return merging.ask(source=source, name=target.name.upper(), user=owner(source))


def merged(teams: tuple[Team, Team]) -> Team:
    return merging.accept(merge=asked(teams), user=owner(teams[1]))


def refused(do: Callable[[], Any]) -> list[str]:
    with pytest.raises(SubmissionRefused) as caught:
        do()
    return [f"{problem.code} {problem.message}" for problem in caught.value.problems]


@pytest.fixture
def charge(
    make_registration: Callable[..., Registration], hand_in: HandIn, phase: Phase
) -> Callable[[Team, int], Registration]:
    """`charge(team, count)`: the team takes part and has handed in so often."""

    def make(team: Team, count: int) -> Registration:
        registration = Registration.objects.filter(team=team, challenge=phase.track.challenge).first()
        registration = registration or make_registration(team, phase.track.challenge)
        for number in range(count):
            content = code_archive(data={"words_seen": team.pk * 1000 + number})
            hand_in(phase, registration=registration, content=content)
        return registration

    return make


# Who decides


def test_an_owner_asks_and_an_owner_of_the_other_team_agrees(teams: tuple[Team, Team]) -> None:
    source, target = teams
    people = set(source.members.all()) | set(target.members.all())
    assert merged(teams) == target
    source.refresh_from_db()
    assert set(target.members.all()) == people
    assert source.members.count() == 0
    assert (source.merged_into, source.closed_at is not None) == (target, True)
    assert target.memberships.filter(role=Membership.Role.OWNER).count() == 1
    assert Merge.objects.get().state == Merge.State.MERGED


def test_nobody_else_decides(teams: tuple[Team, Team], make_user: Callable[..., User]) -> None:
    source, target = teams
    member = source.memberships.get(role=Membership.Role.MEMBER).user
    assert (
        "only an owner of Grey Owls" in refused(lambda: merging.ask(source=source, name="Brown Owls", user=member))[0]
    )
    merge = asked(teams)
    for do in (merging.accept, merging.decline):
        for person in (owner(source), make_user()):
            assert (
                "only an owner of Brown Owls" in refused(lambda do=do, person=person: do(merge=merge, user=person))[0]
            )
    assert "only an owner of Grey Owls" in refused(lambda: merging.take_back(merge=merge, user=owner(target)))[0]
    merge.refresh_from_db()
    assert merge.state == Merge.State.ASKED


@pytest.mark.parametrize("answer", ["decline", "take_back"])
def test_an_answered_request_can_not_be_accepted(answer: str, teams: tuple[Team, Team]) -> None:
    source, target = teams
    merge = asked(teams)
    if answer == "decline":
        merging.decline(merge=merge, user=owner(target))
    else:
        merging.take_back(merge=merge, user=owner(source))
    assert "answered" in refused(lambda: merging.accept(merge=merge, user=owner(target)))[0]
    assert source.members.count() == 2
    assert asked(teams).state == Merge.State.ASKED, "it may be asked again"


def test_a_team_asks_one_team_at_a_time_that_is_there_and_is_not_itself(teams: tuple[Team, Team]) -> None:
    source, _ = teams
    for name, says in (("Nobody", "no team called Nobody"), ("grey owls", "into itself")):
        assert says in refused(lambda name=name: merging.ask(source=source, name=name, user=owner(source)))[0]
    asked(teams)
    assert "has asked a team already" in refused(lambda: asked(teams))[0]


def test_a_closed_team_takes_nobody_in(teams: tuple[Team, Team], make_user: Callable[..., User]) -> None:
    source, target = teams
    merged(teams)
    with pytest.raises(TeamError, match="closed"):
        add_member(team=source, user=make_user())
    assert "no team called Grey Owls" in refused(
        lambda: merging.ask(source=target, name="Grey Owls", user=owner(target))
    )[0]  # fmt: skip


# What moves


def test_a_registration_of_the_source_alone_becomes_the_target_s(
    teams: tuple[Team, Team], charge: Callable[[Team, int], Registration], phase: Phase
) -> None:
    registration = charge(teams[0], 2)
    target = merged(teams)
    registration.refresh_from_db()
    assert registration.team == target
    assert registration.submissions.count() == 2
    assert services.registration_of(owner(target), phase.track.challenge) == registration


def test_hand_ins_charges_and_grants_of_both_lie_together(
    teams: tuple[Team, Team], charge: Callable[[Team, int], Registration], phase: Phase, make_user: Any
) -> None:
    source, target = teams
    theirs, mine = charge(source, 3), charge(target, 2)
    organizer = make_user()
    Role.objects.create(challenge=phase.track.challenge, user=organizer, kind=Role.Kind.ORGANIZER)
    quota.grant(registration=theirs, phase=phase, amount=1, day=quota.today(), reason="late", user=organizer)
    names = {submission.pk: submission.number for submission in mine.submissions.all()}
    merged(teams)
    assert sorted(mine.submissions.values_list("number", flat=True)) == [1, 2, 3, 4, 5]
    assert {pk: mine.submissions.get(pk=pk).number for pk in names} == names, "the target's own keep their numbers"
    assert quota.left(mine, phase) == "1 of 6 left today, 5 of 10 left in all"
    assert quota.usage(theirs, phase) == quota.Usage()
    assert Entry.objects.filter(submission__registration=mine).count() == 5
    assert QuotaChange.objects.filter(reason="came with the team Grey Owls").count() == 3


def test_the_target_hands_in_and_the_source_does_not_any_more(
    teams: tuple[Team, Team], charge: Callable[[Team, int], Registration]
) -> None:
    theirs, mine = charge(teams[0], 1), charge(teams[1], 1)
    person = owner(teams[0])
    merged(teams)
    charge(teams[1], 1)
    assert mine.submissions.count() == 3
    assert services.registration_of(person, mine.challenge) == mine
    assert "E-REG-MEMBER" in refused(lambda: charge(teams[0], 1) and theirs)[0]


def test_an_open_invitation_of_the_source_is_worth_nothing_any_more(
    teams: tuple[Team, Team], make_user: Callable[..., User]
) -> None:
    guest = make_user("guest@example.org")
    token = accounts.invite(team=teams[0], email=guest.email, invited_by=owner(teams[0])).rstrip("/").rsplit("/")[-1]
    merged(teams)
    with pytest.raises(TeamError, match="not open any more"):
        accounts.accept_invitation(token=token, user=guest)


# What stands against it


def test_a_merge_is_refused_where_both_together_exceed_the_total(
    teams: tuple[Team, Team], charge: Callable[[Team, int], Registration], phase: Phase
) -> None:
    source, target = teams
    charge(source, 5)
    charge(target, 5)
    QuotaCharge.objects.filter(registration__team=source).update(created_at=timezone.now() - timedelta(days=3))
    expected = [f"E-TEAM-MERGE {phase} takes 9 in all, and the two teams have made 10 together in all"]
    assert refused(lambda: asked(teams)) == expected
    QuotaCharge.objects.filter(registration__team=source).update(state=QuotaCharge.State.RELEASED)
    assert asked(teams)


def test_a_merge_is_refused_where_both_together_exceed_a_day(
    teams: tuple[Team, Team], charge: Callable[[Team, int], Registration], phase: Phase
) -> None:
    charge(teams[0], 3)
    charge(teams[1], 3)
    expected = f"E-TEAM-MERGE {phase} takes 5 a day, and the two teams have made 6 together"
    assert refused(lambda: asked(teams)) == [f"{expected} today"]
    then = timezone.now() - timedelta(days=2)
    QuotaCharge.objects.update(created_at=then)
    assert refused(lambda: asked(teams)) == [f"{expected} on {then:%-d %B %Y}"], "waiting for midnight does not help"


def test_what_both_were_granted_counts(
    teams: tuple[Team, Team], charge: Callable[[Team, int], Registration], phase: Phase, make_user: Any
) -> None:
    registration = charge(teams[0], 3)
    charge(teams[1], 3)
    organizer = make_user()
    Role.objects.create(challenge=phase.track.challenge, user=organizer, kind=Role.Kind.ORGANIZER)
    grant: dict[str, Any] = {"registration": registration, "phase": phase, "amount": 1, "reason": "to merge"}
    quota.grant(**grant, day=quota.today() - timedelta(days=1), user=organizer)
    assert "takes 5 a day, and the two teams have made 6" in refused(lambda: asked(teams))[0]
    quota.grant(**grant, day=quota.today(), user=organizer)
    assert merged(teams)


def test_what_happened_since_the_request_counts_when_it_is_accepted(
    teams: tuple[Team, Team], charge: Callable[[Team, int], Registration]
) -> None:
    charge(teams[0], 3)
    charge(teams[1], 2)
    merge = asked(teams)
    charge(teams[1], 1)
    assert "made 6 together" in refused(lambda: merging.accept(merge=merge, user=owner(teams[1])))[0]
    merge.refresh_from_db()
    assert (merge.state, teams[0].members.count()) == (Merge.State.ASKED, 2)


def test_nobody_comes_into_a_second_team_of_a_challenge_by_a_merge(
    teams: tuple[Team, Team], make_team: Callable[..., Team], make_registration: Callable[..., Registration],
    make_challenge: Callable[..., Challenge],
) -> None:  # fmt: skip
    source, target = teams
    challenge = make_challenge(title="Birdsong")
    make_registration(make_team(owner(source), name="Third"), challenge)
    make_registration(target, challenge)
    (message,) = refused(lambda: asked(teams))
    assert message.startswith(f"E-REG-ONCE {owner(source)} takes part in Birdsong with the team Third")


# At once


@pytest.mark.django_db(transaction=True)
def test_two_who_accept_at_once_merge_once_and_hand_ins_meanwhile_are_counted(
    teams: tuple[Team, Team], charge: Callable[[Team, int], Registration], phase: Phase
) -> None:
    charge(teams[0], 3)
    charge(teams[1], 1)
    merge, results = asked(teams), []
    person, barrier = owner(teams[1]), threading.Barrier(4)

    def run(do: Callable[[], Any]) -> None:
        barrier.wait()
        try:
            do()
            results.append("done")
        except SubmissionRefused as error:
            results.append(error.problems[0].code)
        finally:
            connections.close_all()

    tasks: list[Callable[[], Any]] = [
        lambda: merging.accept(merge=merge, user=person),
        lambda: merging.accept(merge=merge, user=person),
        lambda: charge(teams[1], 1),
        lambda: charge(teams[1], 1),
    ]
    threads = [threading.Thread(target=run, args=[task]) for task in tasks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    mine = Registration.objects.get(team=teams[1])
    merge.refresh_from_db()
    # Five a day: either the merge came in time, or both hand-ins did and the merge is refused.
    total = quota.usage(mine, phase).day
    assert (merge.state, total) in ((Merge.State.MERGED, 5), (Merge.State.ASKED, 3))
    assert results.count("done") == 2


# The pages


def test_the_two_teams_find_the_request_and_strangers_don_t(
    teams: tuple[Team, Team], client_of: Callable[..., Client], make_user: Callable[..., User]
) -> None:
    source, target = teams
    asks, answers = client_of(owner(source)), client_of(owner(target))
    assert "into another one" in asks.get(f"/teams/{source.slug}/").content.decode()
    response = asks.post(f"/teams/{source.slug}/merge", {"name": "Brown Owls"})
    merge = Merge.objects.get()
    assert response["Location"] == f"/teams/{source.slug}/"
    for client, team in ((asks, source), (answers, target)):
        assert f"/merges/{merge.pk}/" in client.get(f"/teams/{team.slug}/").content.decode()
    assert "Take the request back" in asks.get(f"/merges/{merge.pk}/").content.decode()
    page = answers.get(f"/merges/{merge.pk}/").content.decode()
    assert ">Accept<" in page
    assert str(owner(source)) in page
    assert client_of(make_user()).get(f"/merges/{merge.pk}/").status_code == 404
    assert client_of(make_user()).post(f"/teams/{source.slug}/merge", {"name": "Brown Owls"}).status_code == 404
    response = answers.post(f"/merges/{merge.pk}/", {"answer": "accept"}, follow=True)
    assert "Grey Owls is part of Brown Owls now." in response.content.decode()


def test_a_member_who_owns_nothing_sees_the_request_and_no_button(
    teams: tuple[Team, Team], client_of: Callable[..., Client]
) -> None:
    merge = asked(teams)
    member = client_of(teams[0].memberships.get(role=Membership.Role.MEMBER).user)
    page = member.get(f"/merges/{merge.pk}/").content.decode()
    assert "An owner of Brown Owls answers." in page
    assert '<button type="submit" name="answer"' not in page
    page = member.post(f"/merges/{merge.pk}/", {"answer": "accept"}).content.decode()
    assert "Only an owner of Brown Owls decides" in page
    assert "E-TEAM-MERGE" in page


def test_a_refusal_on_the_form_keeps_the_name_and_says_why(
    teams: tuple[Team, Team], client_of: Callable[..., Client], charge: Callable[[Team, int], Registration]
) -> None:
    charge(teams[0], 3)
    charge(teams[1], 3)
    page = client_of(owner(teams[0])).post(f"/teams/{teams[0].slug}/merge", {"name": "Brown Owls"}).content.decode()
    assert "E-TEAM-MERGE" in page
    assert "6 together today" in page
    assert 'value="Brown Owls"' in page
