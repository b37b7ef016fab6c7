"""Answers about methods: which hold, who may change them until when, and that nothing is lost."""

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from challenges.models import Phase, Track
from submissions.answers import asked, completeness, current_answers, history, manifest_now
from submissions.answers_saving import save_answers
from submissions.errors import SubmissionRefused
from submissions.manifests import check_against_track
from submissions.models import Entry, MethodAnswer, Registration, Submission
from submissions.services import enter_phase

from .method_questions import QUESTIONS

Accepted = Callable[..., Submission]


@pytest.fixture
def track(asking_track: Track) -> Track:
    """The track that asks, by a short name."""
    return asking_track


def member_of(submission: Submission) -> User:
    """Somebody of the team."""
    return submission.submitted_by


def refused(submission: Submission, answers: dict[str, Any], user: User, reason: str = "") -> list[tuple[str, str]]:
    """The codes and fields of what is refused; nothing may be written then."""
    before = MethodAnswer.objects.count()
    with pytest.raises(SubmissionRefused) as found:
        save_answers(submission=submission, answers=answers, user=user, reason=reason)
    assert MethodAnswer.objects.count() == before
    return [(problem.code, problem.field) for problem in found.value.problems]


def close(track: Track) -> None:
    """Let the time for answers be over."""
    Track.objects.filter(pk=track.pk).update(metadata_until=timezone.now() - timedelta(minutes=1))


def test_the_manifests_answer_holds_until_a_later_one_and_stays_in_the_history(accepted: Accepted) -> None:
    one = accepted()
    handed_in = one.manifest
    save_answers(submission=one, answers={"epochs": 4, "hardware": "two\r\ncards "}, user=member_of(one))
    save_answers(submission=one, answers={"epochs": 5}, user=member_of(one))
    assert current_answers([one]) == {one.pk: {"epochs": 5, "hardware": "two\ncards"}}
    assert [(step.question, step.value, step.previous) for step in history(one)] == [
        ("epochs", "5", "4"), ("hardware", "two\ncards", ""), ("epochs", "4", "3"), ("epochs", "3", ""),
    ]  # fmt: skip
    one.refresh_from_db()
    assert one.manifest == handed_in
    assert manifest_now(one).answers == {"epochs": 5, "hardware": "two\ncards"}


def test_what_has_not_changed_is_not_written(accepted: Accepted) -> None:
    one = accepted()
    assert save_answers(submission=one, answers={"epochs": 3, "hardware": ""}, user=member_of(one)) == []
    assert len(history(one)) == 1


def test_an_answer_can_be_taken_back_unless_it_was_required_at_the_hand_in(accepted: Accepted) -> None:
    one = accepted()
    save_answers(submission=one, answers={"approaches": ["curriculum"]}, user=member_of(one))
    save_answers(submission=one, answers={"approaches": []}, user=member_of(one))
    assert current_answers([one])[one.pk] == {"epochs": 3}
    assert refused(one, {"epochs": None}, member_of(one)) == [("E-SUB-ANSWER", "answers.epochs")]


def test_all_or_nothing_is_saved(accepted: Accepted) -> None:
    one = accepted()
    faults = refused(one, {"hardware": "a card", "epochs": -1, "colour": "red"}, member_of(one))
    assert faults == [("E-SUB-ANSWER", "answers.epochs"), ("E-SUB-ANSWER", "answers.colour")]


def test_a_stranger_a_reviewer_and_another_team_answer_nothing(
    accepted: Accepted, make_user: Callable[..., User], make_registration: Callable[..., Registration], track: Track
) -> None:
    one, reviewer = accepted(), make_user()
    track.challenge.roles.create(user=reviewer, kind="reviewer")
    rival = make_registration(challenge=track.challenge).created_by
    for person in (make_user(), reviewer, rival):
        assert refused(one, {"epochs": 4}, person, "because") == [("E-REG-MEMBER", "answers.epochs")]


def test_a_team_answers_until_the_deadline_and_an_organizer_afterwards_with_a_reason(
    accepted: Accepted, track: Track, organizer: User
) -> None:
    one = accepted()
    close(track)
    assert refused(one, {"epochs": 4}, member_of(one)) == [("E-SUB-METADATA", "answers.epochs")]
    assert refused(one, {"epochs": 4}, organizer) == [("E-SUB-METADATA", "reason")]
    save_answers(submission=one, answers={"epochs": 4}, user=organizer, reason="The paper says four.")
    latest = history(one)[0]
    assert (latest.by, latest.reason) == ("Olga", "The paper says four.")


def test_an_organizer_needs_a_reason_before_the_deadline_too_unless_it_is_their_own_team(
    accepted: Accepted, organizer: User, make_registration: Callable[..., Registration],
    make_team: Callable[..., Any], track: Track,
) -> None:  # fmt: skip
    assert refused(accepted(), {"epochs": 4}, organizer) == [("E-SUB-METADATA", "reason")]
    own = accepted(registration=make_registration(make_team(organizer), track.challenge))
    (made,) = save_answers(submission=own, answers={"epochs": 4}, user=organizer, reason="not kept")
    assert made.reason == ""


def test_without_a_deadline_of_its_own_a_track_takes_answers_until_its_last_phase_closes(
    accepted: Accepted, make_phase: Callable[..., Phase], track: Track
) -> None:
    phase = make_phase(track)
    one = accepted(phase)
    last = make_phase(track, closes=phase.closes + timedelta(days=3))
    assert {line.until for line in asked(one)} == {last.closes}
    Phase.objects.update(opens=timezone.now() - timedelta(days=3), closes=timezone.now() - timedelta(days=2))
    assert refused(one, {"epochs": 4}, member_of(one)) == [("E-SUB-METADATA", "answers.epochs")]


