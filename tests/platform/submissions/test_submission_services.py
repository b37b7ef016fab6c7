"""Registering, handing in, the quota ledger, and entering further phases."""

import threading
from collections.abc import Callable
from datetime import UTC, timedelta
from typing import Any

import pytest
from django.db import connections
from django.utils import timezone

from accounts.models import Membership, Team, User
from challenges.models import Challenge, Phase, Role, Track
from submissions import quota, services
from submissions.errors import SubmissionRefused
from submissions.models import Entry, QuotaCharge, Registration, Submission, UploadSession
from submissions.selectors import stale_received, visible_submissions

from .conftest import code_archive, manifest

pytestmark = pytest.mark.django_db
MakePhase = Callable[..., Phase]
HandIn = Callable[..., Submission]


def refused(do: Callable[[], Any]) -> str:
    with pytest.raises(SubmissionRefused) as caught:
        do()
    return caught.value.problems[0].code


def owner(team: Team) -> User:
    return team.memberships.get(role=Membership.Role.OWNER).user


# Registering


def test_a_team_takes_part_once(make_team: Callable[..., Team], make_challenge: Callable[..., Challenge]) -> None:
    team, challenge = make_team(), make_challenge()
    first = services.register(user=owner(team), team=team, challenge=challenge)
    assert services.register(user=owner(team), team=team, challenge=challenge) == first
    assert services.registration_of(owner(team), challenge) == first


def test_only_a_member_registers_a_team(
    make_team: Callable[..., Team], make_challenge: Callable[..., Challenge], make_user: Callable[..., User]
) -> None:
    assert (
        refused(lambda: services.register(user=make_user(), team=make_team(), challenge=make_challenge()))
        == "E-REG-MEMBER"
    )


def test_a_person_takes_part_in_a_challenge_with_one_team(
    make_team: Callable[..., Team], make_challenge: Callable[..., Challenge], make_user: Callable[..., User]
) -> None:
    shared, challenge = make_user(), make_challenge()
    first, second = make_team(shared), make_team(make_user(), shared)
    services.register(user=shared, team=first, challenge=challenge)
    assert refused(lambda: services.register(user=owner(second), team=second, challenge=challenge)) == "E-REG-ONCE"
    assert services.register(user=owner(second), team=second, challenge=make_challenge())


def test_who_came_into_a_second_team_hands_in_for_neither(
    make_phase: MakePhase, make_registration: Callable[..., Registration], hand_in: HandIn
) -> None:
    phase = make_phase()
    first = make_registration(challenge=phase.track.challenge)
    second = make_registration(challenge=phase.track.challenge)
    Membership.objects.create(team=second.team, user=first.created_by)
    assert refused(lambda: hand_in(phase, registration=first)) == "E-REG-ONCE"


# Handing in


def test_a_hand_in_is_received_numbered_entered_and_charged(
    make_phase: MakePhase, make_registration: Callable[..., Registration], hand_in: HandIn
) -> None:
    phase = make_phase()
    registration = make_registration(challenge=phase.track.challenge)
    first, second = (
        hand_in(phase, registration=registration, content=code_archive(data={"words_seen": n})) for n in (1, 2)
    )
    assert [first.number, second.number] == [1, 2]
    assert (first.state, first.name, first.kind) == (Submission.State.RECEIVED, "parrot", "")
    assert [entry.track for entry in first.entries.all()] == [phase.track]
    assert quota.usage(registration, phase) == quota.Usage(day=2, total=2, concurrent=2)


def test_the_form_s_manifest_names_the_submission(make_phase: MakePhase, hand_in: HandIn) -> None:
    submission = hand_in(make_phase(), described=manifest())
    assert (submission.name, submission.kind, len(submission.digest)) == ("Parrot", "code", 64)


def test_one_submission_enters_several_tracks(
    make_phase: MakePhase, make_track: Callable[..., Track], make_challenge: Callable[..., Challenge], hand_in: HandIn
) -> None:
    challenge = make_challenge()
    phases = [make_phase(make_track(challenge)) for _ in range(2)]
    submission = hand_in(*phases)
    assert [charge.phase for charge in QuotaCharge.objects.filter(entry__submission=submission)] == phases


