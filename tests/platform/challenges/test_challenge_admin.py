"""The admin: organizers see and edit their own challenges, nobody else gets anything."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import User
from challenges.models import Challenge, Phase, Role, Track

ClientOf = Callable[[User | None], Client]
INDEX = "admin:index"
LISTS = ["challenges_challenge", "challenges_track", "challenges_phase", "suites_suite", "suites_suiteversion",
         "suites_unsealing"]  # fmt: skip


@pytest.fixture
def organizer(make_user: Callable[..., User]) -> User:
    """Somebody with a challenge of their own."""
    return make_user("olga@example.org")


@pytest.fixture
def own(make_challenge: Callable[..., Challenge], organizer: User) -> Challenge:
    """The organizer's challenge."""
    return make_challenge("own", organizers=(organizer,))


@pytest.fixture
def other(make_challenge: Callable[..., Challenge], make_user: Callable[..., User]) -> Challenge:
    """Somebody else's challenge, not published."""
    return make_challenge("other", title="Secret plans", published=False, organizers=(make_user(),))


def track_form(track: Track, **changes: Any) -> dict[str, Any]:
    """The track's form as a browser sends it."""
    return {
        "challenge": track.challenge_id, "key": track.key, "title": track.title, "description": "", "position": 0,
        "kinds": ["model", "code"], "backends": ["causal"], "max_bytes": "2g", "questions": "[]", "budget": "{}",
        "image": "model", "cpus": "2", "memory": "4g", "pids": "256", "gpus": "0", "wall": "90m", "disk": "256m",
        "hardware": "cpu", "counts": "best", "aggregate": "{}", "missing": "unranked",
        "least_provenance": "predictions", "alpha": "0.05", "ties": "shared",
        "round_digits": "2", "ladder": "off", "rehearsals_hour": "10", "rehearsal_items": "20", **changes,
    }  # fmt: skip


def errors(response: Any) -> dict[str, list[str]]:
    """The faults of the page's form, by field."""
    assert response.status_code == 200
    return {field: list(faults) for field, faults in response.context["adminform"].form.errors.items()}


@pytest.mark.parametrize("name", LISTS)
def test_a_stranger_is_sent_to_the_one_place_to_log_in(client_of: ClientOf, name: str) -> None:
    response = client_of(None).get(reverse(f"admin:{name}_changelist"), follow=True)
    assert response.redirect_chain[-1][0].startswith(reverse("account_login"))


@pytest.mark.parametrize("name", LISTS)
def test_staff_without_a_role_sees_nothing(
    make_user: Callable[..., User], client_of: ClientOf, own: Challenge, name: str
) -> None:
    browser = client_of(make_user(is_staff=True))
    assert browser.get(reverse(f"admin:{name}_changelist")).status_code == 403
    assert own.title not in browser.get(reverse(INDEX)).content.decode()


@pytest.mark.parametrize("name", LISTS)
def test_a_reviewer_and_a_participant_do_not_get_into_the_admin(
    make_user: Callable[..., User], client_of: ClientOf, own: Challenge, name: str
) -> None:
    reviewer = make_user()
    Role.objects.create(challenge=own, user=reviewer, kind=Role.Kind.REVIEWER)
    for person in (reviewer, make_user()):
        response = client_of(person).get(reverse(f"admin:{name}_changelist"), follow=True)
        assert response.status_code == 403


@pytest.mark.parametrize("name", LISTS)
def test_an_organizer_opens_every_list_and_finds_nothing_of_others(
    client_of: ClientOf, organizer: User, own: Challenge, other: Challenge, make_track: Callable[..., Track],
    make_phase: Callable[..., Phase], make_suite_version: Callable[..., Any], name: str,
) -> None:  # fmt: skip
    for challenge in (own, other):
        make_suite_version(
            make_phase(make_track(challenge, title=f"Track of {challenge.key}")), key=f"{challenge.key}-suite"
        )
    page = client_of(organizer).get(reverse(f"admin:{name}_changelist")).content.decode()
    assert "Secret plans" not in page
    assert "Track of other" not in page
    assert "other-suite" not in page


