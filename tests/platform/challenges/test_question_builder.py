"""Questions built row by row in the admin: what a row refuses, their order, and what answers forbid."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Membership, Team, User
from challenges.models import Challenge, Track
from challenges.question_builder import QuestionRow, Rows, read_options, written_options
from challenges.questions import answers_to
from evaluators.protocol.questions import Question
from submissions.models import Artifact, Entry, MethodAnswer, Registration, Submission

ClientOf = Callable[[User | None], Client]
EPOCHS = {"key": "epochs", "type": "integer", "title": "Epochs", "required": True, "min": 0.0}
APPROACHES = {
    "key": "approaches", "type": "multi", "help": "All that\napply.", "required": "by-deadline",
    "options": ["curriculum", "a|b", "c\\d"], "explain": {"a|b": "one | or the other", "curriculum": "in order"},
}  # fmt: skip
HARDWARE = {"key": "hardware", "type": "text"}


@pytest.fixture
def organizer(make_user: Callable[..., User]) -> User:
    """Who looks after the track."""
    return make_user()


@pytest.fixture
def track(make_track: Callable[..., Track], make_challenge: Callable[..., Challenge], organizer: User) -> Track:
    """A track that asks three things."""
    return make_track(make_challenge(organizers=(organizer,)), questions=[EPOCHS, APPROACHES, HARDWARE])


def address_of(track: Track) -> str:
    """The track's page in the admin."""
    return reverse("admin:challenges_track_change", args=[track.pk])


def sent(page: Any, **changes: str) -> dict[str, Any]:
    """What a browser sends of the whole page, after these changes."""
    values: dict[str, Any] = {}
    form = page.context["adminform"].form
    for bound in form:
        value = bound.value()
        if bound.name == "questions":
            rows = Rows(initial=[QuestionRow.of(one) for one in form.instance.questions], prefix="questions")
            values |= {field.html_name: field.value() for field in rows.management_form}
            for row in rows:
                values |= {field.html_name: "" if field.value() is None else field.value() for field in row}
        elif bound.name == "metadata_until":
            values |= {"metadata_until_0": "", "metadata_until_1": ""}
        elif value is not None and value is not False:
            prepared = bound.field.prepare_value(value)
            values[bound.html_name] = prepared
    values = {name: value for name, value in values.items() if value is not False and value is not None}
    return {**values, **changes}


def faults(response: Any) -> list[str]:
    """What the page says is wrong with the questions, and nothing else is."""
    assert response.status_code == 200
    errors = response.context["adminform"].form.errors
    assert list(errors) == ["questions"]
    return list(errors["questions"])


def answer(track: Track, value: Any, *, team: Team, later: Any = None) -> Submission:
    """A submission in the track that answers; `later` comes after the manifest's answer."""
    user = team.memberships.get(role=Membership.Role.OWNER).user
    registration = Registration.objects.create(team=team, challenge=track.challenge, created_by=user)
    artifact = Artifact.objects.create(digest=f"{Artifact.objects.count():064}", size=1, storage_name="x")
    submission = Submission.objects.create(
        registration=registration, number=1, name="Parrot", kind="model", artifact=artifact, submitted_by=user,
        manifest={"answers": value}, state="accepted",
    )  # fmt: skip
    Entry.objects.create(submission=submission, track=track)
    for key, changed in (later or {}).items():
        MethodAnswer.objects.create(submission=submission, key=key, value=changed, changed_by=user)
    return submission


@pytest.mark.parametrize("value", [EPOCHS, APPROACHES, HARDWARE, {"key": "done", "type": "boolean", "title": "Done?"}])
def test_a_row_gives_the_question_back_that_it_shows(value: dict[str, Any]) -> None:
    row = QuestionRow({name: "" if part is None else part for name, part in QuestionRow.of(value).items()})
    assert row.is_valid(), row.errors
    assert row.cleaned_data["question"] == Question.model_validate(value)


@pytest.mark.parametrize(
    ("text", "options", "explain"),
    [
        ("red\n\n blue \n", ["red", "blue"], {}),
        ("red | like a robin | and more", ["red"], {"red": "like a robin | and more"}),
        (r"a\|b | x\\y", ["a|b"], {"a|b": r"x\y"}),
    ],
)
def test_options_are_written_one_a_line_with_what_they_mean_after_a_bar(
    text: str, options: list[str], explain: dict[str, str]
) -> None:
    assert read_options(text) == (options, explain)
    assert read_options(written_options(options, explain)) == (options, explain)