def test_a_second_click_gets_the_first_submission(
    make_phase: MakePhase, make_registration: Callable[..., Registration], make_upload: Callable[..., UploadSession]
) -> None:
    phase = make_phase()
    registration = make_registration(challenge=phase.track.challenge)
    upload = make_upload(registration)
    values: dict[str, Any] = {"registration": registration, "phases": [phase], "upload": upload, "manifest": None}
    first = services.submit(**values, user=registration.created_by)
    assert services.submit(**values, user=registration.created_by) == first
    assert QuotaCharge.objects.count() == 1


def test_only_a_member_hands_in(
    make_phase: MakePhase, make_registration: Callable[..., Registration], make_upload: Callable[..., UploadSession]
) -> None:
    phase = make_phase()
    mine, theirs = (make_registration(challenge=phase.track.challenge) for _ in range(2))
    upload = make_upload(mine)
    code = refused(
        lambda: services.submit(
            registration=theirs,
            phases=[phase],
            upload=upload,
            manifest=None,
            user=mine.created_by,
        )
    )
    assert code == "E-REG-MEMBER"


@pytest.mark.parametrize("window", [{"open": False}, {"opens": timezone.now() + timedelta(days=1)}])
def test_submit_refuses_when_phase_is_not_open(window: dict[str, Any], make_phase: MakePhase, hand_in: HandIn) -> None:
    assert refused(lambda: hand_in(make_phase(**window))) == "E-SUB-CLOSED"
    assert not Submission.objects.exists()
    assert UploadSession.objects.get().state == UploadSession.State.COMPLETE


def test_a_track_of_another_challenge_is_refused(
    make_phase: MakePhase, make_registration: Callable[..., Registration], hand_in: HandIn
) -> None:
    assert refused(lambda: hand_in(make_phase(), registration=make_registration())) == "E-SUB-TRACK"


def test_two_phases_of_one_track_are_refused(
    make_phase: MakePhase, make_track: Callable[..., Track], hand_in: HandIn
) -> None:
    track = make_track()
    assert refused(lambda: hand_in(make_phase(track), make_phase(track))) == "E-SUB-TRACK"


def test_an_upload_that_has_not_arrived_whole_is_refused(
    make_phase: MakePhase, make_registration: Callable[..., Registration]
) -> None:
    phase = make_phase()
    registration = make_registration(challenge=phase.track.challenge)
    upload = UploadSession.objects.create(
        user=registration.created_by, challenge=registration.challenge, filename="a.zip", size=10, received=4
    )
    code = refused(
        lambda: services.submit(
            registration=registration, phases=[phase], upload=upload, manifest=None,
            user=registration.created_by,
        )
    )  # fmt: skip
    assert code == "E-UP-TRUNCATED"


def test_a_file_over_the_track_s_size_is_refused(
    make_phase: MakePhase, make_track: Callable[..., Track], hand_in: HandIn
) -> None:
    small = make_track(max_bytes=10)
    make_track(small.challenge)
    assert refused(lambda: hand_in(make_phase(small))) == "E-UP-SIZE"


def test_an_organizer_s_hand_in_is_a_baseline(
    make_phase: MakePhase, make_registration: Callable[..., Registration], hand_in: HandIn
) -> None:
    phase = make_phase()
    registration = make_registration(challenge=phase.track.challenge)
    Role.objects.create(challenge=registration.challenge, user=registration.created_by, kind=Role.Kind.ORGANIZER)
    assert hand_in(phase, registration=registration).entries.get().status == Entry.Status.BASELINE


# The quota


@pytest.mark.parametrize(
    ("limit", "code"),
    [("quota_day", "E-QUOTA-DAY"), ("quota_total", "E-QUOTA-TOTAL"), ("quota_concurrent", "E-QUOTA-CONCURRENT")],
)
def test_submit_refuses_when_the_quota_is_used_up(
    limit: str, code: str, make_phase: MakePhase, make_registration: Callable[..., Registration], hand_in: HandIn
) -> None:
    phase = make_phase(**{limit: 1})
    registration = make_registration(challenge=phase.track.challenge)
    hand_in(phase, registration=registration)
    assert refused(lambda: hand_in(phase, registration=registration)) == code
    assert Submission.objects.count() == 1
    assert hand_in(phase), "another team has a quota of its own"