@pytest.mark.parametrize("action", ["change", "delete", "history"])
def test_others_rows_are_not_there(
    client_of: ClientOf, organizer: User, own: Challenge, other: Challenge, make_track: Callable[..., Track],
    make_phase: Callable[..., Phase], make_suite_version: Callable[..., Any], action: str,
) -> None:  # fmt: skip
    phase = make_phase(make_track(other))
    rows = {
        "challenges_challenge": other, "challenges_track": phase.track, "challenges_phase": phase,
        "suites_suiteversion": make_suite_version(phase),
    }  # fmt: skip
    browser = client_of(organizer)
    for name, row in rows.items():
        response = browser.get(reverse(f"admin:{name}_{action}", args=[row.pk]), follow=True)
        assert response.status_code in (200, 403)
        assert "Secret plans" not in response.content.decode()
        assert browser.post(reverse(f"admin:{name}_{action}", args=[row.pk]), {"post": "yes"}).status_code != 200
    assert Challenge.objects.filter(pk=other.pk).exists()
    assert Phase.objects.filter(pk=phase.pk).exists()


def test_an_organizer_edits_a_track_with_units(
    client_of: ClientOf, organizer: User, own: Challenge, make_track: Callable[..., Track]
) -> None:
    track = make_track(own)
    address = reverse("admin:challenges_track_change", args=[track.pk])
    page = client_of(organizer).get(address).content.decode()
    assert 'value="4g"' in page
    form = track_form(
        track, memory="6g", wall="2h", kinds=["predictions"], budget='{"words": 1000000}',
        questions='[{"key": "epochs", "type": "integer"}]', aggregate='{"weights": {"owls": 2}}',
    )  # fmt: skip
    assert client_of(organizer).post(address, form).status_code == 302
    track.refresh_from_db()
    assert (track.memory, track.wall, track.kinds, track.budget) == (
        6 * 1024**3,
        7200,
        ["predictions"],
        {"words": 1_000_000},
    )
    assert track.questions == [{"key": "epochs", "type": "integer"}]
    assert track.aggregate == {"weights": {"owls": 2}}


def test_parts_of_a_track_are_edited_as_they_stand_in_the_document(
    client_of: ClientOf, organizer: User, own: Challenge, make_track: Callable[..., Track]
) -> None:
    track = make_track(own, budget={"words": 10}, questions=[{"key": "epochs", "type": "integer"}])
    address = reverse("admin:challenges_track_change", args=[track.pk])
    page = client_of(organizer).get(address).content.decode()
    shown = [text.strip() for text in re.findall(r"<textarea[^>]*>([^<]*)</textarea>", page)]
    assert "words: 10" in shown
    assert 'name="questions-0-key" value="epochs"' in page
    typed = "- key: done\n  type: boolean\n  required: false\n"
    form = track_form(track, questions=typed, budget="", aggregate="weights: {owls: 2}")
    assert client_of(organizer).post(address, form).status_code == 302
    track.refresh_from_db()
    assert (track.budget, track.aggregate) == ({}, {"weights": {"owls": 2.0}})
    assert track.questions == [{"key": "done", "type": "boolean"}]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"kinds": []}, "kinds"),
        ({"kinds": ["pickle"]}, "kinds"),
        ({"memory": "lots"}, "memory"),
        ({"memory": "1k"}, "memory"),
        ({"wall": "0"}, "wall"),
        ({"disk": "-1"}, "disk"),
        ({"max_bytes": "9999t"}, "max_bytes"),
        ({"cpus": "0"}, "cpus"),
        ({"image": "model:latest"}, "image"),
        ({"hardware": "My Machine"}, "hardware"),
        ({"budget": '{"wrods": 3}'}, "budget"),
        ({"budget": "{"}, "budget"),
        ({"questions": '[{"key": "x", "type": "choice"}]'}, "questions"),
        ({"aggregate": '{"method": "magic"}'}, "aggregate"),
        ({"alpha": "0.9"}, "alpha"),
        ({"round_digits": "9"}, "round_digits"),
    ],
)
def test_a_fault_of_a_track_is_told_at_its_field(
    client_of: ClientOf, organizer: User, own: Challenge, make_track: Callable[..., Track], changes: dict[str, Any],
    field: str,
) -> None:  # fmt: skip
    track = make_track(own)
    address = reverse("admin:challenges_track_change", args=[track.pk])
    assert list(errors(client_of(organizer).post(address, track_form(track, **changes)))) == [field]


def test_a_track_cannot_be_moved_into_others_challenge(
    client_of: ClientOf, organizer: User, own: Challenge, other: Challenge, make_track: Callable[..., Track]
) -> None:
    track = make_track(own)
    address = reverse("admin:challenges_track_change", args=[track.pk])
    assert list(errors(client_of(organizer).post(address, track_form(track, challenge=other.pk)))) == ["challenge"]
    response = client_of(organizer).post(
        reverse("admin:challenges_track_add"), track_form(track, challenge=other.pk, key="x")
    )
    assert list(errors(response)) == ["challenge"]


