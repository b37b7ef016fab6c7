"""The pages of answers: who gets in, what a stale page leaves alone, what is shown as derived and as history."""

from collections.abc import Callable
from datetime import timedelta
from html import unescape
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from challenges.models import Phase, Track
from submissions.answers import current_answers
from submissions.answers_saving import save_answers
from submissions.models import Entry, Registration, ReminderRound, Submission, WeightFacts

ClientOf = Callable[[User | None], Client]
Accepted = Callable[..., Submission]


def page_of(submission: Submission) -> str:
    """The address of its answers."""
    return reverse("submission_method", args=[submission.pk])


def sent(page: Any, **changes: Any) -> dict[str, Any]:
    """What a browser sends back of the page's form, its hidden copies too, after these changes."""
    values: dict[str, Any] = {}
    for bound in page.context["form"]:
        if bound.value() not in (None, "", []):
            values[bound.html_name] = bound.value()
            if bound.field.show_hidden_initial:
                values[bound.html_initial_name] = bound.value()
    return {**values, **changes}


@pytest.fixture
def people(
    asking_track: Track, organizer: User, make_user: Callable[..., User], accepted: Accepted,
    make_registration: Callable[..., Registration],
) -> dict[str, Any]:  # fmt: skip
    """A submission, and everybody who may come to it."""
    submission, reviewer = accepted(), make_user(name="Rita")
    asking_track.challenge.roles.create(user=reviewer, kind="reviewer")
    rival = make_registration(challenge=asking_track.challenge).created_by
    team = submission.registration.team
    teammate = make_user(name="Tom")
    team.memberships.create(user=teammate)
    return {
        "submission": submission, "owner": submission.submitted_by, "teammate": teammate, "organizer": organizer,
        "reviewer": reviewer, "rival": rival, "stranger": make_user(), "nobody": None,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("who", "reads", "writes"),
    [
        ("owner", 200, 302), ("teammate", 200, 302), ("organizer", 200, 302), ("reviewer", 200, 404),
        ("rival", 404, 404), ("stranger", 404, 404), ("nobody", 302, 302),
    ],
)  # fmt: skip
def test_who_reads_answers_and_who_writes_them(
    people: dict[str, Any], client_of: ClientOf, who: str, reads: int, writes: int
) -> None:
    submission, browser = people["submission"], client_of(people[who])
    assert browser.get(page_of(submission)).status_code == reads
    form = {"initial-answer_epochs": "3", "answer_epochs": "7", "reason": "The paper says seven."}
    assert browser.post(page_of(submission), form).status_code == writes
    changed = current_answers([submission])[submission.pk]["epochs"]
    assert changed == (7 if who in ("owner", "teammate", "organizer") else 3)


@pytest.mark.parametrize(
    ("who", "status"),
    [("organizer", 200), ("owner", 404), ("reviewer", 404), ("rival", 404), ("stranger", 404), ("nobody", 302)],
)
def test_only_organizers_see_what_all_teams_lack_and_remind_them(
    people: dict[str, Any], client_of: ClientOf, asking_track: Track, who: str, status: int
) -> None:
    address = reverse("method_completeness", args=[asking_track.challenge.key])
    browser = client_of(people[who])
    assert browser.get(address).status_code == status
    asked = browser.post(address, {"track": asking_track.key}).status_code
    assert asked == (302 if status in (200, 302) else status)
    assert ReminderRound.objects.count() == (who == "organizer")


def test_what_is_not_there_is_not_found(people: dict[str, Any], client_of: ClientOf, asking_track: Track) -> None:
    assert client_of(people["owner"]).get(reverse("submission_method", args=[uuid4()])).status_code == 404
    address = reverse("method_completeness", args=[asking_track.challenge.key])
    assert client_of(people["organizer"]).post(address, {"track": "another"}).status_code == 404


def test_the_page_says_what_is_empty_and_what_is_derived(people: dict[str, Any], client_of: ClientOf) -> None:
    submission = people["submission"]
    WeightFacts.objects.create(
        submission=submission, parameters=1_234_567, embeddings=234_567, tensors=9, dtypes={"F32": 1_234_567},
        size=4_938_268, files=1,
    )  # fmt: skip
    Submission.objects.filter(pk=submission.pk).update(manifest={**submission.manifest, "data": {"words_seen": 1000}})
    page = unescape(client_of(people["owner"]).get(page_of(submission)).content.decode())
    assert "1 of 3 answered" in page
    assert '<a href="#question-approaches">Approaches</a>' in page
    assert "1,234,567" in page
    assert "about 6.0 × 10⁹ FLOPs" in page
    assert "Estimate, derived by the platform: 6 · N · D = 6 · 1,000,000 parameters without embeddings" in page
    assert "Kaplan et al. 2020" in page


def test_saving_shows_the_answers_and_their_history(people: dict[str, Any], client_of: ClientOf) -> None:
    submission, browser = people["submission"], client_of(people["owner"])
    form = sent(browser.get(page_of(submission)), answer_approaches=["curriculum"], answer_hardware="a <b>card</b>")
    page = unescape(browser.post(page_of(submission), form, follow=True).content.decode())
    assert "2 answers are saved." in page
    assert "3 of 3 answered" in page
    assert "<strong>Hardware</strong>: a <b>card</b>" in page  # unescaped above, and so escaped in the page
    assert "3 answers so far" in page
    assert submission.method_answers.count() == 2