def test_a_refused_track_takes_nothing_from_the_quota_of_the_others(
    make_phase: MakePhase, make_track: Callable[..., Track], make_challenge: Callable[..., Challenge],
    make_registration: Callable[..., Registration], hand_in: HandIn,
) -> None:  # fmt: skip
    challenge = make_challenge()
    free, full = make_phase(make_track(challenge)), make_phase(make_track(challenge), quota_total=0)
    registration = make_registration(challenge=challenge)
    assert refused(lambda: hand_in(free, full, registration=registration)) == "E-QUOTA-TOTAL"
    assert quota.usage(registration, free).total == 0


def test_yesterday_s_hand_ins_count_in_all_but_not_today(make_phase: MakePhase, hand_in: HandIn) -> None:
    phase = make_phase(quota_day=1)
    submission = hand_in(phase)
    midnight = timezone.now().astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    QuotaCharge.objects.update(created_at=midnight - timedelta(seconds=1))
    assert quota.usage(submission.registration, phase) == quota.Usage(day=0, total=1, concurrent=1)
    assert hand_in(phase, registration=submission.registration)


def test_a_released_charge_is_given_back_and_a_finished_one_is_not(make_phase: MakePhase, hand_in: HandIn) -> None:
    phase = make_phase()
    submission = hand_in(phase)
    entry = submission.entries.get()
    quota.finish(entry=entry, phase=phase)
    assert quota.usage(submission.registration, phase) == quota.Usage(day=1, total=1, concurrent=0)
    quota.release(entry=entry, reason="ours")
    assert quota.usage(submission.registration, phase) == quota.Usage(day=0, total=0, concurrent=0)


def test_what_is_left_is_said_in_words(make_phase: MakePhase, hand_in: HandIn) -> None:
    phase = make_phase(quota_day=5, quota_total=50, quota_concurrent=1)
    submission = hand_in(phase)
    assert quota.left(submission.registration, phase) == (
        "4 of 5 left today, 49 of 50 left in all, none before one of 1 under way has finished"
    )


@pytest.mark.django_db(transaction=True)
def test_hand_ins_at_the_same_moment_do_not_exceed_the_quota(
    make_phase: MakePhase, make_registration: Callable[..., Registration], make_upload: Callable[..., UploadSession]
) -> None:
    phase = make_phase(quota_total=2)
    registration = make_registration(challenge=phase.track.challenge)
    uploads = [make_upload(registration, code_archive(data={"words_seen": number})) for number in range(5)]
    barrier, results = threading.Barrier(len(uploads)), []

    def go(upload: UploadSession) -> None:
        barrier.wait()
        try:
            done = services.submit(
                registration=registration, phases=[phase], upload=upload, manifest=None,
                user=registration.created_by,
            )  # fmt: skip
            results.append(str(done.number))
        except SubmissionRefused as error:
            results.append(error.problems[0].code)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=go, args=[upload]) for upload in uploads]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == ["1", "2", "E-QUOTA-TOTAL", "E-QUOTA-TOTAL", "E-QUOTA-TOTAL"]


@pytest.mark.django_db(transaction=True)
def test_two_tabs_that_hand_in_one_upload_make_one_submission(
    make_phase: MakePhase, make_registration: Callable[..., Registration], make_upload: Callable[..., UploadSession]
) -> None:
    phase = make_phase()
    registration = make_registration(challenge=phase.track.challenge)
    upload = make_upload(registration)
    barrier, made = threading.Barrier(2), []

    def go() -> None:
        barrier.wait()
        try:
            done = services.submit(
                registration=registration, phases=[phase], upload=upload, manifest=None,
                user=registration.created_by,
            )  # fmt: skip
            made.append(done.pk)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=go) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 2
    assert len(set(made)) == 1
    assert QuotaCharge.objects.count() == 1


# Further phases


@pytest.fixture
def accepted(make_phase: MakePhase, hand_in: HandIn) -> Submission:
    submission = hand_in(make_phase(), described=manifest())
    Submission.objects.update(state=Submission.State.ACCEPTED)
    quota.settle(entries=list(submission.entries.all()))
    submission.refresh_from_db()
    return submission