def challenge_form(challenge: Challenge, *roles: dict[str, str], **changes: Any) -> dict[str, Any]:
    """The challenge's form as a browser sends it, with lines for roles."""
    form = {
        "key": challenge.key, "title": challenge.title, "summary": "", "description": "", "timezone": "AoE",
        "published": "on", "tracks-TOTAL_FORMS": "0", "tracks-INITIAL_FORMS": "0",
        "roles-TOTAL_FORMS": str(len(roles)), "roles-INITIAL_FORMS": str(sum("id" in role for role in roles)),
        **changes,
    }  # fmt: skip
    for number, role in enumerate(roles):
        form |= {f"roles-{number}-{name}": value for name, value in role.items()}
        form[f"roles-{number}-challenge"] = str(challenge.pk)
    return form


@pytest.mark.parametrize(
    ("changes", "field"),
    [({"timezone": "Mars"}, "timezone"), ({"key": "Big Key"}, "key"), ({"title": ""}, "title"),
     ({"description": "x" * 60_000}, "description")],
)  # fmt: skip
def test_a_fault_of_a_challenge_is_told_at_its_field(
    client_of: ClientOf, organizer: User, own: Challenge, changes: dict[str, str], field: str
) -> None:
    address = reverse("admin:challenges_challenge_change", args=[own.pk])
    assert list(errors(client_of(organizer).post(address, challenge_form(own, **changes)))) == [field]


def test_roles_are_given_by_address(
    client_of: ClientOf, organizer: User, own: Challenge, make_user: Callable[..., User]
) -> None:
    reviewer = make_user("rita@example.org")
    address = reverse("admin:challenges_challenge_change", args=[own.pk])
    mine = {"id": str(own.roles.get().pk), "email": organizer.email, "kind": "organizer"}
    form = challenge_form(own, mine, {"email": "Rita@example.org", "kind": "reviewer"})
    assert client_of(organizer).post(address, form).status_code == 302
    assert set(own.roles.values_list("user__email", "kind")) == {
        ("olga@example.org", "organizer"), ("rita@example.org", "reviewer"),
    }  # fmt: skip
    theirs = {"id": str(own.roles.get(user=reviewer).pk), "email": "rita@example.org", "kind": "organizer"}
    assert client_of(organizer).post(address, challenge_form(own, mine, theirs)).status_code == 302
    assert set(own.roles.values_list("user__email", "kind")) == {
        ("olga@example.org", "organizer"), ("rita@example.org", "organizer"),
    }  # fmt: skip
    assert User.objects.get(pk=reviewer.pk).is_staff
    theirs = {**theirs, "id": str(own.roles.get(user=reviewer).pk), "DELETE": "on"}
    assert client_of(organizer).post(address, challenge_form(own, mine, theirs)).status_code == 302
    assert not own.roles.filter(user=reviewer).exists()
    assert not User.objects.get(pk=reviewer.pk).is_staff


def test_a_role_for_an_unknown_address_is_refused(client_of: ClientOf, organizer: User, own: Challenge) -> None:
    address = reverse("admin:challenges_challenge_change", args=[own.pk])
    response = client_of(organizer).post(address, challenge_form(own, {"email": "no@example.org", "kind": "reviewer"}))
    assert "Nobody has an account with no@example.org" in response.content.decode()
    assert own.roles.count() == 1


def test_who_opens_a_challenge_organizes_it(client_of: ClientOf, organizer: User, own: Challenge) -> None:
    form = challenge_form(own, key="next", title="Next")
    assert client_of(organizer).post(reverse("admin:challenges_challenge_add"), form).status_code == 302
    assert list(Challenge.objects.get(key="next").roles.values_list("user", "kind")) == [(organizer.pk, "organizer")]


@pytest.mark.django_db
def test_only_the_admin_has_the_looser_policy(make_user: Callable[..., User], client_of: ClientOf) -> None:
    browser = client_of(make_user(is_superuser=True, is_staff=True))
    admin, home = browser.get(reverse(INDEX)), browser.get(reverse("home"))
    assert "script-src 'self' 'unsafe-eval' 'unsafe-inline'" in admin["Content-Security-Policy"]
    assert "default-src 'none'" in admin["Content-Security-Policy"]
    assert "unsafe" not in home["Content-Security-Policy"]
