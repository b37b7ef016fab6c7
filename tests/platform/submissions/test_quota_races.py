"""The ledger under real threads with connections of their own: what two do at once, one of them does."""

import threading
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from django.db import connections, transaction

from accounts.models import User
from challenges.models import Phase, Role
from submissions import quota, services
from submissions.errors import SubmissionRefused
from submissions.models import Entry, QuotaChange, QuotaCharge, Registration, Submission, UploadSession

pytestmark = pytest.mark.django_db(transaction=True)
State = QuotaCharge.State
HAND_INS, QUOTA = 20, 5


def at_once(tasks: Sequence[Callable[[], Any]]) -> list[Any]:
    """What each task returned, or the code of its refusal; all begin at the same moment, each in a thread."""
    barrier = threading.Barrier(len(tasks))
    results: list[Any] = [None] * len(tasks)

    def go(number: int) -> None:
        barrier.wait()
        try:
            results[number] = tasks[number]()
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
def phase(make_phase: Callable[..., Phase]) -> Phase:
    return make_phase(quota_total=QUOTA)


@pytest.fixture
def registration(phase: Phase, make_registration: Callable[..., Registration]) -> Registration:
    return make_registration(challenge=phase.track.challenge)


@pytest.fixture
def organizer(phase: Phase, make_user: Callable[..., User]) -> User:
    user = make_user()
    Role.objects.create(challenge=phase.track.challenge, user=user, kind=Role.Kind.ORGANIZER)
    return user


@pytest.fixture
def uploads(registration: Registration, make_upload: Callable[..., UploadSession]) -> list[UploadSession]:
    """As many finished uploads as hand-ins: a person holds ten, so the rows beyond are made by hand."""
    first = make_upload(registration)
    rest = [
        UploadSession.objects.create(
            user=first.user, challenge=first.challenge, filename=f"{number}.zip", size=first.size,
            received=first.size, state=UploadSession.State.COMPLETE, artifact=first.artifact,
        )
        for number in range(1, HAND_INS)
    ]  # fmt: skip
    return [first, *rest]


def hand_in_all(registration: Registration, phase: Phase, uploads: Sequence[UploadSession]) -> list[Callable[[], Any]]:
    def task(upload: UploadSession) -> Callable[[], Any]:
        def go() -> str:
            services.submit(
                registration=registration, phases=[phase], upload=upload, manifest=None, user=registration.created_by
            )
            return "received"

        return go

    return [task(upload) for upload in uploads]


def test_twenty_hand_ins_at_once_against_a_quota_of_five_reserve_exactly_five(
    registration: Registration, phase: Phase, uploads: list[UploadSession]
) -> None:
    results = at_once(hand_in_all(registration, phase, uploads))
    assert Counter(results) == {"received": QUOTA, "E-QUOTA-TOTAL": HAND_INS - QUOTA}
    assert QuotaCharge.objects.filter(state=State.RESERVED).count() == QUOTA
    assert QuotaChange.objects.filter(new=State.RESERVED).count() == QUOTA
    assert sorted(Submission.objects.values_list("number", flat=True)) == [1, 2, 3, 4, 5]


def test_grants_while_a_team_hands_in_add_up_to_exactly_what_was_granted(
    registration: Registration, phase: Phase, uploads: list[UploadSession], organizer: User
) -> None:
    def grant() -> str:
        quota.grant(registration=registration, phase=phase, amount=1, day=quota.today(), reason="r", user=organizer)
        return "granted"

    results = Counter(at_once([*hand_in_all(registration, phase, uploads[:16]), grant, grant, grant]))
    assert results["granted"] == 3
    assert QUOTA <= results["received"] <= QUOTA + 3
    rest = [upload for upload in uploads if not Submission.objects.filter(upload=upload).exists()]
    late = Counter(at_once(hand_in_all(registration, phase, rest[:10])))
    assert results["received"] + late["received"] == QUOTA + 3
    assert quota.usage(registration, phase).total == QUOTA + 3


@pytest.fixture
def entry(registration: Registration, phase: Phase, uploads: list[UploadSession]) -> Entry:
    return services.submit(
        registration=registration, phases=[phase], upload=uploads[0], manifest=None, user=registration.created_by
    ).entries.get()


def moves(entry: Entry) -> list[tuple[str, str]]:
    return list(QuotaChange.objects.filter(charge__entry=entry).values_list("old", "new"))


def test_settling_and_releasing_at_once_ends_released_with_one_line_for_each_move(entry: Entry, phase: Phase) -> None:
    tasks: list[Callable[[], Any]] = [
        lambda: quota.settle(entries=[entry]),
        lambda: quota.release(entry=entry, phase=phase, reason="an error of the platform"),
        lambda: quota.finish(entry=entry, phase=phase),
    ]
    at_once(tasks * 4)
    assert QuotaCharge.objects.get().state == State.RELEASED
    assert not QuotaCharge.objects.get().active
    found = moves(entry)
    assert Counter(new for _, new in found if new == State.RELEASED) == {State.RELEASED: 1}
    assert len([old for old, new in found if old != new]) == len({(old, new) for old, new in found if old != new})
    # Each line begins where the one before it ended.
    assert [old for old, _ in found] == ["", *[new for _, new in found[:-1]]]


def test_many_releases_at_once_write_one_line(entry: Entry, phase: Phase) -> None:
    results = at_once([lambda: quota.release(entry=entry, phase=phase, reason="ours")] * 8)
    assert sorted(results) == [0] * 7 + [1]
    assert moves(entry) == [("", "reserved"), ("reserved", "released")]


def test_charging_again_at_once_charges_once(entry: Entry, phase: Phase) -> None:
    quota.settle(entries=[entry])
    quota.release(entry=entry, phase=phase, reason="ours")
    results = at_once([lambda: quota.charge_again(entry=entry, phase=phase, reason="queued again")] * 6)
    assert sorted(results) == [0] * 5 + [1]
    assert QuotaCharge.objects.get().state == State.SETTLED


def test_a_reservation_waits_for_one_that_is_not_committed_yet(
    registration: Registration, phase: Phase, uploads: list[UploadSession]
) -> None:
    Phase.objects.update(quota_total=1)
    phase.refresh_from_db()
    holding, goes_on = threading.Event(), threading.Event()

    def slow() -> str:
        with transaction.atomic():
            quota.lock(registration)
            holding.set()
            goes_on.wait(10)
            return str(hand_in_all(registration, phase, uploads[:1])[0]())

    def quick() -> str:
        holding.wait(10)
        goes_on.set()
        return str(hand_in_all(registration, phase, uploads[1:2])[0]())

    assert at_once([slow, quick]) == ["received", "E-QUOTA-TOTAL"]