def test_saving_the_page_as_it_is_changes_nothing(client_of: ClientOf, organizer: User, track: Track) -> None:
    browser = client_of(organizer)
    page = browser.get(address_of(track))
    assert 'name="questions-0-key" value="epochs"' in page.content.decode()
    assert browser.post(address_of(track), sent(page)).status_code == 302
    before = track.questions
    track.refresh_from_db()
    assert [Question.model_validate(one) for one in track.questions] == [Question.model_validate(one) for one in before]


def test_questions_are_added_removed_and_put_in_order(client_of: ClientOf, organizer: User, track: Track) -> None:
    browser = client_of(organizer)
    form = sent(
        browser.get(address_of(track)),
        **{
            "questions-1-DELETE": "on", "questions-2-ORDER": "1", "questions-0-ORDER": "2",
            "questions-3-key": "licence", "questions-3-type": "choice", "questions-3-options": "MIT\nGPL",
            "questions-3-required": "by-deadline", "questions-3-ORDER": "3",
        },
    )  # fmt: skip
    assert browser.post(address_of(track), form).status_code == 302
    track.refresh_from_db()
    assert track.questions == [
        HARDWARE, EPOCHS,
        {"key": "licence", "type": "choice", "required": "by-deadline", "options": ["MIT", "GPL"]},
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"questions-0-key": ""}, "Question 1 (without a key), Key: This field is required."),
        ({"questions-0-key": "Epochs!"}, "Question 1 (Epochs!), Key: String should match"),
        ({"questions-1-key": "epochs"}, "Question 2 (epochs), Key: Another question has the key epochs already."),
        ({"questions-1-options": ""}, "Question 2 (approaches), Options: `options` belong to the types"),
        ({"questions-1-options": "a\na"}, "Question 2 (approaches), Options: the same value stands twice"),
        ({"questions-0-min": "many"}, "Question 1 (epochs), Least: Enter a number."),
        ({"questions-0-max": "-1"}, "Question 1 (epochs): `min` is above `max`"),
        ({"questions-2-type": "picture"}, "Question 3 (hardware), Type: Select a valid choice."),
        ({"questions-3-title": "Only a title"}, "Question 4 (without a key), Key: This field is required."),
    ],
)
def test_a_fault_names_its_row_and_field(
    client_of: ClientOf, organizer: User, track: Track, changes: dict[str, str], sentence: str
) -> None:
    browser = client_of(organizer)
    response = browser.post(address_of(track), sent(browser.get(address_of(track)), **changes))
    assert len(faults(response)) == 1
    assert faults(response)[0].startswith(sentence)
    page = response.content.decode()
    assert 'data-faulty="true"' in page
    before = track.questions
    track.refresh_from_db()
    assert track.questions == before


def test_what_was_typed_stays_where_the_page_is_refused(client_of: ClientOf, organizer: User, track: Track) -> None:
    browser = client_of(organizer)
    form = sent(browser.get(address_of(track)), **{"questions-0-min": "many", "questions-2-title": "Which cards"})
    page = browser.post(address_of(track), form).content.decode()
    assert 'value="Which cards"' in page
    assert 'value="many"' in page


@pytest.mark.parametrize(
    ("answers", "later", "changes", "sentence"),
    [
        ({"epochs": 3}, None, {"questions-0-type": "text", "questions-0-min": ""},
         "Question 1 (epochs), type: 1 answer to the integer question 'epochs' would not be of its type any more."),
        ({}, {"hardware": "a card"}, {"questions-2-type": "boolean"}, "Question 3 (hardware), type: 1 answer"),
        ({"approaches": ["curriculum"]}, None, {"questions-1-options": "distillation"},
         "Question 2 (approaches), options: 1 answer to 'approaches' chose curriculum."),
        ({}, {"approaches": ["a|b"]}, {"questions-1-options": "curriculum"},
         "Question 2 (approaches), options: 1 answer to 'approaches' chose a|b."),
    ],
)  # fmt: skip
def test_an_answered_question_keeps_its_type_and_its_chosen_options(
    client_of: ClientOf, organizer: User, track: Track, make_team: Callable[..., Team], answers: dict[str, Any],
    later: dict[str, Any] | None, changes: dict[str, str], sentence: str,
) -> None:  # fmt: skip
    answer(track, answers, team=make_team(), later=later)
    browser = client_of(organizer)
    response = browser.post(address_of(track), sent(browser.get(address_of(track)), **changes))
    (fault,) = faults(response)
    assert fault.startswith(sentence)
    assert "Ask anew under another key" in fault