def test_a_page_left_open_erases_nothing_that_was_answered_meanwhile(
    people: dict[str, Any], client_of: ClientOf
) -> None:
    submission, browser = people["submission"], client_of(people["owner"])
    stale = browser.get(page_of(submission))
    save_answers(
        submission=submission, answers={"hardware": "a card", "approaches": ["curriculum"], "epochs": 5},
        user=people["teammate"],
    )  # fmt: skip
    assert browser.post(page_of(submission), sent(stale, answer_epochs="6")).status_code == 302
    assert current_answers([submission])[submission.pk] == {
        "epochs": 6, "hardware": "a card", "approaches": ["curriculum"],
    }  # fmt: skip
    assert submission.method_answers.last().previous == 5


def test_a_page_from_before_a_question_was_asked_says_nothing_to_it(
    people: dict[str, Any], client_of: ClientOf, asking_track: Track
) -> None:
    submission, browser = people["submission"], client_of(people["owner"])
    stale = sent(browser.get(page_of(submission)), answer_hardware="a card")
    asking_track.questions.append({"key": "seeds", "type": "multi", "options": ["1", "2"]})
    asking_track.save()
    save_answers(submission=submission, answers={"seeds": ["1"]}, user=people["teammate"])
    assert browser.post(page_of(submission), stale).status_code == 302
    assert current_answers([submission])[submission.pk]["seeds"] == ["1"]


def test_a_fault_stands_at_its_question_and_nothing_is_saved(people: dict[str, Any], client_of: ClientOf) -> None:
    submission, browser = people["submission"], client_of(people["owner"])
    form = sent(browser.get(page_of(submission)), answer_epochs="-1", answer_hardware="a card")
    answered = browser.post(page_of(submission), form)
    assert list(answered.context["form"].errors) == ["answer_epochs"]
    assert "a card" in answered.content.decode()
    assert not submission.method_answers.exists()


@pytest.mark.parametrize("typed", ["no number", "9" * 5000, "1e400"])
def test_what_is_no_number_is_refused(people: dict[str, Any], client_of: ClientOf, typed: str) -> None:
    submission, browser = people["submission"], client_of(people["owner"])
    answered = browser.post(page_of(submission), sent(browser.get(page_of(submission)), answer_epochs=typed))
    assert list(answered.context["form"].errors) == ["answer_epochs"]


def test_after_the_deadline_a_team_reads_and_an_organizer_gives_a_reason(
    people: dict[str, Any], client_of: ClientOf, asking_track: Track
) -> None:
    Track.objects.filter(pk=asking_track.pk).update(metadata_until=timezone.now() - timedelta(minutes=1))
    submission, team, organizer = people["submission"], client_of(people["owner"]), client_of(people["organizer"])
    page = team.get(page_of(submission))
    assert "The time for answers ended" in page.content.decode()
    assert 'name="answer_epochs"' not in page.content.decode()
    form = {"initial-answer_epochs": "3", "answer_epochs": "7"}
    assert team.post(page_of(submission), form).status_code == 302  # a field that is closed says nothing
    assert not submission.method_answers.exists()
    form = sent(organizer.get(page_of(submission)), answer_epochs="7")
    assert list(organizer.post(page_of(submission), form).context["form"].errors) == ["reason"]
    assert organizer.post(page_of(submission), {**form, "reason": "So says the paper."}).status_code == 302
    assert "So says the paper." in team.get(page_of(submission)).content.decode()


def test_the_submissions_page_leads_to_its_answers(people: dict[str, Any], client_of: ClientOf) -> None:
    submission = people["submission"]
    page = client_of(people["owner"]).get(reverse("submission", args=[submission.pk])).content.decode()
    assert page_of(submission) in page
    assert "Answer, mend and see the history" in page


def test_a_question_with_explained_options_shows_what_they_mean(
    people: dict[str, Any], client_of: ClientOf, asking_track: Track
) -> None:
    asking_track.questions[1]["explain"] = {"curriculum": "Texts <in order> of difficulty"}
    asking_track.save()
    page = client_of(people["owner"]).get(page_of(people["submission"])).content.decode()
    assert '<span>curriculum <span class="meta">Texts &lt;in order&gt; of difficulty</span></span>' in page


@pytest.mark.parametrize("entries", [1, 4])
def test_the_organizers_table_costs_the_same_for_one_entry_as_for_many(
    people: dict[str, Any], client_of: ClientOf, accepted: Accepted, make_phase: Callable[..., Phase],
    asking_track: Track, entries: int, django_assert_num_queries: DjangoAssertNumQueries,
) -> None:  # fmt: skip
    phase = make_phase(asking_track)
    for _ in range(entries - 1):
        accepted(phase)
    assert Entry.objects.count() == entries
    browser, address = client_of(people["organizer"]), reverse("method_completeness", args=[asking_track.challenge.key])
    browser.get(address)
    with django_assert_num_queries(9):
        page = browser.get(address).content.decode()
    assert f"{2 * entries} empty, {entries} to answer" in page
    assert f"Remind {entries} team{'s' if entries > 1 else ''} of Strict" in page
