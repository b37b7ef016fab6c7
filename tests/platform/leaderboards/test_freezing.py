"""Boards are frozen and let go on in the admin and by a command, by who looks after the challenge."""

from collections.abc import Callable
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.urls import reverse

from accounts.models import User
from challenges.models import Phase
from leaderboards.models import Snapshot
from leaderboards.services import refresh

pytestmark = pytest.mark.django_db
Make = Callable[..., Any]
LIST = "admin:leaderboards_snapshot_changelist"


@pytest.fixture
def organizer(make_user: Make) -> User:
    made: User = make_user()
    return made


@pytest.fixture
def phase(make_challenge: Make, make_track: Make, make_phase: Make, make_suite_version: Make, organizer: User) -> Phase:
    made: Phase = make_phase(make_track(make_challenge("pairs", organizers=(organizer,)), "small"), "dev")
    make_suite_version(made, key="pairs", items="public", gold="public")
    return made


def act(client: Any, action: str, snapshot: Snapshot) -> Any:
    return client.post(reverse(LIST), {"action": action, "_selected_action": [snapshot.pk]}, follow=True)


def test_an_organizer_freezes_and_unfreezes_a_board(
    phase: Phase, make_scored: Make, organizer: User, client_of: Make
) -> None:
    make_scored(phase, 0.5)
    snapshot = refresh(phase=phase)
    page = client_of(organizer).get(reverse(LIST)).content.decode()
    assert f"/c/pairs/small/dev/leaderboard?as_of={snapshot.created_at:%Y-%m-%d}" in page
    act(client_of(organizer), "freeze", snapshot)
    snapshot.refresh_from_db()
    assert (snapshot.frozen, snapshot.frozen_by) == (True, organizer)
    act(client_of(organizer), "unfreeze", snapshot)
    snapshot.refresh_from_db()
    assert (snapshot.frozen, snapshot.frozen_by, snapshot.frozen_at) == (False, None, None)


def test_another_challenges_organizer_does_not_find_it(
    phase: Phase, make_challenge: Make, make_scored: Make, make_user: Make, client_of: Make
) -> None:
    other = make_user()
    make_challenge("other", organizers=(other,))
    make_scored(phase, 0.5)
    snapshot = refresh(phase=phase)
    assert snapshot.digest not in client_of(other).get(reverse(LIST)).content.decode()
    act(client_of(other), "freeze", snapshot)
    snapshot.refresh_from_db()
    assert not snapshot.frozen


def test_the_command_freezes_a_board_and_lets_it_go_on(phase: Phase, make_scored: Make) -> None:
    make_scored(phase, 0.5)
    digest, out = refresh(phase=phase).digest, StringIO()
    call_command("leaderboards", "freeze", "pairs", "small", "dev", stdout=out)
    assert digest in out.getvalue()
    assert Snapshot.objects.get(phase=phase).frozen
    call_command("leaderboards", "unfreeze", "pairs", "small", "dev", stdout=out)
    assert not Snapshot.objects.get(phase=phase).frozen
    call_command("leaderboards", "rebuild", stdout=out)
    assert out.getvalue().count(digest) == 2


@pytest.mark.parametrize("names", [("none", "small", "dev"), ("pairs", "small", "none")])
def test_the_command_says_what_is_not_there(phase: Phase, names: tuple[str, ...]) -> None:
    with pytest.raises(CommandError, match="There is no"):
        call_command("leaderboards", "freeze", *names)