def test_an_option_that_nobody_chooses_any_more_can_go(
    client_of: ClientOf, organizer: User, track: Track, make_team: Callable[..., Team]
) -> None:
    answer(track, {"approaches": ["curriculum"]}, team=make_team(), later={"approaches": ["a|b"]})
    browser = client_of(organizer)
    form = sent(browser.get(address_of(track)), **{"questions-1-options": r"a\|b", "questions-0-title": "Passes"})
    assert browser.post(address_of(track), form).status_code == 302


def test_a_question_does_not_come_back_as_another_one_that_its_answers_do_not_fit(
    client_of: ClientOf, organizer: User, track: Track, make_team: Callable[..., Team]
) -> None:
    answer(track, {"epochs": 3}, team=make_team())
    browser = client_of(organizer)
    form = sent(browser.get(address_of(track)), **{"questions-0-DELETE": "on"})
    assert browser.post(address_of(track), form).status_code == 302
    form = sent(browser.get(address_of(track)), **{"questions-2-key": "epochs", "questions-2-type": "text"})
    # `sent` reads the track as the page does: two questions are left, and the third row is new.
    (fault,) = faults(browser.post(address_of(track), form))
    assert fault.startswith("Question 3 (epochs), key: 1 answer from before to 'epochs' do not fit this question.")


def test_the_answers_that_hold_now_are_read_once_a_submission(track: Track, make_team: Callable[..., Team]) -> None:
    answer(track, {"epochs": 3}, team=make_team(), later={"epochs": 4, "hardware": "a card"})
    answer(track, {"epochs": 5}, team=make_team())
    answer(track, {}, team=make_team())
    gone = answer(track, {"epochs": 6}, team=make_team())
    Submission.objects.filter(pk=gone.pk).update(state="rejected")
    assert sorted(answers_to(track, "epochs")) == [4, 5]
    assert answers_to(track, "hardware") == ["a card"]


def test_the_deadline_for_answers_is_set_in_utc(client_of: ClientOf, organizer: User, track: Track) -> None:
    browser = client_of(organizer)
    form = sent(browser.get(address_of(track)), metadata_until_0="2031-02-03", metadata_until_1="11:59:00")
    assert browser.post(address_of(track), form).status_code == 302
    track.refresh_from_db()
    assert track.metadata_until == datetime(2031, 2, 3, 11, 59, tzinfo=UTC)


def test_the_rows_stand_in_the_page_before_a_script_has_run(client_of: ClientOf, organizer: User, track: Track) -> None:
    page = client_of(organizer).get(address_of(track)).content.decode()
    listed = page[page.index('class="question-list"') : page.index("<template>")]
    # Three questions and an empty row, each with its place and its tick for removal; buttons are the script's.
    assert re.findall(r'name="(questions-\d-(?:ORDER|DELETE))"', listed) == [
        f"questions-{number}-{name}" for number in range(4) for name in ("ORDER", "DELETE")
    ]
    assert listed.count('class="question-moves" hidden') == 4


def test_a_track_leads_to_the_answers_of_its_teams(client_of: ClientOf, organizer: User, track: Track) -> None:
    page = client_of(organizer).get(address_of(track)).content.decode()
    assert f"{reverse('method_completeness', args=[track.challenge.key])}#track-{track.key}" in page


@pytest.mark.parametrize(
    "value", ["no question", {"key": "x", "type": "choice"}, {"options": "red", "explain": ["red"]}, {"required": 3}]
)
def test_what_is_no_question_is_shown_all_the_same(value: Any) -> None:
    row = QuestionRow.of(value)
    assert row["options"] == ""
    assert row["type"] in ("text", "choice")
