"""Who sees a challenge, and who looks after it."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import AnonymousUser

from accounts.models import User
from challenges import services
from challenges.models import Challenge, Role
from challenges.selectors import is_organizer, is_reviewer, roles_of

Make = Callable[..., User]
MakeChallenge = Callable[..., Challenge]


def test_everybody_sees_a_published_challenge(make_user: Make, make_challenge: MakeChallenge) -> None:
    challenge = make_challenge()
    for person in (AnonymousUser(), make_user(), make_user(is_staff=True)):
        assert list(Challenge.objects.visible_to(person)) == [challenge]


def test_only_people_with_a_role_see_a_challenge_before_it_is_published(
    make_user: Make, make_challenge: MakeChallenge
) -> None:
    organizer, reviewer, stranger = make_user(), make_user(), make_user()
    challenge = make_challenge(published=False, organizers=(organizer,), reviewers=(reviewer,))
    make_challenge(published=False, organizers=(stranger,))
    for insider in (organizer, reviewer):
        assert list(Challenge.objects.visible_to(insider)) == [challenge]
    for person in (AnonymousUser(), make_user(), make_user(is_staff=True)):
        assert not Challenge.objects.visible_to(person).exists()
    assert Challenge.objects.visible_to(make_user(is_superuser=True)).count() == 2


def test_a_person_who_was_switched_off_sees_what_strangers_see(make_user: Make, make_challenge: MakeChallenge) -> None:
    people = [make_user(is_active=False), make_user(is_active=False, is_superuser=True)]
    challenge = make_challenge(published=False, organizers=tuple(people))
    for person in people:
        assert not Challenge.objects.visible_to(person).exists()
        assert not Challenge.objects.organized_by(person).exists()
        assert roles_of(person, challenge) == frozenset()


def test_an_organizer_reviews_too_and_a_reviewer_does_not_organize(
    make_user: Make, make_challenge: MakeChallenge
) -> None:
    organizer, reviewer, root = make_user(), make_user(), make_user(is_superuser=True)
    challenge = make_challenge(organizers=(organizer,), reviewers=(reviewer,))
    assert roles_of(organizer, challenge) == {"organizer", "reviewer"}
    assert roles_of(reviewer, challenge) == {"reviewer"}
    assert roles_of(root, challenge) == {"organizer", "reviewer"}
    assert roles_of(AnonymousUser(), challenge) == frozenset()
    assert (is_organizer(reviewer, challenge), is_reviewer(reviewer, challenge)) == (False, True)


def test_a_role_counts_in_its_own_challenge_only(make_user: Make, make_challenge: MakeChallenge) -> None:
    organizer = make_user()
    own, other = make_challenge(organizers=(organizer,)), make_challenge()
    assert list(Challenge.objects.organized_by(organizer)) == [own]
    assert roles_of(organizer, other) == frozenset()


def test_nobody_organizes_everything_by_being_staff(make_user: Make, make_challenge: MakeChallenge) -> None:
    make_challenge()
    for person in (AnonymousUser(), make_user(), make_user(is_staff=True)):
        assert not Challenge.objects.organized_by(person).exists()


def test_organizers_and_only_they_get_into_the_admin(make_user: Make, make_challenge: MakeChallenge) -> None:
    organizer, reviewer = make_user(), make_user()
    make_challenge(organizers=(organizer,), reviewers=(reviewer,))
    staff = dict(User.objects.values_list("pk", "is_staff"))
    assert staff == {organizer.pk: True, reviewer.pk: False}


def test_who_organizes_nothing_any_more_leaves_the_admin(make_user: Make, make_challenge: MakeChallenge) -> None:
    organizer = make_user()
    make_challenge(organizers=(organizer,))
    make_challenge(organizers=(organizer,))
    first, second = Role.objects.all()
    services.revoke_role(role=first)
    assert User.objects.get(pk=organizer.pk).is_staff
    services.revoke_role(role=second)
    assert not User.objects.get(pk=organizer.pk).is_staff


def test_a_superuser_stays_in_the_admin(make_user: Make, make_challenge: MakeChallenge) -> None:
    root = make_user(is_superuser=True, is_staff=True)
    make_challenge(organizers=(root,))
    services.revoke_role(role=Role.objects.get())
    assert User.objects.get(pk=root.pk).is_staff


@pytest.mark.parametrize(
    ("before", "after", "staff"), [("reviewer", "organizer", True), ("organizer", "reviewer", False)]
)
def test_a_changed_role_replaces_the_old_one(
    make_user: Make, make_challenge: MakeChallenge, before: str, after: str, staff: bool
) -> None:
    person, challenge = make_user(), make_challenge()
    role = services.grant_role(challenge=challenge, user=person, kind=before)
    services.change_role(role=role, user=person, kind=after)
    assert list(Role.objects.values_list("user", "kind")) == [(person.pk, after)]
    assert User.objects.get(pk=person.pk).is_staff is staff


def test_granting_a_role_twice_makes_one(make_user: Make, make_challenge: MakeChallenge) -> None:
    person, challenge = make_user(), make_challenge()
    for _ in range(2):
        services.grant_role(challenge=challenge, user=person, kind=Role.Kind.REVIEWER)
    assert Role.objects.count() == 1