def test_an_accepted_submission_enters_the_next_phase_without_an_upload(
    accepted: Submission, make_phase: MakePhase
) -> None:
    track, user = accepted.entries.get().track, accepted.submitted_by
    phase = make_phase(track)
    entry = services.enter_phase(submission=accepted, phase=phase, user=user)
    assert services.enter_phase(submission=accepted, phase=phase, user=user) == entry
    assert [charge.state for charge in QuotaCharge.objects.filter(phase=phase)] == [QuotaCharge.State.SETTLED]
    assert accepted.entries.get() == entry


def test_the_next_phase_has_a_quota_too(accepted: Submission, make_phase: MakePhase) -> None:
    phase = make_phase(accepted.entries.get().track, quota_total=0)
    code = refused(lambda: services.enter_phase(submission=accepted, phase=phase, user=accepted.submitted_by))
    assert code == "E-QUOTA-TOTAL"


def test_another_track_that_does_not_take_the_kind_is_refused(
    accepted: Submission, make_phase: MakePhase, make_track: Callable[..., Track]
) -> None:
    phase = make_phase(make_track(accepted.registration.challenge, kinds=["model"]))
    code = refused(lambda: services.enter_phase(submission=accepted, phase=phase, user=accepted.submitted_by))
    assert code == "E-SUB-KIND"
    assert accepted.entries.count() == 1


def test_only_members_enter_a_phase(
    accepted: Submission, make_phase: MakePhase, make_user: Callable[..., User]
) -> None:
    phase = make_phase(accepted.entries.get().track)
    assert refused(lambda: services.enter_phase(submission=accepted, phase=phase, user=make_user())) == "E-REG-MEMBER"


@pytest.mark.parametrize("status", [Entry.Status.WITHDRAWN, Entry.Status.DISQUALIFIED])
def test_an_entry_that_was_taken_out_goes_no_further(status: str, accepted: Submission, make_phase: MakePhase) -> None:
    user: Any = accepted.submitted_by
    services.set_status(entry=accepted.entries.get(), status=status, reason="a reason", user=user)
    phase = make_phase(accepted.entries.get().track)
    assert refused(lambda: services.enter_phase(submission=accepted, phase=phase, user=user)) == "E-SUB-STATE"


def test_a_phase_left_through_a_fault_of_ours_is_not_entered_twice(accepted: Submission) -> None:
    entry = accepted.entries.get()
    quota.release(entry=entry, reason="an error of the platform")
    phase = QuotaCharge.objects.get().phase
    code = refused(lambda: services.enter_phase(submission=accepted, phase=phase, user=accepted.submitted_by))
    assert code == "E-SUB-STATE"


def test_a_received_or_rejected_submission_enters_nothing(make_phase: MakePhase, hand_in: HandIn) -> None:
    submission = hand_in(make_phase())
    phase = make_phase(submission.entries.get().track)
    code = refused(lambda: services.enter_phase(submission=submission, phase=phase, user=submission.submitted_by))
    assert code == "E-SUB-STATE"


# Who sees what


def test_a_submission_is_seen_by_its_team_and_by_those_with_a_role(
    make_phase: MakePhase, hand_in: HandIn, make_user: Callable[..., User]
) -> None:
    submission = hand_in(make_phase())
    mate, reviewer, stranger = make_user(), make_user(), make_user()
    Membership.objects.create(team=submission.registration.team, user=mate)
    Role.objects.create(challenge=submission.registration.challenge, user=reviewer, kind=Role.Kind.REVIEWER)
    seen = [list(visible_submissions(user)) for user in (mate, reviewer, make_user(is_superuser=True), stranger)]
    assert seen == [[submission], [submission], [submission], []]


def test_a_submission_whose_check_did_not_begin_is_found(make_phase: MakePhase, hand_in: HandIn) -> None:
    submission = hand_in(make_phase())
    assert not stale_received(older_than=timedelta(minutes=1)).exists()
    Submission.objects.update(created_at=timezone.now() - timedelta(minutes=2))
    assert list(stale_received(older_than=timedelta(minutes=1))) == [submission]
