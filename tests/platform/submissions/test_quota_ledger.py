"""The ledger: what each move of a charge leaves behind, what can't be undone, and what a grant adds."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction

from accounts.models import User
from challenges.models import Challenge, Phase, Role, Track
from submissions import quota
from submissions.errors import SubmissionRefused
from submissions.models import Entry, QuotaCharge, QuotaGrant, Registration, Submission

from .conftest import code_archive

pytestmark = pytest.mark.django_db
State = QuotaCharge.State
HandIn = Callable[..., Submission]
MakePhase = Callable[..., Phase]


@pytest.fixture
def phase(make_phase: MakePhase) -> Phase:
    return make_phase(quota_day=5, quota_total=5)


@pytest.fixture
def entry(phase: Phase, hand_in: HandIn) -> Entry:
    return hand_in(phase).entries.get()


@pytest.fixture
def registration(entry: Entry) -> Registration:
    return entry.submission.registration


@pytest.fixture
def organizer(phase: Phase, make_user: Callable[..., User]) -> User:
    user = make_user()
    Role.objects.create(challenge=phase.track.challenge, user=user, kind=Role.Kind.ORGANIZER)
    return user


def history(entry: Entry) -> list[tuple[str, str, str]]:
    return list(entry.charges.get().changes.values_list("old", "new", "reason"))


def stands(entry: Entry) -> tuple[str, bool]:
    charge = entry.charges.get()
    return charge.state, charge.active


def refused(do: Callable[[], Any]) -> tuple[str, str]:
    with pytest.raises(SubmissionRefused) as caught:
        do()
    return caught.value.problems[0].code, caught.value.problems[0].message


# Moves


def test_every_move_of_a_charge_is_written_down_with_its_reason(entry: Entry, phase: Phase) -> None:
    quota.settle(entries=[entry], phase=phase, reason="its rehearsal has passed")
    quota.finish(entry=entry, phase=phase)
    quota.release(entry=entry, phase=phase, reason="an error of the platform")
    quota.charge_again(entry=entry, phase=phase, reason="queued again by an organizer")
    assert history(entry) == [
        ("", "reserved", "handed in"),
        ("reserved", "settled", "its rehearsal has passed"),
        ("settled", "settled", "its run has ended"),
        ("settled", "released", "an error of the platform"),
        ("released", "settled", "queued again by an organizer"),
    ]
    assert stands(entry) == (State.SETTLED, True)
    assert entry.charges.get().reason == "queued again by an organizer"


@pytest.mark.parametrize(
    "again",
    [
        lambda entry, phase: quota.release(entry=entry, phase=phase, reason="once more"),
        lambda entry, phase: quota.settle(entries=[entry], phase=phase),
        lambda entry, phase: quota.finish(entry=entry, phase=phase),
    ],
    ids=["release", "settle", "finish"],
)
def test_what_was_released_stays_released(again: Callable[[Entry, Phase], int], entry: Entry, phase: Phase) -> None:
    quota.release(entry=entry, reason="rejected")
    before = history(entry)
    assert again(entry, phase) == 0
    assert stands(entry) == (State.RELEASED, False)
    assert history(entry) == before
    assert entry.charges.get().reason == "rejected"


def test_a_move_that_was_made_already_is_not_written_down_twice(entry: Entry, phase: Phase) -> None:
    assert [quota.settle(entries=[entry]) for _ in range(2)] == [1, 0]
    assert [quota.finish(entry=entry, phase=phase) for _ in range(2)] == [1, 0]
    assert len(history(entry)) == 3


def test_only_what_was_released_is_charged_again_and_in_the_state_it_had(entry: Entry, phase: Phase) -> None:
    assert quota.charge_again(entry=entry, phase=phase, reason="again") == 0
    quota.release(entry=entry, reason="its rehearsal met an error of the platform")
    assert quota.charge_again(entry=entry, phase=phase, reason="again") == 1
    assert stands(entry) == (State.RESERVED, True)


def test_a_run_that_is_queued_again_is_charged_even_where_the_quota_is_used_up(
    entry: Entry, phase: Phase, registration: Registration, hand_in: HandIn
) -> None:
    Phase.objects.update(quota_total=1)
    quota.release(entry=entry, reason="an error of the platform")
    hand_in(phase, registration=registration, content=code_archive(data={"words_seen": 1}))
    quota.charge_again(entry=entry, phase=phase, reason="queued again")
    assert quota.usage(registration, phase).total == 2
    phase.refresh_from_db()
    assert quota.left(registration, phase) == "3 of 5 left today, 0 of 1 left in all"


def test_one_phase_is_settled_without_the_others(entry: Entry, phase: Phase, make_phase: MakePhase) -> None:
    later = make_phase(phase.track)
    with transaction.atomic():
        quota.reserve(registration=entry.submission.registration, phase=later, entry=entry)
    quota.settle(entries=[entry], phase=later)
    assert dict(entry.charges.values_list("phase", "state")) == {phase.pk: State.RESERVED, later.pk: State.SETTLED}


def test_a_move_that_is_rolled_back_leaves_no_line(entry: Entry, phase: Phase) -> None:
    with transaction.atomic():
        assert quota.release(entry=entry, reason="an error of the platform") == 1
        transaction.set_rollback(True)
    assert stands(entry) == (State.RESERVED, True)
    assert len(history(entry)) == 1


# Refusals


@pytest.mark.parametrize(
    ("limits", "code", "says"),
    [
        ({"quota_day": 1}, "E-QUOTA-DAY", "takes 1 a day, and your team has made 1 today"),
        ({"quota_total": 1}, "E-QUOTA-TOTAL", "takes 1 in all, and your team has made 1"),
        ({"quota_concurrent": 1}, "E-QUOTA-CONCURRENT", "takes 1 at a time, and 1 of your team are under way"),
    ],
)
def test_a_refusal_names_the_numbers(
    limits: dict[str, int], code: str, says: str, make_phase: MakePhase, hand_in: HandIn
) -> None:
    phase = make_phase(**limits)
    first = hand_in(phase)
    found, message = refused(lambda: hand_in(phase, registration=first.registration))
    assert (found, message) == (code, f"{phase} {says}")


def test_a_refusal_names_what_was_granted_too(make_phase: MakePhase, hand_in: HandIn, make_user: Any) -> None:
    phase = make_phase(quota_day=0)
    organizer = make_user()
    Role.objects.create(challenge=phase.track.challenge, user=organizer, kind=Role.Kind.ORGANIZER)
    _, message = refused(lambda: hand_in(phase))
    assert "takes 0 a day, and your team has made 0 today" in message
    registration = Registration.objects.get()
    quota.grant(registration=registration, phase=phase, amount=1, day=quota.today(), reason="late", user=organizer)
    hand_in(phase, registration=registration)
    _, message = refused(lambda: hand_in(phase, registration=registration))
    assert "takes 0 a day and 1 more were granted for today, and your team has made 1 today" in message


# Grants


def granted(registration: Registration, phase: Phase, organizer: User, **changes: Any) -> QuotaGrant:
    values: dict[str, Any] = {"amount": 2, "day": quota.today(), "reason": "The site was away.", **changes}
    return quota.grant(registration=registration, phase=phase, user=organizer, **values)


def test_a_grant_adds_to_its_day_and_to_the_total(registration: Registration, phase: Phase, organizer: User) -> None:
    granted(registration, phase, organizer)
    assert quota.left(registration, phase) == "6 of 7 left today, 6 of 7 left in all"
    granted(registration, phase, organizer, amount=3, day=quota.today() - timedelta(days=1))
    assert quota.left(registration, phase) == "6 of 7 left today, 9 of 10 left in all"


def test_a_grant_is_for_one_team_in_one_phase(
    registration: Registration, phase: Phase, organizer: User, make_phase: MakePhase,
    make_registration: Callable[..., Registration],
) -> None:  # fmt: skip
    granted(registration, phase, organizer)
    other = make_registration(challenge=phase.track.challenge)
    assert quota.left(other, phase) == "5 of 5 left today, 5 of 5 left in all"
    assert quota.left(registration, make_phase(phase.track, quota_total=1)) == "1 of 1 left in all"


def test_a_grant_limits_nothing_where_nothing_was_limited(
    registration: Registration, phase: Phase, organizer: User, make_phase: MakePhase
) -> None:
    free = make_phase(phase.track)
    granted(registration, free, organizer)
    assert quota.left(registration, free) == ""


def test_who_grants_and_why_is_kept(registration: Registration, phase: Phase, organizer: User) -> None:
    grant = granted(registration, phase, organizer, reason="  The site was away. ")
    assert (grant.granted_by, grant.reason) == (organizer, "The site was away.")


def test_only_organizers_grant(registration: Registration, phase: Phase, make_user: Callable[..., User]) -> None:
    reviewer = make_user()
    Role.objects.create(challenge=phase.track.challenge, user=reviewer, kind=Role.Kind.REVIEWER)
    for person in (reviewer, registration.created_by):
        assert refused(lambda person=person: granted(registration, phase, person))[0] == "E-QUOTA-GRANT"
    assert not QuotaGrant.objects.exists()


@pytest.mark.parametrize("changes", [{"reason": " "}, {"amount": 0}, {"amount": 1001}])
def test_a_grant_takes_a_reason_and_a_bounded_number(
    changes: dict[str, Any], registration: Registration, phase: Phase, organizer: User
) -> None:
    assert refused(lambda: granted(registration, phase, organizer, **changes))[0] == "E-QUOTA-GRANT"


def test_a_phase_of_another_challenge_is_not_granted(
    registration: Registration, organizer: User, make_phase: MakePhase
) -> None:
    assert refused(lambda: granted(registration, make_phase(), organizer))[0] == "E-SUB-TRACK"


@pytest.mark.parametrize("count", [1, 3])
def test_standings_take_two_queries_for_any_number_of_phases(
    count: int, make_phase: MakePhase, make_track: Callable[..., Track], make_challenge: Callable[..., Challenge],
    make_registration: Callable[..., Registration], django_assert_num_queries: Any,
) -> None:  # fmt: skip
    track = make_track(make_challenge())
    phases = [make_phase(track) for _ in range(count)]
    registration = make_registration(challenge=track.challenge)
    with django_assert_num_queries(2):
        assert len(quota.standings(registration, phases)) == count