def test_a_question_of_two_tracks_is_open_until_the_later_deadline(
    accepted: Accepted, make_phase: Callable[..., Phase], make_track: Callable[..., Track], track: Track
) -> None:
    other = make_track(track.challenge, questions=[{"key": "hardware", "type": "text", "required": "by-deadline"}])
    one = accepted(make_phase(track), make_phase(other))
    close(track)
    by_key = {line.question.key: line for line in asked(one)}
    assert (by_key["epochs"].is_open, by_key["hardware"].is_open) == (False, True)
    assert by_key["hardware"].required == "by-deadline"
    save_answers(submission=one, answers={"hardware": "a card"}, user=member_of(one))
    assert refused(one, {"epochs": 4}, member_of(one)) == [("E-SUB-METADATA", "answers.epochs")]


def test_a_withdrawn_entry_is_asked_nothing(accepted: Accepted) -> None:
    one = accepted()
    one.entries.update(status=Entry.Status.WITHDRAWN)
    assert asked(one) == []
    assert refused(one, {"epochs": 4}, member_of(one)) == [("E-SUB-ANSWER", "answers.epochs")]


@pytest.mark.parametrize("state", [Submission.State.RECEIVED, Submission.State.REJECTED])
def test_only_an_accepted_submission_is_answered_for(accepted: Accepted, state: str) -> None:
    one = accepted()
    Submission.objects.filter(pk=one.pk).update(state=state)
    assert refused(one, {"epochs": 4}, member_of(one)) == [("E-SUB-STATE", "")]


def test_a_team_cannot_answer_itself_over_the_budget_and_an_organizer_can_say_that_it_is(
    accepted: Accepted, track: Track, organizer: User
) -> None:
    Track.objects.filter(pk=track.pk).update(budget={"epochs": 10})
    one = accepted()
    assert refused(one, {"epochs": 11}, member_of(one)) == [("E-SUB-BUDGET", "answers.epochs")]
    save_answers(submission=one, answers={"epochs": 11}, user=organizer, reason="So the team wrote.")
    assert current_answers([one])[one.pk]["epochs"] == 11


def test_approaches_and_backbone_of_the_manifest_hold_where_no_question_of_that_key_is_answered(
    accepted: Accepted,
) -> None:
    method = {"name": "Parrot", "approaches": ["curriculum", "Curriculum lerning"], "backbone": "GPT-2"}
    one = accepted(method=method)
    assert current_answers([one])[one.pk] == {
        "approaches": ["curriculum", "Curriculum lerning"], "backbone": "GPT-2", "epochs": 3,
    }  # fmt: skip
    # Free words are no answer to a question that offers options.
    assert [line.question.key for line in asked(one) if line.is_due] == ["approaches"]
    save_answers(submission=one, answers={"approaches": ["distillation"]}, user=member_of(one))
    assert current_answers([one])[one.pk]["approaches"] == ["distillation"]


def test_what_was_answered_later_counts_when_a_further_phase_is_entered(
    accepted: Accepted, make_phase: Callable[..., Phase], track: Track
) -> None:
    one, further = accepted(), make_phase(track)
    asked_since = [*QUESTIONS, {"key": "seeds", "type": "integer", "required": True}]
    Track.objects.filter(pk=track.pk).update(questions=asked_since)
    further.track.refresh_from_db()
    assert [found.field for found in check_against_track(manifest_now(one), further.track)] == ["answers.seeds"]
    with pytest.raises(SubmissionRefused):
        enter_phase(submission=one, phase=further, user=member_of(one))
    save_answers(submission=one, answers={"seeds": 1}, user=member_of(one))
    assert enter_phase(submission=one, phase=further, user=member_of(one)) == one.entries.get()


@pytest.mark.parametrize("teams", [1, 3])
def test_completeness_costs_the_same_for_one_entry_as_for_many(
    accepted: Accepted, make_phase: Callable[..., Phase], track: Track, teams: int,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:  # fmt: skip
    phase = make_phase(track)
    for _ in range(teams):
        accepted(phase)
    with django_assert_num_queries(3):
        found = completeness(track)
    assert [(line.answered, [question.key for question in line.due]) for line in found.lines] == [
        (1, ["approaches"])
    ] * teams
    assert (found.empty, found.due) == (2 * teams, teams)


def test_rejected_and_withdrawn_entries_are_not_in_the_table(accepted: Accepted, track: Track) -> None:
    kept, gone, bad = accepted(), accepted(), accepted()
    gone.entries.update(status=Entry.Status.DISQUALIFIED)
    Submission.objects.filter(pk=bad.pk).update(state=Submission.State.REJECTED)
    assert [line.submission.pk for line in completeness(track).lines] == [kept.pk]


@pytest.mark.django_db(transaction=True)
def test_of_two_tabs_the_last_one_holds_and_both_are_in_the_history(accepted: Accepted) -> None:
    one = accepted()
    user = member_of(one)
    start, faults = threading.Barrier(2), []

    def save(epochs: int) -> None:
        try:
            start.wait(10)
            save_answers(submission=one, answers={"epochs": epochs}, user=user)
        except Exception as error:  # noqa: BLE001 - told by the assertion below
            faults.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=save, args=(epochs,)) for epochs in (10, 20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    first, second = one.method_answers.order_by("pk")
    assert {first.value, second.value} == {10, 20}
    assert (first.previous, second.previous) == (3, first.value)
    assert current_answers([one])[one.pk]["epochs"] == second.value
